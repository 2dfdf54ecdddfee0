//! Another run for the comparison, chosen from the newest ones.

use crate::{
    api::{self, runs::RunFilter},
    components::claimed::exact_words,
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
                .collect::<Vec<_>>()
        })
    });
    let choose = move |event: web_sys::Event| {
        if let Ok(id) = event_target_value(&event).parse() {
            add.run(id);
        }
    };
    let options = move || {
        let option = |(id, words): (String, String)| view! { <option value=id>{words}</option> };
        others.get().into_iter().map(option).collect_view()
    };
    view! {
        <Show when=move || others.with(|others| !others.is_empty())>
            <label class="add-run">
                <span class="hidden">"Add a run to the comparison"</span>
                <select on:change=choose>
                    <option value="">"Add a run …"</option>
                    {options}
                </select>
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
