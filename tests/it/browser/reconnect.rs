//! The live page of a run while its server goes away and comes back, and while the run ends and begins again.

use super::driver::{Screen, built_page, has_browser, journey_at, shared_server};
use crate::{
    api::server::{Server, tiny_experiment},
    postgres::Postgres,
};
use serde_json::json;
use std::{
    io::{Read, Write},
    net::TcpListener,
    time::{Duration, Instant},
};

/// Refuses what is asked for the first time of a wish, of a run's metrics, and of its log.
const REFUSE_ONCE: &str = "
    const send = window.fetch;
    const refused = new Set();
    window.fetch = async request => {
        const last = new URL(request.url ?? request, location).pathname.split('/').pop();
        if (!['cancel', 'metrics', 'logs'].includes(last) || refused.has(last)) return send.call(window, request);
        refused.add(last);
        const problem = { type: 'about:blank', title: 'Busy', status: 503, detail: 'Later.', request_id: '' };
        return new Response(JSON.stringify(problem), { status: 503 });
    };";

/// Queues a run that no worker takes; its id.
fn queued(server: &Server, name: &str) -> String {
    let queued = server.post("/api/v1/runs", &json!({"experiment": tiny_experiment(name)})).expect(201);
    queued["id"].as_str().expect("an id").to_owned()
}

/// Takes the run as a worker elsewhere does.
fn begin(postgres: &Postgres, run: &str) {
    postgres.sql(&format!(
        "UPDATE jobs SET state = 'running', attempt = 1, total = 40, started_at = now(), worker_id = gen_random_uuid(),
            device = 'elsewhere', lease_token = gen_random_uuid(), lease_expires = now() + interval '1 hour',
            revision = revision + 1 WHERE id = '{run}'"
    ));
}

/// Does what a worker elsewhere does with the run: measures step `done`.
fn work(postgres: &Postgres, run: &str, done: u32) {
    postgres.sql(&format!(
        "INSERT INTO metrics (run_id, attempt, step, examples, elapsed_seconds, lr, loss, lm_loss, q_halt_loss,
            q_continue_loss, sequences_per_second)
         VALUES ('{run}', 1, {done}, {done}, {done}, 0.1, 1.5, 1, 0.25, 0.25, 10);
         UPDATE jobs SET done = {done}, revision = revision + 1 WHERE id = '{run}'"
    ));
}

/// The page shows that many steps as done.
fn shows(done: u32) -> String {
    format!(
        "return document.querySelector('.standing-strip .progress-steps')?.textContent.startsWith('{done} of 40 steps')"
    )
}

/// Stands where the server was and answers as a proxy does whose server is away, until a stream was asked for.
fn refuse(address: &str) {
    let listener = TcpListener::bind(address).expect("the server's place is free");
    loop {
        let (mut connection, _) = listener.accept().expect("a connection");
        // A browser also opens connections that it does not use yet.
        connection.set_read_timeout(Some(Duration::from_secs(1))).expect("a timeout");
        let mut request = [0; 8192];
        let Ok(read) = connection.read(&mut request) else { continue };
        let answer = "HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        let answered = connection.write_all(answer.as_bytes());
        if answered.is_ok() && String::from_utf8_lossy(&request[..read]).contains("/events?") {
            return;
        }
    }
}

