//! Mazes and ARC tasks: drawn, answered, judged, and opened again from their links.

use super::{
    driver::journey,
    tab::{Tab, key},
};
use serde_json::json;

/// The answer of a grid of squares as words, cell by cell.
const WORDS: &str = "return [...document.querySelectorAll('#maze [role=gridcell]')]
    .map(cell => cell.getAttribute('aria-label').split(', ')[1]).join(' ')";

/// Cells of a grid that have this value.
fn count(id: &str, class: &str) -> String {
    format!("return document.querySelectorAll('#{id} .{class}').length")
}

#[test]
fn a_maze_is_drawn_with_a_pointer_and_its_answer_judged() {
    journey(|tab| async move {
        tab.open("/solve/maze").await;
        tab.until("return document.querySelectorAll('#maze [role=gridcell]').length === 81").await;
        assert_eq!(tab.title().await, "Solve a maze · HRM Lab");
        tab.until("return document.querySelector('button[type=submit]:not(:disabled)')").await;
        tab.click("button[type=submit]").await;
        tab.until("return document.querySelector('.verdict')").await;
        let verdict = tab.text(".verdict").await;
        assert!(verdict.starts_with("A shortest path of "), "the model that ships solves the first maze: {verdict}");
        tab.click("[aria-label='Last step']").await;
        tab.until("return document.querySelectorAll('#maze .maze-4').length > 0").await;
        let sure = "return document.querySelectorAll('#maze [aria-label*=\"% sure\"]').length";
        assert_eq!(tab.run(sure).await, json!(81), "every cell says how sure the model is");
        let link = tab.path().await;
        assert!(link.starts_with("/solve/maze?m="), "{link}");
        let answer = tab.run(WORDS).await;
        tab.open(&link).await;
        tab.until("return document.querySelector('.verdict')").await;
        tab.click("[aria-label='Last step']").await;
        assert_eq!(tab.run(WORDS).await, answer, "the link gives the same answer again");
        tab.click(".share summary").await;
        assert!(tab.text(".share pre").await.contains("\"kind\":\"maze\""));

        // Cleared, it says what is missing; a size without a model says which there are.
        tab.press_button("Clear").await;
        tab.until("return document.querySelector('.board-said .bad')?.textContent.startsWith('Expected one start')")
            .await;
        assert_eq!(tab.run("return document.querySelector('button[type=submit]').disabled").await, json!(true));
        tab.drag("#maze", (0, 0), (0, 4), 9).await;
        assert_eq!(tab.run(&count("maze", "maze-0")).await, json!(5), "a wall was drawn by dragging");
        tab.press_button("Undo").await;
        assert_eq!(tab.run(&count("maze", "maze-0")).await, json!(0), "the stroke is undone at once");
        tab.press_button("Start").await;
        tab.drag("#maze", (1, 1), (1, 4), 9).await;
        assert_eq!(tab.run(&count("maze", "maze-2")).await, json!(1), "the start is where the stroke ended");
        tab.press_button("Undo").await;
        assert_eq!(tab.run(&count("maze", "maze-2")).await, json!(0), "and so is the way of the start");
        tab.drag("#maze", (1, 1), (1, 1), 9).await;
        tab.press_button("Goal").await;
        tab.drag("#maze", (7, 7), (7, 7), 9).await;
        tab.until("return document.querySelector('button[type=submit]:not(:disabled)')").await;
        tab.fill(".sizes input", "12").await;
        tab.press(key::TAB).await;
        let note = "return document.querySelector('.controls .note')?.textContent";
        let note = tab.until(note).await;
        assert!(
            note.as_str().is_some_and(|note| note.contains("mazes of 12 × 12") && note.contains("side 9")),
            "{note}"
        );
    });
}

