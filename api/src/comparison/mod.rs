//! Runs beside each other: what differs in their settings and in what they rest on, and whose puzzles are solved by whom.

use crate::store::{
    Error, PgPool,
    access::{self, Viewer},
    provenance, runs,
};
use hrm_types::{
    comparison::{ComparedRun, Comparison, Solved, differences},
    ids::RunId,
    provenance::RunProvenance,
    run::Run,
};
use serde_json::{Value, json};

/// The run, if the viewer may read it.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn run(pool: &PgPool, viewer: &Viewer, id: RunId) -> Result<Run, Error> {
    match access::of_job(pool, id.0).await? {
        Some(owned) if viewer.may_read(owned) => runs::get(pool, id).await,
        _ => Err(Error::not_found("run", id.to_string())),
    }
}

/// What differs between these runs.
///
/// # Errors
/// [`Error::NotFound`] when one is not there for the viewer.
pub async fn of_runs(pool: &PgPool, viewer: &Viewer, ids: &[RunId]) -> Result<Comparison, Error> {
    let (mut compared, mut config, mut rests) = (Vec::new(), Vec::new(), Vec::new());
    for &id in ids {
        let run = run(pool, viewer, id).await?;
        let provenance = provenance::of_run(pool, id).await?;
        rests.push(rests_on(&run, &provenance));
        let mut settings = json!(run.experiment);
        if let Some(settings) = settings.as_object_mut() {
            settings.retain(|key, _| !["name", "description"].contains(&key.as_str()));
        }
        config.push(settings);
        compared.push(ComparedRun {
            id,
            name: run.name,
            state: run.state,
            seed: run.experiment.seed,
            config_hash: run.config_hash,
            active_seconds: provenance.active_seconds,
            wall_seconds: provenance.wall_seconds,
            checkpoint_id: run.checkpoint_id,
            evaluation: run.evaluation,
            claimed: run.claimed,
        });
    }
    Ok(Comparison { runs: compared, config: differences(&config), provenance: differences(&rests) })
}

/// What could explain a gap beside the settings. What computed is the last attempt's.
fn rests_on(run: &Run, provenance: &RunProvenance) -> Value {
    let RunProvenance { dataset, attempts, checkpoint, imported_at, .. } = provenance;
    let environment = attempts.iter().rev().find_map(|attempt| attempt.environment.as_ref());
    json!({
        "environment": environment,
        "dataset": dataset.as_ref().map(|set| json!({"content_hash": set.content_hash, "test_hash": set.test_hash})),
        "attempts": attempts.len(),
        "went_on_from": attempts.iter().skip(1).map(|attempt| attempt.from_step).collect::<Vec<_>>(),
        "checkpoint": checkpoint.as_ref().map(|chosen| json!({"step": chosen.step, "choice": chosen.choice})),
        "imported": imported_at.is_some(),
        "score": run.evaluation.as_ref().map(|score| json!({"protocol": score.protocol, "n": score.n})),
    })
}

/// How many puzzles two models solve, of which it is said for each whether the first and whether the second does, and how
/// likely a difference like this is by chance.
pub fn solved(puzzles: &[(bool, bool)]) -> Solved {
    let count = |wanted| puzzles.iter().filter(|&&puzzle| puzzle == wanted).count() as u32;
    let (only_first, only_second) = (count((true, false)), count((false, true)));
    Solved {
        n: puzzles.len() as u32,
        both: count((true, true)),
        only_first,
        only_second,
        neither: count((false, false)),
        p_value: mcnemar(only_first, only_second),
    }
}

/// The exact test of McNemar, two-sided: how likely it is that puzzles which only one of two equally good models solves
/// fall as unevenly as this.
fn mcnemar(a: u32, b: u32) -> f64 {
    let n = f64::from(a + b);
    // log C(n, k), step by step, in logarithms: half a million puzzles overflow anything else.
    let (mut log, mut tail) = (-n * std::f64::consts::LN_2, 0.0);
    for k in 0..=a.min(b) {
        tail += log.exp();
        log += ((n - f64::from(k)) / f64::from(k + 1)).ln();
    }
    (2.0 * tail).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puzzles_are_counted_by_who_solves_them() {
        let found = solved(&[(true, true), (true, false), (false, true), (false, false), (true, false)]);
        assert_eq!((found.n, found.both, found.only_first, found.only_second, found.neither), (5, 1, 2, 1, 1));
        assert!((found.p_value - 1.0).abs() < 1e-12);
    }

    #[test]
    fn mcnemars_test_agrees_with_the_binomial_distribution() {
        for (a, b, expected) in [(0, 0, 1.0), (5, 0, 0.0625), (10, 2, 0.038_574_22), (6, 1, 0.125), (50, 50, 1.0)] {
            let found = mcnemar(a, b);
            assert!((found - expected).abs() < 1e-6, "{a} {b}: {found}");
            assert!((found - mcnemar(b, a)).abs() < 1e-12);
        }
        assert!(mcnemar(150_000, 151_000).is_finite());
    }
}
