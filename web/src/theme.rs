//! Light, dark, or as the system has it; `assets/theme.js` applies the choice before the first paint.

use crate::browser;
use leptos::prelude::*;

/// Where the choice is kept in the browser.
const KEY: &str = "theme";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Theme {
    System,
    Light,
    Dark,
}

impl Theme {
    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    fn next(self) -> Self {
        match self {
            Self::System => Self::Light,
            Self::Light => Self::Dark,
            Self::Dark => Self::System,
        }
    }

    fn stored() -> Self {
        match browser::remembered(KEY).as_deref() {
            Some("light") => Self::Light,
            Some("dark") => Self::Dark,
            _ => Self::System,
        }
    }

    /// Shows it, and remembers it for the next visit.
    fn apply(self) {
        let Some(root) = document().document_element() else { return };
        let _ = root.set_attribute("data-theme", self.name());
        browser::remember(KEY, self.name());
    }
}

/// A button that goes through the themes.
#[component]
pub(crate) fn ThemeToggle() -> impl IntoView {
    let theme = RwSignal::new(Theme::stored());
    let change = move |_| {
        theme.update(|theme| *theme = theme.next());
        theme.get_untracked().apply();
    };
    let label = move || format!("Theme: {}", theme.get().name());
    view! {
        <button type="button" class="quiet theme" aria-label=label title=label on:click=change>
            <svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">
                <circle cx="9" cy="9" r="6.25" class="theme-ring" />
                <path class="theme-half" data-theme=move || theme.get().name() d="M9 2.75a6.25 6.25 0 0 1 0 12.5z" />
                <circle cx="9" cy="9" r="6.25" class="theme-full" data-theme=move || theme.get().name() />
            </svg>
        </button>
    }
}
