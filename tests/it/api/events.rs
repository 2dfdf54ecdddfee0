//! Watching a run: server-sent events, their order, their replay and their end.

use super::{
    permissions::Lab,
    server::{Server, tiny_experiment},
};
use reqwest::blocking::Response;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader};

/// One server-sent event.
#[derive(Debug, Clone, Default, PartialEq)]
struct Event {
    name: String,
    id: Option<String>,
    data: Value,
}

/// The events of a stream, one after the other.
struct Events(BufReader<Response>);

impl Events {
    fn open(server: &Server, run: &str, last_event_id: Option<&str>) -> Self {
        Self::at(server, &format!("/api/v1/runs/{run}/events"), last_event_id)
    }

    fn at(server: &Server, path: &str, last_event_id: Option<&str>) -> Self {
        let mut request = server.request("GET", path);
        if let Some(id) = last_event_id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().expect("the server answers");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self(BufReader::new(response))
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        let (mut event, mut line) = (Event::default(), String::new());
        loop {
            line.clear();
            if self.0.read_line(&mut line).expect("the stream ends in good order") == 0 {
                return None;
            }
            match line.trim_end_matches('\n').split_once(": ") {
                Some(("event", name)) => event.name = name.into(),
                Some(("id", id)) => event.id = Some(id.into()),
                Some(("data", data)) => event.data = serde_json::from_str(data).expect("data are JSON"),
                // An empty line ends an event; comments and `retry` alone make none.
                None if line == "\n" && !event.name.is_empty() => return Some(event),
                _ => {}
            }
        }
    }
}

fn id_of(run: &Value) -> &str {
    run["id"].as_str().expect("a run has an id")
}

/// Watches a run to its end and gives it as it is then.
pub(crate) fn wait_until_final(server: &Server, run: &Value) -> Value {
    let last = Events::open(server, id_of(run), None).last().expect("a stream has events");
    assert_eq!(last.name, "run", "the final state comes last");
    last.data
}

#[test]
fn a_run_is_watched_from_the_queue_to_its_end() {
    let server = Server::shared();
    let run = server.post("/api/v1/runs", &json!({"experiment": tiny_experiment("it-watched")})).expect(201);
    let events: Vec<Event> = Events::open(&server, id_of(&run), None).collect();
    let states: Vec<&str> =
        events.iter().filter(|event| event.name == "run").filter_map(|event| event.data["state"].as_str()).collect();
    assert!(["queued", "running"].contains(&states[0]), "{states:?}");
    assert_eq!(states.last(), Some(&"succeeded"));
    let last = events.last().expect("there are events");
    assert_eq!((last.name.as_str(), last.data["step"].as_u64()), ("run", Some(40)));
    let id = last.id.as_deref().expect("the final state has an id");
    assert!(id.starts_with("1-40.") && id.ends_with("-end"), "{id}");
    let lines: Vec<Value> = events.iter().filter(|event| event.name == "log").map(|event| event.data.clone()).collect();
    let kept = server.get(&format!("/api/v1/runs/{}/logs", id_of(&run))).expect(200);
    assert_eq!(kept["items"], Value::from(lines), "every line came once and in order");
    assert_eq!(kept["items"][0]["message"], "attempt 1 begins");
    let metrics: Vec<Value> =
        events.into_iter().filter(|event| event.name == "metric").map(|event| event.data).collect();
    let stored = server.get(&format!("/api/v1/runs/{}/metrics", id_of(&run))).expect(200);
    assert_eq!(stored["items"], Value::from(metrics), "every point came once and in order");
}

#[test]
fn a_broken_stream_goes_on_where_it_broke() {
    let server = Server::shared();
    let run = id_of(server.trained()).to_owned();
    let whole: Vec<Event> = Events::open(&server, &run, None).collect();
    assert_eq!(whole.iter().filter(|event| event.name == "metric").count(), 20);
    for (at, event) in whole.iter().enumerate() {
        let Some(id) = event.id.as_deref().filter(|_| event.name != "run") else { continue };
        let rest: Vec<Event> = Events::open(&server, &run, Some(id)).collect();
        assert_eq!(rest, whole[at + 1..], "after {id}");
    }
    let by_query = server.request("GET", &format!("/api/v1/runs/{run}/events?after=1-38")).send().expect("an answer");
    assert_eq!(Events(BufReader::new(by_query)).next().and_then(|event| event.id).as_deref(), Some("1-40"));
}

#[test]
fn a_hundred_broken_streams_lose_nothing_and_repeat_nothing() {
    let server = Server::shared();
    let run = id_of(server.trained());
    let whole: Vec<Event> =
        Events::open(&server, run, None).filter(|event| event.name != "run" && event.id.is_some()).collect();
    assert!(whole.len() > 20, "{} points and lines", whole.len());
    let (mut told, mut drops) = (Vec::<Event>::new(), 0);
    // Over and over again, each stream is cut after as many events as there were cuts before, up to six.
    while drops < 100 {
        let last = told.last().and_then(|event| event.id.clone());
        let wanted = 1 + drops % 6;
        let next =
            Events::open(&server, run, last.as_deref()).filter(|event| event.name != "run" && event.id.is_some());
        told.extend(next.take(wanted));
        drops += 1;
        if told.len() == whole.len() {
            assert_eq!(told, whole, "after {drops} cuts");
            told.clear();
        }
    }
    assert_eq!(told, whole[..told.len()], "after {drops} cuts");
}

