//! A row of a leaderboard: its score with the interval drawn, and on request the scores behind it.

use crate::{
    components::{ago::Ago, claimed::Claimed},
    format,
};
use hrm_types::{
    ids::CheckpointId,
    leaderboard::{BoardRow, IntervalOver, Member},
};
use leptos::prelude::*;

/// Rows that are open, by the first checkpoint stored of each.
pub(super) type Opened = Vec<CheckpointId>;

/// What a row is known by as long as it gets further scores; nothing for a published figure, which does not open.
fn known_by(row: &BoardRow) -> Option<CheckpointId> {
    row.members.iter().map(|member| member.checkpoint_id).min()
}

/// The row as a group of table rows: itself, and what opens below it. `what` is what its score is called, `paper` where the
/// paper's figure stands.
pub(super) fn row(
    row: &BoardRow,
    what: &'static str,
    paper: Option<f64>,
    opened: RwSignal<Opened>,
) -> impl IntoView + use<> {
    let key = known_by(row);
    let open = Memo::new(move |_| opened.with(|opened| key.is_some_and(|key| opened.contains(&key))));
    let toggle = move || {
        let Some(key) = key else { return };
        opened.update(|opened| match opened.iter().position(|other| *other == key) {
            Some(place) => drop(opened.remove(place)),
            None => opened.push(key),
        });
    };
    let row = row.clone();
    let rank = row.rank.map(|rank| format!("{rank}{}", if row.tied { " =" } else { "" }));
    let rank_title = row.tied.then_some("Its interval overlaps another's of this rank");
    let trained_on = row.train_count.map(|count| format::short_count(count.into())).or_else(|| row.train_set.clone());
    let trained_on = trained_on.map(|set| if row.train_claimed { format!("{set} (claimed)") } else { set });
    let seen = row.in_training.filter(|&count| count > 0).map(|count| {
        view! { <span class="aside bad">{format!("{} among them", format::counted(count.into(), "test puzzle"))}</span> }
    });
    let weights = row
        .parameters
        .map(|weights| view! { <span title=format::count(weights)>{format::short_count(weights)}</span> });
    let steps = row.mean_steps.map(|steps| format!("{steps:.1}"));
    let time = row.device_hours.map(format::hours);
    let (name, score, difference) = (name(&row, open, toggle), score(&row, paper), difference(&row));
    let seeds = if row.n > 0 { row.n.to_string() } else { dash() };
    let class = if row.verified { "verified" } else { "claim" };
    view! {
        <tbody class=class>
            <tr>
                <td data-label="Rank" class="right rank" title=rank_title>{rank.unwrap_or_else(dash)}</td>
                <th scope="row">{name}</th>
                <td data-label=what>{score}</td>
                <td data-label="Seeds" class="right">{seeds}</td>
                <td data-label="Against the paper" class="right">{difference}</td>
                <td data-label="Trained on">{trained_on.unwrap_or_else(dash)}{seen}</td>
                <td data-label="Weights" class="right">{weights}</td>
                <td data-label="ACT steps" class="right">{steps.unwrap_or_else(dash)}</td>
                <td data-label="Device time" class="right">{time.unwrap_or_else(dash)}</td>
            </tr>
            <Show when=move || open.get()>{details(&row, what)}</Show>
        </tbody>
    }
}

fn dash() -> String {
    "–".into()
}

/// The name, which opens the scores behind it, and a word on what kind of row it is.
fn name(row: &BoardRow, open: Memo<bool>, toggle: impl Fn() + 'static) -> AnyView {
    let name = row.name.clone();
    if row.members.is_empty() {
        return view! { {name}<span class="badge">"published"</span> }.into_any();
    }
    let verified = row.verified.then(|| {
        view! { <span class="badge" data-kind="verified" title="Measured here from stored checkpoints">"verified"</span> }
    });
    let further = row.start_from.as_ref().map(|sha256| {
        let title = format!("Its training began with the weights of another model, whose file is {sha256}");
        view! { <span class="badge" title=title>"trained further"</span> }
    });
    view! {
        <button type="button" class="quiet opens" aria-expanded=move || open.get().to_string() on:click=move |_| toggle()>{name}</button>
        {verified}
        {further}
        <Claimed claimed=!row.verified />
    }
    .into_any()
}

