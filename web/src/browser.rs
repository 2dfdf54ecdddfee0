//! The browser's own things: addresses, clipboard, preferences.

use leptos::prelude::*;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

/// Where the page comes from: `http://127.0.0.1:8080`.
pub(crate) fn origin() -> String {
    window().location().origin().unwrap_or_default()
}

/// Shows another address for what the page shows now, without loading anything or a step in the history.
pub(crate) fn replace_address(address: &str) {
    if let Ok(history) = window().history() {
        // A refusal (too many changes in a short time) leaves the old address, which still works.
        let _ = history.replace_state_with_url(&JsValue::NULL, "", Some(address));
    }
}

/// Where one signs in, to come back to the address that is shown now: also to what stands behind its `#`, which may be all of
/// a puzzle.
fn sign_in_address() -> String {
    let location = window().location();
    let part = |part: Result<String, JsValue>| part.unwrap_or_default();
    let here = part(location.pathname()) + &part(location.search()) + &part(location.hash());
    format!("/login?next={}", query_value(&here))
}

/// Goes where one signs in, and from there back to the address that is shown now.
pub(crate) fn sign_in() {
    // Fails for no address of this server.
    let _ = window().location().assign(&sign_in_address());
}

/// The same in another tab.
pub(crate) fn sign_in_beside() {
    // A browser that opens no tab leaves the other way.
    let _ = window().open_with_url_and_target(&sign_in_address(), "_blank");
}

/// Loads the page again.
pub(crate) fn reload() {
    // Fails for no page of this server.
    let _ = window().location().reload();
}

/// `text` as a value in a query string.
pub(crate) fn query_value(text: &str) -> String {
    js_sys::encode_uri_component(text).into()
}

/// Puts `text` on the clipboard; false where the browser refuses, as it does on plain http beyond this machine.
pub(crate) async fn copy(text: &str) -> bool {
    let navigator = window().navigator();
    match js_sys::Reflect::get(&navigator, &JsValue::from_str("clipboard")) {
        Ok(clipboard) if clipboard.is_object() => JsFuture::from(navigator.clipboard().write_text(text)).await.is_ok(),
        _ => false,
    }
}

/// The text on the clipboard; nothing where the browser does not tell it.
pub(crate) async fn pasted() -> Option<String> {
    let navigator = window().navigator();
    let clipboard = js_sys::Reflect::get(&navigator, &JsValue::from_str("clipboard")).ok()?;
    // Some browsers let pages write alone.
    let reads = clipboard.is_object() && js_sys::Reflect::has(&clipboard, &JsValue::from_str("readText")).ok()?;
    if !reads {
        return None;
    }
    JsFuture::from(navigator.clipboard().read_text()).await.ok()?.as_string()
}

/// Whether the person asked for little motion.
pub(crate) fn prefers_reduced_motion() -> bool {
    matches("(prefers-reduced-motion: reduce)")
}

/// Whether the window is too narrow for two columns, as the style sheets have it.
pub(crate) fn is_narrow() -> bool {
    matches("(max-width: 60rem)")
}

fn matches(query: &str) -> bool {
    window().match_media(query).ok().flatten().is_some_and(|query| query.matches())
}

/// Scrolls so that an element stands at the lower edge of the window, and what is above it is seen.
pub(crate) fn show_above(css: &str) {
    if let Ok(Some(element)) = document().query_selector(css) {
        let options = web_sys::ScrollIntoViewOptions::new();
        options.set_block(web_sys::ScrollLogicalPosition::End);
        element.scroll_into_view_with_scroll_into_view_options(&options);
    }
}

/// A random index below `length`, which must not be 0.
pub(crate) fn random_index(length: usize) -> usize {
    ((js_sys::Math::random() * length as f64) as usize).min(length - 1)
}

/// The focus moves to the element with this id, if it exists.
pub(crate) fn focus(id: &str) {
    focus_on(document().get_element_by_id(id));
}

/// The focus moves to the page's heading.
pub(crate) fn focus_heading() {
    focus_on(document().query_selector("main h1").ok().flatten());
}

/// The focus moves to the link of the page that leads there, if there is one.
pub(crate) fn focus_link(address: &str) {
    focus_on(document().query_selector(&format!("main a[href=\"{address}\"]")).ok().flatten());
}

/// Keeps the focus through a change of the page that is made at once: an element that changes its place loses it. Where the
/// element goes, its row gets it, or the next one, or the heading of their section or of the page.
pub(crate) fn hold_focus() {
    let Some(held) = document().active_element() else { return };
    let heirs = heirs(&held);
    queue_microtask(move || {
        let is_lost = document().active_element().as_ref() == document().body().as_deref();
        if is_lost {
            let left = heirs.iter().filter(|(row, _)| row.is_connected());
            let heir = || left.clone().find_map(|(row, css)| row.query_selector(css).ok().flatten());
            focus_on(Some(held).filter(|held| held.is_connected()).or_else(heir));
        }
    });
}

/// Where the focus of `held` may go, and what there takes it, the nearest first.
fn heirs(held: &web_sys::Element) -> Vec<(web_sys::Element, &'static str)> {
    let around = |css: &str| held.closest(css).ok().flatten();
    let row = around("tr, li");
    let beside =
        row.iter().flat_map(|row| [Some(row.clone()), row.next_element_sibling(), row.previous_element_sibling()]);
    let rows = beside.flatten().map(|row| (row, "a, button"));
    let section = around("section").map(|section| (section, "h2[tabindex]"));
    rows.chain(section).chain(around(".page").map(|page| (page, "h1[tabindex]"))).collect()
}

fn focus_on(element: Option<web_sys::Element>) {
    if let Some(element) = element.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok()) {
        // Fails for nothing that has an id here.
        let _ = element.focus();
    }
}

/// What is kept for as long as this tab is open.
pub(crate) fn kept(key: &str) -> Option<String> {
    read(window().session_storage(), key)
}

/// Keeps `text` for as long as this tab is open; false where the browser does not let it, and then nothing is kept.
pub(crate) fn keep(key: &str, text: &str) -> bool {
    write(window().session_storage(), key, text)
}

/// What is remembered from visit to visit.
pub(crate) fn remembered(key: &str) -> Option<String> {
    read(window().local_storage(), key)
}

/// Remembers `text` for the next visit, where the browser lets it.
pub(crate) fn remember(key: &str, text: &str) {
    // What cannot be remembered is asked again.
    write(window().local_storage(), key, text);
}

/// A store of texts, which the browser may refuse.
type Store = Result<Option<web_sys::Storage>, JsValue>;

fn read(store: Store, key: &str) -> Option<String> {
    store.ok().flatten()?.get_item(key).ok().flatten()
}

/// Whether it was written. What stood there before must not come back in place of what a full store refuses.
fn write(store: Store, key: &str, text: &str) -> bool {
    let Ok(Some(store)) = store else { return false };
    if !text.is_empty() && store.set_item(key, text).is_ok() {
        return true;
    }
    store.remove_item(key).is_ok() && text.is_empty()
}

/// The text of a file; none where it cannot be read.
pub(crate) async fn text_of(file: &web_sys::File) -> Option<String> {
    JsFuture::from(file.text()).await.ok()?.as_string()
}
