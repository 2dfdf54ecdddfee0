//! The order of a leaderboard: total, by declared columns.

use super::columns::{COLUMNS, Cell, Spec};
use hrm_types::leaderboard::{Better, BoardRow};
use std::cmp::Ordering;
use thiserror::Error;

/// What decides after everything else that was asked for.
const DEFAULT: [&str; 6] = ["verified", "mean", "low", "n", "parameters", "device_hours"];

/// A key that no column that orders has.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("expected keys of {}, with - before one to put the highest first; found {found:?}", known().join(", "))]
pub struct UnknownKey {
    found: String,
}

/// The keys that rows can be ordered by. A rank follows from the others.
fn known() -> Vec<&'static str> {
    COLUMNS.iter().filter(|column| column.better.is_some()).map(|column| column.key).collect()
}

/// Columns by which rows are ordered.
#[derive(Clone)]
pub struct Order {
    /// Each with whether its highest values stand first.
    by: Vec<(&'static Spec, bool)>,
}

impl Default for Order {
    /// Every column the better way round.
    fn default() -> Self {
        Self { by: Vec::new() }.completed()
    }
}

impl Order {
    /// Reads `key,-key,…`; what is not named decides afterwards, the better way round.
    ///
    /// # Errors
    /// When a key is none.
    pub fn parse(keys: &str) -> Result<Self, UnknownKey> {
        let mut by = Vec::new();
        for word in keys.split(',').map(str::trim) {
            let (key, highest_first) = word.strip_prefix('-').map_or((word, false), |key| (key, true));
            let spec = known().contains(&key).then(|| spec(key)).flatten();
            by.push((spec.ok_or_else(|| UnknownKey { found: word.to_owned() })?, highest_first));
        }
        Ok(Self { by }.completed())
    }

    fn completed(mut self) -> Self {
        for key in DEFAULT {
            if let Some(spec) = spec(key).filter(|spec| self.by.iter().all(|(known, _)| known.key != spec.key)) {
                self.by.push((spec, spec.better == Some(Better::Higher)));
            }
        }
        self
    }

    /// The keys as they are written.
    pub(super) fn keys(&self) -> Vec<String> {
        self.by.iter().map(|(spec, highest)| format!("{}{}", if *highest { "-" } else { "" }, spec.key)).collect()
    }

    pub(super) fn sort(&self, rows: &mut [BoardRow]) {
        rows.sort_by(|a, b| self.compare(a, b));
    }

    /// Total: of rows that are equal in every column the one measured first goes first, and after that hashes and names
    /// decide, which are different where the rows are.
    pub(super) fn compare(&self, a: &BoardRow, b: &BoardRow) -> Ordering {
        let mut by_columns = self.by.iter().map(|(spec, highest)| cells(&(spec.cell)(a), &(spec.cell)(b), *highest));
        let measured = |row: &BoardRow| row.members.iter().map(|member| member.created_at).min();
        // A published figure was measured by nobody here: it stands behind equal ones that were.
        let first = (measured(a).is_none(), measured(a)).cmp(&(measured(b).is_none(), measured(b)));
        by_columns
            .find(|order| order.is_ne())
            .unwrap_or(Ordering::Equal)
            .then(first)
            .then_with(|| identity(a).cmp(&identity(b)))
    }
}

/// What is never the same of two rows.
fn identity(row: &BoardRow) -> impl Ord + use<> {
    let BoardRow { group_hash, train_hash, choice, verified, train_claimed, name, source, remark, .. } = row.clone();
    (group_hash, train_hash, choice, !verified, train_claimed, name, source, remark)
}

fn spec(key: &str) -> Option<&'static Spec> {
    COLUMNS.iter().find(|column| column.key == key)
}

/// What is empty stands last, whichever way round.
fn cells(a: &Cell, b: &Cell, highest_first: bool) -> Ordering {
    let number = |cell: &Cell| match cell {
        Cell::Number(number) => Some(*number),
        Cell::Flag(yes) => Some(f64::from(u8::from(*yes))),
        Cell::Empty | Cell::Text(_) => None,
    };
    match (number(a), number(b)) {
        (Some(a), Some(b)) if highest_first => b.total_cmp(&a),
        (Some(a), Some(b)) => a.total_cmp(&b),
        (a, b) => a.is_none().cmp(&b.is_none()),
    }
}
