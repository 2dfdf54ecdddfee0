//! The frame of a page: its title in the tab and as its heading, which takes the focus after a change of page.

use leptos::{html, prelude::*};

/// Whether some page was shown before: the first one leaves the focus where the browser put it.
#[derive(Clone, Copy)]
struct Visited(RwSignal<bool>);

/// Remembers visits; called once, at the root.
pub(crate) fn start() {
    provide_context(Visited(RwSignal::new(false)));
}

/// A page with a heading.
#[component]
pub(crate) fn Page(
    /// The heading, and the tab's title.
    #[prop(into)]
    title: Signal<String>,
    /// A sentence below the heading.
    #[prop(optional, into)]
    lead: Option<String>,
    /// Buttons and links beside the heading.
    #[prop(optional, into)]
    actions: ViewFn,
    children: Children,
) -> impl IntoView {
    let heading = NodeRef::<html::H1>::new();
    let visited = expect_context::<Visited>().0;
    Effect::new(move |_| document().set_title(&format!("{} · HRM Lab", title.get())));
    Effect::new(move |_| {
        let Some(heading) = heading.get() else { return };
        if visited.get_untracked() {
            // A heading with a tabindex always takes it.
            let _ = heading.focus();
        }
        visited.set(true);
    });
    view! {
        <div class="page">
            <header class="page-head">
                <div>
                    <h1 tabindex="-1" node_ref=heading>{title}</h1>
                    {lead.map(|lead| view! { <p class="lead">{lead}</p> })}
                </div>
                <div class="page-actions">{actions.run()}</div>
            </header>
            {children()}
        </div>
    }
}
