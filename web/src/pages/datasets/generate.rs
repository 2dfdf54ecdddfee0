//! The form that generates a dataset.

use crate::{api, components::problem::ProblemNotice, format};
use hrm_types::{dataset::CreateDataset, experiment::GenerateSpec, job::LOCAL, problem::Problem};
use leptos::{prelude::*, task::spawn_local};

/// The texts of the fields.
#[derive(Debug, Clone, PartialEq)]
struct Texts {
    name: String,
    side: String,
    train: String,
    test: String,
    low: String,
    high: String,
    seed: String,
}

impl Texts {
    fn new() -> Self {
        let text = str::to_owned;
        Self {
            name: text("sudoku-6x6"),
            side: text("6"),
            train: text("2000"),
            test: text("500"),
            low: text("12"),
            high: text("18"),
            seed: text("1"),
        }
    }

    /// The request, or which field is wrong and how.
    fn request(&self) -> Result<CreateDataset, (&'static str, String)> {
        let whole = |text: &str, field: &'static str| {
            text.trim().parse::<u64>().map_err(|_| (field, format!("expected a whole number, found {text:?}")))
        };
        let count = |text: &str, field| {
            whole(text, field).and_then(|n| u32::try_from(n).map_err(|_| (field, format!("{n} is too many"))))
        };
        let small = |text: &str, field| {
            whole(text, field).and_then(|n| u8::try_from(n).map_err(|_| (field, format!("{n} is too many"))))
        };
        let generate = GenerateSpec::sudoku(
            small(&self.side, "side")?,
            count(&self.train, "train")?,
            count(&self.test, "test")?,
            [small(&self.low, "givens")?, small(&self.high, "givens")?],
            whole(&self.seed, "seed")?,
        );
        generate.validate().map_err(|error| (error.field.trim_start_matches("data."), error.problem))?;
        Ok(CreateDataset { name: self.name.trim().into(), generate, owner: LOCAL.into(), priority: 0 })
    }
}

/// A form; calls `stored` once the dataset is.
#[component]
pub(super) fn Generate(stored: impl Fn() + Copy + 'static) -> impl IntoView {
    let texts = RwSignal::new(Texts::new());
    let wrong = RwSignal::new(None::<(String, String)>);
    let problem = RwSignal::new(None::<Problem>);
    let busy = RwSignal::new(false);
    let said = RwSignal::new(String::new());
    let field = move |name: &'static str, label: &'static str, of: fn(&mut Texts) -> &mut String| {
        let error = Memo::new(move |_| wrong.get().filter(|(field, _)| field == name).map(|(_, problem)| problem));
        view! {
            <div class="field" class:invalid=move || error.get().is_some()>
                <label for=format!("generate-{name}-{label}")>{label}</label>
                <input
                    id=format!("generate-{name}-{label}")
                    type="text"
                    autocomplete="off"
                    spellcheck="false"
                    prop:value=move || texts.with(|texts| of(&mut texts.clone()).clone())
                    on:input=move |event| {
                        wrong.set(None);
                        texts.update(|texts| *of(texts) = event_target_value(&event));
                    }
                />
                <p class="hint">{move || error.get()}</p>
            </div>
        }
    };
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        let request = match texts.with_untracked(Texts::request) {
            Ok(request) => request,
            Err((field, problem)) => return wrong.set(Some((field.into(), problem))),
        };
        busy.set(true);
        problem.set(None);
        said.set("Generating. Puzzles with few givens take a while.".into());
        spawn_local(async move {
            let answer = api::data::create_dataset(&request).await;
            busy.try_set(false);
            said.try_set(match &answer {
                Ok(dataset) => format!(
                    "Stored {}: {} and {} to test.",
                    dataset.name,
                    format::counted(dataset.train_count.into(), "puzzle"),
                    format::count(dataset.test_count.into())
                ),
                Err(_) => String::new(),
            });
            match answer {
                Ok(_) => stored(),
                Err(refusal) => match refusal.field.as_deref().map(|field| field.trim_start_matches("generate.")) {
                    Some(field) => drop(wrong.try_set(Some((field.into(), refusal.detail.clone())))),
                    None => drop(problem.try_set(Some(*refusal))),
                },
            }
        });
    };
    view! {
        <form class="generate" on:submit=submit>
            <h2>"Generate a dataset"</h2>
            <p class="muted">"Every puzzle has exactly one solution, and the same settings always give the same puzzles."</p>
            {field("name", "Name", |texts| &mut texts.name)}
            <div class="group-fields">
                {field("side", "Side", |texts| &mut texts.side)}
                {field("seed", "Seed", |texts| &mut texts.seed)}
                {field("train", "Training puzzles", |texts| &mut texts.train)}
                {field("test", "Test puzzles", |texts| &mut texts.test)}
                {field("givens", "Fewest givens", |texts| &mut texts.low)}
                {field("givens", "Most givens", |texts| &mut texts.high)}
            </div>
            {move || problem.get().map(|problem| view! { <ProblemNotice problem /> })}
            <button type="submit" class="primary" disabled=move || busy.get()>
                {move || if busy.get() { "Generating …" } else { "Generate" }}
            </button>
            <p class="hint" role="status">{said}</p>
        </form>
    }
}
