//! Runs beyond the newest page, which are fetched on request and not again.

use crate::{
    api::{self, runs::RunFilter},
    components::problem::Problems,
    paging::{MoreButton, Requests, append},
    place::Place,
};
use hrm_types::{Page, problem::Problem, run::Run};
use leptos::{prelude::*, task::spawn_local};

/// A page with what it was asked for.
pub(super) type Newest = (RunFilter, Page<Run>);

/// Where the list goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Next {
    /// No older page was fetched yet: where the newest ends.
    AfterNewest,
    Cursor(String),
    /// The oldest run is shown.
    Nothing,
}

/// The runs below the newest page, newest first.
#[derive(Clone, Copy)]
pub(super) struct Older {
    runs: RwSignal<Vec<Run>>,
    /// What comes after them.
    next: RwSignal<Next>,
    requests: Requests,
    problem: RwSignal<Option<Problem>>,
}

impl Older {
    /// Keeps to the newest page: what newer runs push off it stays in the list, and another filter begins another list.
    pub(super) fn below(newest: RwSignal<Option<Newest>>) -> Self {
        let older = Self {
            runs: RwSignal::new(Vec::new()),
            next: RwSignal::new(Next::AfterNewest),
            requests: Requests::new(),
            problem: RwSignal::new(None),
        };
        Effect::new(move |before: Option<Option<Newest>>| {
            let now = newest.get();
            if let (Some(before), Some(now)) = (before.flatten(), &now) {
                older.follow(&before, now);
            }
            now
        });
        older
    }

    fn follow(self, before: &Newest, now: &Newest) {
        if before.0 != now.0 {
            return self.forget();
        }
        if self.next.with_untracked(|next| *next == Next::AfterNewest) {
            return;
        }
        match pushed_off(&before.1.items, &now.1) {
            // Between the two pages stand runs that were never fetched.
            None => self.forget(),
            Some(pushed) if pushed.is_empty() => {}
            Some(mut all) => self.runs.update(|runs| {
                append(&mut all, std::mem::take(runs), same);
                *runs = all;
            }),
        }
    }

    /// Begins again below the newest page.
    fn forget(self) {
        self.requests.forget();
        self.runs.set(Vec::new());
        self.next.set(Next::AfterNewest);
        self.problem.set(None);
    }

    /// The newest page and then the older runs, each run once.
    pub(super) fn after(self, newest: &Page<Run>) -> Vec<Run> {
        let mut all = newest.items.clone();
        self.runs.with(|older| append(&mut all, older.clone(), same));
        all
    }

    fn fetch(self, filter: RunFilter, cursor: String) {
        let Some(number) = self.requests.further() else { return };
        spawn_local(async move {
            let answer = api::runs::list_runs(&filter, Some(&cursor)).await;
            if !self.requests.answered(number) {
                return;
            }
            match answer {
                Ok(page) => {
                    self.problem.try_set(None);
                    self.next.try_set(page.next_cursor.map_or(Next::Nothing, Next::Cursor));
                    self.runs.try_update(|runs| append(runs, page.items, same));
                }
                Err(problem) => drop(self.problem.try_set(Some(*problem))),
            }
        });
    }
}

fn same(a: &Run, b: &Run) -> bool {
    a.id == b.id
}

/// Runs that stood on the newest page and stand below it now, since ids grow with time; absent where nothing of what was
/// there is left on it, so that there may be others in between. What went away otherwise was deleted, or is no longer like what
/// is asked for.
fn pushed_off(before: &[Run], now: &Page<Run>) -> Option<Vec<Run>> {
    let (Some(last), Some(_)) = (now.items.last(), &now.next_cursor) else { return Some(Vec::new()) };
    let overlap = before.first().is_none_or(|newest| newest.id >= last.id);
    overlap.then(|| before.iter().filter(|run| run.id < last.id).cloned().collect())
}

/// The button that fetches what comes after. Who comes back to a list of `rows` finds it as long as it was.
#[component]
pub(super) fn More(
    filter: Memo<RunFilter>,
    newest: RwSignal<Option<Newest>>,
    older: Older,
    rows: Signal<usize>,
) -> impl IntoView {
    let next = Memo::new(move |_| {
        newest.with(|newest| {
            // A page of another filter, which is still shown while the next comes, says nothing about this one.
            let (_, page) = newest.as_ref().filter(|(of, _)| filter.with(|filter| filter == of))?;
            match older.next.get() {
                Next::Cursor(cursor) => Some(cursor),
                Next::Nothing => None,
                Next::AfterNewest => page.next_cursor.clone(),
            }
        })
    });
    let press = move || {
        if let Some(cursor) = next.get_untracked() {
            older.fetch(filter.get_untracked(), cursor);
        }
    };
    let place = Place::keep(move || rows.try_get_untracked().unwrap_or_default());
    Effect::new(move |_| {
        // Nothing before the newest page is there.
        let rows = Some(rows.get()).filter(|rows| *rows > 0)?;
        match next.get().filter(|_| place.asks_for_more_than(rows) && older.problem.with(Option::is_none)) {
            Some(cursor) => older.fetch(filter.get_untracked(), cursor),
            None => place.arrive(),
        }
        Some(())
    });
    view! {
        <Problems of=older.problem />
        <Show when=move || next.with(Option::is_some)>
            <MoreButton requests=older.requests label="Older runs" press />
        </Show>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(number: u8) -> Run {
        let json = serde_json::json!({
            "id": format!("0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e{number:02}"), "name": "run", "owner": "local", "priority": 0,
            "state": "running", "experiment": {"name": "run", "data": {"source": "stored", "dataset": "set"}},
            "config_hash": "", "attempt": 1, "deaths": 0, "step": 0, "cancel_requested": false,
            "pause_requested": false, "created_at": "2026-01-01T00:00:00Z",
        });
        serde_json::from_value(json).unwrap()
    }

    fn runs<const N: usize>(numbers: [u8; N]) -> Vec<Run> {
        numbers.map(run).into()
    }

    fn page<const N: usize>(numbers: [u8; N], next: Option<&str>) -> Page<Run> {
        Page { items: runs(numbers), next_cursor: next.map(str::to_owned) }
    }

    #[test]
    fn what_newer_runs_push_off_the_newest_page_is_kept() {
        let before = runs([30, 29, 28]);
        assert_eq!(pushed_off(&before, &page([31, 30, 29], Some("29"))), Some(runs([28])));
        assert_eq!(pushed_off(&before, &page([30, 28, 27], Some("27"))), Some(Vec::new()), "29 was deleted");
        assert_eq!(pushed_off(&before, &page([30], None)), Some(Vec::new()), "there are no others");
        assert_eq!(pushed_off(&before, &page([35, 34, 33], Some("33"))), None, "31 and 32 are not known");
    }

    #[test]
    fn the_list_goes_on_without_a_gap_and_each_run_once() {
        Owner::new().with(|| {
            let older = Older {
                runs: RwSignal::new(runs([28, 27, 26])),
                next: RwSignal::new(Next::Cursor("26".into())),
                requests: Requests::new(),
                problem: RwSignal::new(None),
            };
            let filter = RunFilter::default();
            let before = (filter.clone(), page([30, 29, 28], Some("28")));
            let now = (filter.clone(), page([32, 31, 30], Some("30")));
            older.follow(&before, &now);
            assert_eq!(older.after(&now.1), runs([32, 31, 30, 29, 28, 27, 26]));
            let other = (RunFilter { state: Some("failed".into()), ..filter }, page([9], None));
            older.follow(&now, &other);
            assert_eq!(older.after(&other.1), runs([9]));
        });
    }
}
