//! Scores grouped over seeds: a row for each configuration, training set, way of choosing the checkpoint, and whether it
//! was trained and measured here.

use crate::store::runs;
use hrm_model::{
    data::encode,
    eval::{interval_of_mean, mean_interval},
    operations,
    shape::Dims,
};
use hrm_types::{
    board::Kind,
    evaluation::{Evaluation, Protocol},
    experiment::{DataSpec, Experiment},
    ids::{CheckpointId, DatasetId, EvaluationId, RunId},
    leaderboard::{Board, BoardRow, IntervalOver, Member},
    provenance::{Choice, Environment},
};
use std::collections::{BTreeMap, BTreeSet};
use time::OffsetDateTime;

/// Answers that an ARC task's test input may have: the metric of its authors.
const ATTEMPTS: u32 = 2;

/// A score with what a leaderboard says of it.
#[derive(Debug, Clone)]
pub struct Scored {
    /// The score's id.
    pub evaluation_id: EvaluationId,
    /// SHA-256 of the dataset it was measured on.
    pub dataset_hash: String,
    /// The checkpoint.
    pub checkpoint_id: CheckpointId,
    /// SHA-256 of its file.
    pub checkpoint_sha256: String,
    /// The run that trained it, if it was trained or imported here.
    pub run_id: Option<RunId>,
    /// What was trained on what.
    pub experiment: Experiment,
    /// SHA-256 of the dataset it was trained on.
    pub train_hash: String,
    /// That dataset, where it is stored here.
    pub train_dataset_id: Option<DatasetId>,
    /// Puzzles of that dataset's training split, where it is stored here.
    pub train_count: Option<u32>,
    /// Whether it was trained here or ships, so that what it was trained on is known.
    pub trained_here: bool,
    /// Training steps behind it.
    pub step: u64,
    /// Trained weights, the puzzle embedding left out.
    pub parameters: u64,
    /// Weights of the puzzle embedding, where known.
    pub embedding_parameters: Option<u64>,
    /// Seconds that a worker trained on its device, where a worker did.
    pub train_seconds: Option<f64>,
    /// How it was chosen, where known.
    pub choice: Option<Choice>,
    /// What trained it, where known.
    pub environment: Option<Environment>,
    /// The score.
    pub evaluation: Evaluation,
    /// Whether it came with an import.
    pub claimed: bool,
    /// When its checkpoint was stored.
    pub model_created_at: OffsetDateTime,
    /// When it was measured.
    pub created_at: OffsetDateTime,
}

/// What the scores of a protocol count.
pub fn metric(protocol: &Protocol) -> &'static str {
    match (protocol.voting, protocol.attempts) {
        (Some(_), _) => "pass@2",
        (None, Some(_)) => "solved",
        (None, None) => "exact",
    }
}

/// SHA-256 of the experiment without what differs between its seeds, its seed, its name and its description, and without
/// the name of a stored dataset, which can change while its puzzles stay.
pub fn group_hash(experiment: &Experiment) -> String {
    let mut value = serde_json::json!(experiment);
    if let Some(object) = value.as_object_mut() {
        object.retain(|key, _| !["seed", "name", "description"].contains(&key.as_str()));
    }
    if let (DataSpec::Stored { .. }, Some(data)) = (&experiment.data, value["data"].as_object_mut()) {
        data.remove("dataset");
    }
    runs::json_hash(value)
}

/// The score, and of how many it is the share.
fn score(evaluation: &Evaluation) -> (f64, u32) {
    let votes = evaluation.voting.as_ref();
    let pass = votes
        .and_then(|votes| votes.pass_at.iter().find(|pass| pass.k == ATTEMPTS).map(|pass| (pass.score, votes.tasks)));
    let solved = evaluation.solved().map(|share| (share, evaluation.n));
    pass.or(solved).unwrap_or((evaluation.exact_accuracy, evaluation.n))
}

/// A row for each group, in the order of what they are.
pub(super) fn rows(board: &Board, scores: Vec<Scored>) -> Vec<BoardRow> {
    let mut groups: BTreeMap<_, Vec<Scored>> = BTreeMap::new();
    for scored in scores {
        // What others' files say of their training joins no seeds that were trained here.
        let known = (scored.claimed, scored.trained_here);
        let key = (group_hash(&scored.experiment), scored.train_hash.clone(), choice(&scored), known);
        groups.entry(key).or_default().push(scored);
    }
    groups.into_iter().map(|((hash, ..), scores)| row(board, hash, scores)).collect()
}

fn choice(scored: &Scored) -> Option<&'static str> {
    Some(match scored.choice.as_ref()? {
        Choice::Last => "last",
        Choice::BestOnValidation { .. } => "best on validation",
    })
}

