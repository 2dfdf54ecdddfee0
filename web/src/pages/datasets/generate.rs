//! The form that generates a dataset.

use super::generations::Generations;
use crate::{
    api::{self, Made},
    components::{
        field::{ChoiceField, TextField, number, of_givens},
        problem::Problems,
        submission::Submission,
    },
    format,
    working_team::ForTeam,
};
use hrm_types::{
    board::Kind,
    dataset::CreateDataset,
    experiment::{GenerateSpec, MazeStyle},
    job::LOCAL,
};
use leptos::prelude::*;

/// The fields that say at themselves what is wrong with them, as the API calls them.
const FIELDS: [&str; 9] = [
    "name",
    "generate.side",
    "generate.seed",
    "generate.train",
    "generate.validation",
    "generate.test",
    "generate.givens",
    MOST_GIVENS,
    "generate.min_path",
];

/// The second field of `generate.givens`.
const MOST_GIVENS: &str = "generate.givens.1";

/// Fewest and most givens that make sense for a side.
fn usual_givens(side: &str) -> [&'static str; 2] {
    match side {
        "4" => ["6", "9"],
        "9" => ["26", "36"],
        _ => ["12", "18"],
    }
}

/// The texts of the fields.
#[derive(Clone, Copy)]
struct Texts {
    name: RwSignal<String>,
    kind: RwSignal<String>,
    side: RwSignal<String>,
    train: RwSignal<String>,
    validation: RwSignal<String>,
    test: RwSignal<String>,
    low: RwSignal<String>,
    high: RwSignal<String>,
    style: RwSignal<String>,
    min_path: RwSignal<String>,
    seed: RwSignal<String>,
}

impl Texts {
    fn new() -> Self {
        let text = |text: &str| RwSignal::new(text.to_owned());
        Self {
            name: text("sudoku-6x6"),
            kind: text("sudoku"),
            side: text("6"),
            train: text("2000"),
            validation: text("0"),
            test: text("500"),
            low: text("12"),
            high: text("18"),
            style: text("hard"),
            min_path: text(""),
            seed: text("1"),
        }
    }

    fn kind(self) -> Kind {
        self.kind.with(|kind| kind.parse().unwrap_or_default())
    }

    /// Sizes that make sense for a kind just chosen, and a name that says what it is unless somebody chose one.
    fn suggest(self) {
        let (side, train, test) = match untrack(move || self.kind()) {
            Kind::Sudoku => ("6", "2000", "500"),
            Kind::Maze => ("9", "1000", "200"),
            Kind::Arc => ("10", "200", "50"),
        };
        self.side.set(side.into());
        self.train.set(train.into());
        self.test.set(test.into());
        let kinds = ["sudoku-", "maze-", "arc-"];
        if self.name.with_untracked(|name| name.is_empty() || kinds.iter().any(|kind| name.starts_with(kind))) {
            self.name.set(format!("{}-{side}x{side}", self.kind.get_untracked()));
        }
    }

    /// Givens and a name for a side just chosen, unless somebody chose others.
    fn suggest_for_side(self, before: &str) {
        let side = self.side.get_untracked();
        let side = side.trim();
        let ([low, high], [was_low, was_high]) = (usual_givens(side), usual_givens(before));
        if self.low.with_untracked(|text| text == was_low) && self.high.with_untracked(|text| text == was_high) {
            self.low.set(low.into());
            self.high.set(high.into());
        }
        let named = |side: &str| format!("{}-{side}x{side}", self.kind.get_untracked());
        if self.name.with_untracked(|name| *name == named(before)) {
            self.name.set(named(side));
        }
    }

    /// The request, or which field is wrong and how.
    fn request(self) -> Result<CreateDataset, (String, String)> {
        let kind = untrack(move || self.kind());
        let generate = GenerateSpec {
            kind,
            side: required(self.side, "generate.side")?,
            train: required(self.train, "generate.train")?,
            test: required(self.test, "generate.test")?,
            validation: whole(self.validation, "generate.validation")?.unwrap_or(0),
            givens: match kind {
                Kind::Sudoku => Some([required(self.low, "generate.givens")?, required(self.high, MOST_GIVENS)?]),
                Kind::Maze | Kind::Arc => None,
            },
            maze: (kind == Kind::Maze).then(|| match self.style.get_untracked().as_str() {
                "perfect" => MazeStyle::Perfect,
                _ => MazeStyle::Hard,
            }),
            min_path: if kind == Kind::Maze { whole(self.min_path, "generate.min_path")? } else { None },
            seed: required(self.seed, "generate.seed")?,
        };
        generate.validate().map_err(|error| {
            let problem = if error.field == "data.givens" { of_givens(&error.problem) } else { error.problem };
            (error.field.replacen("data.", "generate.", 1), problem)
        })?;
        let name = self.name.get_untracked().trim().to_owned();
        Ok(CreateDataset { name, generate, owner: LOCAL.into(), priority: 0 })
    }
}

