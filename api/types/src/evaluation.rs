//! Scores: a stored checkpoint, a stored dataset and a stated protocol.

use crate::{
    board::Kind,
    ids::{CheckpointId, DatasetId, EvaluationId, RunId},
    provenance::{Choice, Environment},
};
use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;
use time::OffsetDateTime;

/// When a sequence stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Halting {
    /// When `q_halt > q_continue`, at the latest after `max_steps`.
    Q,
    /// After exactly `max_steps`.
    Fixed,
}

/// How a score is measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct Protocol {
    /// When a sequence stops.
    pub halting: Halting,
    /// ACT steps at most; may be more than the model was trained with.
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub max_steps: u32,
    /// Only the first so many puzzles of the split; all of them if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1))]
    pub limit: Option<u32>,
    /// ARC: predictions on so many variants of every task, undone and counted as votes, beside the task itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(maximum = 10_000))]
    pub voting: Option<u32>,
    /// Sudokus and mazes: attempts at every puzzle until the rules accept an answer, the puzzle as it is first and then
    /// other views of it: a Sudoku under one of its symmetries, up to 256, a maze turned and mirrored, up to 8. They count
    /// apart from `exact`, which is of the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(minimum = 1, maximum = 256))]
    pub attempts: Option<u32>,
    /// ARC: every pair is read under the blank puzzle identifier, so that the model knows nothing of its task.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub blank_identifiers: bool,
}

impl Protocol {
    /// What `max_steps` may be.
    pub const STEPS: RangeInclusive<u32> = 1..=1024;

    /// Every puzzle of a split, halting by Q after at most `max_steps`.
    #[must_use]
    pub fn halting_by_q(max_steps: u32) -> Self {
        Self { halting: Halting::Q, max_steps, limit: None, voting: None, attempts: None, blank_identifiers: false }
    }

    /// Every puzzle of a split, exactly `max_steps` ACT steps.
    #[must_use]
    pub fn fixed(max_steps: u32) -> Self {
        Self { halting: Halting::Fixed, ..Self::halting_by_q(max_steps) }
    }
}

/// What voting over the variants of ARC tasks came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VotingScore {
    /// Tasks evaluated.
    pub tasks: u32,
    /// Test inputs of these tasks.
    pub inputs: u32,
    /// The score by the number of answers allowed for a test input.
    pub pass_at: Vec<PassAt>,
}

/// The mean over tasks of the share of test inputs whose answer is among the first `k` by votes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PassAt {
    /// Answers allowed.
    pub k: u32,
    /// The score, 0 to 1.
    pub score: f64,
}

/// What several attempts at every puzzle came to, each at another view of it, until the rules accepted an answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct AttemptsScore {
    /// Puzzles solved within 1, 2, 3, … attempts.
    pub solved_within: Vec<u32>,
    /// Mean attempts at a puzzle.
    pub mean_attempts: f64,
    /// Mean ACT steps of all attempts at a puzzle together.
    pub mean_steps: f64,
}

/// A measured score. Accuracies are shares from 0 to 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Evaluation {
    /// How it was measured.
    pub protocol: Protocol,
    /// Puzzles evaluated.
    pub n: u32,
    /// Puzzles of the split, where only some of them were evaluated: the score is of `n` of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u32>,
    /// Puzzles right in every token.
    pub exact: u32,
    /// `exact / n`.
    pub exact_accuracy: f64,
    /// Wilson interval of `exact_accuracy`, 95 %.
    pub exact_interval: [f64; 2],
    /// Share of right tokens.
    pub accuracy: f64,
    /// Share of puzzles whose `q_halt ≥ 0` says rightly whether they are right.
    pub q_halt_accuracy: f64,
    /// Mean ACT steps used.
    pub mean_steps: f64,
    /// Exact accuracy of the grids as they stood after ACT step 1, 2, …; a halted puzzle keeps its grid.
    pub exact_by_step: Vec<f64>,
    /// Puzzles of the whole test split of which an equivalent one was trained on, up to the symmetries of their kind; what a model
    /// saw whose weights its training began with is not counted. Absent for other splits, and where the training puzzles that the
    /// model names are not stored for its team where it was measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_training: Option<u32>,
    /// Mazes: answers that mark a shortest path, be it the labelled one or another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub any_optimal: Option<u32>,
    /// ARC: the score by votes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub voting: Option<VotingScore>,
    /// Sudokus and mazes: what further attempts came to, where the protocol asks for them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempts: Option<AttemptsScore>,
    /// Wall time, seconds.
    pub seconds: f64,
}

impl Evaluation {
    /// Share of puzzles solved within all attempts of the protocol, where it asks for some.
    #[must_use]
    pub fn solved(&self) -> Option<f64> {
        let last = self.attempts.as_ref()?.solved_within.last()?;
        Some(f64::from(*last) / f64::from(self.n.max(1)))
    }

