//! The caller: who that is, and the tokens of that user.

use super::{
    login,
    slices::{orders, slice},
};
use crate::{
    accounts::{By, Caller, Secret, hash_secret},
    http::{
        error::ApiError,
        extract::{ApiJson, ApiPath, ApiQuery},
        gate::{SESSION_COOKIE, cookie},
        idempotency::Secretive,
    },
    server::AppState,
    store::{
        self,
        access::Viewer,
        credentials::{MOST_DAYS, NewToken, TOKEN_ORDERS},
        slices::Slice,
    },
};
use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use hrm_types::{
    Page,
    account::{CreateToken, CreatedToken, Me, Scope, Token},
    ids::{TokenId, UserId},
    name,
};
use serde::Deserialize;
use std::time::Duration;
use utoipa::{
    IntoParams,
    openapi::{RefOr, Schema},
};

/// Which page of the tokens.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListTokensQuery {
    /// What it is ordered by, with `-` before it for the highest first; rows without it are the lowest.
    #[param(schema_with = orders_of_tokens)]
    order: Option<String>,
    /// `next_cursor` of the page before, in the same order.
    cursor: Option<String>,
    /// Rows, 1 to 100; 50 by default.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

fn orders_of_tokens() -> RefOr<Schema> {
    orders(&TOKEN_ORDERS)
}

/// Tell who asks
#[utoipa::path(
    get,
    path = "/api/v1/me",
    tag = "accounts",
    security(("token" = ["read"])),
    responses((status = 200, description = "The caller", body = Me))
)]
pub async fn get_me(State(state): State<AppState>, caller: Caller) -> Result<Json<Me>, ApiError> {
    let ids = caller.teams.iter().map(|team| team.0).collect();
    let mut teams = store::teams::list(&state.pool, &Viewer::Teams(ids), &Slice::newest(super::MAX_LIMIT)).await?.items;
    teams.sort_by_key(|team| caller.teams.iter().position(|id| *id == team.id));
    let accounts = caller.by != By::BeingHere;
    Ok(Json(Me { name: caller.name, role: caller.role, scopes: caller.scopes, teams, accounts }))
}

/// Sign out
///
/// Ends the session of the browser that asks, and takes its cookie.
#[utoipa::path(
    delete,
    path = "/api/v1/me/session",
    tag = "accounts",
    security(("token" = ["read"])),
    responses(
        (status = 204, description = "The session has ended"),
        (status = 409, description = "The caller is no signed-in browser"),
    )
)]
pub async fn end_session(
    State(state): State<AppState>,
    caller: Caller,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let secret = cookie(&headers, SESSION_COOKIE).filter(|_| caller.by == By::Session);
    let detail = || "only a signed-in browser has a session; a token is ended by DELETE /api/v1/tokens/{id}".into();
    let secret = secret.ok_or_else(|| ApiError::Conflict { field: None, detail: detail() })?;
    store::credentials::end_session(&state.pool, &hash_secret(secret)).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    login::forget_session(&mut response, &headers);
    Ok(response)
}

/// List your tokens
///
/// Without their secrets, which are not kept.
#[utoipa::path(
    get,
    path = "/api/v1/tokens",
    tag = "accounts",
    security(("token" = ["read"])),
    params(ListTokensQuery),
    responses(
        (status = 200, description = "Newest first", body = Page<Token>),
        (status = 409, description = "There are no accounts, so nobody has tokens"),
        (status = 422, description = "A parameter is wrong"),
    )
)]
pub async fn list_tokens(
    State(state): State<AppState>,
    caller: Caller,
    ApiQuery(query): ApiQuery<ListTokensQuery>,
) -> Result<Json<Page<Token>>, ApiError> {
    let slice = slice(&TOKEN_ORDERS, query.order.as_deref(), query.cursor.as_deref(), query.limit)?;
    Ok(Json(store::credentials::list_tokens(&state.pool, user(&caller)?, &slice).await?))
}

