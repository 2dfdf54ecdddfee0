//! The one place that decides whether a request may reach its handler: who asks, whether the operation's scope is
//! among what that one may do, and whether the object in its path is one that may be read or changed.
//!
//! Which scope an operation asks for is written beside its OpenAPI attribute and read out of the document, so that
//! what is published is what is enforced. An operation that says nothing is for administrators.

use super::error::ApiError;
use crate::{
    accounts::{By, Caller, hash_secret},
    server::AppState,
    store::{
        self,
        access::{self, Owned},
    },
};
use axum::{
    extract::{FromRequestParts, MatchedPath, RawPathParams, Request, State, rejection::RawPathParamsRejection},
    http::{HeaderMap, HeaderName, Method, header, request::Parts},
    middleware::Next,
    response::Response,
};
use hrm_types::{account::Scope, ids::TeamId};
use serde_json::Value;
use std::{collections::BTreeMap, time::Instant};
use uuid::Uuid;

/// The cookie of a signed-in browser.
pub const SESSION_COOKIE: &str = "hrm_session";

/// Names the team that what is made shall belong to.
pub const TEAM: HeaderName = HeaderName::from_static("hrm-team");

/// Names the user whom a page takes its session for: in another of the browser's tabs somebody else may have signed in since.
pub const USER: HeaderName = HeaderName::from_static("hrm-user");

/// Operations that read the object in their path and make another from it, which is the caller's.
const COPIES: [&str; 1] = ["/api/v1/runs/{id}/clone"];

/// What an operation asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Nothing: whoever reaches the server.
    Anybody,
    /// A caller with this scope.
    Needs(Scope),
}

/// The rule of every operation, by its path and its method.
#[derive(Debug, Clone, Default)]
pub struct Rules(BTreeMap<(String, String), Rule>);

impl Rules {
    /// Reads them out of the OpenAPI document.
    pub fn of(document: &Value) -> Self {
        let paths = document["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, item)| {
            let methods = item.as_object().into_iter().flatten();
            methods.map(move |(method, operation)| ((path.clone(), method.to_uppercase()), rule(operation)))
        });
        Self(operations.collect())
    }

    fn get(&self, path: &str, method: &Method) -> Option<Rule> {
        // GET handlers answer HEAD, too.
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        self.0.get(&(path.to_owned(), method.as_str().to_owned())).copied()
    }
}

/// `security` lists alternatives, of which all name the same scope; an empty one asks for nothing.
fn rule(operation: &Value) -> Rule {
    let alternatives = operation["security"].as_array();
    if alternatives.is_some_and(|list| list.iter().any(|one| one.as_object().is_some_and(serde_json::Map::is_empty))) {
        return Rule::Anybody;
    }
    let named = alternatives.and_then(|list| list.first()?.as_object()?.values().next()?.as_array()?.first()?.as_str());
    let scope = Scope::ALL.into_iter().find(|scope| Some(scope.as_str()) == named);
    Rule::Needs(scope.unwrap_or(Scope::Admin))
}