/// The mean with its interval, drawn from 0 to 1 with the paper's figure as a line, and the best seed beside it.
fn score(row: &BoardRow, paper: Option<f64>) -> impl IntoView + use<> {
    let share = |share: f64| format!("{:.2}%", share.clamp(0.0, 1.0) * 100.0);
    let interval = row.interval.map(|[low, high]| {
        let over = match row.interval_over {
            Some(IntervalOver::Seeds) => "over seeds",
            _ => "over puzzles, of one seed",
        };
        let words = format!("95 % interval {} to {} {over}", format::percent(low), format::percent(high));
        (words, view! { <u style:left=share(low) style:right=share(1.0 - high)></u> })
    });
    let (words, whisker) = interval.map_or((None, None), |(words, whisker)| (Some(words), Some(whisker)));
    let words = words.unwrap_or_else(|| "no interval".into());
    let paper = paper.map(|paper| view! { <b class="paper-line" style:left=share(paper)></b> });
    let best = (row.n > 1).then(|| view! { <span class="aside">"best "{format::percent(row.best)}</span> });
    let label = format!("{}, {words}", format::percent(row.mean));
    view! {
        <span class="score" title=words>
            <b>{format::percent(row.mean)}</b>
            <span class="score-bar" role="img" aria-label=label><i style:width=share(row.mean)></i>{whisker}{paper}</span>
        </span>
        {best}
    }
}

fn difference(row: &BoardRow) -> AnyView {
    let Some(difference) = row.difference else { return dash().into_any() };
    let points = format!("{:+.1} points", difference * 100.0);
    match row.reproduced {
        Some(true) => view! { {points}<span class="badge" data-kind="verified">"reproduced"</span> }.into_any(),
        Some(false) => view! { {points}<span class="aside">"not reproduced"</span> }.into_any(),
        None => points.into_any(),
    }
}

/// What stands behind a row.
fn details(row: &BoardRow, what: &'static str) -> impl IntoView + use<> {
    let fact = |name: &'static str, value: Option<String>| {
        value.filter(|value| !value.is_empty()).map(|value| view! { <div><dt>{name}</dt><dd>{value}</dd></div> })
    };
    let tested = row.tested.map(|tested| match row.test_count {
        Some(of) if of != tested => format!("{} of {}", format::count(tested.into()), format::count(of.into())),
        _ => format::count(tested.into()),
    });
    let operations = row.operations.map(|operations| format!("{} FLOP", format::short_count(operations as u64)));
    let members = row.members.iter().map(member).collect_view();
    let compare: Vec<String> =
        row.members.iter().filter(|m| m.counted).filter_map(|m| m.run_id).map(|id| id.to_string()).collect();
    let compare = (compare.len() > 1).then(
        || view! { <a class="button" href=format!("/compare?runs={}", compare.join(","))>"Compare its runs"</a> },
    );
    let data =
        row.train_dataset_id.map(|id| view! { <a class="button" href=format!("/datasets/{id}")>"Training data"</a> });
    view! {
        <tr class="row-details">
            <td colspan="9">
                <dl class="facts">
                    {fact("Test puzzles", tested)}
                    {fact("Checkpoint", row.choice.clone())}
                    {fact("Began with", row.start_from.clone())}
                    {fact("Weights with puzzle embedding", row.parameters_with_embedding.map(format::count))}
                    {fact("Operations for a puzzle", operations)}
                    {fact("Any shortest path", row.any_optimal.map(format::percent))}
                    {fact("Devices", Some(row.devices.join(", ")))}
                    {fact("Program", Some(row.commits.iter().map(|commit| format::short_hash(commit)).collect::<Vec<_>>().join(", ")))}
                    {fact("Source", row.source.clone())}
                    {fact("Remark", row.remark.clone())}
                </dl>
                <table class="members">
                    <thead>
                        <tr>
                            <th scope="col">"Seed"</th>
                            <th scope="col">{what}</th>
                            <th scope="col">"Step"</th>
                            <th scope="col">"Checkpoint"</th>
                            <th scope="col">"Settings"</th>
                            <th scope="col">"Test data"</th>
                            <th scope="col">"Measured"</th>
                        </tr>
                    </thead>
                    <tbody>{members}</tbody>
                </table>
                <p class="page-actions">{compare}{data}</p>
            </td>
        </tr>
    }
}

fn member(member: &Member) -> impl IntoView + use<> {
    let seed = match member.run_id {
        Some(run) => view! { <a href=format!("/runs/{run}")>{format!("seed {}", member.seed)}</a> }.into_any(),
        None => view! { {format!("seed {}", member.seed)} }.into_any(),
    };
    let aside = (!member.counted).then(|| view! { <span class="aside">"an earlier score of this seed"</span> });
    let model = format!("/models/{}", member.checkpoint_id);
    view! {
        <tr>
            <th scope="row">{seed}{aside}</th>
            <td>{format::percent(member.score)}</td>
            <td>{format::count(member.step)}</td>
            <td><a href=model title=member.checkpoint_sha256.clone()><code>{format::short_hash(&member.checkpoint_sha256)}</code></a></td>
            <td><code title=member.config_hash.clone()>{format::short_hash(&member.config_hash)}</code></td>
            <td><code title=member.dataset_hash.clone()>{format::short_hash(&member.dataset_hash)}</code></td>
            <td><Ago at=member.created_at /></td>
        </tr>
    }
}
