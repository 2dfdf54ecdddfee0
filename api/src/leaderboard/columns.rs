//! The declared columns of a leaderboard: what they are called, which way they are better, how exact they are, and how
//! they are read from a row.

use hrm_types::{
    evaluation::Halting,
    leaderboard::{Better, BoardRow, Column, IntervalOver, Member},
};

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// Nothing.
    Empty,
    /// A number.
    Number(f64),
    /// Yes or no.
    Flag(bool),
    /// Text.
    Text(String),
}

impl From<Option<f64>> for Cell {
    fn from(number: Option<f64>) -> Self {
        number.map_or(Self::Empty, Self::Number)
    }
}

impl From<Option<u64>> for Cell {
    fn from(count: Option<u64>) -> Self {
        count.map(|count| count as f64).into()
    }
}

impl From<Option<u32>> for Cell {
    fn from(count: Option<u32>) -> Self {
        count.map(f64::from).into()
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Empty, Self::Text)
    }
}

/// A declared column.
pub struct Spec {
    /// Its name in exports and orders.
    pub key: &'static str,
    title: &'static str,
    unit: Option<&'static str>,
    /// Which way it is better; none for columns that order nothing.
    pub better: Option<Better>,
    /// Digits after the point.
    pub precision: u8,
    /// Reads it from a row.
    pub cell: fn(&BoardRow) -> Cell,
}

impl Spec {
    pub(super) fn column(&self) -> Column {
        let Self { key, title, unit, better, precision, .. } = *self;
        Column { key: key.into(), title: title.into(), unit: unit.map(Into::into), better, precision }
    }
}

const fn share(key: &'static str, title: &'static str, cell: fn(&BoardRow) -> Cell) -> Spec {
    Spec { key, title, unit: Some("share"), better: Some(Better::Higher), precision: 4, cell }
}

const fn count(key: &'static str, title: &'static str, better: Option<Better>, cell: fn(&BoardRow) -> Cell) -> Spec {
    Spec { key, title, unit: None, better, precision: 0, cell }
}

/// A measured cost.
const fn measure(
    key: &'static str,
    title: &'static str,
    unit: &'static str,
    precision: u8,
    cell: fn(&BoardRow) -> Cell,
) -> Spec {
    Spec { key, title, unit: Some(unit), better: Some(Better::Lower), precision, cell }
}

const fn text(key: &'static str, title: &'static str, cell: fn(&BoardRow) -> Cell) -> Spec {
    Spec { key, title, unit: None, better: None, precision: 0, cell }
}

const fn flag(key: &'static str, title: &'static str, better: Option<Better>, cell: fn(&BoardRow) -> Cell) -> Spec {
    count(key, title, better, cell)
}

fn list(words: impl IntoIterator<Item = String>) -> Cell {
    Cell::Text(words.into_iter().collect::<Vec<_>>().join("; "))
}

/// What the scores that count have of this.
fn counted(row: &BoardRow, of: fn(&Member) -> Option<String>) -> Cell {
    list(row.members.iter().filter(|member| member.counted).filter_map(of))
}

/// Every column, left to right.
pub const COLUMNS: &[Spec] = &[
    count("rank", "Rank", None, |row| row.rank.into()),
    text("name", "Name", |row| Cell::Text(row.name.clone())),
    flag("verified", "Verified", Some(Better::Higher), |row| Cell::Flag(row.verified)),
    count("n", "Seeds", Some(Better::Higher), |row| Cell::Number(row.n.into())),
    share("mean", "Mean", |row| Cell::Number(row.mean)),
    share("low", "95 % from", |row| row.interval.map(|interval| interval[0]).into()),
    share("high", "95 % to", |row| row.interval.map(|interval| interval[1]).into()),
    text("interval_over", "Interval over", |row| {
        row.interval_over.map(|over| if over == IntervalOver::Seeds { "seeds" } else { "puzzles" }.to_owned()).into()
    }),
    flag("tied", "Tied", None, |row| Cell::Flag(row.tied)),
    share("best", "Best", |row| Cell::Number(row.best)),
    share("any_optimal", "Any shortest path", |row| row.any_optimal.into()),
    share("difference", "Against the paper", |row| row.difference.into()),
    flag("reproduced", "Reproduced", None, |row| row.reproduced.map_or(Cell::Empty, Cell::Flag)),
    text("train_set", "Training set", |row| row.train_set.clone().into()),
    count("train_count", "Training puzzles", Some(Better::Lower), |row| row.train_count.into()),
    flag("train_claimed", "Training set claimed", None, |row| Cell::Flag(row.train_claimed)),
    count("in_training", "Test puzzles trained on", Some(Better::Lower), |row| row.in_training.into()),
    count("depth", "ACT steps at most", Some(Better::Lower), |row| {
        row.protocol.as_ref().map(|protocol| protocol.max_steps).into()
    }),
    text("halting", "Halting", |row| {
        let halting = row.protocol.as_ref().map(|protocol| protocol.halting);
        halting.map(|halting| if halting == Halting::Q { "q" } else { "fixed" }.to_owned()).into()
    }),
    count("votes", "Votes of variants", Some(Better::Lower), |row| {
        row.protocol.as_ref().and_then(|protocol| protocol.voting).into()
    }),
    count("attempts", "Attempts at most", Some(Better::Lower), |row| {
        row.protocol.as_ref().and_then(|protocol| protocol.attempts).into()
    }),
    flag("blank_identifiers", "Blank identifiers", None, |row| {
        row.protocol.as_ref().map_or(Cell::Empty, |protocol| Cell::Flag(protocol.blank_identifiers))
    }),
    count("tested", "Test puzzles", Some(Better::Higher), |row| row.tested.into()),
    count("test_count", "of", Some(Better::Higher), |row| row.test_count.into()),
    text("start_from", "Began with", |row| row.start_from.clone().into()),
    text("choice", "Checkpoint", |row| row.choice.clone().into()),
    count("parameters", "Weights", Some(Better::Lower), |row| row.parameters.into()),
    count("parameters_with_embedding", "With puzzle embedding", Some(Better::Lower), |row| {
        row.parameters_with_embedding.into()
    }),
    measure("operations", "Operations", "FLOP per puzzle", 0, |row| row.operations.into()),
    measure("mean_steps", "ACT steps", "steps", 2, |row| row.mean_steps.into()),
    measure("device_hours", "Device hours", "h", 3, |row| row.device_hours.into()),
    text("devices", "Devices", |row| list(row.devices.iter().cloned())),
    text("commits", "Commits", |row| list(row.commits.iter().cloned())),
    text("source", "Source", |row| row.source.clone().into()),
    text("remark", "Remark", |row| row.remark.clone().into()),
    text("group_hash", "Configuration", |row| row.group_hash.clone().into()),
    text("train_hash", "Training data", |row| row.train_hash.clone().into()),
    text("dataset_hashes", "Test data", |row| counted(row, |member| Some(member.dataset_hash.clone()))),
    text("config_hashes", "Settings", |row| counted(row, |member| Some(member.config_hash.clone()))),
    text("runs", "Runs", |row| counted(row, |member| member.run_id.map(|id| id.to_string()))),
    text("checkpoints", "Checkpoints", |row| counted(row, |member| Some(member.checkpoint_sha256.clone()))),
];