/// Lets a request through to its handler, with its caller, or refuses it.
pub async fn admit(
    State((state, rules)): State<(AppState, std::sync::Arc<Rules>)>,
    matched: Option<MatchedPath>,
    parameters: Result<RawPathParams, RawPathParamsRejection>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    // What matches no operation is answered by the router with 404 or 405, or is the documentation.
    let rule = matched.as_ref().and_then(|path| rules.get(path.as_str(), request.method()));
    let Some(Rule::Needs(scope)) = rule else { return Ok(next.run(request).await) };
    let mut caller = identify(&state, request.headers()).await?.ok_or(ApiError::Unauthenticated)?;
    let taken_for = request.headers().get(USER).filter(|name| name.as_bytes() != caller.name.as_bytes());
    if caller.by == By::Session && taken_for.is_some() {
        return Err(ApiError::OtherUser { name: caller.name });
    }
    if !caller.may(scope) {
        return Err(too_small(&caller, scope));
    }
    let writes = !request.method().is_safe();
    if writes && caller.by == By::Session && !comes_from_a_script(request.headers()) {
        return Err(ApiError::CrossOrigin);
    }
    if let Some((_, id)) = parameters.iter().flat_map(RawPathParams::iter).find(|(name, _)| *name == "id") {
        let copies = matched.as_ref().is_some_and(|path| COPIES.contains(&path.as_str()));
        let changes = writes && scope == Scope::Write && !copies;
        check_object(&state, &caller, request.uri().path(), id, changes).await?;
    }
    caller.home = home(&state, &caller, request.headers()).await?;
    if let Some(team) = caller.home {
        caller.viewer = caller.viewer.at_home_in(team);
    }
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// The caller: by a token, by a cookie, or the local owner as long as there are no accounts. None without any of them.
pub(crate) async fn identify(state: &AppState, headers: &HeaderMap) -> Result<Option<Caller>, ApiError> {
    recognise(state, headers, |hash| admit_one_more(state, hash)).await
}

/// The same of whoever was let in before, which counts as no request.
pub(crate) async fn identify_again(state: &AppState, headers: &HeaderMap) -> Result<Option<Caller>, ApiError> {
    recognise(state, headers, |_| Ok(())).await
}

/// `admit` is asked about the hash of a secret before the database is.
async fn recognise(
    state: &AppState,
    headers: &HeaderMap,
    admit: impl Fn(&[u8]) -> Result<(), ApiError>,
) -> Result<Option<Caller>, ApiError> {
    if !state.accounts.exist(&state.pool).await? && !state.settings.public {
        return Ok(Some(Caller::local()));
    }
    if let Some(authorization) = headers.get(header::AUTHORIZATION) {
        let bearer = authorization.to_str().ok().and_then(|value| value.split_once(' '));
        let token = bearer.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
        let hash = hash_secret(token.ok_or(ApiError::UnknownToken)?);
        admit(&hash)?;
        let identity = store::credentials::of_token(&state.pool, &hash).await?.ok_or(ApiError::UnknownToken)?;
        return Ok(Some(Caller::known(identity, By::Token)));
    }
    let Some(secret) = cookie(headers, SESSION_COOKIE) else { return Ok(None) };
    let hash = hash_secret(secret);
    admit(&hash)?;
    let identity = store::credentials::of_session(&state.pool, &hash).await?;
    Ok(identity.map(|identity| Caller::known(identity, By::Session)))
}

fn admit_one_more(state: &AppState, hash: &[u8]) -> Result<(), ApiError> {
    state.accounts.requests.admit(hash, Instant::now()).map_err(|wait| ApiError::TooMany {
        what: "this token or session has asked too often",
        retry_after: wait.as_secs() as u32 + 1,
    })
}

/// The value of a cookie.
pub(crate) fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let all = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(found, _)| *found == name).map(|(_, value)| value)
}

fn too_small(caller: &Caller, scope: Scope) -> ApiError {
    let asked = scope.as_str();
    let detail = if caller.role.scopes().contains(&scope) {
        format!("this asks for the scope {asked:?}, which this token does not have; make one that has it")
    } else {
        let role = caller.role.as_str();
        format!("this asks for the scope {asked:?}, which the role {role:?} does not have; ask an admin")
    };
    ApiError::Forbidden { detail }
}

/// Whether a write with a cookie comes from a script of ours. A form of another site can only send the three content
/// types of forms, and a script of another site sends others, or that header, only after asking, which is refused.
fn comes_from_a_script(headers: &HeaderMap) -> bool {
    const OF_FORMS: [&str; 3] = ["application/x-www-form-urlencoded", "multipart/form-data", "text/plain"];
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let essence = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase());
    essence.is_some_and(|kind| !OF_FORMS.contains(&kind.as_str())) || headers.contains_key("x-requested-with")
}

/// Checks the object that the path names. What the caller may not read is as if it were not there.
async fn check_object(state: &AppState, caller: &Caller, path: &str, id: &str, changes: bool) -> Result<(), ApiError> {
    // What is no id is told so by its handler.
    let Ok(uuid) = id.parse::<Uuid>() else { return Ok(()) };
    let Some((resource, owned)) = object(state, path, uuid).await? else { return Ok(()) };
    if !caller.viewer.may_read(owned) {
        return Err(ApiError::not_found(resource, uuid));
    }
    if changes && !caller.viewer.may_change(owned) {
        let detail = format!("this {resource} belongs to a team that you are no member of; you may read it");
        return Err(ApiError::Forbidden { detail });
    }
    Ok(())
}