fn row(board: &Board, group_hash: String, mut scores: Vec<Scored>) -> BoardRow {
    scores.sort_by_key(|scored| (scored.experiment.seed, scored.model_created_at, scored.evaluation_id));
    // Of several with one seed the newest model counts, whichever was measured last: they are no independent trials.
    let counts: Vec<bool> = scores
        .iter()
        .enumerate()
        .map(|(i, scored)| scores.get(i + 1).is_none_or(|next| next.experiment.seed != scored.experiment.seed))
        .collect();
    let members = scores.iter().zip(&counts).map(|(scored, &counted)| member(scored, counted)).collect();
    let counted: Vec<&Scored> =
        scores.iter().zip(&counts).filter(|(_, counts)| **counts).map(|(scored, _)| scored).collect();
    let newest = counted.iter().copied().max_by_key(|scored| scored.model_created_at).unwrap_or(counted[0]);
    let shares: Vec<f64> = counted.iter().map(|scored| score(&scored.evaluation).0).collect();
    let (mean, interval, interval_over) = interval(&counted, &shares);
    let mean_of = |value: fn(&Scored) -> Option<f64>| {
        let values: Option<Vec<f64>> = counted.iter().map(|scored| value(scored)).collect();
        values.map(|values| mean_interval(&values).0)
    };
    // Of several attempts those of all together.
    let mean_steps = mean_of(|scored| {
        let attempts = scored.evaluation.attempts.as_ref();
        Some(attempts.map_or(scored.evaluation.mean_steps, |attempts| attempts.mean_steps))
    });
    let words = |word: fn(&Environment) -> String| -> Vec<String> {
        let known = counted.iter().filter_map(|scored| scored.environment.as_ref());
        known.map(word).filter(|word| !word.is_empty()).collect::<BTreeSet<_>>().into_iter().collect()
    };
    BoardRow {
        name: newest.experiment.name.clone(),
        verified: !newest.claimed,
        n: counted.len() as u32,
        mean,
        interval: Some(interval),
        interval_over: Some(interval_over),
        best: shares.iter().copied().fold(0.0, f64::max),
        any_optimal: mean_of(|scored| {
            // Counted of the first attempt alone.
            let first = scored.evaluation.attempts.is_none();
            let optimal = scored.evaluation.any_optimal.filter(|_| first)?;
            Some(f64::from(optimal) / f64::from(scored.evaluation.n.max(1)))
        }),
        start_from: newest.experiment.start_from.clone(),
        train_hash: Some(newest.train_hash.clone()),
        train_dataset_id: newest.train_dataset_id,
        train_count: newest.train_count,
        train_set: newest.train_count.map(|count| size_class(board, count)),
        train_claimed: !newest.trained_here,
        in_training: counted.iter().filter_map(|scored| scored.evaluation.in_training).max(),
        protocol: Some(board.protocol.clone()),
        tested: Some(newest.evaluation.n),
        test_count: Some(newest.evaluation.of.unwrap_or(newest.evaluation.n)),
        choice: choice(newest).map(Into::into),
        parameters: Some(newest.parameters),
        parameters_with_embedding: newest.embedding_parameters.map(|embedding| newest.parameters + embedding),
        operations: sizes(board, newest).zip(mean_steps).map(|(dims, steps)| {
            let answers = f64::from(1 + board.protocol.voting.unwrap_or(0));
            operations::per_step(&newest.experiment.arch, &dims) * steps * answers
        }),
        mean_steps,
        device_hours: mean_of(|scored| scored.train_seconds.map(|seconds| seconds / 3600.0)),
        devices: words(|environment| environment.device.clone()),
        commits: words(commit),
        group_hash: Some(group_hash),
        members,
        ..BoardRow::default()
    }
}

fn member(scored: &Scored, counted: bool) -> Member {
    Member {
        run_id: scored.run_id,
        checkpoint_id: scored.checkpoint_id,
        checkpoint_sha256: scored.checkpoint_sha256.clone(),
        evaluation_id: scored.evaluation_id,
        dataset_hash: scored.dataset_hash.clone(),
        config_hash: runs::config_hash(&scored.experiment),
        seed: scored.experiment.seed,
        step: scored.step,
        score: score(&scored.evaluation).0,
        counted,
        created_at: scored.created_at,
    }
}

/// The mean over seeds with its interval, and of one seed the interval of its share of puzzles.
fn interval(counted: &[&Scored], shares: &[f64]) -> (f64, [f64; 2], IntervalOver) {
    let of = counted.first().map_or(0, |scored| score(&scored.evaluation).1);
    let (mean, interval) = interval_of_mean(shares, of);
    (mean, interval, if shares.len() < 2 { IntervalOver::Puzzles } else { IntervalOver::Seeds })
}

fn commit(environment: &Environment) -> String {
    let commit = environment.code.commit.clone().unwrap_or_default();
    if environment.code.dirty == Some(true) && !commit.is_empty() { format!("{commit}+") } else { commit }
}

/// How large a training set is, as the field calls them.
fn size_class(board: &Board, count: u32) -> String {
    match (board.task.kind.as_str(), count) {
        ("sudoku", 3_000_000..) => "full".into(),
        (_, 1_000..) if count.is_multiple_of(1_000) => format!("{}k", count / 1_000),
        _ => count.to_string(),
    }
}

/// The sizes of the model; how many puzzle identifiers it knows changes none of those that are used here.
fn sizes(board: &Board, scored: &Scored) -> Option<Dims> {
    let kind: Kind = board.task.kind.parse().ok()?;
    Some(Dims::new(&scored.experiment.arch, encode::task_shape(kind, board.task.side, 1)))
}
