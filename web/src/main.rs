//! The page: what one sees of the lab in a browser. It speaks only the public API.

#![expect(unreachable_pub, reason = "the component macro writes its properties' types as public")]
#![expect(clippy::needless_pass_by_value, reason = "a component owns its properties")]

mod api;
mod app;
mod browser;
mod chart;
mod clock;
mod components;
mod format;
mod grid;
mod listing;
mod live;
mod load;
mod pages;
mod paging;
mod parts;
mod patience;
mod place;
mod query;
mod session;
mod theme;
mod timer;
mod working_team;

fn main() {
    if let Some(shell) = leptos::prelude::document().get_element_by_id("shell") {
        shell.remove();
    }
    leptos::mount::mount_to_body(app::App);
}
