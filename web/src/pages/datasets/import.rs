//! The form that takes puzzles from a file, or has the server fetch one.

use crate::{
    api::{self, Answer, data::About},
    components::{
        field::{ChoiceField, Refusal, TextField, number},
        file::{FileField, Sending, SendingProgress},
        problem::Problems,
    },
    pages::dataset::count_words,
    working_team::ForTeam,
};
use hrm_types::dataset::Dataset;
use leptos::{prelude::*, task::spawn_local};

/// The fields that say at themselves what is wrong with them, as the API calls them.
const FIELDS: [&str; 7] = ["file", "url", "name", "kind", "test_rows", "validation_rows", "license"];

/// What stands in the form, the file aside.
#[derive(Clone, Copy)]
struct Texts {
    url: RwSignal<String>,
    name: RwSignal<String>,
    kind: RwSignal<String>,
    test_rows: RwSignal<String>,
    validation_rows: RwSignal<String>,
    license: RwSignal<String>,
}

impl Texts {
    fn new() -> Self {
        let text = |text: &str| RwSignal::new(text.to_owned());
        Self {
            url: text(""),
            name: text(""),
            kind: text("sudoku"),
            test_rows: text(""),
            validation_rows: text(""),
            license: text(""),
        }
    }

    fn about(self) -> Result<About, (&'static str, String)> {
        let rows = |text: RwSignal<String>, field: &'static str| {
            text.with_untracked(|text| number::<u32>(text)).map_err(|problem| (field, problem))
        };
        Ok(About {
            name: self.name.with_untracked(|name| name.trim().to_owned()),
            kind: self.kind.with_untracked(|kind| kind.parse().unwrap_or_default()),
            test_rows: rows(self.test_rows, "test_rows")?,
            validation_rows: rows(self.validation_rows, "validation_rows")?,
            license: self.license.with_untracked(|license| license.trim().to_owned()),
        })
    }
}

/// The form; calls `stored` once the dataset is.
#[component]
pub(super) fn Import(stored: impl Fn() + Copy + 'static) -> impl IntoView {
    let (texts, sending, refusal) = (Texts::new(), Sending::new(), Refusal::new());
    let said = RwSignal::new(None::<Dataset>);
    let fetching = RwSignal::new(false);
    let done = move |answer: Answer<Dataset>| match answer {
        Ok(dataset) => {
            stored();
            said.set(Some(dataset));
        }
        Err(problem) => refusal.set(*problem),
    };
    let submit = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        refusal.clear();
        said.set(None);
        if sending.busy() || fetching.get_untracked() {
            return;
        }
        let about = match texts.about() {
            Ok(about) => about,
            Err((field, problem)) => return refusal.at(field, problem),
        };
        let url = texts.url.with_untracked(|url| url.trim().to_owned());
        if !url.is_empty() {
            fetching.set(true);
            spawn_local(async move {
                let answer = api::data::import_dataset(about, url).await;
                if fetching.try_set(false).is_none() {
                    done(answer);
                }
            });
            return;
        }
        match sending.file() {
            Ok(file) => sending.send(&about.upload_path(), &file, "text/csv", done),
            Err(problem) => refusal.at("file", problem),
        }
    };
    // The file's name is a good first name for its puzzles.
    let chosen = move || {
        refusal.clear();
        sending.suggest(texts.name);
    };
    let kinds = [("sudoku", "Sudoku"), ("maze", "Mazes")];
    let kinds = kinds.map(|(value, label)| (value.to_owned(), label.to_owned())).to_vec();
    let outcome = move || {
        said.get().map(|dataset| {
            let counts = count_words(&dataset);
            view! { "Stored "<a href=format!("/datasets/{}", dataset.id)>{dataset.name}</a>": "{counts}"." }
        })
    };
    view! {
        <form class="generate" on:submit=submit>
            <h2>"Import puzzles"</h2>
            <p class="muted">
                "CSV with the columns "<code>"source,question,answer,rating"</code>", plain or gzipped. Every puzzle is checked. ARC archives are taken by "<code>"hrm data import arc"</code>"."
            </p>
            <FileField id="import-file" label="File" accept=".csv,.gz" sending wrong=refusal.of("file") hint="at most 256 MiB, 400,000 lines" chosen />
            <TextField id="import-url" label="Or an address to fetch it from" value=texts.url wrong=refusal.of("url") placeholder="https://" />
            <TextField id="import-name" label="Name" value=texts.name wrong=refusal.of("name") />
            <ChoiceField id="import-kind" label="Kind" value=texts.kind options=Signal::stored(kinds) wrong=refusal.of("kind") />
            <div class="group-fields">
                <TextField id="import-test" label="Test rows" value=texts.test_rows number=true wrong=refusal.of("test_rows") placeholder="a tenth" />
                <TextField id="import-validation" label="Validation rows" value=texts.validation_rows number=true wrong=refusal.of("validation_rows") placeholder="none" />
            </div>
            <TextField id="import-license" label="Licence" value=texts.license wrong=refusal.of("license") placeholder="as its publisher states" />
            <Problems of=refusal.beside(&FIELDS) />
            <ForTeam />
            <button type="submit" class="primary" aria-disabled=move || (sending.busy() || fetching.get()).to_string()>"Import"</button>
            <Show when=move || fetching.get()>
                <p class="hint" role="status">"The server fetches it …"</p>
            </Show>
            <SendingProgress sending />
            <p class="hint" role="status">{outcome}</p>
        </form>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_read_or_refused_at_its_field() {
        Owner::new().with(|| {
            let texts = Texts::new();
            texts.name.set(" mine ".into());
            texts.test_rows.set("20".into());
            let about = texts.about().unwrap();
            assert_eq!((about.name.as_str(), about.test_rows, about.validation_rows), ("mine", Some(20), None));
            texts.validation_rows.set("some".into());
            let refused = ("validation_rows", "expected a whole number, found \"some\"".to_owned());
            assert_eq!(texts.about(), Err(refused));
        });
    }
}