#[test]
fn a_maze_is_drawn_and_solved_without_a_mouse() {
    journey(|tab| async move {
        tab.open("/solve/maze").await;
        tab.until("return document.querySelector('button[type=submit]:not(:disabled)')").await;
        tab.paste("S....\n####.\n.....\n.####\n....G").await;
        tab.until("return document.querySelectorAll('#maze [role=gridcell]').length === 25").await;
        tab.tab_to("#maze").await;
        let active = "return document.getElementById(document.activeElement.getAttribute('aria-activedescendant')).getAttribute('aria-label')";
        assert_eq!(tab.run(active).await, json!("row 1 column 1, start"));
        tab.press(key::DOWN).await;
        assert_eq!(tab.run(active).await, json!("row 2 column 1, wall"));
        tab.press(" ").await;
        assert_eq!(tab.run(active).await, json!("row 2 column 1, free"));
        tab.press("s").await;
        assert_eq!(tab.run(active).await, json!("row 2 column 1, start"));
        assert_eq!(tab.run(&count("maze", "maze-2")).await, json!(1), "there is one start");
        tab.press(&format!("{}z", key::CONTROL)).await;
        assert_eq!(tab.run(active).await, json!("row 2 column 1, free"));
        tab.paste("S x\n###\n..G").await;
        let said = tab.until("return document.querySelector('.board-said .bad')?.textContent").await;
        assert!(said.as_str().is_some_and(|said| said.contains("row 1, column 3: expected # for a wall")), "{said}");
        tab.paste("G#       \n ### ### \n #   #   \n # ### ##\n #   #   \n ### ### \n     # # \n###### # \nS        ")
            .await;
        tab.press(key::ENTER).await;
        let verdict = tab.until("return document.querySelector('.verdict')?.textContent").await;
        assert!(verdict.as_str().is_some_and(|verdict| verdict.contains("path")), "{verdict}");
    });
}

/// Of tasks, as an experiment generates them.
const TASKS: &str = "kind: 'arc', side: 6, train: 8, test: 3, seed: 1";

const TASK: &str = r#"{"name": "twice", "train": [{"input": [[1, 2]], "output": [[1, 2], [1, 2]]}],
    "test": [{"input": [[3, 0], [0, 4]]}]}"#;

#[test]
fn an_arc_task_is_loaded_drawn_and_answered_without_a_mouse() {
    journey(|tab| async move {
        tab.untrained("arc", TASKS).await;
        tab.open("/solve/arc").await;
        tab.until("return document.querySelectorAll('.pairs li').length === 3").await;
        tab.paste("{\"train\": [], \"test\": [{\"input\": [[12]]}]}").await;
        let said = tab.until("return document.querySelector('.board-said .bad')?.textContent").await;
        let wrong =
            "That is no ARC task: test, pair 1, input: row 1, column 1: expected a colour from 0 to 9, found 12.";
        assert_eq!(said, wrong);
        tab.paste(TASK).await;
        tab.until("return document.querySelectorAll('.pairs li').length === 2").await;
        assert_eq!(tab.run("return document.querySelector('.arc-name input').value").await, json!("twice"));

        tab.tab_to("#arc").await;
        let active = "return document.getElementById(document.activeElement.getAttribute('aria-activedescendant')).getAttribute('aria-label')";
        assert_eq!(tab.run(active).await, json!("row 1 column 1, green"));
        tab.press(key::RIGHT).await;
        tab.press("7").await;
        tab.press(" ").await;
        assert_eq!(tab.run(active).await, json!("row 1 column 2, orange"));
        // Select a row, copy it, paste it below.
        tab.press("s").await;
        tab.press(key::HOME).await;
        tab.press(&format!("{}{}", key::SHIFT, key::RIGHT)).await;
        tab.press(key::SHIFT).await;
        tab.press("c").await;
        tab.press(key::HOME).await;
        tab.press(key::DOWN).await;
        tab.press("v").await;
        let words = "return [...document.querySelectorAll('#arc [role=gridcell]')].map(cell => cell.getAttribute('aria-label').split(', ')[1]).join(' ')";
        assert_eq!(tab.run(words).await, json!("green orange green orange"));
        tab.press("f").await;
        tab.press("5").await;
        tab.press(" ").await;
        assert_eq!(tab.run(words).await, json!("grey orange grey orange"), "both greens were joined");
        tab.press("x").await;
        assert_eq!(tab.run(words).await, json!("orange grey orange grey"));
        tab.press(&format!("{}z", key::CONTROL)).await;
        tab.press(&format!("{}z", key::CONTROL)).await;
        assert_eq!(tab.run(words).await, json!("green orange green orange"));

        tab.until("return document.querySelector('button[type=submit]:not(:disabled)')").await;
        tab.press(key::ENTER).await;
        tab.until("return document.querySelector('.verdict')").await;
        let note = tab.text(".identifier").await;
        assert!(note.contains("blank identifier") && note.contains("twice"), "{note}");
        let link = tab.path().await;
        assert!(link.starts_with("/solve/arc#1!0!twice!"), "{link}");
        tab.open("/runs").await;
        tab.open(&link).await;
        tab.until("return document.querySelector('.verdict')").await;
        assert_eq!(tab.run(words).await, json!("green orange green orange"), "the link holds the task");
    });
}

