//! What can be asked of a run or of another job: buttons that stay, with the focus, for as long as they make sense, and ask
//! back where work would be lost.

use super::confirm::Confirm;
use crate::browser;
use hrm_types::{
    job::{Job, JobKind},
    run::{Run, RunState},
};
use leptos::prelude::*;

/// Something that can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    Pause,
    Resume,
    Cancel,
    /// To cancel what is being trained: it loses what it has not stored.
    Stop,
    Retry,
}

impl Wish {
    /// The last part of its address in the API.
    pub(crate) fn asked_at(self) -> &'static str {
        match self {
            Self::Pause => "pause",
            Self::Resume => "resume",
            Self::Cancel | Self::Stop => "cancel",
            Self::Retry => "retry",
        }
    }

    /// What its button says.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Pause => "Pause",
            Self::Resume => "Resume",
            Self::Cancel | Self::Stop => "Cancel",
            Self::Retry => "Retry",
        }
    }
}

/// What can be asked of a run.
pub(crate) fn of_run(run: &Run) -> Vec<Wish> {
    of_state(run.state, run.pause_requested, run.cancel_requested)
}

/// What can be asked of a job. Only runs can be paused, and only they lose work.
pub(crate) fn of_job(job: &Job) -> Vec<Wish> {
    let wishes = of_state(job.state, job.pause_requested, job.cancel_requested);
    if job.kind == JobKind::Training {
        return wishes;
    }
    let of_others = wishes.into_iter().filter_map(|wish| match wish {
        Wish::Cancel | Wish::Stop => Some(Wish::Cancel),
        Wish::Retry => Some(Wish::Retry),
        Wish::Pause | Wish::Resume => None,
    });
    of_others.collect()
}

fn of_state(state: RunState, pausing: bool, cancelling: bool) -> Vec<Wish> {
    let cancel = if state == RunState::Running { Wish::Stop } else { Wish::Cancel };
    match state {
        RunState::Queued | RunState::Running if cancelling => vec![],
        RunState::Queued | RunState::Running if !pausing => vec![Wish::Pause, cancel],
        RunState::Queued | RunState::Running | RunState::Paused => vec![Wish::Resume, cancel],
        RunState::Failed | RunState::Cancelled => vec![Wish::Retry],
        RunState::Succeeded => vec![],
    }
}

/// The buttons of wishes.
#[component]
pub(crate) fn WishButtons(
    wishes: Memo<Vec<Wish>>,
    /// The name of what is asked: other buttons of the page say the same words.
    name: Memo<String>,
    ask: impl Fn(Wish) + Copy + Send + Sync + 'static,
) -> impl IntoView {
    let button = move |wish: Wish| {
        let (words, name) = (wish.words(), name.get());
        let ask = move || ask(wish);
        if wish == Wish::Stop {
            let question = Signal::stored(format!("Cancel the training {name}? What it has not stored is lost."));
            return view! { <Confirm label=words about=name question act=ask keep="Let it run" /> }.into_any();
        }
        let label = format!("{words}: {name}");
        view! { <button type="button" class="quiet" aria-label=label on:click=move |_| ask()>{words}</button> }
            .into_any()
    };
    move || {
        browser::hold_focus();
        wishes.get().into_iter().map(button).collect_view()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_asked_fits_the_state() {
        use Wish::{Cancel, Pause, Resume, Retry, Stop};
        assert_eq!(of_state(RunState::Queued, false, false), [Pause, Cancel]);
        assert_eq!(of_state(RunState::Queued, true, false), [Resume, Cancel]);
        assert_eq!(of_state(RunState::Running, false, false), [Pause, Stop]);
        assert_eq!(of_state(RunState::Running, true, false), [Resume, Stop]);
        assert_eq!(of_state(RunState::Running, true, true), []);
        assert_eq!(of_state(RunState::Paused, false, true), [Resume, Cancel]);
        assert_eq!(of_state(RunState::Failed, false, false), [Retry]);
        assert_eq!(of_state(RunState::Succeeded, false, false), []);
    }
}
