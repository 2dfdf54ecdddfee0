//! What becomes of a form that is sent: one request at a time, and the words about the newest.

use super::field::Refusal;
use crate::api::Answer;
use leptos::{prelude::*, task::spawn_local};

/// A form's request, and what it came to.
#[derive(Clone, Copy)]
pub(crate) struct Submission {
    busy: RwSignal<bool>,
    /// What the newest one was refused with.
    pub(crate) refusal: Refusal,
    /// What is told of the newest one otherwise.
    pub(crate) said: RwSignal<String>,
}

impl Submission {
    /// Nothing was sent yet.
    pub(crate) fn new() -> Self {
        Self { busy: RwSignal::new(false), refusal: Refusal::new(), said: RwSignal::new(String::new()) }
    }

    /// Whether a request is on its way, reactive.
    pub(crate) fn busy(self) -> bool {
        self.busy.get()
    }

    /// Begins another one, of which nothing is told yet: words that stay the same are not read out again. False while the one
    /// before is on its way, since a form that is sent twice in a moment is meant once.
    pub(crate) fn begin(self) -> bool {
        let free = !self.busy.get_untracked();
        if free {
            self.refusal.clear();
            self.said.set(String::new());
        }
        free
    }

    pub(crate) fn say(self, words: impl Into<String>) {
        self.said.set(words.into());
    }

    /// Sends the request. Its answer goes to `done`, or is shown as the refusal that it is; both only while the form is on
    /// the page, so that what concerns more than the form belongs to the request.
    pub(crate) fn send<T: 'static>(
        self,
        request: impl Future<Output = Answer<T>> + 'static,
        done: impl FnOnce(T) + 'static,
    ) {
        self.busy.set(true);
        spawn_local(async move {
            let answer = request.await;
            self.take(answer, done);
        });
    }

    fn take<T>(self, answer: Answer<T>, done: impl FnOnce(T)) {
        // A signal that is gone gives the value back.
        if self.busy.try_set(false).is_some() {
            return;
        }
        match answer {
            Ok(value) => done(value),
            Err(problem) => {
                self.said.set(String::new());
                self.refusal.set(*problem);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hrm_types::problem::Problem;

    fn refused() -> Answer<()> {
        let (kind, title) = ("about:blank".into(), "Refused".into());
        Err(Box::new(Problem { kind, title, status: 422, detail: "no".into(), field: None, request_id: String::new() }))
    }

    #[test]
    fn a_form_is_sent_once_at_a_time() {
        Owner::new().with(|| {
            let form = Submission::new();
            assert!(form.begin());
            form.busy.set(true);
            assert!(!form.begin(), "sent again while the first is on its way");
            form.take(Ok(()), |()| form.say("Queued."));
            assert_eq!(form.said.get_untracked(), "Queued.");
            assert!(form.begin());
            assert_eq!(form.said.get_untracked(), "", "what is said next is news, also in the same words");
        });
    }

    #[test]
    fn words_and_refusal_do_not_stand_side_by_side() {
        Owner::new().with(|| {
            let form = Submission::new();
            let shown = form.refusal.beside(&[]);
            assert!(form.begin());
            form.say("Generating.");
            form.take(refused(), |()| unreachable!("it was refused"));
            assert!(form.said.with_untracked(String::is_empty) && shown.with_untracked(Option::is_some));
            assert!(form.begin());
            assert!(shown.with_untracked(Option::is_none));
        });
    }

    #[test]
    fn nothing_is_done_for_a_form_that_is_gone() {
        let page = Owner::new();
        let form = page.with(Submission::new);
        page.cleanup();
        form.take(Ok(()), |()| unreachable!("nobody waits for it"));
    }
}
