//! The settings of an experiment as texts in fields, and back.

use crate::{components::field::of_givens, listing};
use hrm_types::{
    board,
    experiment::{Experiment, InvalidExperiment},
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Whole,
    /// May be empty.
    OptionalWhole,
    Real,
    /// May be empty.
    OptionalReal,
    Choice(&'static [&'static str]),
}

/// A setting and its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Setting {
    /// Its place in the experiment, e.g. `arch.hidden_size`; also the field's name.
    pub(crate) path: &'static str,
    pub(crate) label: &'static str,
    pub(crate) hint: &'static str,
    pub(crate) kind: Kind,
}

const fn setting(path: &'static str, label: &'static str, hint: &'static str, kind: Kind) -> Setting {
    Setting { path, label, hint, kind }
}

/// What the run is called and how its chances are drawn.
pub(crate) const IDENTITY: &[Setting] = &[
    setting("name", "Name", "letters, digits, - _ .", Kind::Text),
    setting("seed", "Seed", "of weights and data order", Kind::Whole),
];

/// Puzzles made for the run.
pub(crate) const GENERATED: &[Setting] = &[
    setting("data.kind", "Kind", "", Kind::Choice(&["sudoku", "maze", "arc"])),
    setting("data.side", "Side", "of the grid", Kind::Whole),
    setting("data.train", "Training puzzles", "of ARC, tasks", Kind::Whole),
    setting("data.validation", "Validation puzzles", "", Kind::Whole),
    setting("data.test", "Test puzzles", "none is trained on as it stands", Kind::Whole),
    setting("data.givens.0", "Fewest givens", "", Kind::Whole),
    setting("data.givens.1", "Most givens", "", Kind::Whole),
    setting("data.maze", "Walls", "", Kind::Choice(&["perfect", "hard"])),
    setting("data.min_path", "Fewest moves", "of the shortest path; empty for a fitting number", Kind::OptionalWhole),
    setting("data.seed", "Seed of the puzzles", "", Kind::Whole),
];

/// The settings of training that are changed most.
pub(crate) const TRAINING: &[Setting] = &[
    setting("train.epochs", "Epochs", "visits of every training puzzle", Kind::Real),
    setting("train.max_steps", "Most steps", "empty for no limit", Kind::OptionalWhole),
    setting("train.batch_size", "Batch size", "sequences per step", Kind::Whole),
    setting("train.lr", "Learning rate", "", Kind::Real),
];

/// The settings of the model that are changed most.
pub(crate) const MODEL: &[Setting] = &[
    setting("arch.hidden_size", "Hidden size", "width of every state", Kind::Whole),
    setting("arch.num_heads", "Heads", "divide the hidden size", Kind::Whole),
    setting(
        "arch.H_layers",
        "H layers",
        "blocks of the slow module; 0 for one network that makes both updates",
        Kind::Whole,
    ),
    setting("arch.L_layers", "L layers", "blocks of the fast module", Kind::Whole),
    setting("arch.H_cycles", "H cycles", "slow updates per ACT step", Kind::Whole),
    setting("arch.L_cycles", "L cycles", "fast updates per slow one", Kind::Whole),
    setting("arch.halt_max_steps", "Most ACT steps", "", Kind::Whole),
];

