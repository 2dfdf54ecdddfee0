//! Things fetched from the server: loaded once or again and again, and what is known of them meanwhile.

use crate::{
    api::Answer,
    patience::{passes, pause_after},
    timer::Timer,
};
use hrm_types::problem::Problem;
use leptos::{prelude::*, task::spawn_local};
use std::{pin::Pin, time::Duration};

/// How long a poll waits while its tab is hidden.
const HIDDEN_PAUSE: Duration = Duration::from_secs(1);

/// Something fetched. A failed refresh keeps the last good value beside the problem, so that pages do not blink; what may
/// be answered later is asked again by itself.
pub(crate) struct Loaded<T: Send + Sync + 'static> {
    /// The newest value.
    pub(crate) value: RwSignal<Option<T>>,
    /// What the newest attempt failed with.
    pub(crate) problem: RwSignal<Option<Problem>>,
    again: Trigger,
}

impl<T: Send + Sync + 'static> Clone for Loaded<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: Send + Sync + 'static> Copy for Loaded<T> {}

impl<T: Send + Sync + 'static> Loaded<T> {
    /// Fetches again, now.
    pub(crate) fn refresh(self) {
        self.again.notify();
    }

    /// Notes an answer; whether it is a problem after which the same question may be answered later.
    fn take(self, answer: Answer<T>) -> bool {
        match answer {
            Ok(value) => {
                self.problem.try_set(None);
                self.value.try_set(Some(value));
                false
            }
            Err(problem) => {
                let passing = passes(&problem);
                self.problem.try_set(Some(*problem));
                passing
            }
        }
    }
}

/// What a fetch comes back as, whatever future it was: one type for each kind of answer keeps the page small.
type Pending<T> = Pin<Box<dyn Future<Output = Answer<T>>>>;

/// Fetches once, and again whenever a signal read by `fetch` (outside its future) changes.
pub(crate) fn load<T, Fut>(fetch: impl Fn() -> Fut + 'static) -> Loaded<T>
where
    T: Send + Sync + 'static,
    Fut: Future<Output = Answer<T>> + 'static,
{
    start(Box::new(move || Box::pin(fetch())), |_| None)
}

/// Fetches like [`load`], and again after the time that `pause` names for the newest value, while the tab is visible.
pub(crate) fn poll<T, Fut>(fetch: impl Fn() -> Fut + 'static, pause: fn(Option<&T>) -> Option<Duration>) -> Loaded<T>
where
    T: Send + Sync + 'static,
    Fut: Future<Output = Answer<T>> + 'static,
{
    start(Box::new(move || Box::pin(fetch())), pause)
}

fn start<T: Send + Sync + 'static>(
    fetch: Box<dyn Fn() -> Pending<T>>,
    pause: fn(Option<&T>) -> Option<Duration>,
) -> Loaded<T> {
    let loaded = Loaded { value: RwSignal::new(None), problem: RwSignal::new(None), again: Trigger::new() };
    let timer = Timer::new();
    // Only the newest request may answer: an older one may come back later.
    let newest = StoredValue::new(0_u64);
    // In a row, up to now.
    let failures = StoredValue::new(0_u32);
    Effect::new(move |_| {
        loaded.again.track();
        let answer = fetch();
        let Some(number) = newest.try_update_value(|newest| {
            *newest += 1;
            *newest
        }) else {
            return;
        };
        spawn_local(async move {
            let answer = answer.await;
            if newest.try_get_value() != Some(number) {
                return;
            }
            let passing = loaded.take(answer);
            let failed = failures.try_update_value(|failures| {
                *failures = if passing { failures.saturating_add(1) } else { 0 };
                *failures
            });
            let pause = loaded.value.try_with_untracked(|value| pause(value.as_ref())).flatten();
            if let Some(pause) = pause.or_else(|| failed.filter(|_| passing).map(pause_after)) {
                schedule(loaded.again, timer, pause);
            }
        });
    });
    loaded
}

/// Notifies after `pause`, or as soon as the tab is seen again after that.
fn schedule(again: Trigger, timer: Timer, pause: Duration) {
    timer.start(pause, move || {
        if document().hidden() {
            schedule(again, timer, HIDDEN_PAUSE);
        } else {
            again.notify();
        }
    });
}
