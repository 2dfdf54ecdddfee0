//! A run from the form to the leaderboard.

use super::{driver::journey, tab::Tab};
use serde_json::json;

/// Settings of a run that takes seconds.
const TINY: [(&str, &str); 15] = [
    ("name", "it-browser"),
    ("data.side", "4"),
    ("data.train", "60"),
    ("data.test", "20"),
    ("data.givens.0", "6"),
    ("data.givens.1", "9"),
    ("train.epochs", "100"),
    ("train.max_steps", "30"),
    ("train.batch_size", "20"),
    ("arch.hidden_size", "16"),
    ("arch.num_heads", "2"),
    ("arch.H_layers", "1"),
    ("arch.L_layers", "1"),
    ("arch.halt_max_steps", "2"),
    ("train.log_every", "2"),
];

#[test]
fn a_run_is_queued_watched_and_found_on_the_leaderboard() {
    journey(|tab| async move {
        tab.open("/runs/new").await;
        tab.until("return document.querySelector('[name=\"train.lr\"]')").await;
        tab.run("document.querySelector('details.fine').open = true").await;
        let generate = "[name='data.source'][value=generate]";
        tab.click(generate).await;
        for (name, text) in TINY {
            tab.fill(&format!("[name='{name}']"), text).await;
        }
        let differs = tab.text(".differences").await;
        assert!(differs.contains("train.max_steps"), "the form says what it changes: {differs}");

        // What cannot be run is said at its field, and nothing is queued.
        tab.fill("[name='arch.num_heads']", "5").await;
        let wrong = "return document.querySelector('.field.invalid .hint')?.textContent";
        assert_eq!(tab.until(wrong).await, "expected heads of an even width: 16 into 5 heads is not");
        tab.click("button[type=submit]").await;
        assert_eq!(tab.run("return document.activeElement.name").await, json!("arch.num_heads"));
        tab.fill("[name='arch.num_heads']", "2").await;

        tab.click("button[type=submit]").await;
        tab.until("return location.pathname.match(/^\\/runs\\/[0-9a-f-]{36}$/)").await;
        tab.until("return document.querySelector('h1').textContent === 'it-browser'").await;
        tab.until_within(
            Tab::LONGEST,
            "return document.querySelector('.standing-now [data-state=succeeded], .standing-now [data-state=failed]')",
        )
        .await;
        assert_eq!(tab.text(".standing-now .state").await, "succeeded");
        tab.until("return document.querySelectorAll('.charts .chart-line').length >= 7").await;
        let score = tab.text(".outcome .score b").await;
        assert!(tab.text(".settings pre").await.contains("hidden_size = 16"));
        let run = tab.path().await;

        tab.click(".outcome-links a[href^='/leaderboard']").await;
        let row = format!("return document.querySelector('.leaderboard a[href=\"{run}\"]')?.closest('tr').textContent");
        let row = tab.until(&row).await;
        assert!(row.as_str().is_some_and(|row| row.contains(&score)), "{row} has {score}");

        tab.open("/runs").await;
        let listed = format!("return document.querySelector('.runs a[href=\"{run}\"]')?.closest('tr').textContent");
        let listed = tab.until(&listed).await;
        assert!(listed.as_str().is_some_and(|text| text.contains("succeeded") && text.contains(&score)), "{listed}");
    });
}
