//! Runs beside each other: seeds of one configuration, queued in one go and found as one row of a leaderboard that is kept, and
//! runs of which one is gone.

use super::{
    driver::{Screen, has_browser, journey, journey_at, shared_server},
    tab::Tab,
    training::fill_in,
};
use serde_json::json;

#[test]
fn seeds_are_queued_at_once_compared_and_one_row_of_a_leaderboard() {
    journey(|tab| async move {
        fill_in(&tab, "it-seeds").await;
        // The puzzles are others than those of other journeys, and so is their leaderboard.
        tab.fill("[name='data.seed']", "77").await;
        tab.run(
            "const seeds = document.querySelector('#seeds'); seeds.value = 3; seeds.dispatchEvent(new Event('change'))",
        )
        .await;
        tab.until("return document.querySelector('.new-run-side button[type=submit]').textContent === 'Queue 3 runs'")
            .await;
        tab.click("button[type=submit]").await;
        tab.until("return location.search.startsWith('?sweep=')").await;
        tab.until_within(Tab::LONGEST, "return document.querySelectorAll('.runs [data-state=succeeded]').length === 3")
            .await;

        tab.run("document.querySelectorAll('.runs .tick input').forEach(tick => tick.click())").await;
        tab.until("return document.querySelector('.chosen-bar')?.textContent.includes('3 chosen')").await;
        tab.click(".chosen-bar a").await;
        tab.until("return location.pathname === '/compare'").await;
        tab.until("return document.querySelectorAll('.compare-scores tbody tr').length === 3").await;
        // One curve with a band for the three, or a curve for each.
        tab.until("return document.querySelectorAll('.compare-curves .chart-line').length === 1").await;
        tab.until("return document.querySelectorAll('.compare-curves .chart-band').length === 1").await;
        tab.run("[...document.querySelectorAll('.compare-curves label')].find(l => l.textContent.includes('seeds as bands')).click()").await;
        tab.until("return document.querySelectorAll('.compare-curves .chart-line').length === 3").await;
        // The three have one colour, and are told apart all the same.
        let looks =
            tab.run("return new Set([...document.querySelectorAll('.compare-curves .chart-line')].map(l => getComputedStyle(l).strokeDasharray)).size");
        assert_eq!(looks.await, json!(3), "each seed has its own dashes");
        let differs = tab.run(
            "return [...document.querySelectorAll('.compare-differences')][0].querySelectorAll('tbody tr').length",
        );
        assert_eq!(differs.await, json!(1), "nothing differs but the seed");
        tab.run("document.querySelector('.compare-scores tbody tr:last-child button').click()").await;
        tab.until("return document.querySelectorAll('.compare-scores tbody tr').length === 2").await;
        // Of two, also the puzzles that each solves.
        tab.until("return document.querySelector('.compare-puzzles')?.textContent.includes('McNemar')").await;
        let puzzles = tab.text(".compare-puzzles").await;
        assert_eq!(puzzles.matches("Only it-seeds · ").count(), 2, "{puzzles}");
        tab.run("document.querySelectorAll('.compare-curves .segments button')[1].click()").await;
        tab.until(
            "return location.search.includes('x=examples') && document.querySelector('.compare-curves .chart-line')",
        )
        .await;
        // The third one comes back from the list of runs, where the comparison stands.
        let add = "const field = document.querySelector('.add-run select');
            field.value = [...field.options].find(option => option.textContent.startsWith('it-seeds')).value;
            field.dispatchEvent(new Event('change', { bubbles: true }));";
        tab.until(
            "return [...document.querySelectorAll('.add-run option')].some(o => o.textContent.startsWith('it-seeds'))",
        )
        .await;
        tab.run(add).await;
        tab.until("return document.querySelectorAll('.compare-scores tbody tr').length === 3").await;
        assert_eq!(tab.text("header nav [aria-current]").await, "Runs");

        tab.open("/leaderboard").await;
        let board = "[...document.querySelectorAll('#board option')].find(o => o.textContent.includes('(3 scores)'))";
        tab.until(&format!("return {board}")).await;
        tab.run(&format!("const board = document.querySelector('#board'); board.value = {board}.value; board.dispatchEvent(new Event('change'))")).await;
        tab.until("return document.querySelector('.leaderboard .opens')?.textContent === 'it-seeds'").await;
        let row = tab.text(".leaderboard tbody tr").await;
        assert!(row.contains("verified"), "{row}");
        tab.click(".leaderboard .opens").await;
        tab.until("return document.querySelectorAll('.members tbody tr').length === 3").await;

        tab.press_button("Keep as it stands").await;
        tab.until("return document.querySelector('a[href^=\"/leaderboard?snapshot=\"]')").await;
        tab.click("a[href^='/leaderboard?snapshot=']").await;
        tab.until("return document.body.textContent.includes('As it was kept')").await;
        let kept = tab.until("return document.querySelector('.leaderboard .opens')?.textContent").await;
        assert_eq!(kept, "it-seeds");
    });
}

#[test]
fn a_run_that_is_gone_keeps_nobody_from_comparing_the_others() {
    if !has_browser() {
        return;
    }
    let server = shared_server();
    let run = server.trained()["id"].as_str().expect("an id").to_owned();
    journey_at(server.address(), Screen::Desktop, |tab| async move {
        tab.open(&format!("/compare?runs={run},0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77")).await;
        tab.until("return document.querySelectorAll('.compare-scores tbody tr').length === 1").await;
        tab.until("return document.querySelector('.notice.warn')?.textContent.includes('3c1f5b0c9e77 is gone')").await;
        tab.click(".notice.warn button").await;
        tab.until("return !document.querySelector('.notice.warn')").await;
        tab.until_address(&run).await;
    });
}
