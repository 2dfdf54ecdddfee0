//! What a run's workers say, as they say it.

use crate::{api, format};
use hrm_types::{
    ids::RunId,
    job::{LogLevel, LogLine},
    run::Run,
};
use leptos::{html, prelude::*, task::spawn_local};
use std::time::Duration;

/// Between looks while the run goes on.
const PAUSE: Duration = Duration::from_secs(2);

/// Lines that are kept on the page.
const KEPT: usize = 500;

#[component]
pub(super) fn Log(id: RunId, run: RwSignal<Option<Run>>) -> impl IntoView {
    let lines = RwSignal::new(Vec::<LogLine>::new());
    let ended = Memo::new(move |_| run.with(|run| run.as_ref().is_none_or(|run| run.state.is_final())));
    let timer = StoredValue::new(None);
    let asked = RwSignal::new(false);
    let look = move || {
        spawn_local(async move {
            if read_on(id, lines).await {
                asked.try_set(true);
            }
        });
    };
    Effect::new(move |_| {
        // Once more after the end, for the last words.
        look();
        if !ended.get() {
            timer.set_value(set_interval_with_handle(look, PAUSE).ok());
        } else if let Some(Some(handle)) = timer.try_update_value(Option::take) {
            handle.clear();
        }
    });
    on_cleanup(move || {
        if let Some(Some(handle)) = timer.try_update_value(Option::take) {
            handle.clear();
        }
    });
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
    // Whether there is a log of an ended run is known once it was asked for.
    let silence = move || match (ended.get(), asked.get()) {
        (false, _) => "Nothing was said yet.",
        (true, true) => "No log was kept.",
        (true, false) => "",
    };
    view! {
        <section class="run-log" aria-label="Log">
            <h2>"Log"</h2>
            <Show when=move || lines.with(|lines| !lines.is_empty()) fallback=move || view! { <p class="muted">{silence}</p> }>
                <div class="log" role="log" aria-label="Log" tabindex="0" node_ref=scroller on:scroll=scrolled>
                    <For each=move || lines.get() key=|line| line.id let:line>
                        {row(&line)}
                    </For>
                </div>
            </Show>
        </section>
    }
}

/// Takes in everything that was said after the last line known, page by page: an ended run's last words stand on the last.
/// Whether the server answered to the end.
async fn read_on(id: RunId, lines: RwSignal<Vec<LogLine>>) -> bool {
    loop {
        let after = lines.try_with_untracked(|lines| lines.last().map_or(0, |line| line.id));
        let Some(after) = after else { return false };
        // A log that cannot be had now is looked for again soon.
        let Ok(page) = api::runs::list_log(id, after).await else { return false };
        let more = page.next_cursor.is_some() && !page.items.is_empty();
        lines.try_update(|lines| append(lines, page.items));
        if !more {
            return true;
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
    fn the_newest_lines_are_kept_each_once() {
        let mut lines = Vec::new();
        append(&mut lines, said(1..=1000));
        append(&mut lines, said(990..=1100));
        let ids: Vec<u64> = lines.iter().map(|line| line.id).collect();
        assert_eq!(ids, (601..=1100).collect::<Vec<_>>());
    }
}
