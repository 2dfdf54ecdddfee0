//! Settings that stand inside others, read from an object alone.

use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use std::{fmt, marker::PhantomData};

/// Reads a struct from an object. By itself it would also read a list of its fields in their order, which nobody means.
pub(crate) fn object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<T, D::Error> {
    struct Object<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de>> Visitor<'de> for Object<T> {
        type Value = T;

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
            T::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_map(Object(PhantomData))
}

/// The same where there may be none, which is `null` or absent.
pub(crate) fn optional_object<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    #[derive(Deserialize)]
    #[serde(bound = "T: Deserialize<'de>")]
    struct Inner<T>(#[serde(deserialize_with = "object")] T);

    Ok(Option::<Inner<T>>::deserialize(deserializer)?.map(|Inner(value)| value))
}

#[cfg(test)]
mod tests {
    use crate::{job::CreateEvaluation, run::CreateRun};
    use serde_json::{Value, json};

    fn run(change: impl FnOnce(&mut Value)) -> Result<CreateRun, serde_json::Error> {
        let mut request = json!({"experiment": {
            "name": "tiny",
            "data": {"source": "generate", "side": 4, "train": 10, "test": 5},
            "arch": {"hidden_size": 16, "num_heads": 2},
            "train": {"batch_size": 4}
        }});
        change(&mut request);
        serde_json::from_value(request)
    }

    #[test]
    fn a_list_of_fields_is_no_object() {
        assert!(run(|_| ()).is_ok());
        for (field, list) in [("arch", json!([16, 2])), ("train", json!([4, 2.0]))] {
            let refused = run(|request| request["experiment"][field] = list).expect_err(field);
            assert!(refused.to_string().contains("expected an object"), "{field}: {refused}");
        }
        let data = json!({"source": "generate", "side": 4, "train": 10, "test": 5});
        assert!(run(|request| request["experiment"] = json!(["tiny", "", 1, data, {}, {}])).is_err());
        let evaluation = json!({"dataset": "d", "model": "m", "protocol": ["q", 3]});
        assert!(serde_json::from_value::<CreateEvaluation>(evaluation).is_err());
    }
}
