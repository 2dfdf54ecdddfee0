//! Exact times are those that the clocks there showed at the time.

use super::{
    driver::{Screen, built_page, has_browser, journey_at},
    places,
};
use crate::{api::server::Server, postgres::Postgres};
use serde_json::json;

#[test]
fn a_moment_is_told_by_the_offset_of_its_own_season() {
    if !has_browser() {
        return;
    }
    let postgres = Postgres::start();
    let server = Server::with_page_on(&built_page(), &postgres.url(), "127.0.0.1:0");
    for (seed, name) in ["it-summer", "it-winter"].iter().enumerate() {
        let generate = json!({"side": 4, "train": 5, "test": 5, "givens": [6, 9], "seed": seed});
        server.post("/api/v1/datasets", &json!({ "name": name, "generate": generate })).expect(201);
    }
    postgres.sql(
        "UPDATE datasets SET created_at = '2024-07-01T12:00:00Z' WHERE name = 'it-summer';
         UPDATE datasets SET created_at = '2024-01-15T12:00:00Z' WHERE name = 'it-winter'",
    );
    let address = server.address().to_owned();
    journey_at(&address, Screen::Desktop, |tab| async move {
        tab.devtools("Emulation.setTimezoneOverride", json!({ "timezoneId": "Europe/Berlin" })).await;
        places::open(&tab, "/datasets").await;
        tab.until("return document.querySelectorAll('.dataset time').length === 2").await;
        let titles = "return [...document.querySelectorAll('.dataset time')].map(time => time.title).sort()";
        assert_eq!(tab.run(titles).await, json!(["2024-01-15 13:00:00", "2024-07-01 14:00:00"]));
        tokio::task::spawn_blocking(move || drop((server, postgres))).await.expect("both stop");
    });
}
