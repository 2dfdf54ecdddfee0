//! What the workers of a run or another job say, as they say it.

use crate::{
    api::{self, Answer},
    format, load,
};
use hrm_types::job::{LogLevel, LogLine};
use leptos::{html, prelude::*};
use std::time::Duration;

/// Between looks while the job goes on.
const PAUSE: Duration = Duration::from_secs(2);

/// Lines that are kept on the page.
const KEPT: usize = 500;

/// A log that was read to its end, as that was then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Read {
    /// Whether the job had ended before, so that no more will come.
    whole: bool,
}

impl Read {
    /// How long to wait before the next look.
    fn pause(read: Option<&Self>) -> Option<Duration> {
        read.filter(|read| !read.whole).map(|_| PAUSE)
    }
}

/// The lines of a log, the newest at the end.
#[component]
pub(crate) fn Log(
    /// Whose it is, as the API has it: `/runs/{id}` or `/jobs/{id}`.
    of: String,
    /// Whether that one has ended.
    ended: Memo<bool>,
) -> impl IntoView {
    let lines = RwSignal::new(Vec::<LogLine>::new());
    // Asked for once more after the end, for the last words.
    let read = load::poll(move || read_on(of.clone(), ended.get(), lines), Read::pause);
    let scroller = NodeRef::<html::Div>::new();
    let follow = RwSignal::new(true);
    Effect::new(move |_| {
        lines.track();
        if let Some(scroller) = scroller.get().filter(|_| follow.get()) {
            // After the new lines have been drawn.
            request_animation_frame(move || scroller.set_scroll_top(scroller.scroll_height()));
        }
    });
    let scrolled = move |_| {
        let Some(scroller) = scroller.get_untracked() else { return };
        let below = scroller.scroll_height() - scroller.scroll_top() - scroller.client_height();
        follow.set(below < 24);
    };
    // Whether there is a log of what has ended is known once it was read.
    let silence = move || match (read.value.get(), read.problem.get()) {
        (_, Some(problem)) => format!("It cannot be had now: {}", problem.detail),
        (Some(Read { whole: true }), _) => "No log was kept.".to_owned(),
        _ if ended.get() => String::new(),
        _ => "Nothing was said yet.".to_owned(),
    };
    view! {
        <Show when=move || lines.with(|lines| !lines.is_empty()) fallback=move || view! { <p class="muted">{silence}</p> }>
            <div class="log" role="log" aria-label="Log" tabindex="0" node_ref=scroller on:scroll=scrolled>
                <For each=move || lines.get() key=|line| line.id let:line>
                    {row(&line)}
                </For>
            </div>
        </Show>
    }
}

/// Takes in everything that was said after the last line known, page by page: the last words of what has ended stand on the
/// last.
async fn read_on(of: String, whole: bool, lines: RwSignal<Vec<LogLine>>) -> Answer<Read> {
    loop {
        let after = lines.try_with_untracked(|lines| lines.last().map_or(0, |line| line.id));
        // The page was left.
        let Some(after) = after else { return Ok(Read { whole }) };
        let page = api::runs::list_log(&of, after).await?;
        let more = page.next_cursor.is_some() && !page.items.is_empty();
        lines.try_update(|lines| append(lines, page.items));
        if !more {
            return Ok(Read { whole });
        }
    }
}

fn append(lines: &mut Vec<LogLine>, new: Vec<LogLine>) {
    let last = lines.last().map_or(0, |line| line.id);
    lines.extend(new.into_iter().filter(|line| line.id > last));
    let beyond = lines.len().saturating_sub(KEPT);
    lines.drain(..beyond);
}

fn row(line: &LogLine) -> impl IntoView + use<> {
    let level = match line.level {
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    };
    let at = format::exact(line.created_at, crate::clock::offset_at(line.created_at));
    view! {
        <p data-level=level><time datetime=format::machine(line.created_at)>{at}</time>" "{line.message.clone()}</p>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(ids: std::ops::RangeInclusive<u64>) -> Vec<LogLine> {
        let line = |id| serde_json::json!({"id": id, "attempt": 1, "level": "info", "message": "", "created_at": "2026-01-01T00:00:00Z"});
        ids.map(|id| serde_json::from_value(line(id)).unwrap()).collect()
    }

    #[test]
    fn a_log_is_looked_at_until_it_is_whole() {
        assert_eq!(Read::pause(Some(&Read { whole: false })), Some(PAUSE));
        assert_eq!(Read::pause(Some(&Read { whole: true })), None);
        assert_eq!(Read::pause(None), None, "what failed is tried again after the pauses of all failures");
    }

    #[test]
    fn the_newest_lines_are_kept_each_once() {
        let mut lines = Vec::new();
        append(&mut lines, said(1..=1000));
        append(&mut lines, said(990..=1100));
        let ids: Vec<u64> = lines.iter().map(|line| line.id).collect();
        assert_eq!(ids, (601..=1100).collect::<Vec<_>>());
    }
}
