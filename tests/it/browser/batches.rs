//! Many puzzles: a list that is stepped through, solved as a batch, looked at answer by answer; files and candidates.

use super::{
    axe,
    driver::journey,
    tab::{Tab, key},
};
use serde_json::{Value, json};

/// Puzzles of side 6; the model that ships solves most.
const LIST: [&str; 3] = [
    "3.5...1.....5...6...4.31..64.5.5...6",
    "..13.4..6...........5.31.1.4.52.4.1.",
    "2.63..3.....5..624......6.5..2..3.6.",
];

const NINE: &str = "...8..762..3.9....8....653...6.59.249..7.2..8...6.....5.81...7.6..9..813..7......";

async fn place_is(tab: &Tab, place: &str) {
    tab.until(&format!("return document.querySelector('.list-place')?.textContent === '{place}'")).await;
}

#[test]
fn a_list_is_stepped_through_and_solved_as_a_batch() {
    journey(|tab| async move {
        tab.open("/").await;
        tab.until("return document.querySelector('button[type=submit]:not(:disabled)')").await;
        tab.drop_file("hard.sdm", &format!("# three\n{}\n", LIST.join("\r\n"))).await;
        place_is(&tab, "Puzzle 1 of 3").await;
        assert_eq!(tab.text(".board-said").await, "3 puzzles.");
        tab.press_button("Next").await;
        place_is(&tab, "Puzzle 2 of 3").await;
        assert_eq!(tab.grid().await.to_string(), LIST[1]);
        tab.until_address(&format!("/?s={}&draft=1", LIST[1])).await;
        tab.press_button("Clear").await;
        place_is(&tab, "Puzzle 2 of 3, changed").await;
        tab.press_button("Undo").await;
        place_is(&tab, "Puzzle 2 of 3").await;
        tab.press_button("Undo").await;
        place_is(&tab, "Puzzle 1 of 3").await;

        // Loaded again, the address has the puzzle and the tab its list.
        tab.press_button("Next").await;
        tab.until_address(&format!("/?s={}&draft=1", LIST[1])).await;
        tab.open(&tab.path().await).await;
        place_is(&tab, "Puzzle 2 of 3").await;

        tab.press_button("Solve all 3").await;
        tab.until("return location.pathname.startsWith('/batches/')").await;
        tab.until("return document.querySelector('.batch-standing [data-state=succeeded]')").await;
        // The answers come a moment after the word that it has ended.
        tab.until("return document.querySelectorAll('.results .result-right, .results .result-wrong').length === 3")
            .await;
        assert_eq!(tab.title().await, "3 Sudokus · HRM Lab");
        let right = "return [...document.querySelectorAll('.result-right')].length";
        let right = tab.run(right).await.as_u64().expect("a number");
        assert!(right >= 1, "the shipped model solves some of them");
        assert_eq!(tab.text(".segments [aria-pressed=false] b").await, right.to_string(), "and the filter counts them");
        let files = "return [...document.querySelectorAll('.page-actions a[download]')].map(a => a.getAttribute('href').split('format=')[1])";
        assert_eq!(tab.run(files).await, json!(["csv", "json"]));

        // What its workers said is fetched for those who look.
        tab.click(".batch-log summary").await;
        tab.until(
            "return document.querySelector('.batch-log .log')?.textContent.includes('all 3 puzzles are answered')",
        )
        .await;

        // An answer leads to the player, which says the same.
        let first = tab.text(".results tbody tr td:nth-child(4)").await;
        tab.click(".results tbody tr a.picture").await;
        tab.until("return location.pathname === '/'").await;
        let verdict = tab.until("return document.querySelector('.verdict')?.textContent").await;
        let solved = verdict.as_str().is_some_and(|verdict| verdict.starts_with("Solved in "));
        assert_eq!(first.starts_with("Right"), solved, "{first}: {verdict}");

        // It stands in the list of batches and in the queue.
        tab.click("nav[aria-label='What to solve'] a[href='/batches']").await;
        tab.until("return [...document.querySelectorAll('.batches th a')].some(a => a.textContent === '3 Sudokus')")
            .await;
        assert_eq!(tab.text("header nav [aria-current]").await, "Solve");
        tab.click("header nav a[href='/queue']").await;
        tab.until("return document.querySelector('[aria-label=Ended] th a[href^=\"/batches/\"]')").await;

        tab.open("/").await;
        tab.press_button("Close the list").await;
        tab.until("return !document.querySelector('.list-bar')").await;
    });
}

