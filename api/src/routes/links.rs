//! What can be asked next, with what an operation has answered: the links of the OpenAPI document.

use utoipa::openapi::{OpenApi, RefOr, link::LinkBuilder, path::Operation};

/// Where an answer holds what others ask for: the operation, its status, and the place in its body; then the beginning of the
/// paths that take it, up to the parameter.
const ANSWERS: [(&str, &str, &str, &str); 20] = [
    ("create_run", "201", "/id", "/api/v1/runs/{id}"),
    ("clone_run", "201", "/id", "/api/v1/runs/{id}"),
    ("create_sweep", "201", "/id", "/api/v1/sweeps/{id}"),
    ("create_run", "201", "/id", "/api/v1/jobs/{id}"),
    ("create_dataset", "202", "/id", "/api/v1/jobs/{id}"),
    ("create_dataset", "201", "/id", "/api/v1/datasets/{id}"),
    ("upload_dataset", "201", "/id", "/api/v1/datasets/{id}"),
    ("import_dataset", "201", "/id", "/api/v1/datasets/{id}"),
    ("upload_model", "201", "/id", "/api/v1/models/{id}"),
    ("import_model", "201", "/id", "/api/v1/models/{id}"),
    ("create_evaluation", "201", "/job/id", "/api/v1/evaluations/{id}"),
    ("create_evaluation", "201", "/job/id", "/api/v1/jobs/{id}"),
    ("create_batch", "201", "/job/id", "/api/v1/batches/{id}"),
    ("create_batch", "201", "/job/id", "/api/v1/jobs/{id}"),
    ("list_leaderboards", "200", "/items/0/id", "/api/v1/leaderboards/{id}"),
    ("keep_leaderboard", "201", "/sha256", "/api/v1/leaderboard-snapshots/{sha256}"),
    ("create_team", "201", "/id", "/api/v1/teams/{id}"),
    ("create_token", "201", "/token/id", "/api/v1/tokens/{id}"),
    ("create_invitation", "201", "/invitation/id", "/api/v1/invitations/{id}"),
    ("list_users", "200", "/items/0/id", "/api/v1/users/{id}"),
];

/// The operations that compare runs, which a sweep has several of.
const COMPARISONS: &str = "/api/v1/comparisons";

/// Adds the links to a document.
pub(super) fn add(document: &mut OpenApi) {
    let known: Vec<(String, String)> = operations(document)
        .filter_map(|(path, operation)| Some((path.clone(), operation.operation_id.clone()?)))
        .collect();
    for (_, operation) in operations(document) {
        let id = operation.operation_id.clone().unwrap_or_default();
        for (from, status, place, to) in ANSWERS {
            let parameter = to.rsplit_once('{').map_or("", |(_, name)| name.trim_end_matches('}'));
            let value = format!("$response.body#{place}");
            let targets = known.iter().filter(|(path, _)| id == from && path.starts_with(to));
            link(operation, status, parameter, &value, targets.map(|(_, target)| target));
        }
        if id == "create_sweep" {
            let pair = "{$response.body#/runs/0/id},{$response.body#/runs/1/id}";
            let targets = known.iter().filter(|(path, _)| path.starts_with(COMPARISONS));
            link(operation, "201", "runs", pair, targets.map(|(_, target)| target));
        }
    }
}

/// Links an answer to operations that take this value as that parameter.
fn link<'t>(
    operation: &mut Operation,
    status: &str,
    parameter: &str,
    value: &str,
    targets: impl Iterator<Item = &'t String>,
) {
    let Some(RefOr::T(response)) = operation.responses.responses.get_mut(status) else { return };
    for target in targets {
        let link = LinkBuilder::new().operation_id(target).parameter(parameter, value).build();
        response.links.insert(target.clone(), link.into());
    }
}

fn operations(document: &mut OpenApi) -> impl Iterator<Item = (&String, &mut Operation)> {
    document.paths.paths.iter_mut().flat_map(|(path, item)| {
        let all = [&mut item.get, &mut item.post, &mut item.put, &mut item.patch, &mut item.delete];
        all.into_iter().flatten().map(move |operation| (path, operation))
    })
}
