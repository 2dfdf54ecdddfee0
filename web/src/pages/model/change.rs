//! What a model is called, and who may read it.

use crate::{
    api,
    components::rename::{Rename, Saving},
    load::Loaded,
};
use hrm_types::model::{ChangeModel, Model};
use leptos::prelude::*;

/// The form that changes both.
#[component]
pub(super) fn Change(model: Loaded<Model>) -> impl IntoView {
    let known = move || model.value.with(|model| model.as_ref().map(|model| (model.name.clone(), model.public)));
    let save = move |(name, public): (String, bool)| -> Saving {
        let id = model.value.with_untracked(|model| model.as_ref().map(|model| model.id));
        Box::pin(async move {
            if let Some(id) = id {
                let wanted = ChangeModel { name: Some(name), public: Some(public) };
                model.value.try_set(Some(api::models::change_model(id, &wanted).await?));
            }
            Ok(())
        })
    };
    let readers = "Everybody with an account may solve with it and download it";
    view! { <Rename id="model-name" known=Signal::derive(known) readers save=Callback::new(save) /> }
}
