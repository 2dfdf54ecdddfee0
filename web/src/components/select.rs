//! A drop-down that always shows the value that stands, whoever changed it: what somebody chooses is shown once it is taken.

use leptos::prelude::*;
use wasm_bindgen::JsCast;
use web_sys::HtmlSelectElement;

/// Value and label of each choice.
pub(crate) type Options = Vec<(String, String)>;

/// The drop-down.
#[component]
pub(crate) fn Select(
    /// The element's id, unique on the page.
    #[prop(optional, into)]
    id: Option<String>,
    /// Its name in a form.
    #[prop(optional, into)]
    name: Option<String>,
    /// What it is called, where no label stands beside it.
    #[prop(optional, into)]
    label: Option<String>,
    /// The id of what explains it.
    #[prop(optional, into)]
    described_by: Option<String>,
    #[prop(optional, into)] disabled: Signal<bool>,
    #[prop(into)] options: Signal<Options>,
    /// The value that stands.
    #[prop(into)]
    value: Signal<String>,
    /// Gets what is chosen, and changes the value or does not.
    #[prop(into)]
    choose: Callback<String>,
) -> impl IntoView {
    // What is read below depends on nothing but these two. An effect that reads a memo, and then what that memo is made of, is
    // not run again where the one stays and the other changes.
    let (options, value) = (Memo::new(move |_| options.get()), Memo::new(move |_| value.get()));
    let shown = move || {
        let options = options.get();
        let chosen = value.with(|value| standing(&options, value).to_owned());
        // The property, not the attribute: once somebody has chosen, a browser heeds the attribute no more.
        let option = |(value, label): (String, String)| {
            let selected = value == chosen;
            view! { <option value=value prop:selected=selected>{label}</option> }
        };
        options.into_iter().map(option).collect_view()
    };
    let change = move |event: web_sys::Event| {
        choose.run(event_target_value(&event));
        // Where that changed nothing, or changes it later, nothing else brings the box back.
        let field = event.target().and_then(|target| target.dyn_into::<HtmlSelectElement>().ok());
        let stands = options.try_with_untracked(|options| {
            value.try_with_untracked(|value| standing(options, value).to_owned()).unwrap_or_default()
        });
        if let (Some(field), Some(stands)) = (field, stands) {
            field.set_value(&stands);
        }
    };
    view! {
        <select id=id name=name aria-label=label aria-describedby=described_by disabled=move || disabled.get() on:change=change>
            {shown}
        </select>
    }
}

/// What a choice shows, and so what is meant by it: the chosen value, or the first where the options have changed and that
/// one is not among them.
pub(crate) fn standing<'a>(options: &'a [(String, String)], chosen: &'a str) -> &'a str {
    let is_offered = options.iter().any(|(value, _)| value == chosen);
    options.first().filter(|_| !is_offered).map_or(chosen, |(first, _)| first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_offered_is_not_chosen() {
        let options = ["test", "train"].map(|split| (split.to_owned(), format!("{split} (5)")));
        assert_eq!(standing(&options, "train"), "train");
        assert_eq!(standing(&options, "validation"), "test", "the first stands for what another dataset has");
        assert_eq!(standing(&options, ""), "test");
        assert_eq!(standing(&[], "validation"), "validation", "the options may be on their way");
        let best = (String::new(), "the best stored one".to_owned());
        assert_eq!(standing(&[best], "8d6c"), "");
    }
}
