//! The form that queues an evaluation: on which puzzles, and by which protocol.

use super::asked::Asked;
use crate::{
    api,
    components::{
        field::{ChoiceField, TextField, number},
        problem::Problems,
        select::standing,
        splits::{shown, splits},
        submission::Submission,
    },
    load,
    working_team::ForTeam,
};
use hrm_types::{
    board::Kind,
    dataset::{Dataset, Split},
    evaluation::{Halting, Protocol},
    job::{CreateEvaluation, LOCAL},
    model::Model,
};
use leptos::prelude::*;

/// The fields that say at themselves what is wrong with them.
const FIELDS: [&str; 6] =
    ["dataset", "protocol.max_steps", "protocol.limit", "protocol.voting", "protocol.attempts", "split"];

/// What stands in the form.
#[derive(Clone, Copy)]
struct Texts {
    dataset: RwSignal<String>,
    split: RwSignal<String>,
    halting: RwSignal<Halting>,
    steps: RwSignal<String>,
    limit: RwSignal<String>,
    voting: RwSignal<String>,
    attempts: RwSignal<String>,
}

impl Texts {
    fn of(model: &Model) -> Self {
        Self {
            dataset: RwSignal::new(String::new()),
            split: RwSignal::new("test".into()),
            halting: RwSignal::new(Halting::Q),
            steps: RwSignal::new(model.experiment.arch.halt_max_steps.to_string()),
            limit: RwSignal::new(String::new()),
            voting: RwSignal::new(String::new()),
            attempts: RwSignal::new(String::new()),
        }
    }

    /// The request for a split of a dataset, or which field is wrong and how.
    fn request(
        self,
        model: &Model,
        (dataset, split): (String, Split),
    ) -> Result<CreateEvaluation, (&'static str, String)> {
        if dataset.is_empty() {
            return Err(("dataset", "choose one".into()));
        }
        let whole = |text: RwSignal<String>, field: &'static str| {
            text.with_untracked(|text| number::<u32>(text)).map_err(|problem| (field, problem))
        };
        let max_steps = whole(self.steps, "protocol.max_steps")?;
        let max_steps = max_steps.ok_or(("protocol.max_steps", "expected 1 to 1024".to_owned()))?;
        let protocol = Protocol {
            halting: self.halting.get_untracked(),
            max_steps,
            limit: whole(self.limit, "protocol.limit")?,
            voting: whole(self.voting, "protocol.voting")?,
            attempts: whole(self.attempts, "protocol.attempts")?,
            blank_identifiers: false,
        };
        let (model, owner) = (model.id.to_string(), LOCAL.into());
        Ok(CreateEvaluation { model, dataset, split, protocol: Some(protocol), owner, priority: 0 })
    }
}

/// The form; what it queues is looked for in `asked` at once.
#[component]
pub(super) fn Form(model: Model, asked: Asked, dataset: Option<String>) -> impl IntoView {
    let form = Texts::of(&model);
    let sent = Submission::new();
    let refusal = sent.refusal;
    let datasets = load::load(api::data::list_datasets);
    let (kind, side) = (model.kind.clone(), model.side);
    let fitting = Memo::new(move |_| {
        datasets.value.with(|page| {
            let fits = |dataset: &&Dataset| dataset.kind.as_str() == kind && dataset.side == side;
            page.as_ref().map(|page| page.items.iter().filter(fits).cloned().collect::<Vec<_>>())
        })
    });
    // The one that was named, or else the first that has test puzzles, is the likely wish.
    Effect::new(move |_| {
        let first = fitting.with(|fitting| {
            let mut known = fitting.iter().flatten();
            let named = known.clone().find(|one| Some(one.id.to_string()) == dataset);
            named.or_else(|| known.find(|one| one.test_count > 0)).map(|one| one.id.to_string())
        });
        if let Some(first) = first.filter(|_| form.dataset.with_untracked(String::is_empty)) {
            form.dataset.set(first);
        }
    });
    let options = Signal::derive(move || {
        let option = |dataset: Dataset| (dataset.id.to_string(), dataset.name);
        fitting.get().unwrap_or_default().into_iter().map(option).collect::<Vec<_>>()
    });
    let chosen = Memo::new(move |_| options.with(|all| form.dataset.with(|id| standing(all, id).to_owned())));
    let splits = Signal::derive(move || {
        let of = |dataset: &&Dataset| chosen.with(|chosen| dataset.id.to_string() == *chosen);
        fitting.with(|fitting| fitting.iter().flatten().find(of).map(splits).unwrap_or_default())
    });
    let split = move || splits.with_untracked(|all| form.split.with_untracked(|split| shown(all, split)));
    let is_arc = model.kind == Kind::Arc.as_str();
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if !sent.begin() {
            return;
        }
        let request = match form.request(&model, (chosen.get_untracked(), split().unwrap_or(Split::Test))) {
            Ok(request) => request,
            Err((field, problem)) => return refusal.at(field, problem),
        };
        let queued = move |_| {
            sent.say("Queued.");
            asked.refresh();
        };
        sent.send(async move { api::models::create_evaluation(&request).await }, queued);
    };
    view! {
        <h3>"Measure it"</h3>
        <Problems of=datasets.problem />
        {move || fitting.with(|fitting| fitting.as_ref().is_some_and(Vec::is_empty)).then(|| view! {
            <p class="muted">"No stored dataset has puzzles that it solves. "<a href="/datasets">"Generate or import one"</a>"."</p>
        })}
        <Show when=move || fitting.with(|fitting| fitting.as_ref().is_some_and(|fitting| !fitting.is_empty()))>
            <form class="evaluate" on:submit=submit.clone()>
                <ChoiceField id="evaluate-dataset" label="Dataset" value=form.dataset options wrong=refusal.of("dataset") />
                <ChoiceField id="evaluate-split" label="Puzzles" value=form.split options=splits wrong=refusal.of("split") />
                <HaltingField halting=form.halting />
                <TextField id="evaluate-steps" label="ACT steps" value=form.steps number=true wrong=refusal.of("protocol.max_steps") hint="1 to 1024" />
                <TextField id="evaluate-limit" label="Only the first" value=form.limit number=true wrong=refusal.of("protocol.limit") hint="all of them if empty" />
                <Show when=move || !is_arc>
                    <TextField id="evaluate-attempts" label="Attempts" value=form.attempts number=true wrong=refusal.of("protocol.attempts") hint="at each, until the rules accept one; one if empty" />
                </Show>
                <Show when=move || is_arc>
                    <TextField id="evaluate-voting" label="Votes" value=form.voting number=true wrong=refusal.of("protocol.voting") hint="variants of every task; none if empty" />
                </Show>
                <div class="line-end">
                    <button type="submit" aria-disabled=move || sent.busy().to_string()>"Queue the evaluation"</button>
                    <span class="hint" role="status">{sent.said}</span>
                </div>
            </form>
            <ForTeam />
            <Problems of=refusal.beside(&FIELDS) />
        </Show>
    }
}

#[component]
fn HaltingField(halting: RwSignal<Halting>) -> impl IntoView {
    let choice = move |value: Halting, label: &'static str| {
        view! {
            <label>
                <input type="radio" name="halting" prop:checked=move || halting.get() == value on:change=move |_| halting.set(value) />
                {label}
            </label>
        }
    };
    view! {
        <fieldset class="field">
            <legend>"It stops"</legend>
            <div class="choice">{choice(Halting::Q, "when it is sure, at the latest")}{choice(Halting::Fixed, "exactly")}</div>
            <p class="hint">"after so many steps"</p>
        </fieldset>
    }
}
