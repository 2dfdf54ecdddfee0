//! Where an experiment's puzzles come from.

use super::{InvalidExperiment, ensure, is_default};
use crate::board::{Kind, MAX_SIDE};
use serde::{Deserialize, Serialize};

/// Where an experiment's puzzles come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(tag = "source", rename_all = "snake_case", deny_unknown_fields)]
pub enum DataSpec {
    /// Puzzles made from a seed.
    Generate(GenerateSpec),
    /// Two CSV files with the columns `source,question,answer,rating`, plain or `.gz`.
    /// For the command line only: the server reads no files named by a client.
    #[cfg(feature = "files")]
    Csv(CsvSpec),
    /// ARC tasks in their published JSON form. For the command line only.
    #[cfg(feature = "files")]
    Arc(ArcSpec),
    /// A folder of `.npy` arrays as the reference's builders write it. For the command line only.
    #[cfg(feature = "files")]
    Folder(FolderSpec),
    /// A dataset the server stores already.
    Stored {
        /// Its name or id.
        dataset: String,
    },
    /// Files, which only the command line reads.
    #[cfg(not(feature = "files"))]
    #[serde(other)]
    Files,
}

/// Puzzles made from a seed: the same spec always gives the same puzzles.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GenerateSpec {
    /// The kind of puzzle.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kind: Kind,
    /// Side of the grids: 4, 6 or 9 for Sudoku, 3 to 30 for mazes, 5 to 30 for ARC.
    pub side: u8,
    /// Number of training puzzles; of ARC, of training tasks.
    pub train: u32,
    /// Number of test puzzles, none equal to a training puzzle; of ARC, of evaluation tasks.
    pub test: u32,
    /// Number of validation puzzles, none equal to one of the others; of ARC, of training tasks whose test pair is
    /// held out.
    #[serde(default, skip_serializing_if = "is_default")]
    pub validation: u32,
    /// Sudoku: fewest and most givens, both included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub givens: Option<[u8; 2]>,
    /// Mazes: how their walls are drawn.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub maze: Option<MazeStyle>,
    /// Mazes: moves of the shortest path, at least; by default about an eighth of the number of cells, 111 at side 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min_path: Option<u32>,
    /// Seed of the puzzles.
    #[serde(default)]
    pub seed: u64,
}

/// How the walls of a maze are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum MazeStyle {
    /// A spanning tree: one way between any two cells.
    Perfect,
    /// Scattered walls: many ways, often many shortest ones.
    Hard,
}

impl std::fmt::Display for MazeStyle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Perfect => "perfect",
            Self::Hard => "hard",
        })
    }
}

/// CSV files of puzzles.
#[cfg(feature = "files")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CsvSpec {
    /// The kind of puzzle: `sudoku` or `maze`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub kind: Kind,
    /// Path of the training file.
    pub train: String,
    /// Path of the test file.
    pub test: String,
    /// Train on this many rows, drawn with `subsample_seed`; by default on all that validation leaves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_rows: Option<u32>,
    /// Evaluate on the first this many test rows; all rows if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_rows: Option<u32>,
    /// Hold this many rows of the training file out for validation, drawn with `subsample_seed` from those that are
    /// not trained on.
    #[serde(default, skip_serializing_if = "is_default")]
    pub validation_rows: u32,
    /// Seed of the training subsample.
    #[serde(default)]
    pub subsample_seed: u64,
}

/// ARC tasks in JSON files.
#[cfg(feature = "files")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ArcSpec {
    /// Folders or `.tar.gz` archives of tasks, trained on as a whole but for the test pairs of their evaluation tasks.
    pub paths: Vec<String>,
    /// Hold the test pairs of this many training tasks out for validation, drawn with `seed`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub validation_tasks: u32,
    /// Seed of the choice of validation tasks.
    #[serde(default)]
    pub seed: u64,
}

/// A folder of arrays.
#[cfg(feature = "files")]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct FolderSpec {
    /// Its path; it holds `train/` and `test/`.
    pub path: String,
}

