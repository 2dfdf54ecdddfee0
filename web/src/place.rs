//! Where one is in a long list: how many of its rows are loaded, how far down one has scrolled, and which link one left by.
//! Each entry of the browser's history keeps the place of its list, so that Back, and loading the page again, lead to where
//! one was.

use crate::{browser, timer::Timer};
use leptos::{ev, prelude::*};
use leptos_router::hooks::use_location;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use wasm_bindgen::{JsCast, JsValue};

/// How long nothing is scrolled before the place is kept: browsers refuse to be told many times a second.
const CALM: Duration = Duration::from_millis(150);

/// A place, as an entry of the history keeps it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Kept {
    /// The page whose list it is: while another page is being shown, the entry of the one before is the current one still.
    path: String,
    rows: usize,
    scrolled: f64,
    /// Where the link leads that was followed last; it gets the focus again.
    link: Option<String>,
}

impl Kept {
    /// What an entry keeps of the list of that page.
    fn read(text: &str, path: &str) -> Option<Self> {
        serde_json::from_str(text).ok().filter(|kept: &Self| kept.path == path)
    }
}

/// The place of one list.
#[derive(Clone, Copy)]
pub(crate) struct Place {
    /// Where one comes back to; nothing once one is there.
    wanted: StoredValue<Option<Kept>>,
    /// How far down it stood when it was last seen: the next page is in its place before this one is told to go.
    scrolled: StoredValue<f64>,
    /// Where the link leads that was followed last.
    link: StoredValue<Option<String>>,
}

impl Place {
    /// Keeps the place of the list on this page, of which `rows` are shown.
    pub(crate) fn keep(rows: impl Fn() -> usize + Send + Sync + 'static) -> Self {
        let path = use_location().pathname.get_untracked();
        let place = Self::new(kept().and_then(|text| Kept::read(&text, &path)));
        let Self { wanted, scrolled, link } = place;
        let rows = StoredValue::new(rows);
        let note = move || {
            let is_there = wanted.try_with_value(Option::is_none) == Some(true);
            if is_there && window().location().pathname().is_ok_and(|here| here == path) {
                write(&Kept {
                    link: link.try_get_value().flatten(),
                    path: path.clone(),
                    rows: rows.try_with_value(|rows| rows()).unwrap_or_default(),
                    scrolled: scrolled.try_get_value().unwrap_or_default(),
                });
            }
        };
        let timer = Timer::new();
        let later = note.clone();
        let clicks = window_event_listener(ev::click, move |event| {
            link.set_value(followed(&event));
            // Browsers tell of scrolling with the next frame, which may come after the click that leads away.
            scrolled.set_value(window().scroll_y().unwrap_or_default());
        });
        let scrolls = window_event_listener(ev::scroll, move |_| {
            scrolled.set_value(window().scroll_y().unwrap_or_default());
            timer.start(CALM, later.clone());
        });
        on_cleanup(move || {
            clicks.remove();
            scrolls.remove();
            note();
        });
        place
    }

    fn new(wanted: Option<Kept>) -> Self {
        Self { wanted: StoredValue::new(wanted), scrolled: StoredValue::new(0.0), link: StoredValue::new(None) }
    }

    /// Whether rows beyond these are still to be loaded before one is where one was.
    pub(crate) fn asks_for_more_than(self, rows: usize) -> bool {
        self.wanted.try_with_value(|wanted| wanted.as_ref().is_some_and(|wanted| wanted.rows > rows)) == Some(true)
    }

    /// Goes to where one was, as soon as the rows that are there are drawn; nothing the next time.
    pub(crate) fn arrive(self) {
        if let Some(Some(wanted)) = self.wanted.try_update_value(Option::take) {
            // What is kept before the browser tells of the scrolling below must not be where it stood while rows came.
            self.scrolled.set_value(wanted.scrolled);
            self.link.set_value(wanted.link.clone());
            request_animation_frame(move || {
                if let Some(link) = wanted.link {
                    browser::focus_link(&link);
                }
                window().scroll_to_with_x_and_y(0.0, wanted.scrolled);
            });
        }
    }
}

/// Where the link leads that was clicked, or pressed with a key.
fn followed(event: &web_sys::MouseEvent) -> Option<String> {
    let target = event.target()?.dyn_into::<web_sys::Element>().ok()?;
    target.closest("main a[href]").ok().flatten()?.get_attribute("href")
}

/// What the current entry keeps, if it is a text.
fn kept() -> Option<String> {
    window().history().ok()?.state().ok()?.as_string()
}

fn write(kept: &Kept) {
    if let (Ok(history), Ok(text)) = (window().history(), serde_json::to_string(kept)) {
        // A refusal costs the way back into the list.
        let _ = history.replace_state(&JsValue::from_str(&text), "");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_keeps_the_place_of_its_own_list() {
        let kept = Kept { path: "/runs".into(), rows: 300, scrolled: 1_234.5, link: Some("/runs/1".into()) };
        let text = serde_json::to_string(&kept).unwrap();
        assert_eq!(Kept::read(&text, "/runs"), Some(kept));
        assert_eq!(Kept::read(&text, "/models"), None, "the entry that is being left");
        assert_eq!(Kept::read("forward", "/runs"), None, "what others keep there");
    }

    #[test]
    fn one_is_there_once_the_rows_are() {
        Owner::new().with(|| {
            let kept = Kept { path: "/runs".into(), rows: 300, scrolled: 0.0, link: None };
            let place = Place::new(Some(kept));
            assert!(place.asks_for_more_than(200) && !place.asks_for_more_than(300));
            assert!(!Place::new(None).asks_for_more_than(0));
        });
    }
}