/// Everything else.
pub(crate) const FINE: &[Setting] = &[
    setting("train.lr_warmup_steps", "Warm-up steps", "of the learning rate", Kind::Whole),
    setting("train.lr_min_ratio", "Lowest rate", "share of the rate at the end; 1 keeps it constant", Kind::Real),
    setting("train.weight_decay", "Weight decay", "", Kind::Real),
    setting("train.beta1", "beta1", "AdamATan2's momentum", Kind::Real),
    setting("train.beta2", "beta2", "AdamATan2's second moment", Kind::Real),
    setting(
        "train.ema_rate",
        "Average of the weights",
        "rate of a running average that becomes the checkpoint, e.g. 0.999; empty for none",
        Kind::OptionalReal,
    ),
    setting("train.puzzle_emb_lr", "Puzzle embedding rate", "", Kind::Real),
    setting("train.puzzle_emb_weight_decay", "Puzzle embedding decay", "", Kind::Real),
    setting("train.augment", "Augment", "a symmetric variant at every visit", Kind::Choice(&["true", "false"])),
    setting("train.task_variants", "Task variants", "of every ARC task, each with an identifier", Kind::Whole),
    setting("train.log_every", "Log every", "steps averaged into one point", Kind::Whole),
    setting("train.validate_every", "Validate every", "so many steps; empty for never", Kind::OptionalWhole),
    setting(
        "train.validate_limit",
        "Validation puzzles looked at",
        "the first so many; empty for all",
        Kind::OptionalWhole,
    ),
    setting(
        "train.checkpoint",
        "Checkpoint",
        "the last state, or the one best on the validation puzzles",
        Kind::Choice(&["last", "best"]),
    ),
    setting("arch.expansion", "Expansion", "of SwiGLU, before the 2/3", Kind::Real),
    setting(
        "arch.gradient",
        "Gradient",
        "the updates that are trained: the last of each module, those of the last cycle, or all of a step",
        Kind::Choice(&["one_step", "last_cycle", "whole_step"]),
    ),
    setting(
        "arch.mlp_t",
        "Positions mixed by an MLP",
        "in place of attention, whose heads are not used then",
        Kind::Choice(&["false", "true"]),
    ),
    setting("arch.halt_exploration_prob", "Halting exploration", "probability", Kind::Real),
    setting(
        "arch.no_ACT_continue",
        "Halting by its own value",
        "halt where q_halt is positive, and learn no value of going on",
        Kind::Choice(&["false", "true"]),
    ),
    setting("arch.puzzle_emb_ndim", "Puzzle embedding width", "", Kind::Whole),
    setting("arch.puzzle_emb_len", "Puzzle embedding positions", "0 for as many as its width fills", Kind::Whole),
    setting(
        "arch.pos_encodings",
        "Positions",
        "an MLP over them needs none and cannot use rope",
        Kind::Choice(&["rope", "learned", "none"]),
    ),
    setting("arch.rope_theta", "RoPE base", "", Kind::Real),
    setting("arch.rms_norm_eps", "RMSNorm epsilon", "", Kind::Real),
    setting("arch.loss", "Token loss", "", Kind::Choice(&["stablemax_cross_entropy", "softmax_cross_entropy"])),
    setting("arch.forward_dtype", "Number format", "of the passes", Kind::Choice(&["float32", "bfloat16"])),
];

/// What stands in fields that an experiment leaves open.
const DEFAULTS: &[(&str, &str)] = &[
    ("data.kind", "sudoku"),
    ("data.side", "6"),
    ("data.train", "2000"),
    ("data.validation", "0"),
    ("data.test", "500"),
    ("data.givens.0", "12"),
    ("data.givens.1", "18"),
    ("data.maze", "perfect"),
    ("data.seed", "0"),
    ("train.task_variants", "0"),
    ("train.checkpoint", "last"),
    ("arch.gradient", "one_step"),
    ("arch.mlp_t", "false"),
    ("arch.no_ACT_continue", "false"),
    ("arch.puzzle_emb_len", "0"),
];

/// The name of the field that chooses between generated puzzles and a stored dataset.
pub(crate) const SOURCE: &str = "data.source";
/// The name of the field that chooses the stored dataset.
pub(crate) const DATASET: &str = "data.dataset";

/// The name of the field that chooses the model to begin with; empty for drawn weights.
pub(crate) const START: &str = "start_from";