#[test]
fn an_arc_task_is_edited_with_a_pointer() {
    journey(|tab| async move {
        tab.open("/solve/arc").await;
        tab.until("return document.querySelectorAll('.pairs li').length === 3").await;
        tab.press_button("Add a demonstration").await;
        tab.until("return document.querySelectorAll('.pairs li').length === 4").await;
        assert_eq!(tab.text(".arc-active").await, "Demonstration 3, input");
        tab.click(".swatch.arc-2").await;
        tab.drag("#arc", (0, 0), (0, 2), 3).await;
        assert_eq!(tab.run(&count("arc", "arc-2")).await, json!(3));
        tab.click("[aria-label='Demonstration 3, output']").await;
        tab.press_button("From input").await;
        assert_eq!(tab.run(&count("arc", "arc-2")).await, json!(3), "copied from the input");
        tab.fill(".sizes label:nth-child(2) input", "5").await;
        tab.press(key::TAB).await;
        tab.until("return document.querySelectorAll('#arc [role=gridcell]').length === 15").await;
        tab.press_button("Fill").await;
        tab.click(".swatch.arc-8").await;
        tab.drag("#arc", (2, 4), (2, 4), 5).await;
        assert_eq!(tab.run(&count("arc", "arc-8")).await, json!(12), "the whole black area");
        tab.press_button("Remove this pair").await;
        tab.until("return document.querySelectorAll('.pairs li').length === 3").await;
        // Undo reaches past pairs that went and came, and past another task.
        tab.press_button("Undo").await;
        tab.until("return document.querySelectorAll('.pairs li').length === 4").await;
        tab.click("[aria-label='Demonstration 3, output']").await;
        assert_eq!(tab.run(&count("arc", "arc-8")).await, json!(12), "the pair is back as it was");
        tab.drop_file("twice.json", r#"{"train": [], "test": [{"input": [[5]]}, {"input": [[6]]}]}"#).await;
        tab.until("return document.querySelectorAll('.pairs li').length === 2").await;
        assert_eq!(tab.run("return document.querySelector('.arc-name input').value").await, json!("twice"));
        tab.press_button("Undo").await;
        tab.until("return document.querySelectorAll('.pairs li').length === 4").await;
        tab.press_button("Redo").await;
        tab.until("return document.querySelectorAll('.pairs li').length === 2").await;
        tab.press_button("Undo").await;
        tab.press_button("Undo").await;
        tab.until("return document.querySelectorAll('.pairs li').length === 4").await;
        assert_eq!(tab.run("return document.querySelector('.arc-name input').value").await, json!(""));
        tab.press_button("Redo").await;
        tab.click("[aria-label='Demonstration 3, input']").await;
        tab.press_button("Remove this pair").await;
        tab.until("return document.querySelectorAll('.pairs li').length === 3").await;
        tab.click("[aria-label='Test 1, output, unknown']").await;
        tab.press_button("Draw one").await;
        tab.until("return document.querySelectorAll('#arc [role=gridcell]').length === 9").await;
    });
}

#[test]
fn answers_to_tests_without_an_output_are_neither_right_nor_wrong() {
    journey(|tab| async move {
        tab.untrained("arc", TASKS).await;
        let known = TASK
            .replace("\"test\": [", "\"test\": [{\"input\": [[5]], \"output\": [[5, 5, 5], [5, 5, 5], [5, 5, 5]]}, ");
        let script = format!("const puzzles = [{TASK}, {known}];")
            + "
            const done = arguments[arguments.length - 1];
            fetch('/api/v1/batches', { method: 'POST', headers: { 'content-type': 'application/json' },
                body: JSON.stringify({ puzzles, model: 'it-arc' }) }).then(r => r.json()).then(made => done(made.job?.id ?? made));";
        let batch = tab.run_async(&script).await;
        tab.open(&format!("/batches/{}", batch.as_str().unwrap_or_else(|| panic!("no batch: {batch:#}")))).await;
        tab.until("return document.querySelector('.batch-standing [data-state=succeeded]')").await;
        tab.until("return document.querySelectorAll('.results tbody tr').length === 3").await;
        tab.until("return !document.querySelector('.results').textContent.includes('waits')").await;
        let counts =
            "return [...document.querySelectorAll('[aria-label=\"Which puzzles\"] b')].map(b => b.textContent)";
        assert_eq!(tab.run(counts).await, json!(["3", "0", "1"]), "a model that knows nothing");
        let right = "return document.querySelector('.standing-strip dd').textContent";
        assert!(tab.run(right).await.as_str().is_some_and(|right| right.ends_with("; 2 not known")));
        let verdicts =
            "return [...document.querySelectorAll('[data-label=Verdict]')].map(v => v.textContent.split(':')[0])";
        let verdicts = tab.run(verdicts).await;
        assert_eq!((&verdicts[0], &verdicts[2]), (&json!("not known"), &json!("not known")));
        assert!(verdicts[1].as_str().is_some_and(|verdict| verdict.starts_with("Wrong")), "{verdicts}");
        // Every row shows what was asked, and what was answered or that it is no grid.
        let shown = "return [...document.querySelectorAll('.results tbody tr')].every(row =>
            row.querySelector('[data-label=Puzzle] svg') &&
            (row.querySelector('[data-label=Answer] svg') || row.querySelector('[data-label=Answer]').textContent === 'no grid'))";
        assert_eq!(tab.run(shown).await, json!(true));
    });
}

