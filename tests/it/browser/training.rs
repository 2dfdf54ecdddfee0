//! A run from the form to the leaderboard.

use super::{driver::journey, tab::Tab};
use serde_json::json;

/// Settings of a run that takes seconds.
const TINY: [(&str, &str); 14] = [
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

/// Fills the form of a new run with tiny settings.
pub(super) async fn fill_in(tab: &Tab, name: &str) {
    tab.open("/runs/new").await;
    tab.until("return document.querySelector('[name=\"train.lr\"]')").await;
    tab.run("document.querySelector('details.fine').open = true").await;
    tab.click("[name='data.source'][value=generate]").await;
    for (field, text) in TINY {
        tab.fill(&format!("[name='{field}']"), text).await;
    }
    tab.fill("[name='name']", name).await;
}

#[test]
fn a_run_is_queued_watched_and_found_on_the_leaderboard() {
    journey(|tab| async move {
        fill_in(&tab, "it-browser").await;
        let differs = tab.text(".differences").await;
        assert!(differs.contains("train.max_steps"), "the form says what it changes: {differs}");

        // What cannot be run is said at its field, and nothing is queued.
        tab.fill("[name='arch.num_heads']", "5").await;
        let wrong = "return document.querySelector('.field.invalid .hint')?.textContent";
        assert_eq!(tab.until(wrong).await, "expected heads of an even width: 16 into 5 heads is not");
        tab.click("button[type=submit]").await;
        assert_eq!(tab.run("return document.activeElement.name").await, json!("arch.num_heads"));
        tab.fill("[name='arch.num_heads']", "2").await;
        // Also at one that is folded up.
        tab.fill("[name='train.beta1']", "much").await;
        tab.run("document.querySelector('details.fine').open = false").await;
        assert!(tab.text(".new-run-side .bad").await.starts_with("beta1: expected a number"));
        tab.click("button[type=submit]").await;
        assert_eq!(tab.run("return document.activeElement.name").await, json!("train.beta1"));
        tab.fill("[name='train.beta1']", "0.9").await;

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
        tab.click(".outcome-links a[href^='/models/']").await;
        tab.until("return location.pathname.startsWith('/models/') && document.querySelector('.newest-score')").await;
        tab.open(&run).await;
        tab.until("return document.querySelector('.outcome-links')").await;

        tab.click(".outcome-links a[href^='/leaderboard']").await;
        tab.until("return document.querySelector('.leaderboard .opens')").await;
        tab.run("document.querySelectorAll('.leaderboard .opens').forEach(row => row.click())").await;
        let row = format!(
            "return document.querySelector('.leaderboard a[href=\"{run}\"]')?.closest('tbody').parentElement.closest('tbody').textContent"
        );
        let row = tab.until(&row).await;
        assert!(row.as_str().is_some_and(|row| row.contains(&score)), "{row} has {score}");

        tab.open("/runs").await;
        let listed = format!("return document.querySelector('.runs a[href=\"{run}\"]')?.closest('tr').textContent");
        let listed = tab.until(&listed).await;
        assert!(listed.as_str().is_some_and(|text| text.contains("succeeded") && text.contains(&score)), "{listed}");

        // What its workers said, what it rests on, and the puzzles that it gets wrong are there, too.
        tab.open(&run).await;
        tab.until("return document.querySelector('.log')?.textContent.includes('attempt 1 begins')").await;
        tab.until("return document.querySelector('.attempts')?.textContent.includes('Attempt 1')").await;
        tab.until("return document.querySelectorAll('.run-puzzles .picture').length > 0").await;

        // Its model is measured in another way from here.
        tab.click(".measure summary").await;
        tab.until("return document.querySelector('#evaluate-dataset')?.value").await;
        tab.fill("#evaluate-limit", "7").await;
        tab.press_button("Queue the evaluation").await;
        tab.until_within(Tab::LONGEST, "return document.querySelector('.measure .evaluations .score b')?.textContent")
            .await;

        // What people say about it is kept, and finds it again.
        tab.press_button("Name, tags and notes").await;
        tab.until("return document.querySelector('#run-tags')").await;
        tab.fill("#run-tags", "first, tiny").await;
        tab.fill("#run-notes", "Nothing to see.").await;
        tab.press_button("Save").await;
        tab.until("return document.querySelector('.about .notes')?.textContent === 'Nothing to see.'").await;
        tab.click(".about a[href='/runs?tag=tiny']").await;
        tab.until(&format!("return document.querySelectorAll('.runs tbody tr').length === 1 && document.querySelector('.runs a[href=\"{run}\"]')")).await;
        tab.fill("#tag", "another").await;
        tab.press(super::tab::key::ENTER).await;
        tab.until("return document.body.textContent.includes('No run is like that.')").await;
        tab.press_button("Clear filters").await;
        tab.fill("#name", "T-BROWS").await;
        tab.press(super::tab::key::ENTER).await;
        tab.until(&format!("return document.querySelectorAll('.runs tbody tr').length === 1 && document.querySelector('.runs a[href=\"{run}\"]')")).await;
        assert_eq!(tab.path().await, "/runs?name=T-BROWS");
    });
}

#[test]
fn a_datasets_page_leads_to_a_run_that_trains_on_it() {
    journey(|tab| async move {
        tab.open("/").await;
        let made = tab
            .run_async(
                "
            const done = arguments[arguments.length - 1];
            const body = { name: 'it-to-train', generate: { side: 4, train: 60, test: 20, givens: [6, 9], seed: 9 } };
            fetch('/api/v1/datasets', { method: 'POST', headers: { 'content-type': 'application/json' },
                body: JSON.stringify(body) }).then(answer => answer.json()).then(dataset => done(dataset.id));",
            )
            .await;
        let id = made.as_str().expect("an id").to_owned();
        tab.open(&format!("/datasets/{id}")).await;
        tab.until("return document.querySelector('.page-actions a[href^=\"/runs/new\"]')").await;
        tab.click(".page-actions a[href^='/runs/new']").await;
        tab.until("return document.querySelector('[name=\"data.source\"][value=stored]')?.checked").await;
        let chosen = "const field = document.querySelector('[name=\"data.dataset\"]'); return field?.selectedOptions[0]?.textContent";
        let chosen = tab.until(chosen).await;
        assert!(chosen.as_str().is_some_and(|name| name.contains("it-to-train")), "{chosen}");
        // An experiment for such puzzles, named after them; dataset and name outlive the choice of another.
        let form =
            "return ['experiment', 'name', 'data.dataset'].map(n => document.querySelector(`[name='${n}']`).value)";
        assert_eq!(tab.run(form).await, json!(["sudoku-4x4-quick", "it-to-train", "it-to-train"]));
        let choose = "const field = document.querySelector('#experiment'); field.value = 'NAME';
            field.dispatchEvent(new Event('change', { bubbles: true }))";
        for other in ["maze-9x9", "sudoku-4x4-quick"] {
            tab.run(&choose.replace("NAME", other)).await;
            assert_eq!(tab.run(form).await, json!([other, "it-to-train", "it-to-train"]));
        }
        tab.fill("[name='name']", "it-on-a-dataset").await;
        tab.run("document.querySelector('details.fine').open = true").await;
        for (field, text) in TINY.iter().filter(|(field, _)| !field.starts_with("data.")) {
            tab.fill(&format!("[name='{field}']"), text).await;
        }
        tab.click("button[type=submit]").await;
        tab.until("return location.pathname.match(/^\\/runs\\/[0-9a-f-]{36}$/)").await;
        let ended =
            "return document.querySelector('.standing-now [data-state=succeeded], .standing-now [data-state=failed]')";
        tab.until_within(Tab::LONGEST, ended).await;
        assert_eq!(tab.text(".standing-now .state").await, "succeeded");
        let settings = tab.text(".settings pre").await;
        assert!(settings.contains("source = \"stored\"") && settings.contains(&id), "{settings}");
    });
}

#[test]
fn a_new_run_does_not_wait_for_an_earlier_one_that_is_not_there() {
    journey(|tab| async move {
        tab.open("/runs/new?from=0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77").await;
        tab.until("return document.querySelector('.notice.bad') && document.querySelector('[name=\"train.lr\"]')")
            .await;
    });
}
