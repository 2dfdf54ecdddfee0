//! The form that queues the puzzles of a stored dataset.

use crate::{
    api::{self, solving::Solver},
    components::{
        field::{ChoiceField, TextField, number},
        namesakes::{called, repeated},
        problem::Problems,
        select::standing,
        splits::{shown, splits},
        submission::Submission,
    },
    load,
    working_team::ForTeam,
};
use hrm_types::{batch::CreateBatch, dataset::Dataset, job::LOCAL, question::Size};
use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};

/// The fields that say at themselves what is wrong with them.
const FIELDS: [&str; 6] = ["dataset", "split", "limit", "model", "steps", "attempts"];

/// Puzzles that are offered at first: enough to see something, and soon done.
const FIRST: &str = "100";

/// The form; shows the batch once it is queued.
#[component]
pub(super) fn NewBatch() -> impl IntoView {
    let text = |text: &str| RwSignal::new(text.to_owned());
    let (dataset, split, limit, model) = (text(""), text("test"), text(FIRST), text(""));
    let (steps, attempts) = (text(""), text(""));
    let sent = Submission::new();
    let refusal = sent.refusal;
    let datasets = load::load(api::data::list_datasets);
    let models = load::load(api::solving::list_models);
    let chosen = Memo::new(move |_| {
        let id = dataset.get();
        datasets.value.with(|page| {
            let mut all = page.iter().flat_map(|page| &page.items);
            all.clone().find(|dataset| dataset.id.to_string() == id).or_else(|| all.next()).cloned()
        })
    });
    // The field shows the first one until another is chosen.
    Effect::new(move |_| {
        let first = chosen.with(|chosen| chosen.as_ref().map(|dataset| dataset.id.to_string()));
        if let Some(first) = first.filter(|_| dataset.with_untracked(String::is_empty)) {
            dataset.set(first);
        }
    });
    let options = Signal::derive(move || {
        let option = |dataset: &Dataset| (dataset.id.to_string(), dataset.name.clone());
        datasets.value.with(|page| page.iter().flat_map(|page| &page.items).map(option).collect())
    });
    let splits = Signal::derive(move || chosen.with(|chosen| chosen.as_ref().map(splits).unwrap_or_default()));
    let fitting = Signal::derive(move || {
        let fits = |model: &&Solver| chosen.with(|chosen| chosen.as_ref().is_some_and(|set| takes(model, set)));
        models.value.with(|page| {
            let some: Vec<&Solver> = page.iter().flat_map(|page| &page.items).filter(fits).collect();
            let repeated = repeated(some.iter().map(|model| &model.name));
            let called = |model: &Solver| called(&model.name, model.experiment.seed, &repeated);
            let some = some.into_iter().map(|model| (model.id.to_string(), called(model)));
            std::iter::once((String::new(), "the best stored one".to_owned())).chain(some).collect::<Vec<_>>()
        })
    });
    let navigate = use_navigate();
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if !sent.begin() {
            return;
        }
        let whole = |text: RwSignal<String>| text.with_untracked(|text| number::<u32>(text));
        let (limit, steps, attempts) = match (whole(limit), whole(steps), whole(attempts)) {
            (Ok(limit), Ok(steps), Ok(attempts)) => (limit, steps, attempts),
            (Err(problem), ..) => return refusal.at("limit", problem),
            (_, Err(problem), _) => return refusal.at("steps", problem),
            (.., Err(problem)) => return refusal.at("attempts", problem),
        };
        let split = splits.with_untracked(|all| split.with_untracked(|split| shown(all, split)));
        // Other models fit another dataset.
        let named = fitting.with_untracked(|all| model.with_untracked(|model| standing(all, model).to_owned()));
        let request = CreateBatch {
            puzzles: None,
            kind: None,
            dataset: chosen.with_untracked(|chosen| chosen.as_ref().map(|dataset| dataset.id.to_string())),
            split,
            limit,
            model: (!named.is_empty()).then_some(named),
            steps,
            attempts,
            owner: LOCAL.into(),
            priority: 0,
        };
        let navigate = navigate.clone();
        sent.send(async move { api::batches::create_batch(&request).await }, move |batch| {
            navigate(&format!("/batches/{}", batch.job.id), NavigateOptions::default());
        });
    };
    view! {
        <section class="below" aria-labelledby="new-batch-title">
            <h2 id="new-batch-title">"Solve the puzzles of a dataset"</h2>
            <Problems of=datasets.problem />
            <Show
                when=move || chosen.with(Option::is_some)
                fallback=move || datasets.value.with(Option::is_some).then(|| view! {
                    <p class="muted">"No dataset is stored. "<a href="/datasets">"Generate or import one"</a>"."</p>
                })
            >
                <form class="line" on:submit=submit.clone()>
                    <ChoiceField id="batch-dataset" label="Dataset" value=dataset options wrong=refusal.of("dataset") />
                    <ChoiceField id="batch-split" label="Puzzles" value=split options=splits wrong=refusal.of("split") />
                    <TextField id="batch-limit" label="Only the first" value=limit number=true wrong=refusal.of("limit") hint="all of them if empty" />
                    <ChoiceField id="batch-model" label="Model" value=model options=fitting wrong=refusal.of("model") />
                    <TextField id="batch-steps" label="ACT steps" value=steps number=true wrong=refusal.of("steps") hint="until it stops by itself if empty" />
                    <TextField id="batch-attempts" label="Attempts" value=attempts number=true wrong=refusal.of("attempts") hint="at each, until one is right; one if empty" />
                    <div class="line-end">
                        <button type="submit" class="primary" aria-disabled=move || sent.busy().to_string()>"Queue the batch"</button>
                    </div>
                </form>
                <ForTeam />
                <Problems of=refusal.beside(&FIELDS) />
            </Show>
        </section>
    }
}

/// Whether a model takes the puzzles of a dataset, as the server has it.
fn takes(model: &Solver, set: &Dataset) -> bool {
    Size { kind: set.kind, side: set.side }.fits(&model.kind, model.side)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77";

    fn model(kind: &str, side: u8) -> Solver {
        let json = json!({
            "id": ID, "name": "model", "kind": kind, "side": side, "dataset_hash": "", "parameters": 1,
            "experiment": {"seed": 0}, "evaluation": null, "default": false,
        });
        serde_json::from_value(json).unwrap()
    }

    fn set(kind: &str, side: u8) -> Dataset {
        let json = json!({
            "id": ID, "name": "set", "kind": kind, "side": side, "origin": "", "content_hash": "", "train_count": 1,
            "validation_count": 0, "test_count": 1, "created_at": "2026-01-01T00:00:00Z",
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn an_arc_model_takes_smaller_grids_and_others_their_own_size_alone() {
        assert!(takes(&model("arc", 30), &set("arc", 10)) && takes(&model("arc", 10), &set("arc", 10)));
        assert!(!takes(&model("arc", 9), &set("arc", 10)));
        assert!(takes(&model("sudoku", 9), &set("sudoku", 9)));
        assert!(!takes(&model("sudoku", 9), &set("sudoku", 6)) && !takes(&model("maze", 9), &set("sudoku", 9)));
    }
}
