//! Teams, which own what is stored, and their members.

use super::slices::{orders, slice};
use crate::{
    accounts::Caller,
    http::{
        error::ApiError,
        extract::{ApiJson, ApiPath, ApiQuery},
    },
    server::AppState,
    store::{
        self,
        teams::{MEMBER_ORDERS, ORDERS},
    },
};
use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
};
use hrm_types::{
    Page,
    account::{ChangeTeam, CreateTeam, Team, TeamMember},
    ids::{TeamId, UserId},
    name::check_owner,
};
use serde::Deserialize;
use utoipa::{
    IntoParams,
    openapi::{RefOr, Schema},
};

/// Which page of the teams.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListTeamsQuery {
    /// What it is ordered by, with `-` before it for the highest first; rows without it are the lowest.
    #[param(schema_with = orders_of_teams)]
    order: Option<String>,
    /// `next_cursor` of the page before, in the same order.
    cursor: Option<String>,
    /// Rows, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

fn orders_of_teams() -> RefOr<Schema> {
    orders(&ORDERS)
}

/// Which page of a team's members.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListMembersQuery {
    /// What it is ordered by, with `-` before it for the highest first; `created` is the making of an account.
    #[param(schema_with = orders_of_members)]
    order: Option<String>,
    /// `next_cursor` of the page before, in the same order.
    cursor: Option<String>,
    /// Rows, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

fn orders_of_members() -> RefOr<Schema> {
    orders(&MEMBER_ORDERS)
}

/// List teams
///
/// Your own; an administrator's are all of them.
#[utoipa::path(
    get,
    path = "/api/v1/teams",
    tag = "accounts",
    security(("token" = ["read"])),
    params(ListTeamsQuery),
    responses(
        (status = 200, description = "Newest first", body = Page<Team>),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_teams(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<ListTeamsQuery>,
) -> Result<Json<Page<Team>>, ApiError> {
    let slice = slice(&ORDERS, query.order.as_deref(), query.cursor.as_deref(), query.limit)?;
    Ok(Json(store::teams::list(&state.pool, &caller.viewer, &slice).await?))
}

/// Make a team
#[utoipa::path(
    post,
    path = "/api/v1/teams",
    tag = "accounts",
    security(("token" = ["admin"])),
    request_body(content = CreateTeam, example = json!({"name": "puzzlers"})),
    responses(
        (status = 201, description = "The team", body = Team,
            headers(("location" = String, description = "Its address"))),
        (status = 409, description = "The name is taken"),
        (status = 422, description = "The name is wrong"),
    )
)]
pub async fn create_team(
    State(state): State<AppState>,
    ApiJson(request): ApiJson<CreateTeam>,
) -> Result<impl IntoResponse, ApiError> {
    check_owner(&request.name).map_err(|problem| ApiError::field("name", problem))?;
    let team = store::teams::create(&state.pool, &request.name).await?;
    let location = format!("/api/v1/teams/{}", team.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(team)))
}

/// Get a team
#[utoipa::path(
    get,
    path = "/api/v1/teams/{id}",
    tag = "accounts",
    security(("token" = ["read"])),
    params(("id" = TeamId, Path, description = "The team's id")),
    responses(
        (status = 200, description = "The team", body = Team),
        (status = 404, description = "There is no such team, or it is not yours"),
    )
)]
pub async fn get_team(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(id): ApiPath<TeamId>,
) -> Result<Json<Team>, ApiError> {
    Ok(Json(store::teams::get(&state.pool, &caller.viewer, id).await?))
}