/// What the form calls a field; one that it does not show by the name that the experiment has for it.
pub(crate) fn label(path: &str) -> &str {
    let mut settings = [IDENTITY, GENERATED, TRAINING, MODEL, FINE].into_iter().flatten();
    match path {
        DATASET => "Dataset",
        START => "Begin with",
        _ => settings.find(|setting| setting.path == path).map_or(path, |setting| setting.label),
    }
}

/// A field whose content cannot be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FieldError {
    /// The field's name; not always one that the form shows.
    pub(crate) path: String,
    pub(crate) problem: String,
}

impl From<InvalidExperiment> for FieldError {
    fn from(error: InvalidExperiment) -> Self {
        // A range is one setting in two fields.
        if error.field == "data.givens" {
            return Self { path: "data.givens.0".into(), problem: of_givens(&error.problem) };
        }
        Self { path: error.field.into(), problem: error.problem }
    }
}

/// The fields' texts, by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Form {
    texts: BTreeMap<String, String>,
    description: String,
}

impl Form {
    /// The fields filled with an experiment. One that does not generate its puzzles needs a stored dataset, yet to be
    /// chosen: the server reads no files.
    pub(crate) fn of(experiment: &Experiment) -> Self {
        let mut form = Self { texts: BTreeMap::new(), description: experiment.description.clone() };
        for (path, value) in listing::settings(experiment) {
            match value {
                Value::Array(items) => {
                    for (i, item) in items.iter().enumerate() {
                        form.set(&format!("{path}.{i}"), text(item));
                    }
                }
                value => form.set(&path, text(&value)),
            }
        }
        if experiment.data.generated().is_none() {
            form.set(SOURCE, "stored".into());
        }
        for (path, text) in DEFAULTS {
            form.texts.entry((*path).into()).or_insert_with(|| (*text).into());
        }
        form
    }

    /// A field's text.
    pub(crate) fn get(&self, path: &str) -> &str {
        self.texts.get(path).map(String::as_str).unwrap_or_default()
    }

    /// Whether the chosen kind of puzzle has this setting.
    pub(crate) fn asks(&self, path: &str) -> bool {
        match path {
            "data.givens.0" | "data.givens.1" => self.get("data.kind") == "sudoku",
            "data.maze" | "data.min_path" => self.get("data.kind") == "maze",
            _ => true,
        }
    }

    /// Changes a field.
    pub(crate) fn set(&mut self, path: &str, text: String) {
        self.texts.insert(path.into(), text);
    }

    /// Takes the settings of the model from another form.
    pub(crate) fn take_model_of(&mut self, other: &Self) {
        let of_model = |path: &str| path.starts_with("arch.");
        self.texts.retain(|path, _| !of_model(path));
        let taken = other.texts.iter().filter(|(path, _)| of_model(path));
        self.texts.extend(taken.map(|(path, text)| (path.clone(), text.clone())));
    }

    /// The experiment that the fields describe.
    ///
    /// # Errors
    /// The first field that cannot be read or run.
    pub(crate) fn experiment(&self) -> Result<Experiment, FieldError> {
        let data = if self.get(SOURCE) == "stored" { self.stored()? } else { self.generated()? };
        let mut root = json!({ "description": self.description, "data": data, "arch": {}, "train": {} });
        for setting in [IDENTITY, TRAINING, MODEL, FINE].into_iter().flatten() {
            let value = self.read(setting)?;
            match setting.path.split_once('.') {
                Some((table, name)) => root[table][name] = value,
                None => root[setting.path] = value,
            }
        }
        if !self.get(START).is_empty() {
            root[START] = json!(self.get(START));
        }
        let experiment: Experiment = serde_json::from_str(&root.to_string())
            .map_err(|error| FieldError { path: String::new(), problem: error.to_string() })?;
        experiment.validate()?;
        Ok(experiment)
    }

    fn stored(&self) -> Result<Value, FieldError> {
        match self.get(DATASET) {
            "" => Err(FieldError { path: DATASET.into(), problem: "choose the stored dataset to train on".into() }),
            dataset => Ok(json!({ "source": "stored", "dataset": dataset })),
        }
    }