#[test]
fn a_client_that_has_read_everything_is_told_to_stay_away() {
    let server = Server::shared();
    let run = id_of(server.trained());
    let again = server.request("GET", &format!("/api/v1/runs/{run}/events")).header("last-event-id", "1-40-end");
    assert_eq!(again.send().expect("an answer").status(), 204);
    // An id of another server's making is no reason to withhold anything.
    assert_eq!(Events::open(&server, run, Some("nonsense")).filter(|event| event.name == "metric").count(), 20);
}

#[test]
fn streams_end_when_the_server_stops() {
    let server = Server::without_worker();
    let run = server.post("/api/v1/runs", &json!({"experiment": tiny_experiment("it-waiting")})).expect(201);
    let mut events = Events::open(&server, id_of(&run), None);
    assert_eq!(events.next().map(|event| event.data["state"].clone()), Some(json!("queued")));
    server.stop();
    assert_eq!(events.next(), None);
}

#[test]
fn streams_end_soon_after_their_caller_has_lost_access() {
    let lab = Lab::open();
    let (ann, root) = (lab.token("ann", "read,write"), lab.token("root", "admin"));
    let run = lab.send(&ann, "POST", "/api/v1/runs", &json!({"experiment": tiny_experiment("it-lost")})).expect(201);
    let watch = |path: &str| {
        let response = lab.server.request("GET", path).bearer_auth(&ann).send().expect("the server answers");
        assert_eq!(response.status(), 200);
        Events(BufReader::new(response))
    };
    let mut streams = [watch("/api/v1/jobs/events"), watch(&format!("/api/v1/runs/{}/events", id_of(&run)))];
    for stream in &mut streams {
        assert_eq!(stream.next().map(|event| event.data["state"].clone()), Some(json!("queued")));
    }
    let users = lab.send(&root, "GET", "/api/v1/users", &Value::Null).expect(200);
    let user = users["items"].as_array().into_iter().flatten().find(|user| user["name"] == "ann").expect("Ann");
    let path = format!("/api/v1/users/{}", user["id"].as_str().expect("an id"));
    lab.send(&root, "PATCH", &path, &json!({"disabled": true})).expect(200);
    for stream in &mut streams {
        assert_eq!(stream.next(), None);
    }
}

#[test]
fn an_unknown_run_has_no_events() {
    let server = Server::shared();
    server.get("/api/v1/runs/0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77/events").expect_problem(404, "not-found");
    server.get("/api/v1/runs/none/events").expect_problem(404, "not-found");
}

/// Waits until a run has trained for a while.
pub(super) fn wait_for_metric(server: &Server, run: &Value) {
    let seen = Events::open(server, id_of(run), None).any(|event| event.name == "metric");
    assert!(seen, "the run ended without a metric");
}

#[test]
fn the_queue_is_watched_through_a_hundred_dropped_connections() {
    let server = Server::without_worker();
    let queue = |name: &str| server.post("/api/v1/runs", &json!({"experiment": tiny_experiment(name)})).expect(201);
    let (first, second) = (queue("first"), queue("second"));
    let from = |last: Option<&str>| Events::at(&server, "/api/v1/jobs/events", last);
    let told = |event: &Event| (event.name.clone(), event.data["id"].clone(), event.data["state"].clone());
    let of = |run: &Value, state: &str| ("job".to_owned(), run["id"].clone(), json!(state));
    let begun: Vec<Event> = from(None).take(2).collect();
    assert_eq!(begun.iter().map(told).collect::<Vec<_>>(), [of(&first, "queued"), of(&second, "queued")]);
    // The one after the first is the second, whoever reads.
    assert_eq!(from(begun[0].id.as_deref()).next().as_ref(), Some(&begun[1]));

    let mut last = begun[1].id.clone();
    let mut ids = vec![last.clone()];
    for drop in 0..100 {
        let (verb, state) = if drop / 2 % 2 == 0 { ("pause", "paused") } else { ("resume", "queued") };
        let run = if drop % 2 == 0 { &first } else { &second };
        server.post(&format!("/api/v1/runs/{}/{verb}", id_of(run)), &json!({})).expect(200);
        let event = from(last.as_deref()).next().expect("the change");
        assert_eq!(told(&event), of(run, state), "after {drop} drops");
        assert!(!ids.contains(&event.id), "told twice");
        last.clone_from(&event.id);
        ids.push(event.id);
    }
    server.post(&format!("/api/v1/runs/{}/cancel", id_of(&first)), &json!({})).expect(200);
    // Two changes of one job while nobody reads are one event, with what came of them.
    for verb in ["cancel", "retry"] {
        server.post(&format!("/api/v1/runs/{}/{verb}", id_of(&second)), &json!({})).expect(200);
    }
    let rest: Vec<Event> = from(last.as_deref()).take(2).collect();
    assert_eq!(rest.iter().map(told).collect::<Vec<_>>(), [of(&first, "cancelled"), of(&second, "queued")]);
    // Who begins anew is told what has not ended; so is who comes with an id of another database.
    for last in [None, Some("9000000000000000-0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77"), Some("nonsense")] {
        assert_eq!(told(&from(last).next().expect("an event")), of(&second, "queued"), "{last:?}");
    }
}
