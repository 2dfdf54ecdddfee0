//! Whether the numbers of a score can be true together.

use hrm_model::{
    data::arc::vote::PASS_AT,
    eval::{check_settings, wilson},
};
use hrm_types::{
    board::{Kind, MAX_SIDE},
    evaluation::{Evaluation, Halting, Protocol, VotingScore},
};

/// What a number may be off by, which was written and read again.
const NEAR: f64 = 1e-9;

/// What was expected, and what was found.
type Impossible = (String, String);

/// Checks that a score on puzzles of a kind is one that an evaluation can have.
pub(super) fn check(score: &Evaluation, kind: &str) -> Result<(), Impossible> {
    let Ok(kind) = kind.parse::<Kind>() else {
        return Err(("a score of Sudokus, mazes or ARC tasks".into(), format!("{kind:?}")));
    };
    check_protocol(&score.protocol, kind)?;
    check_counts(score, kind)?;
    check_shares(score)?;
    check_steps(score)
}

fn check_protocol(protocol: &Protocol, kind: Kind) -> Result<(), Impossible> {
    if !Protocol::STEPS.contains(&protocol.max_steps) {
        return Err((format!("1 to {} ACT steps", Protocol::STEPS.end()), protocol.max_steps.to_string()));
    }
    check_settings(kind, protocol).map_err(|error| ("a protocol that these puzzles have".into(), error.to_string()))
}

fn check_counts(score: &Evaluation, kind: Kind) -> Result<(), Impossible> {
    let Evaluation { n, of, exact, any_optimal, .. } = *score;
    if !score.has_possible_attempts(kind) {
        let asked = score.protocol.attempts;
        return Err((format!("counts of puzzles for {asked:?} attempts"), format!("{:?}", score.attempts)));
    }
    if n == 0 || exact > n {
        return Err(("some puzzles and at most as many exact ones".into(), format!("{exact} of {n}")));
    }
    let limit = score.protocol.limit;
    let paths = any_optimal.is_none_or(|paths| kind == Kind::Maze && (exact..=n).contains(&paths));
    if of.is_some_and(|of| of < n) || limit.is_some_and(|limit| limit < n) || !paths {
        let found = format!("{n} of {of:?}, at most {limit:?}, {exact} exact, {any_optimal:?} shortest paths");
        return Err(("counts of puzzles that can be true together".into(), found));
    }
    // Of the whole split, which may be larger than what was evaluated.
    if score.in_training.is_some_and(|trained_on| trained_on > of.unwrap_or(n)) {
        return Err((
            format!("at most {} test puzzles trained on", of.unwrap_or(n)),
            format!("{:?}", score.in_training),
        ));
    }
    if score.voting.is_some() != score.protocol.voting.is_some() {
        return Err((
            format!("a score by votes for {:?} variants", score.protocol.voting),
            format!("{:?}", score.voting),
        ));
    }
    Ok(())
}

fn check_steps(score: &Evaluation) -> Result<(), Impossible> {
    let most = f64::from(score.protocol.max_steps);
    let least = if score.protocol.halting == Halting::Fixed { most } else { 1.0 };
    if !(least - NEAR..=most + NEAR).contains(&score.mean_steps) {
        return Err((format!("{least} to {most} ACT steps"), score.mean_steps.to_string()));
    }
    if !(score.seconds.is_finite() && score.seconds >= 0.0) {
        return Err(("seconds of at least 0".into(), score.seconds.to_string()));
    }
    let by_step = &score.exact_by_step;
    if let Some(share) = by_step.iter().find(|share| !is_count(**share, score.n)) {
        return Err((format!("shares of {} puzzles by step", score.n), share.to_string()));
    }
    let ends = by_step.last().is_some_and(|last| near(*last, score.exact_accuracy));
    if by_step.len() != score.protocol.max_steps as usize || !ends {
        let expected = format!("a share for each of {most} steps, the last {}", score.exact_accuracy);
        return Err((expected, format!("{} shares, the last {:?}", by_step.len(), by_step.last())));
    }
    Ok(())
}

fn check_shares(score: &Evaluation) -> Result<(), Impossible> {
    let Evaluation { n, exact, exact_accuracy, exact_interval, accuracy, q_halt_accuracy, .. } = *score;
    let votes = score.voting.iter().flat_map(|voting| &voting.pass_at).map(|at| at.score);
    if let Some(found) = votes.chain(score.exact_by_step.iter().copied()).find(|share| !(0.0..=1.0).contains(share)) {
        return Err(("shares from 0 to 1 by step and by votes".into(), found.to_string()));
    }
    let [low, high] = wilson(exact, n);
    // A puzzle that is not exact has a wrong token at least.
    let wrong = f64::from(n - exact) / f64::from(n) / f64::from(u16::from(MAX_SIDE) * u16::from(MAX_SIDE));
    let fits = near(f64::from(exact) / f64::from(n), exact_accuracy)
        && near(low, exact_interval[0])
        && near(high, exact_interval[1])
        && (exact_accuracy - NEAR..=1.0 - wrong + NEAR).contains(&accuracy)
        && (0.0..=1.0).contains(&q_halt_accuracy)
        && is_count(q_halt_accuracy, n);
    if fits {
        return score.voting.as_ref().map_or(Ok(()), |voting| check_votes(voting, n));
    }
    let found = format!(
        "accuracy {exact_accuracy}, interval {exact_interval:?}, {accuracy} of the tokens, {q_halt_accuracy} of the halts"
    );
    Err((format!("numbers that {exact} exact puzzles of {n} can have"), found))
}

