//! An experiment as its TOML file would read.

use hrm_types::experiment::Experiment;
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{MapAccess, Visitor},
};
use serde_json::{Value, json};
use std::fmt::{self, Write};

/// The experiment in TOML; settings in the order of their types.
pub(crate) fn toml(experiment: &Experiment) -> String {
    let mut text = String::new();
    let (tables, plain): (Vec<_>, Vec<_>) = settings(experiment).into_iter().partition(|(path, _)| path.contains('.'));
    for (name, value) in plain {
        line(&mut text, &name, &value);
    }
    let mut table = String::new();
    for (path, value) in tables {
        let (of, name) = path.split_once('.').unwrap_or_default();
        if of != table {
            of.clone_into(&mut table);
            // Writing to a String cannot fail.
            let _ = write!(text, "\n[{table}]\n");
        }
        line(&mut text, name, &value);
    }
    text
}

/// Every setting with its path, such as `arch.num_heads`, in the order of the types.
pub(crate) fn settings(experiment: &Experiment) -> Vec<(String, Value)> {
    let Experiment { name, description, seed, start_from, data, arch, train } = experiment;
    let plain = [("name", json!(name)), ("description", json!(description)), ("seed", json!(seed))];
    let plain = plain.into_iter().chain(start_from.iter().map(|start| ("start_from", json!(start))));
    let tables = [("data", fields(data)), ("arch", fields(arch)), ("train", fields(train))];
    let plain = plain.map(|(name, value)| (name.to_owned(), value));
    let inner = |(table, fields): (&str, Fields)| {
        let path = move |(name, value)| (format!("{table}.{name}"), value);
        fields.0.into_iter().map(path).collect::<Vec<_>>()
    };
    plain.chain(tables.into_iter().flat_map(inner)).collect()
}

/// The fields of a structure, by way of its text: a second serializer would cost the page some kilobytes.
fn fields(table: &impl Serialize) -> Fields {
    let text = serde_json::to_string(table);
    text.and_then(|text| serde_json::from_str(&text)).unwrap_or_default()
}

/// Fields in the order in which they stand.
#[derive(Default)]
struct Fields(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Fields;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

fn line(text: &mut String, name: &str, value: &Value) {
    if !value.is_null() {
        // JSON's strings, numbers and arrays are TOML's too.
        let _ = writeln!(text, "{name} = {}", shown(value));
    }
}

/// A value as TOML writes it.
pub(crate) fn shown(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hrm_types::experiment::{ArchConfig, DataSpec, GenerateSpec, TrainConfig};

    fn experiment() -> Experiment {
        Experiment {
            name: "small".into(),
            description: "a \"quoted\" word".into(),
            seed: 3,
            start_from: None,
            data: DataSpec::Generate(GenerateSpec::sudoku(6, 10, 5, [12, 16], 1)),
            arch: ArchConfig::default(),
            train: TrainConfig { max_steps: Some(20), ..TrainConfig::default() },
        }
    }

    #[test]
    fn the_listing_is_the_file() {
        let text = toml(&experiment());
        assert_eq!(toml::from_str::<Experiment>(&text).unwrap(), experiment(), "{text}");
        assert!(text.starts_with("name = \"small\"\ndescription = "), "{text}");
        assert!(text.contains("givens = [12, 16]\nseed = 1\n\n[arch]\nhidden_size = 512\n"), "{text}");
    }

    #[test]
    fn what_was_trained_from_files_is_read() {
        let mut json = serde_json::to_value(experiment()).unwrap();
        json["data"] = serde_json::json!({"source": "csv", "train": "train.csv", "test": "test.csv"});
        let experiment: Experiment = serde_json::from_value(json).unwrap();
        assert_eq!(experiment.data, DataSpec::Files);
        assert!(experiment.validate().is_err(), "and cannot be queued");
    }

    #[test]
    fn settings_have_paths() {
        let settings = settings(&experiment());
        let find = |path: &str| settings.iter().find(|(name, _)| name == path).map(|(_, value)| value.clone());
        assert_eq!(find("train.max_steps"), Some(20.into()));
        assert_eq!(find("data.source"), Some("generate".into()));
        assert_eq!(find("seed"), Some(3.into()));
    }
}
