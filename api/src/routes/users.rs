//! Who has an account, and who is invited; for administrators.

use super::slices::{orders, slice};
use crate::{
    accounts::{INVITATION, Secret},
    http::{
        editions::{etag, seen},
        error::ApiError,
        extract::{ApiJson, ApiPath, ApiQuery},
        idempotency::Secretive,
    },
    server::AppState,
    store::{
        self,
        invitations::{self, NewInvitation},
        users::{ORDERS, UserFilter},
    },
};
use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use hrm_types::{
    Page,
    account::{ChangeUser, CreateInvitation, CreatedInvitation, Invitation, Role, User},
    ids::{InvitationId, UserId},
    name::check_user,
};
use serde::Deserialize;
use utoipa::{
    IntoParams,
    openapi::{RefOr, Schema},
};

/// Which page of the users.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListUsersQuery {
    /// Only those with this role.
    role: Option<Role>,
    /// Only those that are kept out, or only the others.
    disabled: Option<bool>,
    /// Only those whose name contains this, in any case.
    name: Option<String>,
    /// What it is ordered by, with `-` before it for the highest first; rows without it are the lowest.
    #[param(schema_with = orders_of_users)]
    order: Option<String>,
    /// `next_cursor` of the page before, in the same order.
    cursor: Option<String>,
    /// Rows, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// Which page of the invitations.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListInvitationsQuery {
    /// What it is ordered by, with `-` before it for the highest first; rows without it are the lowest.
    #[param(schema_with = orders_of_invitations)]
    order: Option<String>,
    /// `next_cursor` of the page before, in the same order.
    cursor: Option<String>,
    /// Rows, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

fn orders_of_users() -> RefOr<Schema> {
    orders(&ORDERS)
}

fn orders_of_invitations() -> RefOr<Schema> {
    orders(&invitations::ORDERS)
}

/// List users
#[utoipa::path(
    get,
    path = "/api/v1/users",
    tag = "accounts",
    security(("token" = ["admin"])),
    params(ListUsersQuery),
    responses(
        (status = 200, description = "Newest first", body = Page<User>),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_users(
    State(state): State<AppState>,
    ApiQuery(query): ApiQuery<ListUsersQuery>,
) -> Result<Json<Page<User>>, ApiError> {
    let slice = slice(&ORDERS, query.order.as_deref(), query.cursor.as_deref(), query.limit)?;
    let filter = UserFilter { role: query.role, disabled: query.disabled, name: query.name.as_deref() };
    Ok(Json(store::users::list(&state.pool, filter, &slice).await?))
}

/// Get a user
#[utoipa::path(
    get,
    path = "/api/v1/users/{id}",
    tag = "accounts",
    security(("token" = ["admin"])),
    params(("id" = UserId, Path, description = "The user's id")),
    responses(
        (status = 200, description = "The user", body = User, headers(("etag" = String, description = "Its edition"))),
        (status = 404, description = "There is no such user"),
    )
)]
pub async fn get_user(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<UserId>,
) -> Result<impl IntoResponse, ApiError> {
    with_etag(&state, id).await
}

/// Change a user
///
/// The role, and whether the user is kept out. Accounts are not deleted: what they made names them.
///
/// With `If-Match` only if nobody has changed it since `ETag` was read.
#[utoipa::path(
    patch,
    path = "/api/v1/users/{id}",
    tag = "accounts",
    security(("token" = ["admin"])),
    params(
        ("id" = UserId, Path, description = "The user's id"),
        ("if-match" = Option<String>, Header, description = "The `ETag` that must still be right")
    ),
    request_body(content = ChangeUser, example = json!({"role": "viewer"})),
    responses(
        (status = 200, description = "The user", body = User, headers(("etag" = String, description = "Its edition"))),
        (status = 404, description = "There is no such user"),
        (status = 409, description = "No administrator would be left"),
        (status = 412, description = "It was changed since `ETag` was read"),
        (status = 422, description = "A setting is wrong"),
    )
)]
pub async fn change_user(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<UserId>,
    headers: HeaderMap,
    ApiJson(change): ApiJson<ChangeUser>,
) -> Result<impl IntoResponse, ApiError> {
    store::users::change(&state.pool, id, &change, seen(&headers)?).await?;
    with_etag(&state, id).await
}

/// The user as it is now, with its edition.
async fn with_etag(state: &AppState, id: UserId) -> Result<impl IntoResponse + use<>, ApiError> {
    // The edition first: a change in between makes the tag too old, never too new.
    let edition = store::editions::of_user(&state.pool, id).await?;
    Ok((etag(edition), Json(store::users::find(&state.pool, &id.to_string()).await?)))
}

/// List invitations
///
/// Those that can still be accepted.
#[utoipa::path(
    get,
    path = "/api/v1/invitations",
    tag = "accounts",
    security(("token" = ["admin"])),
    params(ListInvitationsQuery),
    responses(
        (status = 200, description = "Newest first", body = Page<Invitation>),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_invitations(
    State(state): State<AppState>,
    ApiQuery(query): ApiQuery<ListInvitationsQuery>,
) -> Result<Json<Page<Invitation>>, ApiError> {
    let slice = slice(&invitations::ORDERS, query.order.as_deref(), query.cursor.as_deref(), query.limit)?;
    Ok(Json(invitations::list(&state.pool, &slice).await?))
}

/// Invite somebody
///
/// Whoever opens the path in the answer within a week chooses a password and is that user.
#[utoipa::path(
    post,
    path = "/api/v1/invitations",
    tag = "accounts",
    security(("token" = ["admin"])),
    request_body(content = CreateInvitation, example = json!({"name": "ann", "role": "member", "team": "local"})),
    responses(
        (status = 201, description = "The invitation and its path", body = CreatedInvitation,
            headers(("location" = String, description = "Its address"))),
        (status = 404, description = "There is no such team"),
        (status = 409, description = "A user of that name is there already or invited, or there are no accounts"),
        (status = 422, description = "A setting is wrong"),
    )
)]
pub async fn create_invitation(
    State(state): State<AppState>,
    ApiJson(request): ApiJson<CreateInvitation>,
) -> Result<impl IntoResponse, ApiError> {
    if !store::users::exist(&state.pool).await? {
        let detail = "the first account is made on the command line: `hrm user add NAME`".into();
        return Err(ApiError::Conflict { field: None, detail });
    }
    check_user(&request.name).map_err(|problem| ApiError::field("name", problem))?;
    let team = store::teams::named(&state.pool, &request.team).await?.id;
    let code = Secret::new().map_err(ApiError::internal)?;
    let new = NewInvitation { name: &request.name, role: request.role, team, length: INVITATION };
    let invitation = store::invitations::create(&state.pool, &code.hash(), new).await?;
    let location = format!("/api/v1/invitations/{}", invitation.id);
    let path = format!("/invite?code={}", code.reveal());
    let created = Json(CreatedInvitation { invitation, path });
    Ok((StatusCode::CREATED, Extension(Secretive), [(header::LOCATION, location)], created))
}

/// Take an invitation back
#[utoipa::path(
    delete,
    path = "/api/v1/invitations/{id}",
    tag = "accounts",
    security(("token" = ["admin"])),
    params(("id" = InvitationId, Path, description = "The invitation's id")),
    responses(
        (status = 204, description = "It cannot be accepted any more"),
        (status = 404, description = "There is no such invitation"),
    )
)]
pub async fn delete_invitation(
    State(state): State<AppState>,
    ApiPath(id): ApiPath<InvitationId>,
) -> Result<StatusCode, ApiError> {
    store::invitations::delete(&state.pool, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
