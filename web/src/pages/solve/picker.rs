//! Any puzzle of any dataset, by its place in a split, or one at random.

use super::ask::Ask;
use crate::{
    api::{self, solving::PuzzleSet},
    browser,
    components::{
        problem::Problems,
        select::{Options, Select},
    },
    load,
};
use hrm_types::dataset::{Split, StoredPuzzle};
use leptos::{prelude::*, task::spawn_local};

const SPLITS: [Split; 3] = [Split::Test, Split::Validation, Split::Train];

/// A random puzzle of the test split of a dataset with this side, and where it is from; absent if none is stored.
pub(crate) async fn stored(ask: Ask, side: u8) -> Option<(StoredPuzzle, String)> {
    // Whoever leaves meanwhile takes what is read here with him.
    let (kind, trained_on) = (ask.kind, untrack(|| ask.fitting_models()).unwrap_or_default());
    let datasets = api::solving::list_puzzle_sets().await.ok()?.items;
    let fits = |dataset: &&PuzzleSet| dataset.kind == kind && dataset.side == side && dataset.test_count > 0;
    let of_a_model = |dataset: &&PuzzleSet| trained_on.iter().any(|model| model.dataset_hash == dataset.content_hash);
    let dataset = datasets.iter().filter(fits).find(of_a_model).or_else(|| datasets.iter().find(fits))?;
    let at = browser::random_index(dataset.test_count as usize);
    let puzzle = api::data::get_puzzle(dataset.id, Split::Test, at as u32).await.ok().flatten()?;
    Some((puzzle, format!("An example of {}, which no model was trained on there.", dataset.name)))
}

/// A choice of puzzles, folded up until somebody looks.
#[component]
pub(crate) fn Picker(ask: Ask, on_pick: Callback<StoredPuzzle>) -> impl IntoView {
    let opened = RwSignal::new(false);
    view! {
        <details class="examples" on:toggle=move |_| opened.set(true)>
            <summary>"Puzzles of a dataset"</summary>
            <Show when=move || opened.get()>
                <Choice ask on_pick />
            </Show>
        </details>
    }
}

fn count(dataset: &PuzzleSet, split: Split) -> u32 {
    match split {
        Split::Train => dataset.train_count,
        Split::Validation => dataset.validation_count,
        Split::Test => dataset.test_count,
    }
}

#[component]
fn Choice(ask: Ask, on_pick: Callback<StoredPuzzle>) -> impl IntoView {
    let datasets = load::load(api::solving::list_puzzle_sets);
    let (chosen, split, number) = (RwSignal::new(0_usize), RwSignal::new(Split::Test), RwSignal::new(1_u32));
    let of_kind = Memo::new(move |_| {
        let fits = |dataset: &&PuzzleSet| dataset.kind == ask.kind;
        datasets
            .value
            .with(|page| page.as_ref().map(|page| page.items.iter().filter(fits).cloned().collect::<Vec<_>>()))
    });
    let most = Memo::new(move |_| {
        of_kind.with(|all| all.as_ref()?.get(chosen.get()).map(|one| count(one, split.get()))).unwrap_or(0)
    });
    let open = move |number: u32| {
        let id = of_kind.with_untracked(|all| all.as_ref()?.get(chosen.get_untracked()).map(|dataset| dataset.id));
        let (Some(id), split) = (id, split.get_untracked()) else { return };
        spawn_local(async move {
            match api::data::get_puzzle(id, split, number - 1).await {
                Ok(Some(puzzle)) => drop(on_pick.try_run(puzzle)),
                Ok(None) => {}
                Err(problem) => _ = ask.problem.try_set(Some(*problem)),
            }
        });
    };
    let sets = Signal::derive(move || {
        let words = |dataset: &PuzzleSet| format!("{}, {1} × {1}", dataset.name, dataset.side);
        let option = |(i, dataset): (usize, &PuzzleSet)| (i.to_string(), words(dataset));
        of_kind.with(|all| all.iter().flatten().enumerate().map(option).collect::<Options>())
    });
    let set = Signal::derive(move || chosen.get().to_string());
    let splits = SPLITS.map(|split| (split.as_str().to_owned(), split.as_str().to_owned())).to_vec();
    let of_split = Signal::derive(move || split.get().as_str().to_owned());
    let pick_split = move |named: String| {
        split.set(SPLITS.into_iter().find(|split| split.as_str() == named).unwrap_or(Split::Test));
    };
    let any = move |_| {
        number.set(browser::random_index(most.get_untracked() as usize) as u32 + 1);
        open(number.get_untracked());
    };
    let none = move || {
        let none = of_kind.with(|all| all.as_ref().is_some_and(Vec::is_empty));
        none.then(|| view! {
            <p class="note">{format!("No {} dataset is stored. ", ask.kind)} <a href="/datasets">"Make one"</a> "."</p>
        })
    };
    view! {
        <Problems of=datasets.problem />
        <form
            class="picker"
            on:submit=move |event| {
                event.prevent_default();
                open(number.get_untracked().clamp(1, most.get_untracked().max(1)));
            }
        >
            <label>
                <span>"Dataset"</span>
                <Select options=sets value=set choose=move |i: String| chosen.set(i.parse().unwrap_or(0)) />
            </label>
            <label>
                <span>"Split"</span>
                <Select options=Signal::stored(splits) value=of_split choose=pick_split />
            </label>
            <label>
                <span>{move || format!("Number, of {}", most.get())}</span>
                <input
                    type="number"
                    min="1"
                    prop:value=move || number.get().to_string()
                    on:input=move |event| _ = event_target_value(&event).parse().map(|wanted| number.set(wanted))
                />
            </label>
            <button type="submit" disabled=move || most.get() == 0>"Open"</button>
            <button type="button" disabled=move || most.get() == 0 on:click=any>"Any"</button>
        </form>
        {none}
    }
}
