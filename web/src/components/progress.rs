//! How far a run is.

use crate::format;
use hrm_types::run::{Run, RunState};
use leptos::prelude::*;

/// A bar with the steps done of those planned.
#[component]
pub(crate) fn Progress(run: Run) -> impl IntoView {
    let share = run.total_steps.filter(|&total| total > 0).map(|total| (run.step as f64 / total as f64).min(1.0));
    let steps = match run.total_steps {
        Some(total) => format!("{} of {}", format::count(run.step), format::counted(total, "step")),
        None => format::counted(run.step, "step"),
    };
    let bar = share.map(|share| {
        view! {
            <span
                class="bar"
                role="progressbar"
                aria-label="Steps done"
                aria-valuemin="0"
                aria-valuemax="100"
                aria-valuenow=format!("{:.0}", share * 100.0)
            >
                <i style:width=format!("{:.2}%", share * 100.0)></i>
            </span>
        }
    });
    view! { <span class="progress"><span class="progress-steps">{steps}</span>{bar}</span> }
}

/// What a run does now and how long it will take, in words.
pub(crate) fn standing(run: &Run) -> Option<String> {
    match run.state {
        RunState::Queued => {
            let place = run.queue_position.map(|ahead| match ahead {
                0 => "next in the queue".to_owned(),
                ahead => format!("{} ahead of it", format::counted(ahead.into(), "run")),
            });
            join(place, run.reason.clone())
        }
        RunState::Running if run.cancel_requested => Some("stopping …".into()),
        RunState::Running if run.pause_requested => Some("pausing …".into()),
        RunState::Running => {
            let left = run.eta_seconds.map(|seconds| format!("about {} left", format::duration(seconds)));
            join(run.phase.clone(), left.filter(|_| run.phase.as_deref() == Some("training")))
        }
        RunState::Paused | RunState::Succeeded | RunState::Failed | RunState::Cancelled => {
            telling(run.state, run.reason.as_ref())
        }
    }
}

/// A reason that says more than the state it stands beside.
pub(crate) fn telling(state: RunState, reason: Option<&String>) -> Option<String> {
    reason.filter(|reason| *reason != state.as_str()).cloned()
}

fn join(one: Option<String>, other: Option<String>) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) => Some(format!("{one} · {other}")),
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_that_repeats_the_state_is_left_out() {
        assert_eq!(telling(RunState::Cancelled, Some(&"cancelled".into())), None);
        assert_eq!(telling(RunState::Paused, Some(&"its owner is gone".into())).unwrap(), "its owner is gone");
        assert_eq!(telling(RunState::Failed, None), None);
    }
}
