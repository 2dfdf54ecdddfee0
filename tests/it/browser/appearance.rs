//! The page in both themes and on a phone.

use super::driver::{Screen, journey, journey_on};
use serde_json::json;

/// Every page that needs nothing stored.
const PAGES: [&str; 14] = [
    "/",
    "/solve/maze",
    "/solve/arc",
    "/runs",
    "/runs/new",
    "/queue",
    "/batches",
    "/leaderboard",
    "/compare",
    "/datasets",
    "/models",
    "/team",
    "/about",
    "/no/such/page",
];

#[test]
fn pages_fit_a_phone() {
    journey_on(Screen::Phone, |tab| async move {
        for page in PAGES {
            tab.open(page).await;
            tab.until("return !document.querySelector('.waiting')").await;
            assert_eq!(tab.run("return innerWidth").await, json!(390));
            let width = tab.run("return document.documentElement.scrollWidth").await;
            assert_eq!(width, json!(390), "{page} is wider than the screen");
        }
    });
}

#[test]
fn a_board_and_its_answer_fit_a_phone() {
    journey_on(Screen::Phone, |tab| async move {
        for page in ["/", "/solve/maze"] {
            tab.open(page).await;
            tab.until("return document.querySelector('button[type=submit]:not(:disabled)')").await;
            tab.click("button[type=submit]").await;
            tab.until("return document.querySelector('.verdict')").await;
            // It scrolls with the next frame.
            let seen = "const done = arguments[arguments.length - 1];
                const place = css => document.querySelector(css).getBoundingClientRect();
                const look = () => place('.player').bottom <= innerHeight ? done(place('[role=grid]').top >= 0)
                    : requestAnimationFrame(look);
                look();";
            assert_eq!(tab.run_async(seen).await, json!(true), "{page}");
        }
    });
}

#[test]
fn the_theme_is_chosen_and_kept() {
    journey(|tab| async move {
        tab.open("/runs").await;
        let paper = "return getComputedStyle(document.body).backgroundColor";
        let system = tab.run(paper).await;
        tab.click(".theme").await;
        let light = tab.run(paper).await;
        tab.click(".theme").await;
        let dark = tab.run(paper).await;
        assert_ne!(light, dark);
        assert!(system == light || system == dark);
        tab.open("/datasets").await;
        assert_eq!(tab.run(paper).await, dark, "the next page opens as chosen");
    });
}

#[test]
fn every_page_has_a_title_and_one_heading() {
    journey(|tab| async move {
        let mut titles = Vec::new();
        for page in PAGES {
            tab.open(page).await;
            titles.push(tab.title().await);
            assert_eq!(tab.run("return document.querySelectorAll('h1').length").await, json!(1), "{page}");
        }
        titles.sort();
        titles.dedup();
        assert_eq!(titles.len(), PAGES.len(), "{titles:?}");
        // A change of page moves the focus to its heading.
        tab.open("/").await;
        tab.click("nav a[href='/runs']").await;
        tab.until("return document.activeElement.textContent === 'Runs' && document.activeElement.matches('h1')").await;
    });
}