impl DataSpec {
    /// The settings of puzzles that are generated.
    #[must_use]
    pub fn generated(&self) -> Option<&GenerateSpec> {
        if let Self::Generate(spec) = self { Some(spec) } else { None }
    }

    /// Whether it holds puzzles out for validation, as far as can be told without reading anything.
    pub(super) fn may_have_validation(&self) -> bool {
        match self {
            Self::Generate(spec) => spec.validation > 0,
            #[cfg(feature = "files")]
            Self::Csv(spec) => spec.validation_rows > 0,
            #[cfg(feature = "files")]
            Self::Arc(spec) => spec.validation_tasks > 0,
            #[cfg(feature = "files")]
            Self::Folder(_) => false,
            Self::Stored { .. } => true,
            #[cfg(not(feature = "files"))]
            Self::Files => false,
        }
    }

    /// Checks what can be checked without reading a file.
    ///
    /// # Errors
    /// The field's path with what was expected and what was found.
    pub fn validate(&self) -> Result<(), InvalidExperiment> {
        match self {
            Self::Generate(spec) => spec.validate(),
            #[cfg(feature = "files")]
            Self::Csv(spec) => {
                ensure(spec.kind != Kind::Arc, "data.kind", || {
                    "expected sudoku or maze: ARC tasks are JSON files, source = \"arc\"".into()
                })?;
                storable(spec.subsample_seed, "data.subsample_seed")
            }
            #[cfg(feature = "files")]
            Self::Arc(spec) => {
                ensure(!spec.paths.is_empty(), "data.paths", || "expected at least one path".into())?;
                storable(spec.seed, "data.seed")
            }
            #[cfg(feature = "files")]
            Self::Folder(_) => Ok(()),
            Self::Stored { .. } => Ok(()),
            #[cfg(not(feature = "files"))]
            Self::Files => {
                ensure(false, "data.source", || "expected puzzles that a server has or makes, found files".into())
            }
        }
    }
}

/// Checks a seed: databases know no larger numbers.
///
/// # Errors
/// The field with what was expected and what was found.
pub fn storable(seed: u64, field: &'static str) -> Result<(), InvalidExperiment> {
    ensure(i64::try_from(seed).is_ok(), field, || format!("expected at most 2^63 - 1, found {seed}"))
}

impl GenerateSpec {
    /// Sudoku puzzles without a validation split.
    #[must_use]
    pub const fn sudoku(side: u8, train: u32, test: u32, givens: [u8; 2], seed: u64) -> Self {
        Self {
            kind: Kind::Sudoku,
            side,
            train,
            test,
            validation: 0,
            givens: Some(givens),
            maze: None,
            min_path: None,
            seed,
        }
    }

