//! What people say about a run: its name, tags and notes, and who may read it; and the end of it.

use crate::{
    api,
    components::{confirm::Confirm, field::Tick, problem::Problems, submission::Submission, sweep::SweepLine},
    session::{self, ForWriters},
};
use hrm_types::run::{ChangeRun, Run};
use leptos::prelude::*;
use leptos_router::{NavigateOptions, hooks::use_navigate};

#[component]
pub(super) fn About(run: RwSignal<Option<Run>>) -> impl IntoView {
    let open = RwSignal::new(false);
    let navigate = use_navigate();
    // It outlives the form, which may be closed while its request is on its way.
    let gone = Callback::new(move |()| navigate("/runs", NavigateOptions::default()));
    let said =
        Memo::new(move |_| run.with(|run| run.as_ref().map(|run| (run.tags.clone(), run.notes.clone(), run.public))));
    let sweep = Memo::new(move |_| run.with(|run| run.as_ref().and_then(|run| run.sweep_id)));
    // The run's own stream tells what became of it.
    let line = move || sweep.get().map(|id| view! { <SweepLine id changed=Callback::new(|()| ()) /> });
    let words = move || {
        said.get().map(|(tags, notes, public)| {
            let tags = tags.into_iter().map(|tag| {
                let link = format!("/runs?tag={}", crate::browser::query_value(&tag));
                view! { <a class="badge" href=link>{tag}</a> }
            });
            let public = public.then(|| view! { <span class="badge">"public"</span> });
            let notes = (!notes.is_empty()).then(|| view! { <p class="notes">{notes}</p> });
            view! { <span class="tags">{tags.collect_view()}{public}</span>{notes} }
        })
    };
    view! {
        {line}
        <section class="about" aria-label="About">
            {words}
            <ForWriters>
                <button type="button" class="quiet" aria-expanded=move || open.get().to_string() on:click=move |_| open.update(|open| *open = !*open)>
                    "Name, tags and notes"
                </button>
            </ForWriters>
            <Show when=move || open.get()>
                <Form run gone done=move || open.set(false) />
            </Show>
        </section>
    }
}

#[component]
fn Form(
    run: RwSignal<Option<Run>>,
    /// Called when the run is deleted.
    gone: Callback<()>,
    done: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let Some(before) = run.get_untracked() else { return ().into_any() };
    let id = before.id;
    let (name, tags) = (RwSignal::new(before.name.clone()), RwSignal::new(before.tags.join(", ")));
    let (notes, public) = (RwSignal::new(before.notes.clone()), RwSignal::new(before.public));
    let sent = Submission::new();
    let save = move |event: web_sys::SubmitEvent| {
        event.prevent_default();
        if !sent.begin() {
            return;
        }
        let listed = tags.get_untracked();
        let tags = listed.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect();
        let change = ChangeRun {
            name: Some(name.get_untracked().trim().to_owned()),
            tags: Some(tags),
            notes: Some(notes.get_untracked()),
            public: Some(public.get_untracked()),
            priority: None,
        };
        let change = async move {
            run.try_set(Some(api::runs::change_run(id, &change).await?));
            Ok(())
        };
        sent.send(change, move |()| done());
    };
    view! {
        <form class="about-form" on:submit=save>
            <Problems of=sent.refusal.beside(&[]) />
            <div class="field">
                <label for="run-name">"Name"</label>
                <input id="run-name" type="text" maxlength="64" required prop:value=name on:input=move |event| name.set(event_target_value(&event)) />
            </div>
            <div class="field">
                <label for="run-tags">"Tags, separated by commas"</label>
                <input id="run-tags" type="text" prop:value=tags on:input=move |event| tags.set(event_target_value(&event)) />
            </div>
            <div class="field wide">
                <label for="run-notes">"Notes"</label>
                <textarea id="run-notes" rows="4" maxlength="10000" prop:value=notes on:input=move |event| notes.set(event_target_value(&event))></textarea>
            </div>
            <Show when=session::has_accounts>
                <Tick label="Everybody with an account may read it" on=public />
            </Show>
            <div class="page-actions">
                <button type="submit" class="primary" aria-disabled=move || sent.busy().to_string()>"Save"</button>
                <button type="button" on:click=move |_| done()>"Leave as it is"</button>
                <Delete run gone sent />
            </div>
        </form>
    }
    .into_any()
}

/// Deletes the run, once it has ended.
#[component]
fn Delete(run: RwSignal<Option<Run>>, gone: Callback<()>, sent: Submission) -> impl IntoView {
    let ended = Memo::new(move |_| run.with(|run| run.as_ref().is_some_and(|run| run.state.is_final())));
    let question = Signal::derive(move || {
        let name = run.with(|run| run.as_ref().map(|run| run.name.clone()).unwrap_or_default());
        format!("Delete {name} with its models and their scores?")
    });
    let delete = move || {
        let Some(id) = run.with_untracked(|run| run.as_ref().map(|run| run.id)) else { return };
        if !sent.begin() {
            return;
        }
        let delete = async move {
            api::runs::delete_run(id).await?;
            gone.try_run(());
            Ok(())
        };
        sent.send(delete, |()| ());
    };
    view! {
        <Show when=move || ended.get()>
            <Confirm label="Delete" question act=delete />
        </Show>
    }
}
