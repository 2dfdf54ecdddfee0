//! What takes from a score: puzzles that it counts and that are trained on, too.

use crate::{api, format, load};
use hrm_types::{dataset::Dataset, evaluation::Evaluation, ids::DatasetId};
use leptos::prelude::*;

/// How many of its test puzzles a model was trained on, beside its score; where the score does not tell, how many of the dataset's
/// test puzzles are in its training split. Nothing where none is.
#[component]
pub(crate) fn Leaked(#[prop(into)] dataset: Signal<Option<DatasetId>>, score: Evaluation) -> impl IntoView {
    let (n, in_training) = (score.n, score.in_training);
    let found = load::load(move || {
        let id = dataset.get();
        async move {
            match id {
                Some(id) => api::data::get_dataset(id).await.map(Some),
                None => Ok(None),
            }
        }
    });
    let told =
        move || found.value.with(|found| found.as_ref()?.as_ref().and_then(|dataset| words(dataset, n, in_training)));
    move || told().map(|words| view! { <p class="bad">{words}</p> })
}

fn words(dataset: &Dataset, n: u32, in_training: Option<u32>) -> Option<String> {
    let leaked = in_training.or(dataset.leaks.map(|leaks| leaks.test_in_train))?;
    let verb = if leaked == 1 { "is" } else { "are" };
    let of = match n {
        _ if leaked == 0 => return None,
        n if n == dataset.test_count => "them".to_owned(),
        _ => format!("the {} test puzzles of {}", format::count(dataset.test_count.into()), dataset.name),
    };
    Some(format!("{} of {of} {verb} trained on in a symmetric form.", format::count(leaked.into())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dataset(leaked: u32) -> Dataset {
        let json = serde_json::json!({
            "id": "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77", "name": "fours", "kind": "sudoku", "side": 4,
            "origin": "generator", "content_hash": "", "train_count": 2000, "validation_count": 0, "test_count": 500,
            "leaks": {
                "test_in_train": leaked, "validation_in_train": 0, "test_in_validation": 0, "test_answers_in_train": 0,
            },
            "created_at": "2026-01-01T00:00:00Z",
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn what_is_trained_on_is_told() {
        assert_eq!(words(&dataset(0), 500, None), None);
        assert_eq!(words(&dataset(245), 500, None).unwrap(), "245 of them are trained on in a symmetric form.");
        let some = "1 of the 500 test puzzles of fours is trained on in a symmetric form.";
        assert_eq!(words(&dataset(1), 100, None).unwrap(), some);
        // A model that was trained on other puzzles knows others of them.
        assert_eq!(words(&dataset(245), 500, Some(0)), None);
        assert_eq!(words(&dataset(0), 500, Some(500)).unwrap(), "500 of them are trained on in a symmetric form.");
    }
}
