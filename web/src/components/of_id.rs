//! The page of one thing, whose id stands in the address.

use super::page::Page;
use leptos::prelude::*;
use leptos_router::hooks::use_params_map;
use std::str::FromStr;

/// The page that `show` makes of the id in the address, or one that says that it holds none. `all` is where all such things
/// are listed, which is also what they are called: `runs`.
pub(crate) fn of_id<Id>(noun: &'static str, all: &'static str, show: fn(Id) -> AnyView) -> impl IntoView
where
    Id: FromStr + PartialEq + Copy + Send + Sync + 'static,
{
    let params = use_params_map();
    let id = Memo::new(move |_| params.with(|params| params.get("id").and_then(|id| id.parse::<Id>().ok())));
    move || id.get().map_or_else(|| missing(noun, all), show)
}

fn missing(noun: &'static str, all: &'static str) -> AnyView {
    view! {
        <Page title=format!("No such {noun}") lead=format!("This address holds no {noun}'s id.")>
            <p><a href=format!("/{all}")>{format!("All {all}")}</a></p>
        </Page>
    }
    .into_any()
}
