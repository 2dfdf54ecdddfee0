//! The page on which a signed-in user chooses another password. Plain HTML, which needs no script.

use super::login::{begin_session, escaped, fits, hashed, page, repeats_cookie, too_many};
use crate::{
    accounts::{By, Caller, check_password},
    http::{error::ApiError, gate, peer::Peer},
    server::AppState,
    store::{self, users::Credentials},
};
use axum::{
    Extension, Form, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use serde::Deserialize;

/// The page.
pub(super) fn router() -> Router<AppState> {
    Router::new().route("/password", get(show).post(change))
}

#[derive(Debug, Deserialize)]
struct PasswordForm {
    form: String,
    current: String,
    password: String,
    again: String,
}

async fn show(State(state): State<AppState>, headers: HeaderMap) -> Result<Response, ApiError> {
    match signed_in(&state, &headers).await? {
        Some(caller) => password_page(&headers, StatusCode::OK, &caller, ""),
        None => Ok(sign_in_first()),
    }
}

/// Whoever finds a browser signed in does not know the password, so the one until now is asked for.
async fn change(
    State(state): State<AppState>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Form(form): Form<PasswordForm>,
) -> Result<Response, ApiError> {
    let Some(caller) = signed_in(&state, &headers).await? else { return Ok(sign_in_first()) };
    let again = |problem: &str| password_page(&headers, StatusCode::UNPROCESSABLE_ENTITY, &caller, problem);
    if !repeats_cookie(&headers, &form.form) {
        return again("This form was too old or your browser sends no cookies. Please try again.");
    }
    if form.password != form.again {
        return again("The two new passwords differ.");
    }
    if let Err(problem) = check_password(&caller.name, &form.password) {
        return again(&format!("New password: {problem}."));
    }
    if let Some(seconds) = too_many(&state, &caller.name, peer) {
        return again(&format!("Too many attempts. Try again in {seconds} s."));
    }
    let Some(Credentials { id, .. }) = fits(&state, &caller.name, &form.current, peer).await? else {
        return again("Your password until now is another.");
    };
    let hash = hashed(&state, form.password).await?;
    store::users::set_password(&state.pool, id, &hash).await?;
    tracing::info!(name = caller.name, "a password was changed");
    begin_session(&state, &headers, &Credentials { id, password_hash: hash }, "/team").await
}

async fn signed_in(state: &AppState, headers: &HeaderMap) -> Result<Option<Caller>, ApiError> {
    Ok(gate::identify(state, headers).await?.filter(|caller| caller.by == By::Session))
}

fn sign_in_first() -> Response {
    Redirect::to("/login?next=/password").into_response()
}

fn password_page(
    headers: &HeaderMap,
    status: StatusCode,
    caller: &Caller,
    problem: &str,
) -> Result<Response, ApiError> {
    let name = escaped(&caller.name);
    page(headers, status, "Change password", problem, |form| {
        format!(
            "<p>You are <b>{name}</b>. Choose a password of at least 10 characters; every other browser in which you are \
             signed in is signed out.</p>\
             <form method=post>{form}<input type=hidden name=username autocomplete=username value=\"{name}\">\
             <p><label>Password until now<br>\
             <input name=current type=password autocomplete=current-password required autofocus></label></p>\
             <p><label>New password<br><input name=password type=password autocomplete=new-password required></label></p>\
             <p><label>Again<br><input name=again type=password autocomplete=new-password required></label></p>\
             <p><button>Change password</button></p></form><p><a href=\"/team\">Leave it as it is</a></p>"
        )
    })
}
