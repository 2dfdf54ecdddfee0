//! How fast the page is, in a real browser: the first load, a table of 1,000 runs, a chart of 50,000 points. Run by
//! `make bench-page`, which prints the figures of `docs/performance.md`.

use super::{
    driver::{Screen, built_page, journey_at},
    tab::Tab,
};
use crate::{
    api::server::{Server, tiny_experiment},
    postgres::Postgres,
};
use serde_json::{Value, json};
use std::time::Duration;

/// Runs of the table, and points of the curve.
const RUNS: usize = 1_000;
const POINTS: u32 = 50_000;

/// Times that the first load is measured.
const LOADS: usize = 7;

/// Noted from the very beginning of a load: when the button that solves can be pressed.
const INTERACTIVE: &str = "
    const look = () => {
        if (document.querySelector('button[type=submit]:not(:disabled)')) {
            window.interactive = performance.now();
            watch.disconnect();
        }
    };
    const watch = new MutationObserver(look);
    watch.observe(document, { subtree: true, childList: true, attributes: true });
";

/// Scrolls from top to bottom in 120 frames; the milliseconds that each frame took, sorted.
const SCROLL: &str = "
    const done = arguments[arguments.length - 1];
    const [height, times] = [document.documentElement.scrollHeight - innerHeight, []];
    let before = performance.now();
    const step = now => {
        times.push(now - before);
        before = now;
        scrollTo(0, height * times.length / 120);
        if (times.length < 120) requestAnimationFrame(step);
        else done(times.slice(1).sort((a, b) => a - b));
    };
    requestAnimationFrame(step);
";

/// Moves the pointer over the first chart in 120 frames; the milliseconds that each frame took, sorted.
const POINT: &str = "
    const done = arguments[arguments.length - 1];
    const [plot, times] = [document.querySelector('.chart-plot'), []];
    plot.scrollIntoView({ block: 'center' });
    const box = plot.getBoundingClientRect();
    let before = performance.now();
    const step = now => {
        times.push(now - before);
        before = now;
        const at = { clientX: box.left + box.width * times.length / 120, clientY: box.top + box.height / 2, bubbles: true };
        plot.dispatchEvent(new PointerEvent('pointermove', at));
        if (times.length < 120) requestAnimationFrame(step);
        else done(times.slice(1).sort((a, b) => a - b));
    };
    requestAnimationFrame(step);
";

/// Median, 95th of 100, and longest frame.
fn frames(times: &Value) -> String {
    let times: Vec<f64> = times.as_array().into_iter().flatten().filter_map(Value::as_f64).collect();
    let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
    format!("frames: median {:.1} ms, 95 % within {:.1} ms, longest {:.1} ms", at(0.5), at(0.95), at(1.0))
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// The milliseconds since the load began, once `condition` is true.
async fn milliseconds(tab: &Tab, path: &str, condition: &str) -> f64 {
    tab.open(path).await;
    let script = format!("if ({condition}) return performance.now()");
    tab.until_within(Duration::from_mins(2), &script).await.as_f64().expect("a time")
}

#[test]
#[ignore = "a measurement: make bench-page"]
fn first_load() {
    let server = Server::with_page(&built_page());
    journey_at(server.address(), Screen::Desktop, |tab| async move {
        tab.devtools("Page.addScriptToEvaluateOnNewDocument", json!({"source": INTERACTIVE})).await;
        let (mut cold, mut warm, mut paint) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..LOADS {
            tab.devtools("Network.clearBrowserCache", json!({})).await;
            for times in [&mut cold, &mut warm] {
                tab.open("/").await;
                times.push(tab.until("return window.interactive").await.as_f64().expect("a time"));
            }
            let entry = "return performance.getEntriesByName('first-contentful-paint')[0]?.startTime";
            paint.extend(tab.run(entry).await.as_f64());
        }
        let sent = "return performance.getEntriesByType('resource').reduce((sum, one) => sum + one.encodedBodySize, 0)";
        let sent = tab.run(sent).await;
        eprintln!(
            "first load: interactive after {:.0} ms without a cache, {:.0} ms with one (first paint {:.0} ms); medians of {LOADS}; {sent} bytes",
            median(cold),
            median(warm),
            median(paint),
        );
    });
}

#[test]
#[ignore = "a measurement: make bench-page"]
fn a_thousand_runs() {
    let postgres = Postgres::start();
    let server = Server::with_page_on(&built_page(), &postgres.url(), "127.0.0.1:0");
    for seed in 0..RUNS {
        let mut experiment = tiny_experiment(&format!("run-{seed}"));
        experiment["seed"] = json!(seed);
        server.post("/api/v1/runs", &json!({ "experiment": experiment })).expect(201);
    }
    journey_at(server.address(), Screen::Desktop, |tab| async move {
        let first = milliseconds(&tab, "/runs", "document.querySelectorAll('.runs tbody tr').length >= 50").await;
        let rows = "document.querySelectorAll('.runs tbody tr').length";
        let begun = std::time::Instant::now();
        loop {
            let count = tab.run(&format!("return {rows}")).await.as_u64().expect("a number");
            if count >= RUNS as u64 {
                break;
            }
            tab.press_button("Older runs").await;
            tab.until_within(Duration::from_mins(1), &format!("return {rows} > {count}")).await;
        }
        let all = begun.elapsed().as_secs_f64();
        let scrolled = tab.run_async(SCROLL).await;
        eprintln!(
            "{RUNS} runs: the first page after {first:.0} ms, all rows {all:.1} s later; scrolling through them, {}",
            frames(&scrolled)
        );
    });
}

#[test]
#[ignore = "a measurement: make bench-page"]
fn fifty_thousand_points() {
    let postgres = Postgres::start();
    let server = Server::with_page_on(&built_page(), &postgres.url(), "127.0.0.1:0");
    let queued = server.post("/api/v1/runs", &json!({"experiment": tiny_experiment("long")})).expect(201);
    let run = queued["id"].as_str().expect("an id").to_owned();
    postgres.sql(&format!(
        "INSERT INTO run_attempts (run_id, attempt, from_step) VALUES ('{run}', 1, 0);
         INSERT INTO metrics (run_id, attempt, step, examples, elapsed_seconds, lr, loss, lm_loss, q_halt_loss,
            q_continue_loss, accuracy, exact_accuracy, q_halt_accuracy, steps, sequences_per_second)
         SELECT '{run}', 1, step, step * 32, step * 0.1, 1e-4, exp(-step / 2e4) + random() * 0.2,
            exp(-step / 2e4) + random() * 0.1, random() * 0.1, random() * 0.1, 1 - exp(-step / 1e4),
            1 - exp(-step / 3e4), 0.9, 4, 300 FROM generate_series(1, {POINTS}) step;
         UPDATE jobs SET state = 'cancelled', attempt = 1, finished_at = now(), done = {POINTS} WHERE id = '{run}'"
    ));
    journey_at(server.address(), Screen::Desktop, |tab| async move {
        let drawn = "document.querySelectorAll('.charts .chart-line').length >= 4";
        let shown = milliseconds(&tab, &format!("/runs/{run}"), drawn).await;
        let pointed = tab.run_async(POINT).await;
        eprintln!("{POINTS} points: drawn after {shown:.0} ms; the pointer moving over them, {}", frames(&pointed));
    });
}
