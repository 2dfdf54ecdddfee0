//! Pages for browsers: signing in and out, and accepting an invitation. Plain HTML, which needs no script.

use super::password;
use crate::{
    accounts::{self, SESSION, Secret, check_password, hash_password, hash_secret, verify_password},
    http::{
        error::ApiError,
        gate::{self, SESSION_COOKIE, cookie},
        limits::bounded_plain,
        peer::Peer,
    },
    server::AppState,
    store::{self, users::Credentials},
};
use axum::{
    Extension, Form, Router,
    extract::{Query, Request, State},
    http::{HeaderMap, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{Html, IntoResponse, Redirect, Response},
    routing::{get, post},
};
use serde::Deserialize;
use std::time::Instant;

/// The cookie whose value the form repeats: a page of another site can neither read nor set it.
const FORM_COOKIE: &str = "hrm_form";

/// The pages.
pub fn router() -> Router<AppState> {
    let router = Router::new()
        .route("/login", get(show_login).post(log_in))
        .route("/logout", post(log_out))
        .route("/invite", get(show_invitation).post(accept_invitation))
        .merge(password::router());
    bounded_plain(router)
}

/// Sends a browser that opens a page without being signed in to the login, and lets everything else through.
pub async fn send_there(State(state): State<AppState>, request: Request, next: Next) -> Result<Response, ApiError> {
    let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let opens_a_page = *request.method() == Method::GET && accept.contains("text/html");
    if !opens_a_page || gate::identify(&state, request.headers()).await?.is_some() {
        return Ok(next.run(request).await);
    }
    let wanted = request.uri().path_and_query().map_or("/", |wanted| wanted.as_str());
    Ok(Redirect::to(&format!("/login?next={}", percent_encoded(wanted))).into_response())
}

/// Where to go after signing in.
#[derive(Debug, Deserialize)]
struct LoginQuery {
    #[serde(default)]
    next: String,
}

#[derive(Debug, Deserialize)]
struct LoginForm {
    form: String,
    name: String,
    password: String,
    #[serde(default)]
    next: String,
}

async fn show_login(
    State(state): State<AppState>,
    Query(query): Query<LoginQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    match gate::identify(&state, &headers).await? {
        Some(caller) => signed_in(&headers, &caller),
        None => login_page(&headers, StatusCode::OK, ("", &query.next), ""),
    }
}

async fn log_in(
    State(state): State<AppState>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
    Form(form): Form<LoginForm>,
) -> Result<Response, ApiError> {
    if !repeats_cookie(&headers, &form.form) {
        let problem = "This form was too old or your browser sends no cookies. Please try again.";
        return login_page(&headers, StatusCode::FORBIDDEN, (&form.name, &form.next), problem);
    }
    if let Some(seconds) = too_many(&state, &form.name, peer) {
        let problem = format!("Too many attempts. Try again in {seconds} s.");
        let mut page = login_page(&headers, StatusCode::TOO_MANY_REQUESTS, (&form.name, &form.next), &problem)?;
        page.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        return Ok(page);
    }
    if let Some(user) = fits(&state, &form.name, &form.password, peer).await? {
        return begin_session(&state, &headers, &user, local_path(&form.next)).await;
    }
    let problem = "There is no such user, or the password is another.";
    login_page(&headers, StatusCode::UNAUTHORIZED, (&form.name, &form.next), problem)
}

/// Seconds to wait before the next attempt, if there were too many.
pub(super) fn too_many(state: &AppState, name: &str, Peer(peer): Peer) -> Option<u64> {
    state.accounts.logins.admit(name, peer, Instant::now()).err().map(|wait| wait.as_secs() + 1)
}

/// The user, if name and password fit, whose attempts before are forgotten then. It takes the same time for a name that
/// nobody has.
pub(super) async fn fits(
    state: &AppState,
    name: &str,
    password: &str,
    Peer(peer): Peer,
) -> Result<Option<Credentials>, ApiError> {
    let place = state.accounts.checking.enter().await?;
    let known = if name.contains('\0') { None } else { store::users::credentials(&state.pool, name).await? };
    let password = password.to_owned();
    let check = tokio::task::spawn_blocking(move || {
        let _place = place;
        let hash = known.as_ref().map(|Credentials { password_hash, .. }| password_hash.as_str());
        if verify_password(&password, hash) { known } else { None }
    });
    let user = check.await.map_err(ApiError::internal)?;
    if user.is_some() {
        state.accounts.logins.forget(name, peer);
    } else {
        tracing::warn!(name, %peer, "a login failed");
    }
    Ok(user)
}

/// What is kept of a password.
pub(super) async fn hashed(state: &AppState, password: String) -> Result<String, ApiError> {
    let place = state.accounts.checking.enter().await?;
    let hash = tokio::task::spawn_blocking(move || {
        let _place = place;
        hash_password(&password)
    });
    hash.await.map_err(ApiError::internal)?.map_err(|error| ApiError::internal(error.to_string()))
}

pub(super) async fn begin_session(
    state: &AppState,
    headers: &HeaderMap,
    user: &Credentials,
    to: &str,
) -> Result<Response, ApiError> {
    let secret = Secret::new().map_err(ApiError::internal)?;
    store::credentials::begin_session(&state.pool, &secret.hash(), user, SESSION).await?;
    let mut response = Redirect::to(to).into_response();
    set_cookie(&mut response, headers, SESSION_COOKIE, secret.reveal(), "/", SESSION.as_secs());
    Ok(response)
}

#[derive(Debug, Deserialize)]
struct LogoutForm {
    form: String,
}

async fn log_out(
    State(state): State<AppState>,
    headers: HeaderMap,
    Form(form): Form<LogoutForm>,
) -> Result<Response, ApiError> {
    if !repeats_cookie(&headers, &form.form) {
        return Err(ApiError::CrossOrigin);
    }
    if let Some(secret) = cookie(&headers, SESSION_COOKIE) {
        store::credentials::end_session(&state.pool, &hash_secret(secret)).await?;
    }
    let mut response = Redirect::to("/login").into_response();
    forget_session(&mut response, &headers);
    Ok(response)
}

/// Takes the session's cookie from the browser.
pub(super) fn forget_session(response: &mut Response, headers: &HeaderMap) {
    set_cookie(response, headers, SESSION_COOKIE, "", "/", 0);
}

#[derive(Debug, Deserialize)]
struct InvitationQuery {
    #[serde(default)]
    code: String,
}

#[derive(Debug, Deserialize)]
struct InvitationForm {
    form: String,
    code: String,
    password: String,
    again: String,
}

async fn show_invitation(
    State(state): State<AppState>,
    Query(query): Query<InvitationQuery>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    invitation_page(&state, &headers, StatusCode::OK, &query.code, "").await
}

async fn accept_invitation(
    State(state): State<AppState>,
    headers: HeaderMap,
    Form(form): Form<InvitationForm>,
) -> Result<Response, ApiError> {
    let again = async |problem: &str| {
        invitation_page(&state, &headers, StatusCode::UNPROCESSABLE_ENTITY, &form.code, problem).await
    };
    if !repeats_cookie(&headers, &form.form) {
        return again("This form was too old or your browser sends no cookies. Please try again.").await;
    }
    if form.password != form.again {
        return again("The two passwords differ.").await;
    }
    let code = hash_secret(&form.code);
    let invitation = match store::invitations::with_code(&state.pool, &code).await {
        Err(store::Error::NotFound { .. }) => return again("").await,
        other => other?,
    };
    if let Err(problem) = check_password(&invitation.name, &form.password) {
        return again(&format!("Password: {problem}.")).await;
    }
    let hash = hashed(&state, form.password.clone()).await?;
    let user = match store::invitations::accept(&state.pool, &code, &hash).await {
        // Somebody else was faster.
        Err(store::Error::NotFound { .. }) => return again("").await,
        Err(store::Error::Conflict { .. }) => {
            return again("A user of this name is there by now. Ask for an invitation under another name.").await;
        }
        other => other?,
    };
    tracing::info!(name = invitation.name, role = invitation.role.as_str(), "an invitation was accepted");
    begin_session(&state, &headers, &Credentials { id: user, password_hash: hash }, "/").await
}

/// Whether the form repeats the cookie that came with it.
pub(super) fn repeats_cookie(headers: &HeaderMap, repeated: &str) -> bool {
    cookie(headers, FORM_COOKIE).is_some_and(|value| !value.is_empty() && hash_secret(value) == hash_secret(repeated))
}

/// A path of this server, so that nobody is sent elsewhere after signing in.
fn local_path(next: &str) -> &str {
    // Browsers drop tabs and ends of lines wherever they stand in an address.
    let local =
        next.starts_with('/') && !next.starts_with("//") && !next.contains(|c: char| c == '\\' || c.is_control());
    if local { next } else { "/" }
}

/// With a name that was typed before, so that it need not be again.
fn login_page(
    headers: &HeaderMap,
    status: StatusCode,
    (name, next): (&str, &str),
    problem: &str,
) -> Result<Response, ApiError> {
    let (name, next) = (escaped(name), escaped(local_path(next)));
    let [at_name, at_password] = if name.is_empty() { [" autofocus", ""] } else { ["", " autofocus"] };
    // Sent to this very address, so that what stands behind a `#` in it is led on.
    page(headers, status, "Sign in", problem, |form| {
        format!(
            "<form method=post>{form}<input type=hidden name=next value=\"{next}\">\
             <p><label>Name<br><input name=name value=\"{name}\" autocomplete=username required{at_name}></label></p>\
             <p><label>Password<br>\
             <input name=password type=password autocomplete=current-password required{at_password}></label></p><p><button>Sign in</button></p></form>"
        )
    })
}

fn signed_in(headers: &HeaderMap, caller: &accounts::Caller) -> Result<Response, ApiError> {
    let (name, role) = (escaped(&caller.name), caller.role.as_str());
    let known = caller.user.is_some();
    page(headers, StatusCode::OK, "Signed in", "", |form| {
        let leave = format!(
            "<form method=post action=/logout>{form}<p><button>Sign out</button></p></form>\
             <p><a href=\"/password\">Change password</a></p>"
        );
        let rest = if known { leave } else { "<p>There are no accounts: nobody needs to sign in.</p>".into() };
        format!("<p>You are <b>{name}</b>, {role}. <a href=\"/\">To HRM Lab</a></p>{rest}")
    })
}

async fn invitation_page(
    state: &AppState,
    headers: &HeaderMap,
    status: StatusCode,
    code: &str,
    problem: &str,
) -> Result<Response, ApiError> {
    let invitation = match store::invitations::with_code(&state.pool, &hash_secret(code)).await {
        Err(store::Error::NotFound { .. }) => {
            let problem = "This invitation is over or was accepted already. Ask for another.";
            return page(headers, StatusCode::NOT_FOUND, "Invitation", problem, |_| String::new());
        }
        other => other?,
    };
    let (name, team, code) = (escaped(&invitation.name), escaped(&invitation.team), escaped(code));
    let role = invitation.role.as_str();
    page(headers, status, "Invitation", problem, |form| {
        format!(
            "<p>You will be <b>{name}</b>, {role} of the team {team}. Choose a password of at least 10 characters.</p>\
             <form method=post action=/invite>{form}<input type=hidden name=code value=\"{code}\">\
             <input type=hidden name=username autocomplete=username value=\"{name}\">\
             <p><label>Password<br><input name=password type=password autocomplete=new-password required autofocus>\
             </label></p>\
             <p><label>Again<br><input name=again type=password autocomplete=new-password required></label></p>\
             <p><button>Accept</button></p></form>"
        )
    })
}

/// A page with a form that repeats its cookie.
pub(super) fn page(
    headers: &HeaderMap,
    status: StatusCode,
    title: &str,
    problem: &str,
    content: impl FnOnce(&str) -> String,
) -> Result<Response, ApiError> {
    let known = cookie(headers, FORM_COOKIE).filter(|value| value.len() == 32 && value.is_ascii());
    let value = match known {
        Some(value) => value.to_owned(),
        None => Secret::new().map_err(ApiError::internal)?.reveal().to_owned(),
    };
    let content = content(&format!("<input type=hidden name=form value=\"{}\">", escaped(&value)));
    let problem = if problem.is_empty() { String::new() } else { format!("<p role=alert>{}</p>", escaped(problem)) };
    let html = format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <meta name=color-scheme content=\"light dark\"><title>{title} · HRM Lab</title>\
         <link rel=icon href=/favicon.svg type=image/svg+xml><link rel=stylesheet href=/door.css>\
         <script src=/theme.js></script>\
         <body><main><p class=brand>HRM Lab</p><h1>{title}</h1>{problem}{content}</main></body></html>"
    );
    let mut response = (status, [(header::CACHE_CONTROL, "no-store")], Html(html)).into_response();
    set_cookie(&mut response, headers, FORM_COOKIE, &value, "/", 3_600);
    Ok(response)
}

