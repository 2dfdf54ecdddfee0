//! Drop-downs show what stands, whoever changed it: the person, a button, the history, a refusal.

use super::{
    accounts::{lab, sign_in},
    driver::{Screen, built_page, has_browser, journey, journey_at},
    places,
    tab::Tab,
};
use crate::{
    api::server::{Server, tiny_experiment},
    postgres::Postgres,
};
use serde_json::json;

/// Makes a dataset of that name.
async fn make_dataset(tab: &Tab, name: &str, seed: u64) {
    let body = json!({"name": name, "generate": {"side": 4, "train": 20, "test": 5, "givens": [6, 9], "seed": seed}});
    let script = format!(
        "const done = arguments[arguments.length - 1];
        fetch('/api/v1/datasets', {{ method: 'POST', headers: {{ 'content-type': 'application/json' }},
            body: JSON.stringify({body}) }}).then(answer => done(answer.status));"
    );
    assert_eq!(tab.run_async(&script).await, json!(201));
}

#[test]
fn a_filter_that_is_gone_is_not_shown() {
    journey(|tab| async move {
        tab.open("/").await;
        make_dataset(&tab, "it-filter", 501).await;
        places::open(&tab, "/runs").await;
        tab.choose("#state", "failed").await;
        tab.until_address("/runs?state=failed").await;
        tab.until_chosen("#state", "failed").await;
        tab.press_button("Clear filters").await;
        tab.until_address("/runs").await;
        tab.until_chosen("#state", "any").await;

        tab.until("return [...document.querySelectorAll('#dataset option')].some(o => o.textContent === 'it-filter')")
            .await;
        tab.choose("#dataset", "it-filter").await;
        tab.until("return document.querySelector('.filters button.quiet')").await;
        tab.run("history.back()").await;
        tab.until_address("/runs").await;
        tab.until_chosen("#dataset", "any").await;
        tab.run("history.forward()").await;
        tab.until_chosen("#dataset", "it-filter").await;
    });
}

#[test]
fn a_word_that_was_typed_takes_nobody_back() {
    journey(|tab| async move {
        tab.open("/").await;
        places::open(&tab, "/runs").await;
        tab.until("return document.querySelector('#name')").await;
        tab.fill("#name", "it-typed").await;
        tab.click("header nav a[href='/queue']").await;
        tab.until("return document.querySelector('h1').textContent === 'Queue'").await;
        assert_eq!(tab.path().await, "/queue");

        // Without Enter it counts once nothing more is typed.
        places::open(&tab, "/runs").await;
        tab.until("return document.querySelector('#name')").await;
        tab.fill("#name", "it-typed").await;
        tab.until_address("/runs?name=it-typed").await;
    });
}

#[test]
fn a_new_runs_fields_show_what_will_be_queued() {
    journey(|tab| async move {
        tab.open("/").await;
        make_dataset(&tab, "it-form", 502).await;
        places::open(&tab, "/runs/new").await;
        let source = |name: &str| format!("[name='data.source'][value={name}]");
        tab.click(&source("stored")).await;
        let dataset = "[name='data.dataset']";
        tab.until(
            "return [...document.querySelectorAll('[name=\"data.dataset\"] option')].some(o => o.value === 'it-form')",
        )
        .await;
        let label = tab
            .run("return [...document.querySelectorAll('[name=\"data.dataset\"] option')].find(o => o.value === 'it-form').textContent")
            .await;
        tab.choose(dataset, label.as_str().expect("a text")).await;
        tab.until_chosen(dataset, label.as_str().expect("a text")).await;
        // With puzzles that are generated another experiment has no dataset to keep.
        tab.click(&source("generate")).await;
        tab.choose("#experiment", "maze-9x9").await;
        tab.until("return document.querySelector('[name=name]').value === 'maze-9x9'").await;
        tab.click(&source("stored")).await;
        tab.until_chosen(dataset, "Choose …").await;

        // So does a setting that the next experiment sets anew.
        tab.run("document.querySelector('details.fine').open = true").await;
        tab.choose("[name='train.checkpoint']", "best").await;
        tab.until_chosen("[name='train.checkpoint']", "best").await;
        tab.choose("#experiment", "sudoku-4x4-quick").await;
        tab.until_chosen("[name='train.checkpoint']", "last").await;
    });
}

#[test]
fn a_refused_role_does_not_stay_on_the_page() {
    if !has_browser() {
        return;
    }
    let server = lab();
    journey_at(server.address(), Screen::Desktop, |tab| async move {
        tab.open("/login?next=/team").await;
        sign_in(&tab, "ann").await;
        let role = "[aria-label='Role of ann']";
        tab.until(&format!("return document.querySelector(\"{role}\")")).await;
        // Somebody has to administrate. A choice alone changes nothing.
        tab.choose(role, "viewer").await;
        tab.until_chosen(role, "viewer").await;
        tab.until("return document.querySelector('[aria-label=\"Change: Role of ann\"]')").await;
        assert_eq!(tab.run("return document.querySelector('.notice.bad')").await, json!(null));
        tab.click("[aria-label='Change: Role of ann']").await;
        tab.until("return document.querySelector('.notice.bad')").await;
        tab.until_chosen(role, "admin").await;
    });
}

#[test]
fn runs_are_added_to_a_comparison_one_after_the_other() {
    if !has_browser() {
        return;
    }
    let postgres = Postgres::start();
    let server = Server::with_page_on(&built_page(), &postgres.url(), "127.0.0.1:0");
    let mut ids = Vec::new();
    for name in ["it-third", "it-second", "it-first"] {
        let queued = server.post("/api/v1/runs", &json!({"experiment": tiny_experiment(name)})).expect(201);
        ids.push(queued["id"].as_str().expect("an id").to_owned());
    }
    let address = server.address().to_owned();
    journey_at(&address, Screen::Desktop, |tab| async move {
        tab.open(&format!("/compare?runs={}", ids[2])).await;
        let add = ".add-run select";
        // What stood second stands first once the first is taken away.
        for (left, name) in [(2, "it-second"), (1, "it-third")] {
            tab.until(&format!("return document.querySelectorAll('{add} option').length === {}", left + 1)).await;
            tab.until_chosen(add, "Add a run …").await;
            let words = tab.run(&format!("return document.querySelector('{add}').options[1].textContent")).await;
            let words = words.as_str().expect("a text").to_owned();
            assert!(words.starts_with(name), "{words}");
            tab.choose(add, &words).await;
        }
        tab.until_address(&ids[0]).await;
        tokio::task::spawn_blocking(move || drop((server, postgres))).await.expect("both stop");
    });
}