#[test]
fn files_and_candidates_are_opened() {
    journey(|tab| async move {
        tab.open("/").await;
        tab.until("return document.querySelector('button[type=submit]:not(:disabled)')").await;
        let row = |row: usize| {
            let cells = &NINE[9 * row..9 * row + 9];
            format!(" |{}|{}|{}|\n", &cells[..3], &cells[3..6], &cells[6..])
        };
        let (edge, middle) = (" *-----------*\n", " |---+---+---|\n");
        let rows = |from: usize| (from..from + 3).map(row).collect::<String>();
        let drawn = [edge, &rows(0), middle, &rows(3), middle, &rows(6), edge].concat();
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("puzzle.ss");
        std::fs::write(&file, drawn).expect("a written file");
        tab.choose_file("#puzzle-file", &file).await;
        tab.until("return document.querySelectorAll('.cell').length === 81").await;
        assert_eq!(tab.grid().await.to_string(), NINE);

        tab.paste("| 1 2 | 34 34 |\n| 3 4 | 12 12 |\n|-----+-------|\n| 2 1 | 3 4 |\n| 4 3 | 12 12 |").await;
        tab.until("return document.querySelectorAll('.cell').length === 16").await;
        let third = "return document.querySelectorAll('.cell')[2].getAttribute('aria-label')";
        assert_eq!(tab.run(third).await, json!("row 1 column 3, empty, marks 3 4"));
        tab.press(&format!("{}z", key::CONTROL)).await;
        tab.until("return document.querySelectorAll('.cell').length === 81").await;
        tab.drop_file("notes.txt", "buy milk").await;
        let said = tab.until("return document.querySelector('.board-said .bad')?.textContent").await;
        assert!(said.as_str().is_some_and(|said| said.starts_with("That is no puzzle: ")), "{said}");
    });
}

#[test]
fn what_is_dragged_over_the_page_is_told_where_it_goes() {
    journey(|tab| async move {
        let axe = axe::program();
        tab.open("/").await;
        let drag = |kind: &str, target: &str| {
            format!(
                "document.querySelector('{target}').dispatchEvent(new DragEvent('{kind}',
                     {{ dataTransfer: new DataTransfer(), bubbles: true, cancelable: true }}))"
            )
        };
        let hint = "return document.querySelector('.drop-hint')?.textContent";
        for (page, kinds) in [("/", ".sdm"), ("/solve/maze", "a wall"), ("/solve/arc", "JSON")] {
            for theme in ["light", "dark"] {
                tab.choose_theme(theme).await;
                tab.open(page).await;
                tab.until("return document.querySelector('.board')").await;
                tab.run(&drag("dragover", "main")).await;
                let said = tab.until(hint).await;
                assert!(said.as_str().is_some_and(|said| said.contains(kinds)), "{page}: {said}");
                // What is dropped falls through it.
                let over =
                    "return document.querySelector('.drop-hint').getBoundingClientRect().width >= innerWidth - 20
                    && !document.elementFromPoint(600, 400).closest('.drop-hint')";
                assert_eq!(tab.run(over).await, json!(true), "{page}");
                if let Some(axe) = &axe {
                    assert_eq!(axe::findings(&tab, axe).await, [""; 0], "{page} ({theme})");
                }
                // Over a field it would be dropped into the field.
                tab.run(&drag("dragover", ".controls input[type=number]")).await;
                tab.until("return !document.querySelector('.drop-hint')").await;
            }
        }
        tab.open("/").await;
        tab.until("return document.querySelector('.cell')").await;
        for end in ["dragleave", "dragend"] {
            tab.run(&drag("dragover", "main")).await;
            tab.until(hint).await;
            tab.run(&drag(end, "main")).await;
            tab.until("return !document.querySelector('.drop-hint')").await;
        }
        tab.drop_file("one.sdk", LIST[1]).await;
        tab.until("return document.querySelectorAll('.cell').length === 36").await;
        tab.until("return !document.querySelector('.drop-hint')").await;
    });
}