/// Whose the object with this id under that path is, if it is there and anybody's.
async fn object(state: &AppState, path: &str, id: Uuid) -> Result<Option<(&'static str, Owned)>, ApiError> {
    let pool = &state.pool;
    let resource = path.strip_prefix("/api/v1/").and_then(|rest| rest.split('/').next()).unwrap_or_default();
    let (name, owned) = match resource {
        "runs" => ("run", access::of_job(pool, id).await?),
        "jobs" => ("job", access::of_job(pool, id).await?),
        "batches" => ("batch", access::of_job(pool, id).await?),
        "evaluations" => ("evaluation", access::of_job(pool, id).await?),
        "sweeps" => ("sweep", access::of_sweep(pool, id).await?),
        "datasets" => ("dataset", access::of_dataset(pool, id).await?),
        "models" => ("model", access::of_checkpoint(pool, id).await?),
        _ => return Ok(None),
    };
    Ok(owned.map(|owned| (name, owned)))
}

/// The team of what this request makes: the one that the header names, else the caller's first.
async fn home(state: &AppState, caller: &Caller, headers: &HeaderMap) -> Result<Option<TeamId>, ApiError> {
    let Some(named) = headers.get(TEAM) else { return Ok(caller.home) };
    let named = named.to_str().unwrap_or_default();
    let known = match store::teams::named(&state.pool, named).await {
        Err(store::Error::NotFound { .. }) => None,
        other => Some(other?.id),
    };
    match known.filter(|team| caller.teams.contains(team) || caller.may(Scope::Admin)) {
        Some(team) => Ok(Some(team)),
        None => Err(ApiError::field(TEAM.as_str(), format!("expected the name of a team of yours, found {named:?}"))),
    }
}

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let admitted = parts.extensions.get::<Self>().cloned();
        admitted.ok_or_else(|| ApiError::internal("an operation for anybody asks who its caller is"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_operation_that_says_nothing_is_for_administrators() {
        let document = json!({"paths": {"/a": {
            "get": {"security": [{"token": ["read"]}, {"session": ["read"]}]},
            "post": {},
            "put": {"security": [{}]},
            "patch": {"security": [{"token": ["sometimes"]}]},
        }}});
        let rules = Rules::of(&document);
        let rule = |method| rules.get("/a", &method);
        assert_eq!(rule(Method::GET), Some(Rule::Needs(Scope::Read)));
        assert_eq!(rule(Method::HEAD), Some(Rule::Needs(Scope::Read)));
        assert_eq!(rule(Method::POST), Some(Rule::Needs(Scope::Admin)));
        assert_eq!(rule(Method::PUT), Some(Rule::Anybody));
        assert_eq!(rule(Method::PATCH), Some(Rule::Needs(Scope::Admin)));
        assert_eq!(rule(Method::DELETE), None);
        assert_eq!(rules.get("/b", &Method::GET), None);
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, "a=1; hrm_session=xyz".parse().expect("a value"));
        headers.append(header::COOKIE, "b=2".parse().expect("a value"));
        assert_eq!(cookie(&headers, SESSION_COOKIE), Some("xyz"));
        assert_eq!(cookie(&headers, "b"), Some("2"));
        assert_eq!(cookie(&headers, "session"), None);
    }

    #[test]
    fn what_a_form_of_another_site_can_send_is_no_script_of_ours() {
        let from = |name: &'static str, value: &str| {
            comes_from_a_script(&HeaderMap::from_iter([(
                HeaderName::from_static(name),
                value.parse().expect("a header's value"),
            )]))
        };
        assert!(from("content-type", "application/json"));
        assert!(from("content-type", "application/octet-stream"));
        assert!(from("x-requested-with", "curl"));
        for kind in ["text/plain;charset=UTF-8", "Application/X-WWW-Form-Urlencoded", "multipart/form-data; boundary=x"]
        {
            assert!(!from("content-type", kind), "{kind}");
        }
        assert!(!from("accept", "*/*"));
    }
}