/// Watches a run whose server is stopped and started again after `meanwhile`, which gets its address.
fn watch_through(meanwhile: fn(&str)) {
    if !has_browser() {
        return;
    }
    let postgres = Postgres::start();
    let server = Server::with_page_on(&built_page(), &postgres.url(), "127.0.0.1:0");
    let run = queued(&server, "it-live");
    begin(&postgres, &run);
    work(&postgres, &run, 2);
    let address = server.address().to_owned();
    journey_at(&address.clone(), Screen::Desktop, |tab| async move {
        tab.open(&format!("/runs/{run}")).await;
        tab.until(&shows(2)).await;
        work(&postgres, &run, 4);
        tab.until(&shows(4)).await;

        tokio::task::spawn_blocking(move || server.stop()).await.expect("the server stops");
        tab.until("return document.querySelector('.standing-strip .bad')?.textContent.includes('connection lost')")
            .await;
        // Measured while nobody could tell.
        work(&postgres, &run, 6);
        let (bind, url) = (address.trim_start_matches("http://").to_owned(), postgres.url());
        let again = tokio::task::spawn_blocking(move || {
            meanwhile(&bind);
            Server::with_page_on(&built_page(), &url, &bind)
        });
        let again = again.await.expect("the server starts again where it was");
        let ready = Instant::now();
        tab.until(&shows(6)).await;
        eprintln!("the page was up to date {:.1} s after the server was back", ready.elapsed().as_secs_f64());
        tab.until("return !document.querySelector('.standing-strip .bad')").await;
        work(&postgres, &run, 8);
        tab.until(&shows(8)).await;
        tokio::task::spawn_blocking(move || drop((again, postgres))).await.expect("both stop");
    });
}

#[test]
fn a_live_run_goes_on_after_its_server_was_restarted() {
    watch_through(|_| {});
}

#[test]
fn a_live_run_goes_on_after_something_else_answered_for_its_server() {
    watch_through(refuse);
}

#[test]
fn a_run_that_is_tried_again_is_watched_again() {
    if !has_browser() {
        return;
    }
    let postgres = Postgres::start();
    let server = Server::with_page_on(&built_page(), &postgres.url(), "127.0.0.1:0");
    let run = queued(&server, "it-again");
    let address = server.address().to_owned();
    journey_at(&address, Screen::Desktop, |tab| async move {
        let stands = |state: &str| format!("return document.querySelector('.standing-now [data-state={state}]')");
        tab.open(&format!("/runs/{run}")).await;
        tab.until(&stands("queued")).await;
        // A wish that was refused once and granted then is not refused any more.
        tab.run(REFUSE_ONCE).await;
        tab.press_button("Cancel").await;
        tab.until("return document.querySelector('.notice.bad')?.textContent.includes('Later.')").await;
        tab.press_button("Cancel").await;
        tab.until(&stands("cancelled")).await;
        tab.until("return !document.querySelector('.notice.bad')").await;
        tab.press_button("Retry").await;
        tab.until(&stands("queued")).await;
        begin(&postgres, &run);
        work(&postgres, &run, 2);
        tab.until(&shows(2)).await;
        // Who cancels what is being trained is asked, and may let it run.
        tab.press_button("Cancel").await;
        tab.until("return document.activeElement.textContent === 'Let it run'").await;
        tab.press_button("Let it run").await;
        tab.until("return !document.querySelector('.confirm')").await;
        tab.press_button("Cancel").await;
        tab.until("return document.querySelector('.confirm .danger')").await;
        tab.click(".confirm .danger").await;
        tab.until("return document.querySelector('.standing-strip').textContent.includes('stopping')").await;
        tokio::task::spawn_blocking(move || drop((server, postgres))).await.expect("both stop");
    });
}

#[test]
fn what_fails_once_of_a_run_that_has_ended_is_had_in_the_end() {
    if !has_browser() {
        return;
    }
    let server = shared_server();
    let run = server.trained()["id"].as_str().expect("an id").to_owned();
    journey_at(server.address(), Screen::Desktop, |tab| async move {
        tab.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": REFUSE_ONCE })).await;
        tab.open(&format!("/runs/{run}")).await;
        tab.until("return document.querySelector('.notice.bad')?.textContent.includes('Later.')").await;
        tab.until("return document.querySelector('.charts .chart-line')").await;
        tab.until("return document.querySelector('.log')?.textContent.includes('attempt 1 begins')").await;
        tab.until("return !document.querySelector('.notice.bad')").await;
    });
}
