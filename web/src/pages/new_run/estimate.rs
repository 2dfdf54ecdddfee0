//! How long a run will train, from how fast others trained here.

use hrm_types::{
    experiment::{ArchConfig, DataSpec, Experiment},
    run::Run,
};

/// A guess, and what it rests on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Estimate {
    /// Seconds of training.
    pub(super) seconds: f64,
    /// The run whose speed it rests on.
    pub(super) like: String,
    /// Whether that run had the same model and batch; else its speed is scaled by the work for a sequence.
    pub(super) same: bool,
}

/// Estimates the seconds of `steps` steps on puzzles of `cells` cells. `past` are measured runs, the newest first, with the
/// cells of theirs where known; a run of the same shape is preferred, then one of the same number format.
pub(super) fn estimate(
    experiment: &Experiment,
    cells: usize,
    steps: u64,
    past: &[(Run, Option<usize>)],
) -> Option<Estimate> {
    let measured =
        past.iter().filter_map(|(run, cells)| Some((run, (*cells)?, run.last_metrics.as_ref()?.sequences_per_second)));
    let measured: Vec<_> = measured.filter(|(.., rate)| *rate > 0.0).collect();
    let same = |(run, theirs, _): &&(&Run, usize, f64)| {
        *theirs == cells
            && run.experiment.arch == experiment.arch
            && run.experiment.train.batch_size == experiment.train.batch_size
    };
    let format = |(run, ..): &&(&Run, usize, f64)| run.experiment.arch.forward_dtype == experiment.arch.forward_dtype;
    let found = measured.iter().find(same);
    let (run, theirs, rate) = found.or_else(|| measured.iter().find(format)).or_else(|| measured.first())?;
    let scale = work(&run.experiment.arch, *theirs) / work(&experiment.arch, cells);
    let sequences = steps as f64 * experiment.train.batch_size as f64;
    Some(Estimate { seconds: sequences / (rate * scale), like: run.name.clone(), same: found.is_some() })
}

/// Multiplications of a training step for a sequence, its halting target left out: blocks passed and trained, times what
/// their tokens cost.
fn work(arch: &ArchConfig, cells: usize) -> f64 {
    let tokens = (cells + arch.puzzle_emb_len.max(arch.puzzle_emb_ndim.div_ceil(arch.hidden_size.max(1)))) as f64;
    let width = arch.hidden_size as f64;
    // A gradient is two products for each of the pass.
    let blocks = (arch.blocks_passed() + 2 * arch.blocks_trained()) as f64;
    let gated = 2.0 * arch.expansion;
    let mixing = if arch.mlp_t { tokens * gated } else { 4.0 * width + 2.0 * tokens };
    tokens * width * blocks * (gated * width + mixing)
}

/// Cells of the puzzles that a run was trained on, from its settings; `stored` knows the side of stored datasets.
pub(super) fn cells(data: &DataSpec, stored: impl Fn(&str) -> Option<u8>) -> Option<usize> {
    let side = match data {
        DataSpec::Stored { dataset } => stored(dataset),
        data => data.generated().map(|spec| spec.side),
    };
    side.map(|side| usize::from(side) * usize::from(side))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(name: &str, width: usize, batch: usize, rate: f64) -> (Run, Option<usize>) {
        let run = json!({
            "id": "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77", "name": name, "owner": "local", "priority": 0,
            "state": "succeeded", "config_hash": "", "attempt": 1, "deaths": 0, "step": 0,
            "experiment": {
                "name": name, "data": {"source": "stored", "dataset": "set"},
                "arch": {"hidden_size": width}, "train": {"batch_size": batch}
            },
            "last_metrics": {
                "step": 9, "examples": 0, "elapsed_seconds": 0.0, "lr": 0.0, "loss": 0.0, "lm_loss": 0.0,
                "q_halt_loss": 0.0, "q_continue_loss": 0.0, "sequences_per_second": rate
            },
            "cancel_requested": false, "pause_requested": false, "created_at": "2026-01-01T00:00:00Z",
        });
        (serde_json::from_value(run).unwrap(), Some(36))
    }

    #[test]
    fn the_speed_of_a_run_of_the_same_shape_is_taken_as_it_is() {
        let past = [run("wide", 128, 8, 10.0), run("same", 64, 8, 40.0)];
        let wanted = past[1].0.experiment.clone();
        let told = estimate(&wanted, 36, 100, &past).unwrap();
        assert_eq!(told, Estimate { seconds: 20.0, like: "same".into(), same: true });
    }

    #[test]
    fn another_shape_is_scaled_by_its_work() {
        let past = [run("wide", 128, 8, 10.0)];
        let wanted = run("narrow", 64, 8, 0.0).0.experiment;
        let told = estimate(&wanted, 36, 100, &past).unwrap();
        assert!(!told.same && (20.0..80.0).contains(&told.seconds), "a quarter of the work, about: {told:?}");
        assert_eq!(estimate(&wanted, 36, 100, &[]), None, "nothing to go by");
    }
}