/// Rename a team
///
/// What it owns stays its own. The team `local` keeps its name.
#[utoipa::path(
    patch,
    path = "/api/v1/teams/{id}",
    tag = "accounts",
    security(("token" = ["admin"])),
    params(("id" = TeamId, Path, description = "The team's id")),
    request_body(content = ChangeTeam, example = json!({"name": "solvers"})),
    responses(
        (status = 200, description = "The team", body = Team),
        (status = 404, description = "There is no such team"),
        (status = 409, description = "The name is taken, in any case, or the team is `local`"),
        (status = 422, description = "The name is wrong"),
    )
)]
pub async fn change_team(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(id): ApiPath<TeamId>,
    ApiJson(request): ApiJson<ChangeTeam>,
) -> Result<Json<Team>, ApiError> {
    let team = store::teams::get(&state.pool, &caller.viewer, id).await?;
    let Some(name) = request.name else { return Ok(Json(team)) };
    check_owner(&name).map_err(|problem| ApiError::field("name", problem))?;
    Ok(Json(store::teams::rename(&state.pool, id, &name).await?))
}

/// Delete a team
///
/// One that owns nothing; its members stay users. The team `local` is not deleted.
#[utoipa::path(
    delete,
    path = "/api/v1/teams/{id}",
    tag = "accounts",
    security(("token" = ["admin"])),
    params(("id" = TeamId, Path, description = "The team's id")),
    responses(
        (status = 204, description = "The team is gone"),
        (status = 404, description = "There is no such team"),
        (status = 409, description = "The team owns runs, datasets, models or other things, or is `local`"),
    )
)]
pub async fn delete_team(State(state): State<AppState>, ApiPath(id): ApiPath<TeamId>) -> Result<StatusCode, ApiError> {
    store::teams::delete(&state.pool, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the members of a team
#[utoipa::path(
    get,
    path = "/api/v1/teams/{id}/members",
    tag = "accounts",
    security(("token" = ["read"])),
    params(("id" = TeamId, Path, description = "The team's id"), ListMembersQuery),
    responses(
        (status = 200, description = "Newest accounts first", body = Page<TeamMember>),
        (status = 404, description = "There is no such team, or it is not yours"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_members(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(id): ApiPath<TeamId>,
    ApiQuery(query): ApiQuery<ListMembersQuery>,
) -> Result<Json<Page<TeamMember>>, ApiError> {
    let slice = slice(&MEMBER_ORDERS, query.order.as_deref(), query.cursor.as_deref(), query.limit)?;
    let team = store::teams::get(&state.pool, &caller.viewer, id).await?;
    Ok(Json(store::teams::members(&state.pool, team.id, &slice).await?))
}

/// Add a member to a team
#[utoipa::path(
    put,
    path = "/api/v1/teams/{id}/members/{user_id}",
    tag = "accounts",
    security(("token" = ["admin"])),
    params(
        ("id" = TeamId, Path, description = "The team's id"),
        ("user_id" = UserId, Path, description = "The user's id")
    ),
    responses(
        (status = 204, description = "The user is a member"),
        (status = 404, description = "There is no such team or user"),
    )
)]
pub async fn add_member(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath((id, user_id)): ApiPath<(TeamId, UserId)>,
) -> Result<StatusCode, ApiError> {
    let team = store::teams::get(&state.pool, &caller.viewer, id).await?;
    let user = store::users::find(&state.pool, &user_id.to_string()).await?;
    store::teams::add_member(&state.pool, team.id, user.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take a member out of a team
///
/// What the member has made stays with the team.
#[utoipa::path(
    delete,
    path = "/api/v1/teams/{id}/members/{user_id}",
    tag = "accounts",
    security(("token" = ["admin"])),
    params(
        ("id" = TeamId, Path, description = "The team's id"),
        ("user_id" = UserId, Path, description = "The user's id")
    ),
    responses(
        (status = 204, description = "The user is no member"),
        (status = 404, description = "There is no such team"),
    )
)]
pub async fn remove_member(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath((id, user_id)): ApiPath<(TeamId, UserId)>,
) -> Result<StatusCode, ApiError> {
    let team = store::teams::get(&state.pool, &caller.viewer, id).await?;
    store::teams::remove_member(&state.pool, team.id, user_id).await?;
    Ok(StatusCode::NO_CONTENT)
}