/// Out of reach of scripts, sent by no other site's page, and over TLS alone where the browser came over TLS.
fn set_cookie(response: &mut Response, headers: &HeaderMap, name: &str, value: &str, path: &str, seconds: u64) {
    let over_tls = headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"));
    let secure = if over_tls { "; Secure" } else { "" };
    // Strict would sign out whoever follows a link from elsewhere.
    let text = format!("{name}={value}; Path={path}; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
    if let Ok(value) = HeaderValue::from_str(&text) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

pub(super) fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

/// For the value of a query parameter.
fn percent_encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_elsewhere_after_signing_in() {
        for (next, to) in [
            ("/runs?state=queued", "/runs?state=queued"),
            ("", "/"),
            ("//example.org", "/"),
            ("https://example.org", "/"),
            ("/\\example.org", "/"),
            ("/a\r\nset-cookie: b", "/"),
            ("/\t/example.org", "/"),
        ] {
            assert_eq!(local_path(next), to, "{next:?}");
        }
    }

    #[test]
    fn names_are_no_markup() {
        assert_eq!(escaped("<b a=\"1\">'&"), "&lt;b a=&quot;1&quot;&gt;&#39;&amp;");
        assert_eq!(percent_encoded("/runs?a=b&c"), "%2Fruns%3Fa%3Db%26c");
    }
}
