//! Which stored states of a run are dropped: a pure function of what they are and what shall be kept.

use crate::config::RetentionConfig;
use std::{cmp::Ordering, collections::BTreeSet};
use uuid::Uuid;

/// A stored state as retention sees it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Candidate {
    pub(super) id: Uuid,
    /// Steps done in it.
    pub(super) step: u64,
    /// Kept whatever else is asked for.
    pub(super) pinned: bool,
    /// Of no use to anybody.
    pub(super) damaged: bool,
    /// Exact accuracy on the validation split, where one was measured.
    pub(super) validation: Option<f64>,
    /// Exact accuracy in training, as it was last measured before the state was written.
    pub(super) training: Option<f64>,
}

/// The states that nothing keeps. Applied again to what is left it drops nothing more.
pub(super) fn dropped(mut states: Vec<Candidate>, keep: RetentionConfig) -> Vec<Uuid> {
    states.sort_by_key(|state| (state.step, state.id));
    let sound: Vec<&Candidate> = states.iter().filter(|state| !state.damaged).collect();
    let mut kept: BTreeSet<Uuid> = sound.iter().rev().take(keep.keep_last as usize).map(|state| state.id).collect();
    kept.extend(keep.keep_best.then(|| best(&sound)).flatten());
    kept.extend(keep.keep_every_steps.map(|every| spaced(&sound, every)).unwrap_or_default());
    kept.extend(states.iter().filter(|state| state.pinned).map(|state| state.id));
    states.iter().map(|state| state.id).filter(|id| !kept.contains(id)).collect()
}

/// The best by validation or, where no state has such a score, by training; the latest of equals.
fn best(states: &[&Candidate]) -> Option<Uuid> {
    let highest = |score: fn(&Candidate) -> Option<f64>| {
        let scored = states.iter().filter_map(|state| Some((score(state)?, state.id)));
        scored.max_by(|(a, _), (b, _)| a.partial_cmp(b).unwrap_or(Ordering::Equal)).map(|(_, id)| id)
    };
    highest(|state| state.validation).or_else(|| highest(|state| state.training))
}

/// The first state at or after every multiple of `every` steps.
fn spaced(states: &[&Candidate], every: u64) -> Vec<Uuid> {
    let (mut kept, mut reached) = (Vec::new(), 0);
    for state in states {
        let multiple = state.step / every;
        if multiple > reached {
            reached = multiple;
            kept.push(state.id);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A state of this step, whose id tells it.
    fn state(step: u64) -> Candidate {
        let id = Uuid::from_u128(u128::from(step));
        Candidate { id, step, pinned: false, damaged: false, validation: None, training: None }
    }

    fn last(n: u32) -> RetentionConfig {
        RetentionConfig { keep_last: n, keep_best: false, keep_every_steps: None }
    }

    /// The steps that are left.
    #[track_caller]
    fn check(states: &[Candidate], keep: RetentionConfig, expected: &[u64]) {
        let left = |states: &[Candidate]| -> Vec<Candidate> {
            let dropped = dropped(states.to_vec(), keep);
            states.iter().filter(|state| !dropped.contains(&state.id)).cloned().collect()
        };
        let once = left(states);
        let mut steps: Vec<u64> = once.iter().map(|state| state.step).collect();
        steps.sort_unstable();
        assert_eq!(steps, expected);
        assert_eq!(left(&once), once, "a second time changes something");
        let mut backwards = states.to_vec();
        backwards.reverse();
        assert_eq!(left(&backwards).len(), once.len(), "the order of the list matters");
    }

    #[test]
    fn the_newest_are_kept() {
        let states: Vec<Candidate> = [10, 20, 30, 40].map(state).into();
        check(&states, last(2), &[30, 40]);
        check(&states, last(9), &[10, 20, 30, 40]);
        check(&states, last(1).after_the_run(), &[]);
        check(&[], last(2), &[]);
    }

    #[test]
    fn damaged_ones_are_dropped_and_take_no_place() {
        let mut states: Vec<Candidate> = [10, 20, 30, 40].map(state).into();
        states[3].damaged = true;
        check(&states, last(2), &[20, 30]);
        states[1].damaged = true;
        check(&states, last(2), &[10, 30]);
    }

    #[test]
    fn pinned_ones_stay_and_take_no_place_of_others() {
        let mut states: Vec<Candidate> = [10, 20, 30, 40].map(state).into();
        states[0].pinned = true;
        check(&states, last(2), &[10, 30, 40]);
        check(&states, last(2).after_the_run(), &[10]);
        states[0].damaged = true;
        check(&states, last(1), &[10, 40]);
    }

    #[test]
    fn the_best_is_kept_by_validation_else_by_training_the_latest_of_equals() {
        let keep = RetentionConfig { keep_best: true, ..last(1) };
        let mut states: Vec<Candidate> = [10, 20, 30, 40].map(state).into();
        check(&states, keep, &[40]);
        for (state, training) in states.iter_mut().zip([0.1, 0.9, 0.9, 0.2]) {
            state.training = Some(training);
        }
        check(&states, keep, &[30, 40]);
        states[0].validation = Some(0.3);
        states[1].validation = Some(0.2);
        check(&states, keep, &[10, 40]);
        check(&states, keep.after_the_run(), &[10]);
        states[0].damaged = true;
        check(&states, keep, &[20, 40]);
    }

    #[test]
    fn one_is_kept_of_every_so_many_steps() {
        let keep = RetentionConfig { keep_every_steps: Some(100), ..last(1) };
        let states: Vec<Candidate> = [40, 90, 110, 190, 205, 420, 430].map(state).into();
        check(&states, keep, &[110, 205, 420, 430]);
        check(&states, keep.after_the_run(), &[110, 205, 420]);
        let exact: Vec<Candidate> = [100, 200].map(state).into();
        check(&exact, keep, &[100, 200]);
    }
}
