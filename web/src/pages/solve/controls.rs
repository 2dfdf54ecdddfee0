//! The choice of model, depth and attempts, and the button.

use super::{
    ask::{Ask, is_named},
    attempts::Attempts,
};
use crate::{
    api::solving::{Score, Solver},
    components::{
        claimed::known_words,
        namesakes::{called, repeated},
        problem::Problems,
        select::{Options, Select},
    },
    format,
    session::ForWriters,
};
use hrm_types::board::Kind;
use leptos::prelude::*;

/// Steps offered when an exact number is first asked for.
const STEPS: u32 = 8;

/// Model, steps, attempts, Solve.
#[component]
pub(crate) fn Controls(ask: Ask) -> impl IntoView {
    let models = Memo::new(move |_| ask.fitting_models());
    let none = Memo::new(move |_| models.with(|models| models.as_ref().is_some_and(Vec::is_empty)));
    let options = Signal::derive(move || models.with(|models| options(models.as_deref(), ask.model.get())));
    let value = Signal::derive(move || models.with(|models| chosen(models.as_deref(), ask.model.get())));
    let choose = move |id: String| ask.model.set((!id.is_empty()).then_some(id));
    let sound = Memo::new(move |_| ask.puzzle.with(Option::is_some));
    view! {
        <form
            class="controls"
            on:submit=move |event| {
                event.prevent_default();
                ask.solve(None);
            }
        >
            <Problems of=ask.models.problem />
            <div class="field">
                <label for="model">"Model"</label>
                <Select id="model" disabled=none options value choose />
            </div>
            <Steps ask />
            <Attempts ask />
            <button type="submit" class="primary" disabled=move || none.get() || !sound.get()>
                {move || if ask.busy() { "Solving …" } else { "Solve" }}
                <kbd>"Enter"</kbd>
            </button>
            {move || none.get().then(|| no_model(ask))}
        </form>
    }
}

/// That no model takes the puzzle, and which sizes there are models for.
fn no_model(ask: Ask) -> impl IntoView {
    let (side, sides) = (ask.side.get(), ask.sides());
    view! {
        <p class="note">
            {no_model_words(ask.kind, side, &sides)}
            <ForWriters>
                " "<a href=format!("/runs/new?kind={}&side={side}", ask.kind)>"Train one"</a>"."
            </ForWriters>
        </p>
    }
}

/// The same in words: for a puzzle of that side, where there are models for `sides`.
fn no_model_words(kind: Kind, side: u8, sides: &[u8]) -> String {
    let (all, these, known) = match kind {
        Kind::Sudoku => ("Sudokus", format!("{side} × {side} puzzles"), "There are models for side"),
        Kind::Maze => ("mazes", format!("mazes of {side} × {side}"), "There are models for mazes of side"),
        Kind::Arc => ("ARC tasks", format!("grids of side {side}"), "There are models for grids up to side"),
    };
    let sides: Vec<String> = sides.iter().map(u8::to_string).collect();
    if sides.is_empty() {
        return format!("No stored model answers {all} yet.");
    }
    format!("No stored model answers {these} yet. {known} {}.", sides.join(" and "))
}

/// The value of the option that stands for the chosen model; a link may name it by name or by id.
fn chosen(models: Option<&[Solver]>, name: Option<String>) -> String {
    let mut models = models.unwrap_or_default().iter();
    let known = models.find(|model| is_named(model, name.as_deref()));
    known.map_or_else(|| name.unwrap_or_default(), |model| model.id.to_string())
}

fn options(models: Option<&[Solver]>, name: Option<String>) -> Options {
    let repeated = repeated(models.unwrap_or_default().iter().map(|model| &model.name));
    let described = |model: &Solver| described(model, &called(&model.name, model.experiment.seed, &repeated));
    let best = match models {
        None => "Loading …".into(),
        Some([]) => "None for this size".into(),
        Some(models) => match models.iter().find(|model| model.default) {
            Some(model) => format!("Best: {}", described(model)),
            None => "The server's choice".into(),
        },
    };
    let each = models.unwrap_or_default().iter().map(|model| (model.id.to_string(), described(model)));
    // A link may name one that is not there: then that is what will be asked.
    let known = |name: &String| models.unwrap_or_default().iter().any(|model| is_named(model, Some(name)));
    let other = name.filter(|name| models.is_some() && !known(name)).map(|name| (name.clone(), name));
    std::iter::once((String::new(), best)).chain(other).chain(each).collect()
}

/// A model that is called so, with what is known of it.
fn described(model: &Solver, name: &str) -> String {
    let share = |score: &Option<Score>| score.as_ref().map(|score| score.exact_accuracy);
    let known = known_words(share(&model.evaluation), model.claimed, share(&model.stated));
    let known = known.map(|words| format!(", {words}")).unwrap_or_default();
    format!("{name}{known}, {} weights", format::short_count(model.parameters))
}

#[component]
fn Steps(ask: Ask) -> impl IntoView {
    let fixed = Memo::new(move |_| ask.steps.get().is_some());
    let read = move |event: web_sys::Event| {
        if let Ok(steps @ 1..=1024) = event_target_value(&event).parse() {
            ask.steps.set(Some(steps));
        }
    };
    view! {
        <fieldset class="field">
            <legend>"Steps"</legend>
            <div class="choice">
                <label>
                    <input
                        type="radio"
                        name="steps"
                        prop:checked=move || !fixed.get()
                        on:change=move |_| ask.steps.set(None)
                    />
                    "until it stops by itself"
                </label>
                <label>
                    <input
                        type="radio"
                        name="steps"
                        prop:checked=move || fixed.get()
                        on:change=move |_| ask.steps.set(Some(STEPS))
                    />
                    "exactly"
                </label>
                <input
                    type="number"
                    class="number"
                    aria-label="Number of steps"
                    min="1"
                    max="1024"
                    prop:value=move || ask.steps.get().unwrap_or(STEPS).to_string()
                    disabled=move || !fixed.get()
                    on:input=read
                />
            </div>
        </fieldset>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_model_answers_is_told() {
        assert_eq!(no_model_words(Kind::Arc, 2, &[]), "No stored model answers ARC tasks yet.");
        let words = "No stored model answers mazes of 7 × 7 yet. There are models for mazes of side 9 and 30.";
        assert_eq!(no_model_words(Kind::Maze, 7, &[9, 30]), words);
    }

    #[test]
    fn a_model_that_ships_is_described_by_its_stated_score_until_it_is_measured() {
        let mut json = serde_json::json!({
            "id": "0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77", "name": "sudoku-6x6", "kind": "sudoku", "side": 6,
            "dataset_hash": "", "parameters": 1_200_000, "default": true, "experiment": {"seed": 1}, "evaluation": null,
            "stated": {"exact_accuracy": 0.848, "n": 1000},
        });
        let told = |json: &serde_json::Value| described(&serde_json::from_value(json.clone()).unwrap(), "sudoku-6x6");
        assert_eq!(told(&json), "sudoku-6x6, 84.8 % exact (stated), 1.20 M weights");
        json["evaluation"] = serde_json::json!({"exact_accuracy": 0.9});
        assert_eq!(told(&json), "sudoku-6x6, 90.0 % exact, 1.20 M weights");
    }
}
