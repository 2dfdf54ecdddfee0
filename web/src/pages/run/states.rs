//! A run's stored states: what it goes on from, and what is kept of its way.

use crate::{
    api,
    components::{ago::Ago, problem::Problems},
    format, load,
    session::ForWriters,
};
use hrm_types::{ids::RunId, problem::Problem, run::Run, train_state::TrainState};
use leptos::{prelude::*, task::spawn_local};
use std::time::Duration;

/// Between looks while the run goes on.
const PAUSE: Duration = Duration::from_secs(10);

#[component]
pub(super) fn States(id: RunId, run: RwSignal<Option<Run>>) -> impl IntoView {
    let states = load::poll(move || api::runs::list_states(id), |_| Some(PAUSE));
    // Fetched once more when it ends.
    let ended = Memo::new(move |_| run.with(|run| run.as_ref().is_some_and(|run| run.state.is_final())));
    Effect::new(move |before: Option<bool>| {
        let now = ended.get();
        if before == Some(false) && now {
            states.refresh();
        }
        now
    });
    let refused = RwSignal::new(None::<Problem>);
    let pin = Callback::new(move |(step, pinned): (u64, bool)| {
        spawn_local(async move {
            refused.try_set(api::runs::pin_state(id, step, pinned).await.err().map(|problem| *problem));
            states.refresh();
        });
    });
    let shown =
        Memo::new(move |_| states.value.with(|page| page.as_ref().map(|page| page.items.clone()).unwrap_or_default()));
    view! {
        <Show when=move || shown.with(|shown| !shown.is_empty())>
            <section class="states" aria-label="Stored states">
                <h2>"Stored states"</h2>
                <p class="muted">"What the run goes on from after an interruption. A pinned state is kept, also after the run."</p>
                <Problems of=refused />
                <table class="rows">
                    <thead>
                        <tr>
                            <th scope="col" class="right">"Step"</th>
                            <th scope="col" class="right">"On validation"</th>
                            <th scope="col" class="right">"In training"</th>
                            <th scope="col" class="right">"Size"</th>
                            <th scope="col">"Content"</th>
                            <th scope="col">"Stored"</th>
                            <th scope="col"><span class="hidden">"Pin"</span></th>
                        </tr>
                    </thead>
                    <tbody>{move || shown.get().iter().map(|state| row(state, pin)).collect_view()}</tbody>
                </table>
            </section>
        </Show>
    }
}

fn row(state: &TrainState, pin: Callback<(u64, bool)>) -> impl IntoView + use<> {
    let share = |share: Option<f64>| share.map_or_else(|| "–".into(), format::percent);
    let (step, pinned) = (state.step, state.pinned);
    let damaged = state.damaged.then(|| view! { <span class="badge" data-kind="bad">"damaged"</span> });
    let short = format::short_hash(&state.sha256);
    view! {
        <tr>
            <th scope="row" class="right">{format::count(step)}</th>
            <td data-label="On validation" class="right">{share(state.validation_exact)}</td>
            <td data-label="In training" class="right">{share(state.training_exact)}</td>
            <td data-label="Size" class="right">{format::bytes(state.size)}</td>
            <td data-label="Content"><code title=state.sha256.clone()>{short}</code>{damaged}</td>
            <td data-label="Stored"><Ago at=state.created_at /></td>
            <td class="right">
                <ForWriters>
                    <button type="button" class="quiet" aria-pressed=pinned.to_string() on:click=move |_| pin.run((step, !pinned))>
                        {if pinned { "Unpin" } else { "Pin" }}
                    </button>
                </ForWriters>
            </td>
        </tr>
    }
}
