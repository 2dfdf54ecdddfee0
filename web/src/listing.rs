//! An experiment as its TOML file would read.

use hrm_types::experiment::Experiment;
use serde_json::{Map, Value};
use std::fmt::Write;

/// The experiment in TOML; settings in the order of their types.
pub(crate) fn toml(experiment: &Experiment) -> String {
    let mut text = String::new();
    let fields = fields(experiment);
    let (tables, plain): (Vec<_>, Vec<_>) = fields.iter().partition(|(_, value)| value.is_object());
    for (name, value) in plain {
        line(&mut text, name, value);
    }
    for (name, table) in tables {
        // Writing to a String cannot fail.
        let _ = write!(text, "\n[{name}]\n");
        for (name, value) in table.as_object().into_iter().flatten() {
            line(&mut text, name, value);
        }
    }
    text
}

/// Every setting with its path, such as `arch.num_heads`, in the order of the listing.
pub(crate) fn settings(experiment: &Experiment) -> Vec<(String, Value)> {
    let mut settings = Vec::new();
    for (name, value) in fields(experiment) {
        match value {
            Value::Object(table) => {
                settings.extend(table.into_iter().map(|(inner, value)| (format!("{name}.{inner}"), value)));
            }
            value => settings.push((name, value)),
        }
    }
    settings
}

/// The experiment as JSON, by way of its text: a second serializer would cost the page some kilobytes.
fn fields(experiment: &Experiment) -> Map<String, Value> {
    let text = serde_json::to_string(experiment);
    text.and_then(|text| serde_json::from_str(&text)).unwrap_or_default()
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
            data: DataSpec::Generate(GenerateSpec { side: 6, train: 10, test: 5, givens: [12, 16], seed: 1 }),
            arch: ArchConfig::default(),
            train: TrainConfig { max_steps: Some(20), ..TrainConfig::default() },
        }
    }

    #[test]
    fn the_listing_is_the_file() {
        let text = toml(&experiment());
        assert_eq!(toml::from_str::<Experiment>(&text).unwrap(), experiment(), "{text}");
        assert!(text.contains("givens = [12, 16]\n"), "{text}");
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
