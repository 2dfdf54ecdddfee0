//! What a puzzle comes in by: keys, the clipboard, and files that are dropped or chosen.

use super::{ask::Ask, keys};
use crate::browser;
use hrm_types::board::Kind;
use leptos::{ev::KeyboardEvent, prelude::*, task::spawn_local};
use wasm_bindgen::JsCast;
use web_sys::{ClipboardEvent, DragEvent, FileList, HtmlElement, HtmlInputElement};

/// A text that was pasted, dropped or read from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) text: String,
    /// The file's name.
    pub(crate) file: Option<String>,
}

/// Keys, the clipboard and what is dropped work wherever the focus and the pointer are, except where they mean something
/// else.
pub(crate) fn listen(ask: Ask, on_key: Callback<KeyboardEvent>, on_given: Callback<Given>) {
    let keys = window_event_listener(leptos::ev::keydown, move |event| on_key.run(event));
    let pasted = window_event_listener(leptos::ev::paste, move |event| {
        let Some(event) = event.dyn_ref::<ClipboardEvent>() else { return };
        if keys::in_field(event.target()) {
            return;
        }
        event.prevent_default();
        let Some(data) = event.clipboard_data() else { return };
        // Tables are copied as a text and as a picture of it: the text is what they are.
        let text = data.get_data("text").unwrap_or_default();
        if text.is_empty() && data.files().is_some_and(|files| files.length() > 0) {
            read(ask, data.files(), on_given);
        } else {
            on_given.run(Given { text, file: None });
        }
    });
    let dragged = move |is_it: bool| {
        if ask.dragged.try_get_untracked() == Some(!is_it) {
            ask.dragged.set(is_it);
        }
    };
    let over = window_event_listener(leptos::ev::dragover, move |event| {
        let takes = !keys::in_field(event.target());
        if takes {
            event.prevent_default();
        }
        dragged(takes);
    });
    let left = window_event_listener(leptos::ev::dragleave, move |event| {
        // From one element to the next it has not left the page.
        if event.related_target().is_none() {
            dragged(false);
        }
    });
    let given_up = window_event_listener(leptos::ev::dragend, move |_| dragged(false));
    let dropped = window_event_listener(leptos::ev::drop, move |event| {
        dragged(false);
        take_dropped(ask, &event, on_given);
    });
    let listening = [keys, pasted, over, left, given_up, dropped];
    on_cleanup(move || listening.into_iter().for_each(WindowListenerHandle::remove));
}

/// While something is dragged over the page: that it may be dropped there, and what can be read.
#[component]
pub(crate) fn DropHint(ask: Ask) -> impl IntoView {
    let read = match ask.kind {
        Kind::Sudoku => "A Sudoku or a list of them: text, or a file such as .sdk, .sdm, .ss, .txt or .csv",
        Kind::Maze => "A maze as text: # is a wall, S the start, G the goal",
        Kind::Arc => "An ARC task as JSON: a file, or its text",
    };
    view! {
        <Show when=move || ask.dragged.get()>
            <div class="drop-hint">
                <p><b>"Drop it anywhere"</b>{read}</p>
            </div>
        </Show>
    }
}

fn take_dropped(ask: Ask, event: &DragEvent, on_given: Callback<Given>) {
    let Some(data) = event.data_transfer() else { return };
    if keys::in_field(event.target()) {
        return;
    }
    event.prevent_default();
    if data.files().is_some_and(|files| files.length() > 0) {
        read(ask, data.files(), on_given);
    } else {
        on_given.run(Given { text: data.get_data("text").unwrap_or_default(), file: None });
    }
}

/// Reads the first of some files.
fn read(ask: Ask, files: Option<FileList>, on_given: Callback<Given>) {
    let Some(file) = files.and_then(|files| files.get(0)) else { return };
    spawn_local(async move {
        let (name, text) = (file.name(), browser::text_of(&file).await);
        // The page may be gone.
        if ask.said.try_get_untracked().is_none() {
            return;
        }
        match text {
            Some(text) => on_given.run(Given { text, file: Some(name) }),
            None => ask.say_bad(format!("{name} cannot be read.")),
        }
    });
}

/// A button that opens a file.
#[component]
pub(crate) fn OpenFile(
    ask: Ask,
    /// Endings of files that make sense, such as `.json`.
    accept: &'static str,
    on_given: Callback<Given>,
) -> impl IntoView {
    const FIELD: &str = "puzzle-file";
    let open = |_| {
        let input = document().get_element_by_id(FIELD);
        if let Some(input) = input.and_then(|input| input.dyn_into::<HtmlElement>().ok()) {
            input.click();
        }
    };
    let chosen = move |event: web_sys::Event| {
        let input = event.target().and_then(|target| target.dyn_into::<HtmlInputElement>().ok());
        read(ask, input.as_ref().and_then(HtmlInputElement::files), on_given);
        // The same file can be chosen again.
        if let Some(input) = input {
            input.set_value("");
        }
    };
    view! {
        <button type="button" class="quiet" title="Open a file" on:click=open>"Open"<span class="hidden">" a file"</span></button>
        <input id=FIELD type="file" hidden accept=accept on:change=chosen />
    }
}
