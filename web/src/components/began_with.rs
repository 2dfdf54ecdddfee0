//! The model whose weights a training began with.

use crate::{api, format, load};
use leptos::prelude::*;

/// Its name as a link, as long as it is stored here; else the start of its file's hash.
#[component]
pub(crate) fn BeganWith(sha256: String) -> impl IntoView {
    let wanted = sha256.clone();
    let found = load::load(move || {
        let wanted = wanted.clone();
        async move { api::models::with_file(&wanted).await }
    });
    let short = format::short_hash(&sha256);
    let name = move || {
        found.value.with(|page| match page.as_ref().and_then(|page| page.items.first()) {
            Some(model) => view! { <a href=format!("/models/{}", model.id)>{model.name.clone()}</a>" " }.into_any(),
            None => ().into_any(),
        })
    };
    view! { {name}<code title=sha256>{short}</code> }
}
