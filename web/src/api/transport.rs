//! How a call travels: one request, one answer, every failure a [`Problem`].

use super::{Answer, address};
use crate::{session, working_team};
use hrm_types::{job::Job, problem::Problem};
use serde::{Serialize, de::DeserializeOwned};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, RequestInit, Response};

pub(super) async fn get<T: DeserializeOwned>(path: &str) -> Answer<T> {
    read(&send("GET", path, None).await?)
}

pub(super) async fn post<T: DeserializeOwned>(path: &str, body: &impl Serialize) -> Answer<T> {
    read(&send("POST", path, Some(&written(body)?)).await?)
}

pub(super) async fn patch<T: DeserializeOwned>(path: &str, body: &impl Serialize) -> Answer<T> {
    read(&send("PATCH", path, Some(&written(body)?)).await?)
}

/// Asks for a change that is told by its address alone and answered with nothing.
pub(super) async fn change(method: &str, path: &str) -> Answer<()> {
    send(method, path, None).await.map(drop)
}

/// What was asked for, or the job that a worker does it in.
pub(crate) enum Made<T> {
    Now(T),
    Queued(Box<Job>),
}

/// Posts what takes so little that it is done at once, or so much that it is queued.
pub(super) async fn post_or_queue<T: DeserializeOwned>(path: &str, body: &impl Serialize) -> Answer<Made<T>> {
    match exchange(&request("POST", path, Some(&written(body)?))?).await? {
        (202, text) => read(&text).map(|job| Made::Queued(Box::new(job))),
        (_, text) => read(&text).map(Made::Now),
    }
}

fn written(body: &impl Serialize) -> Answer<String> {
    Ok(serde_json::to_string(body).map_err(|error| unreadable(&error.to_string()))?)
}

pub(super) fn read<T: DeserializeOwned>(text: &str) -> Answer<T> {
    Ok(serde_json::from_str(text).map_err(|error| unreadable(&error.to_string()))?)
}

/// Sends `body`, if there is one, as JSON; the text of a successful answer.
async fn send(method: &str, path: &str, body: Option<&str>) -> Answer<String> {
    answer(&request(method, path, body)?).await
}

fn request(method: &str, path: &str, body: Option<&str>) -> Answer<Request> {
    let options = RequestInit::new();
    options.set_method(method);
    if let Some(body) = body {
        options.set_body(&JsValue::from_str(body));
    }
    let request = Request::new_with_str_and_init(&address(path), &options).map_err(unreachable)?;
    request.headers().set("content-type", "application/json").map_err(unreachable)?;
    if method != "GET" {
        for (name, value) in named() {
            request.headers().set(name, &value).map_err(unreachable)?;
        }
    }
    Ok(request)
}

/// What a request that changes something says of its maker: the team that it is for, and as whom it is meant.
pub(super) fn named() -> impl Iterator<Item = (&'static str, String)> {
    let (team, user) = (working_team::header(), session::header());
    team.map(|team| ("hrm-team", team)).into_iter().chain(user.map(|user| ("hrm-user", user)))
}

/// Sends `request`; the text of a successful answer.
pub(super) async fn answer(request: &Request) -> Answer<String> {
    match exchange(request).await? {
        (202, _) => Err(problem(202, "Queued", "A worker does it. Look again when its job has ended.".into()).into()),
        (_, text) => Ok(text),
    }
}

/// Sends `request`; the status and the text of a successful answer.
async fn exchange(request: &Request) -> Answer<(u16, String)> {
    let response = JsFuture::from(leptos::prelude::window().fetch_with_request(request)).await.map_err(unreachable)?;
    let response: Response = response.dyn_into().map_err(unreachable)?;
    let text = JsFuture::from(response.text().map_err(unreachable)?).await.map_err(unreachable)?;
    judged(response.status(), text.as_string().unwrap_or_default())
}

/// An answer, or the problem that its status stands for. Who is not signed in, or not any more, is told so beside what the page
/// shows: leaving it would lose what was typed there.
pub(super) fn judged(status: u16, text: String) -> Answer<(u16, String)> {
    if status == 401 {
        session::note_ended();
    }
    if (200..300).contains(&status) {
        return Ok((status, text));
    }
    let problem = refusal(status, &text);
    if is_of_another(&problem) {
        session::note_other();
    }
    Err(problem.into())
}

/// Whether a request was refused because somebody else is signed in than the one it named.
fn is_of_another(problem: &Problem) -> bool {
    problem.kind.ends_with("other-user")
}

/// The problem that the server told, or that it told none.
fn refusal(status: u16, text: &str) -> Problem {
    serde_json::from_str(text).unwrap_or_else(|_| unexpected(status, text))
}

fn problem(status: u16, title: &str, detail: String) -> Problem {
    let (kind, title) = ("about:blank".into(), title.into());
    Problem { kind, title, status, detail, field: None, request_id: String::new() }
}

pub(super) fn unreachable(_: JsValue) -> Problem {
    problem(0, "No connection", "The server does not answer. Is it still running?".into())
}

fn unreadable(error: &str) -> Problem {
    problem(0, "Unreadable answer", format!("The server's answer was not what this page expects: {error}. Reload it."))
}

fn unexpected(status: u16, text: &str) -> Problem {
    let text: String = text.chars().take(200).collect();
    problem(status, "Refused", if text.is_empty() { format!("The server answered {status}.") } else { text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_tells_that_somebody_else_is_signed_in() {
        let text =
            r#"{"type": "/problems/other-user", "title": "T", "status": 409, "detail": "bob is.", "request_id": "1"}"#;
        let problem = refusal(409, text);
        assert!(is_of_another(&problem) && problem.detail == "bob is.");
        assert!(!is_of_another(&refusal(409, "")));
    }
}