    fn generated(&self) -> Result<Value, FieldError> {
        let mut data = Map::from_iter([("source".to_owned(), json!("generate"))]);
        if self.asks("data.givens.0") {
            data.insert("givens".to_owned(), json!([0, 0]));
        }
        for setting in GENERATED.iter().filter(|setting| self.asks(setting.path)) {
            let value = self.read(setting)?;
            let name = setting.path.trim_start_matches("data.");
            match name.strip_prefix("givens.") {
                Some(place) => data["givens"][usize::from(place == "1")] = value,
                None => drop(data.insert(name.into(), value)),
            }
        }
        // Counts beyond their type's range are refused here rather than by their type's name.
        let beyond = |name: &str, most: u64| data[name].as_u64().is_some_and(|count| count > most);
        for (name, most) in [("train", 1_000_000), ("validation", 100_000), ("test", 100_000), ("side", 30)] {
            if beyond(name, most) {
                let problem = format!("expected at most {}", crate::format::count(most));
                return Err(FieldError { path: format!("data.{name}"), problem });
            }
        }
        let givens = data.get("givens").and_then(Value::as_array);
        if givens.is_some_and(|givens| givens.iter().any(|n| n.as_u64() > Some(80))) {
            return Err(FieldError { path: "data.givens.0".into(), problem: "expected at most 80 givens".into() });
        }
        Ok(Value::Object(data))
    }

    fn read(&self, setting: &Setting) -> Result<Value, FieldError> {
        let text = self.get(setting.path).trim();
        let wrong = |expected: &str| FieldError {
            path: setting.path.into(),
            problem: format!("expected {expected}, found {text:?}"),
        };
        match setting.kind {
            Kind::Text => Ok(json!(text)),
            Kind::OptionalWhole | Kind::OptionalReal if text.is_empty() => Ok(Value::Null),
            Kind::Whole | Kind::OptionalWhole => {
                text.parse::<u64>().map(|number| json!(number)).map_err(|_| wrong("a whole number"))
            }
            Kind::Real | Kind::OptionalReal => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(json!(number)),
                _ => Err(wrong("a number")),
            },
            // What a choice offers reads as JSON, or is a word.
            Kind::Choice(_) => Ok(serde_json::from_str(text).unwrap_or_else(|_| json!(text))),
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        // Whole numbers are typed without a point, also where others may stand.
        Value::Number(number) => number.to_string().trim_end_matches(".0").to_owned(),
        other => other.to_string(),
    }
}

/// A setting that differs: its path, then, now.
pub(crate) type Difference = (String, Option<Value>, Option<Value>);

/// What differs between the published experiment and the one in the form; names aside.
pub(crate) fn differences(published: &Experiment, now: &Experiment) -> Vec<Difference> {
    let (before, after) = (listing::settings(published), listing::settings(now));
    let find = |settings: &[(String, Value)], path: &str| {
        settings.iter().find(|(name, value)| name == path && !value.is_null()).map(|(_, value)| value.clone())
    };
    let mut paths: Vec<&String> = before.iter().chain(&after).map(|(path, _)| path).collect();
    paths.sort_by_key(|path| before.iter().position(|(name, _)| name == *path).unwrap_or(usize::MAX));
    paths.dedup();
    paths
        .into_iter()
        .filter(|path| !matches!(path.as_str(), "name" | "description"))
        .map(|path| (path.clone(), find(&before, path), find(&after, path)))
        .filter(|(_, before, after)| before != after)
        .collect()
}

/// Whether `puzzles` training puzzles give a batch without repeating one. A task of ARC holds several examples, which are not
/// counted here: of those nothing is said.
pub(crate) fn fills_a_batch(experiment: &Experiment, kind: board::Kind, puzzles: u32) -> bool {
    kind == board::Kind::Arc || puzzles as usize >= experiment.train.batch_size
}

#[cfg(test)]
mod tests;
