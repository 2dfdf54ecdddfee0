//! How numbers, scores and errors are written for people.

use hrm_model::eval::wilson;
use hrm_types::{
    evaluation::{AttemptsScore, Evaluation, Halting, Protocol},
    provenance::Choice,
};

/// An error with its causes, those left out that an outer one quotes already.
pub(crate) fn chain(error: &anyhow::Error) -> String {
    let mut said = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if said.is_empty() {
            said = cause;
        } else if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    said
}

/// A whole number with thousands separators: 27,275,266.
pub(crate) fn thousands(number: impl Into<u64>) -> String {
    let digits = number.into().to_string();
    let first = digits.len() % 3;
    let groups = digits.as_bytes()[first..].chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    let head = (first > 0).then(|| digits[..first].to_owned());
    head.into_iter().chain(groups).collect::<Vec<_>>().join(",")
}

/// A share as a percentage.
pub(crate) fn percent(share: f64) -> String {
    format!("{:.2} %", share * 100.0)
}

/// A duration in the units that fit it.
pub(crate) fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        _ if seconds < 60.0 => format!("{seconds:.1} s"),
        _ if whole < 3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

/// How a checkpoint of a step was chosen.
pub(crate) fn choice(choice: &Choice, step: u64) -> String {
    let step = thousands(step);
    match choice {
        Choice::Last => format!("the state after the last step, {step}"),
        Choice::BestOnValidation { exact, n, candidates } => {
            let [exact, n, candidates] = [exact, n, candidates].map(|&count| thousands(count));
            format!("that of step {step}, the best on validation ({exact} of {n} exact) of {candidates}")
        }
    }
}

fn halting(protocol: &Protocol) -> String {
    match protocol.halting {
        Halting::Q => format!("halting by Q after at most {} steps", protocol.max_steps),
        Halting::Fixed => format!("after exactly {} steps", protocol.max_steps),
    }
}

/// A protocol in a few words.
pub(crate) fn protocol(protocol: &Protocol) -> String {
    let votes = protocol.voting.map(|variants| format!(", votes of {} variants", variants + 1));
    let attempts = protocol.attempts.map(|attempts| format!(", {attempts} attempts"));
    let blank = if protocol.blank_identifiers { ", blank identifiers" } else { "" };
    format!("{}{}{}{blank}", halting(protocol), votes.unwrap_or_default(), attempts.unwrap_or_default())
}

/// How many puzzles were solved within 1, 2, 4, … attempts, and within all of them.
fn attempts(attempts: &AttemptsScore, n: u32) -> String {
    let within = &attempts.solved_within;
    let mut counts: Vec<usize> =
        std::iter::successors(Some(1), |count| Some(2 * count)).take_while(|&count| count < within.len()).collect();
    counts.push(within.len());
    let shares: Vec<String> = counts
        .into_iter()
        .map(|count| format!("{} within {count}", percent(f64::from(within[count - 1]) / f64::from(n.max(1)))))
        .collect();
    let last = within.last().copied().unwrap_or_default();
    let [low, high] = wilson(last, n);
    format!(
        "solved           {} ({} of {}; 95 % interval {} to {}), by the rules; {:.1} attempts and {:.1} ACT steps a puzzle\n",
        shares.join(", "),
        thousands(last),
        thousands(n),
        percent(low),
        percent(high),
        attempts.mean_attempts,
        attempts.mean_steps
    )
}

/// A score in a few lines.
pub(crate) fn score(score: &Evaluation) -> String {
    let [low, high] = score.exact_interval;
    let halting = halting(&score.protocol);
    let of = score.of.map(|all| format!(", the first of {}", thousands(all))).unwrap_or_default();
    let optimal = score.any_optimal.map(|optimal| {
        format!("any optimal      {} of {} mark a shortest path\n", thousands(optimal), thousands(score.n))
    });
    let voting = score.voting.as_ref().map(|voting| {
        let pass_at: Vec<String> = voting.pass_at.iter().map(|at| format!("@{} {}", at.k, percent(at.score))).collect();
        let (tasks, inputs) = (thousands(voting.tasks), thousands(voting.inputs));
        format!("by votes         pass {} ({inputs} inputs of {tasks} tasks)\n", pass_at.join(", "))
    });
    let attempts = score.attempts.as_ref().map(|score_of| attempts(score_of, score.n));
    let by_step: Vec<String> = score.exact_by_step.iter().map(|&share| percent(share)).collect();
    format!(
        "exact accuracy   {} ({} of {} puzzles{of}; 95 % interval {} to {})\n\
         {}{}{}\
         token accuracy   {}\n\
         q_halt accuracy  {}\n\
         mean ACT steps   {:.2}, {halting}\n\
         exact by step    {}\n\
         measured in      {}",
        percent(score.exact_accuracy),
        thousands(score.exact),
        thousands(score.n),
        percent(low),
        percent(high),
        optimal.unwrap_or_default(),
        voting.unwrap_or_default(),
        attempts.unwrap_or_default(),
        percent(score.accuracy),
        percent(score.q_halt_accuracy),
        score.mean_steps,
        by_step.join(", "),
        duration(score.seconds)
    )
}

#[cfg(test)]
mod tests {
    use super::{chain, duration, thousands};
    use anyhow::{Context, anyhow};

    #[test]
    fn numbers_are_grouped_by_three() {
        let check = |number: u64, expected| assert_eq!(thousands(number), expected);
        check(0, "0");
        check(999, "999");
        check(1_000, "1,000");
        check(27_275_266, "27,275,266");
    }

    #[test]
    fn durations_have_fitting_units() {
        let check = |seconds, expected| assert_eq!(duration(seconds), expected);
        check(0.25, "0.2 s");
        check(125.0, "2 min 5 s");
        check(7_260.0, "2 h 1 min");
    }

    #[test]
    fn causes_are_told_once() {
        let error = Err::<(), _>(anyhow!("no such file")).context("reading a.toml: no such file");
        assert_eq!(chain(&error.context("loading").expect_err("it is one")), "loading: reading a.toml: no such file");
    }
}
