//! What takes from a score: puzzles that it counts and that its model was trained on, too.

use crate::format;
use hrm_types::evaluation::Evaluation;
use leptos::prelude::*;

/// How many test puzzles a model was trained on, beside its score; nothing where none is, or where that is not known.
#[component]
pub(crate) fn Leaked(score: Evaluation) -> impl IntoView {
    words(&score).map(|words| view! { <p class="bad">{words}</p> })
}

fn words(score: &Evaluation) -> Option<String> {
    let leaked = score.in_training.filter(|&count| count > 0)?;
    let verb = if leaked == 1 { "is" } else { "are" };
    let of = match score.of {
        None => "them".to_owned(),
        Some(all) => format!("all {} test puzzles", format::count(all.into())),
    };
    Some(format!("{} of {of} {verb} trained on in a symmetric form.", format::count(leaked.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn score(n: u32, of: Option<u32>, in_training: Option<u32>) -> Evaluation {
        let json = serde_json::json!({
            "protocol": {"halting": "q", "max_steps": 4}, "n": n, "of": of, "exact": 0, "exact_accuracy": 0.0,
            "exact_interval": [0.0, 0.1], "accuracy": 0.0, "q_halt_accuracy": 0.0, "mean_steps": 1.0,
            "exact_by_step": [], "in_training": in_training, "seconds": 1.0,
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_is_trained_on_is_told() {
        assert_eq!(words(&score(500, None, None)), None);
        assert_eq!(words(&score(500, None, Some(0))), None);
        let all = words(&score(500, None, Some(245)));
        assert_eq!(all.unwrap(), "245 of them are trained on in a symmetric form.");
        let some = words(&score(100, Some(500), Some(1)));
        assert_eq!(some.unwrap(), "1 of all 500 test puzzles is trained on in a symmetric form.");
    }
}
