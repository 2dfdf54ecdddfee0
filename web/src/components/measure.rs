//! The scores of one model that were asked for, and the form that asks for another.

mod asked;
mod form;

use crate::{load::Loaded, session};
use asked::{Asked, List};
use form::Form;
use hrm_types::{account::Scope, ids::CheckpointId, model::Model};
use leptos::prelude::*;

/// The evaluations of a model and the form; the model is fetched again when one of them ends.
#[component]
pub(crate) fn Measure(
    id: CheckpointId,
    model: Loaded<Model>,
    /// The dataset that is offered first, if it fits.
    #[prop(optional_no_strip)]
    dataset: Option<String>,
) -> impl IntoView {
    let asked = Asked::of(id);
    let known = Memo::new(move |_| model.value.with(Option::is_some));
    view! {
        <List asked model />
        <Show when=move || known.get() && session::may(Scope::Write)>
            {model.value.get_untracked().map(|model| view! { <Form model asked dataset=dataset.clone() /> })}
        </Show>
    }
}