#[test]
fn a_puzzle_of_any_dataset_is_picked_by_its_number() {
    journey(|tab| async move {
        tab.untrained("arc", TASKS).await;
        tab.open("/solve/arc").await;
        tab.run("document.querySelector('.examples').open = true").await;
        tab.until("return document.querySelectorAll('.picker option').length > 3").await;
        tab.fill(".picker input", "2").await;
        tab.click(".picker button[type=submit]").await;
        tab.until("return document.querySelectorAll('.pairs li').length === 1").await;
        let name = tab.run("return document.querySelector('.arc-name input').value").await;
        assert!(name.as_str().is_some_and(|name| !name.is_empty()), "the pair's task is known by name: {name}");
        tab.until("return document.querySelector('.controls button[type=submit]:not(:disabled)')").await;
        tab.click(".controls button[type=submit]").await;
        let known = "return document.querySelector('.identifier')?.textContent.includes('which it was trained on')";
        tab.until(known).await;

        // A picture on the run's page opens its task under its own identifier, too.
        let run = "
            const done = arguments[0];
            fetch('/api/v1/runs?name=it-arc').then(answer => answer.json()).then(page => done(page.items[0].id));";
        let run = tab.run_async(run).await;
        tab.open(&format!("/runs/{}", run.as_str().expect("an id"))).await;
        tab.until("return document.querySelector('.run-puzzles a.picture')").await;
        tab.click(".run-puzzles a.picture").await;
        tab.until("return location.pathname === '/solve/arc'").await;
        tab.until(known).await;
    });
}

impl Tab {
    /// A model that has learned nothing of these puzzles, trained once.
    async fn untrained(&self, name: &str, data: &str) {
        self.open("/").await;
        let script = format!("const [name, data] = ['it-{name}', {{ source: 'generate', {data} }}];")
            + "
            const [done] = [arguments[arguments.length - 1]];
            const call = (path, body) => fetch('/api/v1' + path, body && { method: 'POST',
                headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }).then(r => r.json());
            const tiny = { name, data,
                arch: { hidden_size: 16, num_heads: 2, H_layers: 1, L_layers: 1, H_cycles: 1, L_cycles: 1,
                        halt_max_steps: 2, puzzle_emb_ndim: 16 },
                train: { batch_size: 8, epochs: 100, max_steps: 2, lr: 0, puzzle_emb_lr: 0, lr_warmup_steps: 0,
                         log_every: 2 } };
            (async () => {
                const known = await call('/runs?state=succeeded');
                if (known.items.some(run => run.name === name)) return done('succeeded');
                const run = await call('/runs', { experiment: tiny });
                for (;;) {
                    const now = await call('/runs/' + run.id);
                    if (['succeeded', 'failed'].includes(now.state)) return done(now.state);
                    await new Promise(next => setTimeout(next, 100));
                }
            })();";
        assert_eq!(self.run_async(&script).await, json!("succeeded"));
    }
}