fn whole<T: std::str::FromStr>(text: RwSignal<String>, field: &str) -> Result<Option<T>, (String, String)> {
    text.with_untracked(|text| number(text)).map_err(|problem| (field.to_owned(), problem))
}

fn required<T: std::str::FromStr>(text: RwSignal<String>, field: &str) -> Result<T, (String, String)> {
    whole(text, field)?.ok_or_else(|| (field.to_owned(), "expected a whole number, found nothing".to_owned()))
}

/// A form; calls `stored` once the dataset is, or shows its job among `generations`.
#[component]
pub(super) fn Generate(stored: impl Fn() + Copy + 'static, generations: Generations) -> impl IntoView {
    let (texts, sent) = (Texts::new(), Submission::new());
    let refusal = sent.refusal;
    Effect::new(move |before: Option<Kind>| {
        let kind = texts.kind();
        if before.is_some_and(|before| before != kind) {
            texts.suggest();
        }
        kind
    });
    // A field that is empty is on the way to another side.
    Effect::new(move |before: Option<String>| {
        let side = texts.side.with(|side| side.trim().to_owned());
        match before {
            Some(before) if side.parse::<u8>().is_err() => before,
            Some(before) => {
                texts.suggest_for_side(&before);
                side
            }
            None => side,
        }
    });
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if !sent.begin() {
            return;
        }
        let request = match texts.request() {
            Ok(request) => request,
            Err((field, problem)) => return refusal.at(&field, problem),
        };
        sent.say("Generating. Puzzles with few givens take a while.");
        sent.send(async move { api::data::create_dataset(&request).await }, move |made| match made {
            Made::Now(dataset) => {
                stored();
                let train = format::counted(dataset.train_count.into(), "puzzle");
                let test = format::count(dataset.test_count.into());
                sent.say(format!("Stored {}: {train} and {test} to test.", dataset.name));
            }
            Made::Queued(job) => {
                generations.look();
                sent.say(format!("{} takes a while: a worker does it.", job.name));
            }
        });
    };
    let kinds = [("sudoku", "Sudoku"), ("maze", "Mazes"), ("arc", "ARC-like tasks")];
    let styles = [("hard", "scattered walls"), ("perfect", "one way only")];
    let options = |pairs: &[(&str, &str)]| {
        Signal::stored(
            pairs.iter().map(|(value, label)| ((*value).to_owned(), (*label).to_owned())).collect::<Vec<_>>(),
        )
    };
    let is = move |kind: Kind| texts.kind() == kind;
    view! {
        <form class="generate" on:submit=submit>
            <h2>"Generate a dataset"</h2>
            <p class="muted">"The same settings always give the same puzzles, and every Sudoku has exactly one solution."</p>
            <div class="group-fields">
                <TextField id="generate-name" label="Name" value=texts.name wrong=refusal.of("name") />
                <ChoiceField id="generate-kind" label="Kind" value=texts.kind options=options(&kinds) />
                <TextField id="generate-side" label="Side" value=texts.side number=true wrong=refusal.of("generate.side") />
                <TextField id="generate-seed" label="Seed" value=texts.seed number=true wrong=refusal.of("generate.seed") />
                <TextField id="generate-train" label="To train on" value=texts.train number=true wrong=refusal.of("generate.train") />
                <TextField id="generate-test" label="To test" value=texts.test number=true wrong=refusal.of("generate.test") />
                <TextField id="generate-validation" label="To validate" value=texts.validation number=true wrong=refusal.of("generate.validation") />
                <Show when=move || is(Kind::Sudoku)>
                    <TextField id="generate-low" label="Fewest givens" value=texts.low number=true wrong=refusal.of("generate.givens") />
                    <TextField id="generate-high" label="Most givens" value=texts.high number=true wrong=refusal.of(MOST_GIVENS) />
                </Show>
                <Show when=move || is(Kind::Maze)>
                    <ChoiceField id="generate-style" label="Walls" value=texts.style options=options(&styles) />
                    <TextField id="generate-path" label="Moves at least" value=texts.min_path number=true wrong=refusal.of("generate.min_path") placeholder="by size" />
                </Show>
            </div>
            <Problems of=refusal.beside(&FIELDS) />
            <ForTeam />
            <button type="submit" class="primary" aria-disabled=move || sent.busy().to_string()>
                {move || if sent.busy() { "Generating …" } else { "Generate" }}
            </button>
            <p class="hint" role="status">{sent.said}</p>
        </form>
    }
}