    /// Checks side, counts and what is particular to the kind.
    ///
    /// # Errors
    /// The field's path with what was expected and what was found.
    pub fn validate(&self) -> Result<(), InvalidExperiment> {
        let sides = match self.kind {
            Kind::Arc => "5 to 30",
            kind => kind.sides(),
        };
        let has_side = self.kind.has_side(self.side) && (self.kind != Kind::Arc || self.side >= 5);
        ensure(has_side, "data.side", || format!("expected {sides}, found {}", self.side))?;
        let within = |value: u32, low: u32, high: u32, field: &'static str| {
            ensure((low..=high).contains(&value), field, || format!("expected {low} to {high} puzzles, found {value}"))
        };
        let most = if self.kind == Kind::Arc { 10_000 } else { 1_000_000 };
        within(self.train, 1, most, "data.train")?;
        within(self.test, 1, most.min(100_000), "data.test")?;
        within(self.validation, 0, most.min(100_000), "data.validation")?;
        storable(self.seed, "data.seed")?;
        match self.kind {
            Kind::Sudoku => self.validate_givens()?,
            Kind::Maze => self.validate_maze()?,
            Kind::Arc => ensure(self.validation <= self.train, "data.validation", || {
                format!("expected at most the {} training tasks, found {}", self.train, self.validation)
            })?,
        }
        self.validate_strangers()
    }

    fn validate_givens(&self) -> Result<(), InvalidExperiment> {
        // The fewest givens a puzzle with one solution can have, plus slack that a greedy
        // removal reaches reliably: 4 of 16, 8 of 36 and 17 of 81 are the proven minima.
        let fewest = match self.side {
            4 => 4,
            6 => 8,
            _ => 22,
        };
        let most = self.side * self.side - 1;
        let expected = format!("expected {fewest} <= low <= high <= {most} for side {}", self.side);
        let Some([low, high]) = self.givens else {
            return Err(InvalidExperiment { field: "data.givens", problem: format!("{expected}, found none") });
        };
        ensure(fewest <= low && low <= high && high <= most, "data.givens", || {
            format!("{expected}, found [{low}, {high}]")
        })
    }

    fn validate_maze(&self) -> Result<(), InvalidExperiment> {
        ensure(self.maze.is_some(), "data.maze", || "expected perfect or hard, found none".into())?;
        let most = u32::from(MAX_SIDE) * u32::from(MAX_SIDE) / 2;
        ensure(self.min_path.is_none_or(|moves| (1..=most).contains(&moves)), "data.min_path", || {
            format!("expected 1 to {most}, found {}", self.min_path.unwrap_or_default())
        })
    }

    /// A setting of another kind of puzzle would be ignored: it is refused.
    fn validate_strangers(&self) -> Result<(), InvalidExperiment> {
        let kind = self.kind;
        let stranger = |present: bool, of: Kind, field: &'static str| {
            ensure(!present || kind == of, field, || format!("expected only for {of}, found for {kind}"))
        };
        stranger(self.givens.is_some(), Kind::Sudoku, "data.givens")?;
        stranger(self.maze.is_some(), Kind::Maze, "data.maze")?;
        stranger(self.min_path.is_some(), Kind::Maze, "data.min_path")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sudoku() -> GenerateSpec {
        GenerateSpec::sudoku(6, 10, 5, [12, 16], 1)
    }

    #[test]
    fn what_only_another_kind_knows_is_refused() {
        let maze = GenerateSpec { kind: Kind::Maze, side: 9, givens: None, maze: Some(MazeStyle::Hard), ..sudoku() };
        let arc = GenerateSpec { kind: Kind::Arc, side: 8, givens: None, ..sudoku() };
        for spec in [sudoku(), maze.clone(), arc.clone()] {
            assert_eq!(spec.validate(), Ok(()), "{spec:?}");
        }
        for (spec, message) in [
            (
                GenerateSpec { givens: None, ..sudoku() },
                "data.givens: expected 8 <= low <= high <= 35 for side 6, found none",
            ),
            (
                GenerateSpec { maze: Some(MazeStyle::Hard), ..sudoku() },
                "data.maze: expected only for maze, found for sudoku",
            ),
            (
                GenerateSpec { givens: Some([1, 2]), ..maze.clone() },
                "data.givens: expected only for sudoku, found for maze",
            ),
            (GenerateSpec { maze: None, ..maze.clone() }, "data.maze: expected perfect or hard, found none"),
            (GenerateSpec { side: 31, ..maze }, "data.side: expected 3 to 30, found 31"),
            (
                GenerateSpec { validation: 11, ..arc.clone() },
                "data.validation: expected at most the 10 training tasks, found 11",
            ),
            (GenerateSpec { side: 4, ..arc }, "data.side: expected 5 to 30, found 4"),
        ] {
            assert_eq!(spec.validate().expect_err(message).to_string(), message);
        }
    }

    #[test]
    fn a_sudoku_spec_is_written_as_before_there_were_other_kinds() {
        let json = serde_json::to_value(sudoku()).expect("json");
        let expected = serde_json::json!({"side": 6, "train": 10, "test": 5, "givens": [12, 16], "seed": 1});
        assert_eq!(json, expected);
        assert_eq!(serde_json::from_value::<GenerateSpec>(expected).expect("a spec"), sudoku());
    }
}