#[test]
fn the_puzzles_of_a_dataset_are_queued_and_cancelled() {
    journey(|tab| async move {
        tab.open("/").await;
        let made = tab.run_async("
            const done = arguments[arguments.length - 1];
            fetch('/api/v1/datasets', { method: 'POST', headers: { 'content-type': 'application/json' },
                body: JSON.stringify({ name: 'it-batch', generate: { side: 6, train: 2, test: 30, givens: [16, 20], seed: 5 } }) })
                .then(answer => done(answer.status));").await;
        assert!(made == json!(201) || made == json!(409), "{made}");
        tab.open("/batches").await;
        tab.until(
            "return [...document.querySelectorAll('#batch-dataset option')].some(o => o.textContent === 'it-batch')",
        )
        .await;
        let choose = "
            const field = document.querySelector('#batch-dataset');
            field.value = [...field.options].find(o => o.textContent === 'it-batch').value;
            field.dispatchEvent(new Event('change', { bubbles: true }));";
        tab.run(choose).await;
        tab.fill("#batch-limit", "x").await;
        tab.press_button("Queue the batch").await;
        tab.until(
            "return document.querySelector('.field.invalid .hint')?.textContent.startsWith('expected a whole number')",
        )
        .await;
        tab.fill("#batch-limit", "25").await;
        tab.press_button("Queue the batch").await;
        tab.until("return document.querySelector('h1').textContent === '25 Sudokus'").await;
        tab.until("return document.querySelector('.batch-standing [data-state=succeeded]')").await;
        tab.until("return document.querySelectorAll('.results tbody tr').length === 20").await;
        tab.click(".turn button:nth-of-type(2)").await;
        tab.until("return document.querySelectorAll('.results tbody tr').length === 5").await;
        assert_eq!(tab.text(".turn .muted").await, "Puzzles 21 to 25");
        tab.press_button("Delete").await;
        tab.click(".confirm .danger").await;
        tab.until("return location.pathname === '/batches' && document.querySelector('h1').textContent === 'Batches'")
            .await;
    });
}

#[test]
fn a_model_that_does_not_fit_another_dataset_is_not_chosen_there() {
    journey(|tab| async move {
        tab.open("/").await;
        let datasets = [
            ("it-choice-sudoku", json!({ "side": 6, "train": 2, "test": 3, "givens": [16, 20], "seed": 9 })),
            ("it-choice-maze", json!({ "kind": "maze", "maze": "hard", "side": 9, "train": 2, "test": 3, "seed": 9 })),
        ];
        for (name, generate) in datasets {
            let made = format!(
                "
                const done = arguments[arguments.length - 1];
                fetch('/api/v1/datasets', {{ method: 'POST', headers: {{ 'content-type': 'application/json' }},
                    body: JSON.stringify({}) }}).then(answer => done(answer.status));",
                json!({ "name": name, "generate": generate })
            );
            let made = tab.run_async(&made).await;
            assert!(made == json!(201) || made == json!(409), "{made}");
        }
        tab.open("/batches").await;
        let choose = |dataset: &str| {
            format!(
                "
            const field = document.querySelector('#batch-dataset');
            const option = [...field.options].find(o => o.textContent === '{dataset}');
            if (!option) return false;
            field.value = option.value;
            field.dispatchEvent(new Event('change', {{ bubbles: true }}));
            return true;"
            )
        };
        tab.until(&choose("it-choice-sudoku")).await;
        tab.until(
            "
            const field = document.querySelector('#batch-model');
            if (field.options.length < 2) return false;
            field.selectedIndex = 1;
            field.dispatchEvent(new Event('change', { bubbles: true }));
            return true;",
        )
        .await;
        let model = "return document.querySelector('#batch-model').selectedOptions[0]?.textContent";
        let chosen = tab.run(model).await;
        tab.until(&choose("it-choice-maze")).await;
        tab.until(&format!("{model} === 'the best stored one'")).await;
        // Where it fits it is chosen again.
        tab.until(&choose("it-choice-sudoku")).await;
        tab.until(&format!("{model} === {chosen}")).await;
    });
}

/// Answers the batch of this number with a problem, and sends the others; `window.sizes` are the puzzles of each.
async fn refuse_batch(tab: &Tab, number: usize, problem: &Value) {
    let script = format!(
        "
            const send = window.fetch;
            window.sizes = [];
            window.fetch = async request => {{
                if (request.method !== 'POST' || !new URL(request.url).pathname.endsWith('/batches')) return send.call(window, request);
                window.sizes.push((await request.clone().json()).puzzles.length);
                if (window.sizes.length !== {number}) return send.call(window, request);
                return new Response(JSON.stringify({problem}), {{ status: {} }});
            }};",
        problem["status"]
    );
    tab.run(&script).await;
}

#[test]
fn what_was_queued_of_a_list_is_told_and_not_queued_again() {
    journey(|tab| async move {
        tab.open("/").await;
        tab.until("return document.querySelector('button[type=submit]:not(:disabled)')").await;
        tab.drop_file("mixed.txt", &format!("{NINE}\n{}\n{}\n", LIST[0], LIST[1])).await;
        place_is(&tab, "Puzzle 1 of 3").await;
        refuse_batch(
            &tab,
            2,
            &json!({"type": "about:blank", "title": "Busy", "status": 503, "detail": "Later.", "request_id": ""}),
        )
        .await;
        tab.press_button("Solve all 3").await;
        tab.until("return document.querySelector('.list-bar ~ .notice')?.textContent.includes('Later.')").await;
        assert_eq!(tab.text(".list-queued").await, "Queued already: 2 of 6 × 6.");
        let link = tab.run("return document.querySelector('.list-queued a').getAttribute('href')").await;
        tab.press_button("Next").await;
        place_is(&tab, "Puzzle 2 of 3").await;

        // Who looks at the batch finds the list as it was left.
        tab.click(".list-queued a").await;
        tab.until(&format!("return location.pathname === {link}")).await;
        tab.click("header nav a[href='/']").await;
        tab.until("return document.querySelector('.list-queued')").await;
        tab.press_button("Solve the other 1").await;
        tab.until("return location.pathname === '/batches'").await;
        assert_eq!(tab.run("return window.sizes").await, json!([2, 1, 1]), "each puzzle is queued once");
        tab.click("header nav a[href='/']").await;
        tab.until("return document.querySelector('.list-bar')").await;
        assert_eq!(tab.run("return document.querySelector('.list-queued')").await, json!(null));
    });
}

#[test]
fn what_is_refused_of_a_list_does_not_keep_the_rest() {
    journey(|tab| async move {
        tab.open("/").await;
        tab.until("return document.querySelector('button[type=submit]:not(:disabled)')").await;
        tab.drop_file("mixed.txt", &format!("{NINE}\n{}\n{}\n", LIST[0], LIST[1])).await;
        place_is(&tab, "Puzzle 1 of 3").await;
        refuse_batch(&tab, 1, &json!({"type": "about:blank", "title": "Wrong", "status": 422, "detail": "Not that one.", "field": "puzzles[1]", "request_id": ""})).await;
        tab.press_button("Solve all 3").await;
        tab.until("return document.querySelector('.list-queued')?.textContent === 'Queued already: 1 of 9 × 9.'").await;
        let said = tab.text(".list-bar ~ .notice").await;
        assert!(said.contains("2 of 6 × 6: Wrong") && said.contains("Puzzle 3: Not that one."), "{said}");
        assert_eq!(tab.run("return window.sizes").await, json!([2, 1]));
        tab.press_button("Solve the other 2").await;
        tab.until("return location.pathname === '/batches'").await;
        assert_eq!(tab.run("return window.sizes").await, json!([2, 1, 2]), "each puzzle is queued once");
    });
}

/// Takes all the room that the browser has for what is kept while the tab is open.
const FILL: &str = "
    let fill = 'x'.repeat(1 << 20);
    for (let number = 0; fill.length; number++) {
        try { sessionStorage.setItem(`fill-${number}`, fill); } catch { fill = fill.slice(0, fill.length >> 1); }
    }";

#[test]
fn a_list_that_cannot_be_kept_says_so_and_an_older_one_does_not_come_back() {
    journey(|tab| async move {
        tab.open("/").await;
        tab.until("return document.querySelector('[role=gridcell]')").await;
        tab.paste(&LIST[..2].join("\n")).await;
        place_is(&tab, "Puzzle 1 of 2").await;
        tab.run(FILL).await;
        tab.paste(&LIST[..3].repeat(100).join("\n")).await;
        place_is(&tab, "Puzzle 1 of 300").await;
        tab.until("return document.querySelector('.list-bar .hint')?.textContent.includes('too large')").await;
        tab.open("/").await;
        tab.until("return document.querySelector('[role=gridcell]')").await;
        assert_eq!(tab.run("return document.querySelector('.list-bar')").await, json!(null));
    });
}
