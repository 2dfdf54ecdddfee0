//! How wide an element is, as it changes.

use leptos::{html, prelude::*};
use wasm_bindgen::{JsCast, closure::Closure};

/// The width of `element` in pixels; 0 until it is laid out.
pub(crate) fn width(element: NodeRef<html::Div>) -> Signal<f64> {
    // Whole pixels, and only changes: a scroll bar must not make charts redraw for ever.
    let whole = RwSignal::new(0_u32);
    Effect::new(move |_| {
        let Some(element) = element.get() else { return };
        let watched = element.clone();
        let measure = Closure::<dyn FnMut()>::new(move || {
            let now = watched.get_bounding_client_rect().width() as u32;
            whole.maybe_update(|width| std::mem::replace(width, now) != now);
        });
        if let Ok(observer) = web_sys::ResizeObserver::new(measure.as_ref().unchecked_ref()) {
            observer.observe(&element);
            let kept = StoredValue::new_local((observer, measure));
            on_cleanup(move || {
                kept.try_with_value(|(observer, _)| observer.disconnect());
            });
        }
    });
    Signal::derive(move || f64::from(whole.get()))
}
