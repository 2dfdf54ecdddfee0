//! The puzzles that the form asks for: of what kind and side, and how many to train on.

use super::form::{DATASET, Form, SOURCE};
use hrm_types::{board::Kind, dataset::Dataset};

/// What is known of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Puzzles {
    pub(super) kind: Kind,
    pub(super) side: u8,
    /// Those to train on; absent while the field holds no number.
    pub(super) train: Option<u32>,
}

impl Puzzles {
    /// Those of the form, whatever else in it is wrong; absent until kind and side are known. `stored` knows the datasets.
    pub(super) fn of(form: &Form, stored: impl Fn(&str) -> Option<Dataset>) -> Option<Self> {
        if form.get(SOURCE) == "stored" {
            let dataset = stored(form.get(DATASET))?;
            return Some(Self { kind: dataset.kind, side: dataset.side, train: Some(dataset.train_count) });
        }
        let number = |path: &str| form.get(path).trim();
        Some(Self {
            kind: form.get("data.kind").parse().ok()?,
            side: number("data.side").parse().ok()?,
            train: number("data.train").parse().ok(),
        })
    }

    /// Cells of each.
    pub(super) fn cells(self) -> usize {
        usize::from(self.side) * usize::from(self.side)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn form(texts: &[(&str, &str)]) -> Form {
        let mut form = Form::default();
        for (path, text) in texts {
            form.set(path, (*text).to_owned());
        }
        form
    }

    #[test]
    fn generated_puzzles_are_those_of_the_fields() {
        let mut form = form(&[("data.kind", "maze"), ("data.side", " 9 "), ("data.train", "many")]);
        let known = |form: &Form| Puzzles::of(form, |_| None);
        assert_eq!(
            known(&form),
            Some(Puzzles { kind: Kind::Maze, side: 9, train: None }),
            "a model can be chosen already"
        );
        form.set("data.train", "60".to_owned());
        assert_eq!(known(&form).map(|puzzles| (puzzles.train, puzzles.cells())), Some((Some(60), 81)));
        form.set("data.side", String::new());
        assert_eq!(known(&form), None);
    }

    #[test]
    fn stored_puzzles_are_those_of_the_dataset() {
        let dataset = json!({
            "id": "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77", "name": "fours", "kind": "sudoku", "side": 4,
            "origin": "generator", "content_hash": "", "train_count": 2000, "validation_count": 0, "test_count": 500,
            "created_at": "2026-01-01T00:00:00Z",
        });
        let stored = |name: &str| (name == "fours").then(|| serde_json::from_value(dataset.clone()).unwrap());
        // What stands in the fields of generated puzzles is not meant.
        let mut form = form(&[(SOURCE, "stored"), ("data.kind", "maze"), ("data.side", "9"), (DATASET, "fours")]);
        assert_eq!(Puzzles::of(&form, stored), Some(Puzzles { kind: Kind::Sudoku, side: 4, train: Some(2000) }));
        form.set(DATASET, "fives".to_owned());
        assert_eq!(Puzzles::of(&form, stored), None);
    }
}