    /// Whether there is a count for each attempt of the protocol at puzzles of a kind, and the counts can be true together.
    #[must_use]
    pub fn has_possible_attempts(&self, kind: Kind) -> bool {
        let Some(attempts) = &self.attempts else { return self.protocol.attempts.is_none() };
        let AttemptsScore { solved_within: within, mean_attempts, mean_steps } = attempts;
        let n = f64::from(self.n.max(1));
        // Each attempt is made at what was unsolved before it.
        let before_last = within.iter().rev().skip(1);
        let made = n + before_last.map(|&solved| n - f64::from(solved)).sum::<f64>();
        let steps = *mean_attempts..=mean_attempts * f64::from(self.protocol.max_steps) * (1.0 + 1e-9);
        kind != Kind::Arc
            && (1..=kind.most_attempts() as usize).contains(&within.len())
            && self.protocol.attempts == Some(within.len() as u32)
            && within.is_sorted()
            && within[0] >= self.exact
            && within.last().is_some_and(|&solved| solved <= self.n)
            && (made / n - mean_attempts).abs() < 1e-9
            && steps.contains(mean_steps)
    }
}

/// A row of a dataset's leaderboard: measured scores best first, then claimed ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LeaderboardRow {
    /// From 1; equal accuracies share a rank. Claimed scores have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<u32>,
    /// The score's id.
    pub evaluation_id: EvaluationId,
    /// The dataset it was measured on.
    pub dataset_id: DatasetId,
    /// The evaluated checkpoint.
    pub checkpoint_id: CheckpointId,
    /// The checkpoint's name.
    pub model: String,
    /// The run that trained it, if it was trained here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_id: Option<RunId>,
    /// SHA-256 of the checkpoint.
    pub checkpoint_sha256: String,
    /// Trained weights, the puzzle embedding left out as is the custom.
    pub parameters: u64,
    /// SHA-256 of the checkpoint that its training began with, if it was one; its steps and seconds come on top.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_from: Option<String>,
    /// Training steps behind the checkpoint.
    pub step: u64,
    /// Seconds of training, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_seconds: Option<f64>,
    /// How the checkpoint was chosen; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub choice: Option<Choice>,
    /// The score.
    pub evaluation: Evaluation,
    /// What computed the score; absent where that was not noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Whether the score came with an imported run and was not measured here.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub claimed: bool,
    /// When it was measured.
    #[serde(with = "time::serde::rfc3339")]
    pub created_at: OffsetDateTime,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_attempts_are_held_against_the_protocol() {
        let of = |attempts: Option<u32>, score: Option<(&[u32], f64)>| Evaluation {
            protocol: Protocol { attempts, ..Protocol::halting_by_q(2) },
            n: 10,
            of: None,
            exact: 4,
            exact_accuracy: 0.4,
            exact_interval: [0.2, 0.6],
            accuracy: 0.5,
            q_halt_accuracy: 0.5,
            mean_steps: 1.0,
            exact_by_step: vec![],
            in_training: None,
            any_optimal: None,
            voting: None,
            attempts: score.map(|(within, mean_attempts)| AttemptsScore {
                solved_within: within.to_vec(),
                mean_attempts,
                mean_steps: 3.0,
            }),
            seconds: 1.0,
        };
        let possible = |attempts, score: Option<(&[u32], f64)>| of(attempts, score).has_possible_attempts(Kind::Sudoku);
        assert!(possible(None, None));
        assert!(possible(Some(3), Some((&[4, 7, 9], 1.9))), "10, 6 and 3 attempts");
        assert_eq!(of(Some(3), Some((&[4, 7, 9], 1.9))).solved(), Some(0.9));
        assert!(!of(Some(3), Some((&[4, 7, 9], 1.9))).has_possible_attempts(Kind::Arc));
        for (attempts, score) in [
            (Some(3), None),
            (None, Some(([4, 7, 9], 1.9))),
            (Some(2), Some(([4, 7, 9], 1.9))),
            (Some(3), Some(([4, 3, 9], 1.9))),
            (Some(3), Some(([3, 7, 9], 2.0))),
            (Some(3), Some(([4, 7, 11], 1.9))),
            (Some(3), Some(([4, 7, 9], 1.8))),
        ] {
            let score = score.as_ref().map(|(within, mean)| (&within[..], *mean));
            assert!(!possible(attempts, score), "{attempts:?} {score:?}");
        }
        let too_many = [4; 257];
        assert!(!possible(Some(257), Some((&too_many, 1.0 + 256.0 * 0.6))));
        let steps = |mean_steps: f64| {
            let mut score = of(Some(3), Some((&[4, 7, 9], 1.9)));
            score.attempts = score.attempts.map(|attempts| AttemptsScore { mean_steps, ..attempts });
            score.has_possible_attempts(Kind::Sudoku)
        };
        assert_eq!([1.8, 1.9, 3.8, 3.9, f64::NAN].map(steps), [false, true, true, false, false]);
    }
}
