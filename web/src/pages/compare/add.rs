//! Another run for the comparison, chosen from the newest ones.

use crate::{
    api::{self, runs::RunFilter},
    components::{
        claimed::exact_words,
        select::{Options, Select},
    },
    load,
};
use hrm_types::{ids::RunId, run::Run};
use leptos::prelude::*;

/// The choice; `add` gets the run that was chosen. Nothing where there is no other run.
#[component]
pub(super) fn AddRun(ids: Memo<Vec<RunId>>, add: Callback<RunId>) -> impl IntoView {
    let runs = load::load(|| async { api::runs::list_runs(&RunFilter::default(), None).await });
    let others = Memo::new(move |_| {
        let shown = ids.get();
        runs.value.with(|page| {
            let all = page.iter().flat_map(|page| &page.items);
            all.filter(|run| !shown.contains(&run.id))
                .map(|run| (run.id.to_string(), described(run)))
                .collect::<Options>()
        })
    });
    let choose = move |id: String| {
        if let Ok(id) = id.parse() {
            add.run(id);
        }
    };
    let options = Signal::derive(move || {
        std::iter::once((String::new(), "Add a run …".to_owned())).chain(others.get()).collect::<Options>()
    });
    view! {
        <Show when=move || others.with(|others| !others.is_empty())>
            <label class="add-run">
                <span class="hidden">"Add a run to the comparison"</span>
                <Select options value=Signal::stored(String::new()) choose />
            </label>
        </Show>
    }
}

/// What a run is told from others by.
fn described(run: &Run) -> String {
    let score = run.evaluation.as_ref().map(|score| format!(", {}", exact_words(score.exact_accuracy, run.claimed)));
    let standing = score.unwrap_or_else(|| format!(", {}", run.state.as_str()));
    format!("{}, seed {}{standing}", run.name, run.experiment.seed)
}