fn check_votes(voting: &VotingScore, n: u32) -> Result<(), Impossible> {
    let VotingScore { tasks, inputs, pass_at } = voting;
    let (ks, scores): (Vec<usize>, Vec<f64>) = pass_at.iter().map(|at| (at.k as usize, at.score)).unzip();
    let fits = (1..=*inputs).contains(tasks) && *inputs <= n && ks == PASS_AT && scores.is_sorted();
    if fits { Ok(()) } else { Err((format!("tasks, inputs and rising pass@k of {n} puzzles"), format!("{voting:?}"))) }
}

/// Whether a share is one that some whole number of `n` puzzles can have.
fn is_count(share: f64, n: u32) -> bool {
    let count = share * f64::from(n);
    (count - count.round()).abs() < 1e-6
}

fn near(expected: f64, found: f64) -> bool {
    (expected - found).abs() < NEAR
}

#[cfg(test)]
mod tests {
    use super::*;
    use hrm_types::evaluation::PassAt;

    /// 409 of 500 Sudokus.
    fn score() -> Evaluation {
        Evaluation {
            protocol: Protocol::halting_by_q(4),
            n: 500,
            of: None,
            exact: 409,
            exact_accuracy: 0.818,
            exact_interval: wilson(409, 500),
            accuracy: 0.95,
            q_halt_accuracy: 0.9,
            mean_steps: 2.894,
            exact_by_step: vec![0.484, 0.746, 0.81, 0.818],
            in_training: None,
            any_optimal: None,
            voting: None,
            attempts: None,
            seconds: 3.0,
        }
    }

    #[test]
    fn a_score_that_no_evaluation_can_have_is_refused() {
        check(&score(), "sudoku").expect("a score");
        let changes: [fn(&mut Evaluation); 20] = [
            |score| score.exact = 501,
            |score| score.exact_accuracy = 0.9,
            |score| score.exact_interval = [0.0, 1.0],
            |score| score.accuracy = 1.0,
            |score| score.accuracy = 0.1,
            |score| score.q_halt_accuracy = 1.5,
            |score| score.mean_steps = 0.0,
            |score| score.mean_steps = 4.5,
            |score| score.seconds = -1.0,
            |score| score.exact_by_step[3] = 0.9,
            |score| score.exact_by_step[0] = f64::NAN,
            |score| score.exact_by_step.truncate(3),
            |score| score.exact_by_step[1] = 0.7461,
            |score| score.q_halt_accuracy = 0.123_456,
            |score| score.in_training = Some(501),
            |score| score.protocol.halting = Halting::Fixed,
            |score| score.protocol.max_steps = 5000,
            |score| score.protocol.voting = Some(5),
            |score| score.protocol.limit = Some(10),
            |score| score.any_optimal = Some(409),
        ];
        for (at, change) in changes.into_iter().enumerate() {
            let mut changed = score();
            change(&mut changed);
            assert!(check(&changed, "sudoku").is_err(), "change {at}");
        }
        let votes = |tasks: u32, scores: [f64; 6]| {
            let pass_at = PASS_AT.into_iter().zip(scores).map(|(k, score)| PassAt { k: k as u32, score }).collect();
            let protocol = Protocol { voting: Some(4), ..Protocol::halting_by_q(4) };
            Evaluation { protocol, voting: Some(VotingScore { tasks, inputs: 450, pass_at }), ..score() }
        };
        let rising = [0.1, 0.2, 0.2, 0.3, 0.3, 0.4];
        check(&votes(400, rising), "arc").expect("a score by votes");
        assert!(check(&votes(0, rising), "arc").is_err() && check(&votes(451, rising), "arc").is_err());
        assert!(
            check(&votes(400, [0.9, 0.1, 0.2, 0.3, 0.3, 0.4]), "arc").is_err(),
            "more answers are right more often"
        );
        let mut short = votes(400, rising);
        short.voting.iter_mut().for_each(|voting| voting.pass_at.truncate(1));
        assert!(check(&short, "arc").is_err());
        let mut maze = score();
        maze.any_optimal = Some(420);
        check(&maze, "maze").expect("more shortest paths than the labelled ones");
        maze.any_optimal = Some(408);
        assert!(check(&maze, "maze").is_err(), "a labelled path is a shortest one");
        assert!(check(&score(), "tokens").is_err());
    }
}