/// Make a token
///
/// Its secret is in this answer and nowhere else. It takes a browser's session or a token with the scope `admin`, so
/// that a token that got into other hands cannot make others.
#[utoipa::path(
    post,
    path = "/api/v1/tokens",
    tag = "accounts",
    security(("token" = ["read"])),
    request_body(content = CreateToken, example = json!({"name": "notebook", "scopes": ["read", "write"], "days": 30})),
    responses(
        (status = 201, description = "The token and its secret", body = CreatedToken,
            headers(("location" = String, description = "Its address"))),
        (status = 409, description = "There are no accounts, so nobody has tokens"),
        (status = 422, description = "A setting is wrong"),
    )
)]
pub async fn create_token(
    State(state): State<AppState>,
    caller: Caller,
    ApiJson(request): ApiJson<CreateToken>,
) -> Result<impl IntoResponse, ApiError> {
    let user = user(&caller)?;
    if caller.by == By::Token && !caller.may(Scope::Admin) {
        let detail = "only a signed-in browser, `hrm token create` or a token with the scope \"admin\" makes tokens";
        return Err(ApiError::Forbidden { detail: detail.into() });
    }
    check(&caller, &request)?;
    let secret = Secret::token().map_err(ApiError::internal)?;
    let new = NewToken {
        name: &request.name,
        prefix: secret.prefix(),
        secret_hash: &secret.hash(),
        scopes: &request.scopes,
        length: Some(Duration::from_hours(24) * request.days),
    };
    let token = store::credentials::create_token(&state.pool, user, new).await?;
    let location = format!("/api/v1/tokens/{}", token.id);
    let created = CreatedToken { token, secret: secret.reveal().to_owned() };
    Ok((StatusCode::CREATED, Extension(Secretive), [(header::LOCATION, location)], Json(created)))
}

/// End a token
///
/// For good, and at once. It takes a browser's session or a token that may do more than read and solve, so that one which is
/// given to a program that looks cannot take the others away.
#[utoipa::path(
    delete,
    path = "/api/v1/tokens/{id}",
    tag = "accounts",
    security(("token" = ["read"])),
    params(("id" = TokenId, Path, description = "The token's id")),
    responses(
        (status = 204, description = "It has ended"),
        (status = 404, description = "You have no such token"),
        (status = 409, description = "There are no accounts, so nobody has tokens"),
    )
)]
pub async fn delete_token(
    State(state): State<AppState>,
    caller: Caller,
    ApiPath(id): ApiPath<TokenId>,
) -> Result<StatusCode, ApiError> {
    let user = user(&caller)?;
    if caller.by == By::Token && ![Scope::Write, Scope::Admin].into_iter().any(|scope| caller.may(scope)) {
        let detail = "only a signed-in browser or a token with the scope \"write\" or \"admin\" ends tokens";
        return Err(ApiError::Forbidden { detail: detail.into() });
    }
    store::credentials::delete_token(&state.pool, user, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn user(caller: &Caller) -> Result<UserId, ApiError> {
    let detail = || "there are no accounts, so nobody needs a token; `hrm user add` makes the first account".into();
    caller.user.ok_or_else(|| ApiError::Conflict { field: None, detail: detail() })
}

fn check(caller: &Caller, request: &CreateToken) -> Result<(), ApiError> {
    name::check_label(&request.name).map_err(|problem| ApiError::field("name", problem))?;
    if request.scopes.is_empty() {
        return Err(ApiError::field("scopes", "expected at least one scope, found none"));
    }
    if let Some(more) = request.scopes.iter().find(|scope| !caller.may(**scope)) {
        return Err(ApiError::field("scopes", format!("expected scopes of your own, found {:?}", more.as_str())));
    }
    if !(1..=MOST_DAYS).contains(&request.days) {
        return Err(ApiError::field("days", format!("expected 1 to {MOST_DAYS}, found {}", request.days)));
    }
    Ok(())
}
