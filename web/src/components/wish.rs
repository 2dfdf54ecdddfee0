//! What can be asked of a run or of another job: a button, which asks back where work would be lost.

use super::confirm::Confirm;
use leptos::prelude::*;

/// A wish as the API names it, and in words.
pub(crate) type Wish = (&'static str, &'static str);

/// The button of a wish.
#[component]
pub(crate) fn WishButton(
    wish: Wish,
    /// The name of what is asked: other buttons of the page say the same words.
    name: String,
    /// Whether it is training, so that who cancels it loses work.
    trains: bool,
    ask: impl Fn() + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let (wish, words) = wish;
    if wish == "cancel" && trains {
        let question = Signal::stored(format!("Cancel the training {name}? What it has not stored is lost."));
        return view! { <Confirm label=words about=name question act=ask keep="Let it run" /> }.into_any();
    }
    let label = format!("{words}: {name}");
    view! { <button type="button" class="quiet" aria-label=label on:click=move |_| ask()>{words}</button> }.into_any()
}
