//! Something that is done later, unless it is put off again.

use leptos::{leptos_dom::helpers::TimeoutHandle, prelude::*};
use std::time::Duration;

/// At most one thing that waits. It is given up with the component that made the timer.
#[derive(Clone, Copy)]
pub(crate) struct Timer(StoredValue<Option<TimeoutHandle>, LocalStorage>);

impl Timer {
    pub(crate) fn new() -> Self {
        let timer = Self(StoredValue::new_local(None));
        on_cleanup(move || timer.stop());
        timer
    }

    /// Does `act` after `pause`, and what waited until now never.
    pub(crate) fn start(self, pause: Duration, act: impl FnOnce() + 'static) {
        self.stop();
        let act = move || {
            self.0.try_set_value(None);
            act();
        };
        // Once its component is gone there is nothing to do it for.
        if self.0.try_with_value(|_| ()).is_some() {
            self.0.set_value(set_timeout_with_handle(act, pause).ok());
        }
    }

    /// Gives up what waits.
    pub(crate) fn stop(self) {
        if let Some(Some(waiting)) = self.0.try_update_value(Option::take) {
            waiting.clear();
        }
    }

    /// Whether something waits.
    pub(crate) fn waits(self) -> bool {
        self.0.try_with_value(Option::is_some) == Some(true)
    }
}
