//! The way back into long lists: as far loaded and scrolled as they were left.

use super::{
    driver::{Screen, built_page, has_browser, journey_at},
    places,
    tab::Tab,
};
use crate::api::server::{Server, tiny_experiment};
use serde_json::json;
use std::time::Instant;

/// Waits until the window is scrolled so far. Scrolling changes nothing on the page, which [`Tab::until`] listens to.
async fn until_scrolled(tab: &Tab, wanted: f64) {
    let begun = Instant::now();
    loop {
        let scrolled = tab.run("return window.scrollY").await.as_f64().expect("a number");
        if (scrolled - wanted).abs() < 2.0 {
            return;
        }
        assert!(begun.elapsed() < Tab::DEADLINE, "not within {:?}: {wanted}, but {scrolled}", Tab::DEADLINE);
    }
}

async fn rows_are(tab: &Tab, css: &str, count: usize) {
    tab.until(&format!("return document.querySelectorAll('{css}').length === {count}")).await;
}

/// Loads the whole list of `all` rows, opens its `nth` and goes back: it is found as it was left, also when it is loaded
/// again, and as it begins by its own link.
async fn there_and_back(tab: &Tab, (path, row, more): (&str, &str, &str), (first, all): (usize, usize), nth: usize) {
    places::open(tab, path).await;
    rows_are(tab, row, first).await;
    while tab.run(&format!("return document.querySelectorAll('{row}').length")).await != json!(all) {
        let before = tab.run(&format!("return document.querySelectorAll('{row}').length")).await;
        tab.press_button(more).await;
        tab.until(&format!("return document.querySelectorAll('{row}').length > {before}")).await;
    }
    let link = format!("[...document.querySelectorAll('{row}')][{nth}].querySelector('a')");
    tab.run(&format!("{link}.scrollIntoView({{ block: 'center' }})")).await;
    let left_at = tab.run("return window.scrollY").await.as_f64().expect("a number");
    assert!(left_at > 500.0, "{left_at}");
    until_scrolled(tab, left_at).await;
    let opened = tab.run(&format!("const link = {link}; link.click(); return link.getAttribute('href')")).await;
    tab.until_address(opened.as_str().expect("an address")).await;
    tab.until(&format!("return document.querySelector('h1') && !document.querySelector('{row}')")).await;
    tab.run("history.back()").await;
    rows_are(tab, row, all).await;
    until_scrolled(tab, left_at).await;
    assert_eq!(
        tab.run("return document.activeElement.getAttribute('href')").await,
        opened,
        "the keyboard goes on there"
    );

    tab.run("location.reload()").await;
    rows_are(tab, row, all).await;
    until_scrolled(tab, left_at).await;

    tab.run(&format!("const link = {link}; link.click()")).await;
    tab.until_address(opened.as_str().expect("an address")).await;
    tab.until(&format!("return document.querySelector('h1') && !document.querySelector('{row}')")).await;
    tab.click(&format!("header nav a[href='{path}']")).await;
    rows_are(tab, row, first).await;
    until_scrolled(tab, 0.0).await;
}

#[test]
fn who_goes_back_finds_a_list_as_it_was_left() {
    if !has_browser() {
        return;
    }
    let server = Server::with_page(&built_page());
    for i in 0..24 {
        let generate = json!({"side": 4, "train": 5, "test": 5, "givens": [6, 9], "seed": i});
        server.post("/api/v1/datasets", &json!({"name": format!("it-{i}"), "generate": generate})).expect(201);
    }
    journey_at(server.address(), Screen::Desktop, |tab| async move {
        there_and_back(&tab, ("/datasets", ".dataset", "Older datasets"), (10, 24), 17).await;
    });
    let mut experiment = tiny_experiment("it-many");
    // The first is trained for as long as this takes, and the others wait for it.
    experiment["train"]["epochs"] = json!(1e6);
    experiment["train"]["max_steps"] = json!(null);
    let seeds: Vec<u64> = (0..120).collect();
    server.post("/api/v1/sweeps", &json!({"name": "it-many", "experiment": experiment, "seeds": seeds})).expect(201);
    journey_at(server.address(), Screen::Desktop, |tab| async move {
        there_and_back(&tab, ("/runs", ".runs tbody tr", "Older runs"), (100, 120), 110).await;
    });
}
