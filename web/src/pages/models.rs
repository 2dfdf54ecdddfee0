//! Models: every stored checkpoint, how good it is, and the form that takes one from a file.

mod upload;

use crate::{
    api,
    components::{
        ago::Ago,
        claimed::Claimed,
        interval::Interval,
        namesakes::repeated,
        page::Page,
        problem::{Empty, Problems, Waiting},
        stated::Stated,
    },
    format,
    load::{self, Loaded},
    pages::run::protocol,
    paging::{More, Pages},
    session::{self, ForWriters},
};
use hrm_types::{
    Page as ListPage,
    account::Scope,
    board::Kind,
    ids::CheckpointId,
    model::{Alias, Model},
};
use leptos::prelude::*;
use upload::Upload;

/// The page at `/models`.
#[component]
pub(crate) fn ModelsPage() -> impl IntoView {
    let models = Pages::open(|a: &Model, b| a.id == b.id, |cursor| Box::pin(api::models::list(cursor)));
    let aliases = load::load(api::models::list_aliases);
    let list = move || {
        models.items.with(|items| match items {
            None if models.problem.with(Option::is_some) => ().into_any(),
            None => view! { <Waiting /> }.into_any(),
            Some(items) if items.is_empty() => view! {
                <Empty title="No model yet">
                    "Every run that ends leaves its checkpoint here."
                    <ForWriters>" "<a href="/runs/new">"Queue one"</a>", or upload a file."</ForWriters>
                </Empty>
            }
            .into_any(),
            Some(items) => table(items, aliases).into_any(),
        })
    };
    view! {
        <Page title="Models" lead="Checkpoints to solve with: what they solve, how well, and where they come from.">
            <Problems of=aliases.problem />
            {list}
            <More pages=models label="Older models" />
            <Show when=|| session::may(Scope::Write)>
                <Upload />
            </Show>
        </Page>
    }
}

fn table(models: &[Model], aliases: Loaded<ListPage<Alias>>) -> impl IntoView + use<> {
    let repeated = repeated(models.iter().map(|model| &model.name));
    view! {
        <table class="rows models">
            <thead>
                <tr>
                    <th scope="col">"Model"</th>
                    <th scope="col">"Solves"</th>
                    <th scope="col">"Score"</th>
                    <th scope="col" class="right">"Weights"</th>
                    <th scope="col">"Trained"</th>
                    <th scope="col">"Stored"</th>
                    <th scope="col"><span class="hidden">"Solve"</span></th>
                </tr>
            </thead>
            <tbody>{models.iter().map(|model| row(model, repeated.contains(&model.name), aliases)).collect_view()}</tbody>
        </table>
    }
}

fn row(model: &Model, has_namesakes: bool, aliases: Loaded<ListPage<Alias>>) -> impl IntoView + use<> {
    let id = model.id;
    let trained = match model.run_id {
        Some(run) => view! { <a href=format!("/runs/{run}")>{format::counted(model.step, "step")}</a> }.into_any(),
        None => format::counted(model.step, "step").into_any(),
    };
    view! {
        <tr>
            <th scope="row">
                <a href=format!("/models/{id}")>{model.name.clone()}</a>
                {standing(model, has_namesakes)}
                <Aliases id aliases=aliases.value />
            </th>
            <td data-label="Solves">{solves(model)}</td>
            <td data-label="Score">{score(model)}</td>
            <td data-label="Weights" class="right" title=format::count(model.parameters)>{format::short_count(model.parameters)}</td>
            <td data-label="Trained"><span>{trained}</span></td>
            <td data-label="Stored"><Ago at=model.created_at /></td>
            <td class="right">{solve_address(model).map(|address| view! { <a href=address>"Solve"<span class="hidden">" with "{model.name.clone()}</span></a> })}</td>
        </tr>
    }
}

/// Where puzzles are solved with a model, if there are puzzles for it.
pub(crate) fn solve_address(model: &Model) -> Option<String> {
    let page = match model.kind.parse().ok()? {
        Kind::Sudoku => "/",
        Kind::Maze => "/solve/maze",
        Kind::Arc => "/solve/arc",
    };
    Some(format!("{page}?model={}", model.id))
}

/// What a model solves, in words.
pub(crate) fn solves(model: &Model) -> String {
    let kind = match model.kind.parse() {
        Ok(Kind::Sudoku) => "Sudoku",
        Ok(Kind::Maze) => "mazes",
        Ok(Kind::Arc) => "ARC",
        Err(_) => return "no kind of puzzle known here".into(),
    };
    format!("{kind} {0} × {0}", model.side)
}

fn score(model: &Model) -> AnyView {
    match (&model.evaluation, model.stated) {
        (None, None) => view! { <span class="muted">"not measured"</span> }.into_any(),
        (None, Some(stated)) => view! { <span><Stated stated /></span> }.into_any(),
        (Some(score), _) => view! {
            <span>
                <Interval evaluation=score.clone() />
                <Claimed claimed=model.claimed />
                <span class="aside">{format!("{}, {}", format::counted(score.n.into(), "puzzle"), protocol(&score.protocol))}</span>
            </span>
        }
        .into_any(),
    }
}

/// What is particular about a model, in words below its name.
fn standing(model: &Model, has_namesakes: bool) -> Option<impl IntoView + use<>> {
    let mut words = Vec::new();
    if has_namesakes {
        words.push(format!("seed {}", model.experiment.seed));
    }
    if model.default {
        words.push("answers where no model is named".to_owned());
    }
    if model.public && session::has_accounts() {
        words.push("public".to_owned());
    }
    (!words.is_empty()).then(|| view! { <span class="aside">{words.join(" · ")}</span> })
}

/// The names that stand for this model now.
#[component]
fn Aliases(id: CheckpointId, aliases: RwSignal<Option<ListPage<Alias>>>) -> impl IntoView {
    move || {
        aliases.with(|page| {
            let of_it = page.iter().flat_map(|page| &page.items).filter(|alias| alias.model_id == id);
            let tags = of_it.map(|alias| view! { <li class="tag">{alias.name.clone()}</li> }).collect_view();
            (!tags.is_empty()).then(|| view! { <ul class="tags" aria-label="Aliases">{tags}</ul> })
        })
    }
}
