//! What a dataset is called, and who may read it.

use crate::{
    api,
    components::rename::{Rename, Saving},
    load::Loaded,
};
use hrm_types::dataset::{ChangeDataset, Dataset};
use leptos::prelude::*;

/// The form that changes both.
#[component]
pub(super) fn Change(dataset: Loaded<Dataset>) -> impl IntoView {
    let known =
        move || dataset.value.with(|dataset| dataset.as_ref().map(|dataset| (dataset.name.clone(), dataset.public)));
    let save = move |(name, public): (String, bool)| -> Saving {
        let id = dataset.value.with_untracked(|dataset| dataset.as_ref().map(|dataset| dataset.id));
        Box::pin(async move {
            if let Some(id) = id {
                let wanted = ChangeDataset { name: Some(name), public: Some(public) };
                dataset.value.try_set(Some(api::data::change_dataset(id, &wanted).await?));
            }
            Ok(())
        })
    };
    let readers = "Everybody with an account may read it, train on it and evaluate with it";
    view! { <Rename id="dataset-name" known=Signal::derive(known) readers save=Callback::new(save) /> }
}
