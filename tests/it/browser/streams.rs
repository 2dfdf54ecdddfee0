//! How many streams of events a page keeps open: a browser has six connections to a server for all its tabs.

use super::{
    driver::{Screen, built_page, has_browser, journey_at},
    places,
    tab::Tab,
};
use crate::{
    api::server::{Server, tiny_experiment},
    postgres::Postgres,
};
use serde_json::json;
use std::time::Instant;

/// Notes every stream that a page opens.
const NOTE: &str = "
    const Stream = window.EventSource;
    window.streams = [];
    window.EventSource = class extends Stream {
        constructor(...of) { super(...of); window.streams.push(this); }
    };";

/// Makes the tab one that nobody sees, or one that is seen again.
async fn hide(tab: &Tab, hidden: bool) {
    let script = "Object.defineProperty(document, 'hidden', { value: HIDDEN, configurable: true });
        document.dispatchEvent(new Event('visibilitychange', { bubbles: true }));";
    tab.run(&script.replace("HIDDEN", &hidden.to_string())).await;
}

/// Waits until so many streams are open.
async fn until_open(tab: &Tab, wanted: u64) {
    let begun = Instant::now();
    loop {
        let open = tab.run("return window.streams.filter(stream => stream.readyState !== 2).length").await;
        if open == json!(wanted) {
            return;
        }
        assert!(begun.elapsed() < Tab::DEADLINE, "not within {:?}: {wanted} streams, but {open}", Tab::DEADLINE);
    }
}

#[test]
fn streams_are_open_only_while_more_may_come_and_somebody_looks() {
    if !has_browser() {
        return;
    }
    let postgres = Postgres::start();
    let server = Server::with_page_on(&built_page(), &postgres.url(), "127.0.0.1:0");
    let queued = json!({"puzzles": ["3.5...1.....5...6...4.31..64.5.5...6"], "model": "sudoku-6x6"});
    let batch = server.post("/api/v1/batches", &queued).expect(201);
    let batch = format!("/batches/{}", batch["job"]["id"].as_str().expect("an id"));
    let run = server.post("/api/v1/runs", &json!({"experiment": tiny_experiment("it-streams")})).expect(201);
    let run = format!("/runs/{}", run["id"].as_str().expect("an id"));
    let address = server.address().to_owned();
    journey_at(&address, Screen::Desktop, |tab| async move {
        tab.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": NOTE })).await;
        for page in ["/queue", &run, &batch] {
            places::open(&tab, page).await;
            until_open(&tab, 1).await;
            hide(&tab, true).await;
            until_open(&tab, 0).await;
            hide(&tab, false).await;
            until_open(&tab, 1).await;
        }
        tab.press_button("Cancel").await;
        tab.until("return document.querySelector('.batch-standing [data-state=cancelled]')").await;
        until_open(&tab, 0).await;
        // One that ended long ago has none at all.
        places::open(&tab, &batch).await;
        tab.until("return document.querySelector('.batch-standing [data-state=cancelled]')").await;
        assert_eq!(tab.run("return window.streams.length").await, json!(0));
        tokio::task::spawn_blocking(move || drop((server, postgres))).await.expect("both stop");
    });
}
