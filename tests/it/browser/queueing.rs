//! The queue: what waits is seen in its order, moved, set aside and cancelled.

use super::{
    driver::journey,
    tab::{Tab, key},
};
use serde_json::json;

/// Queues runs of these names that would train for hours, one after the other, and keeps their ids on the page.
async fn queue(tab: &Tab, names: &[&str]) {
    let runs: Vec<_> = names
        .iter()
        .map(|name| {
            json!({"experiment": {
                "name": name,
                "data": {"source": "generate", "side": 4, "train": 60, "test": 20, "givens": [6, 9]},
                "arch": {"hidden_size": 16, "num_heads": 2, "H_layers": 1, "L_layers": 1},
                "train": {"batch_size": 20, "epochs": 1e6},
            }})
        })
        .collect();
    let script = "
        window.queued = [];
        const queue = async () => {
            for (const run of RUNS) {
                const answer = await fetch('/api/v1/runs', {
                    method: 'POST', headers: {'content-type': 'application/json'}, body: JSON.stringify(run),
                });
                window.queued.push((await answer.json()).id);
            }
        };
        queue();";
    tab.run(&script.replace("RUNS", &json!(runs).to_string())).await;
    tab.until(&format!("return window.queued.length === {}", names.len())).await;
}

/// The names in the line, in their order.
fn line_is(names: &[&str]) -> String {
    let line =
        "[...document.querySelectorAll('.line li a')].map(a => a.textContent).filter(n => n.startsWith('it-line'))";
    format!("return JSON.stringify({line}) === '{}'", json!(names))
}

#[test]
fn what_waits_is_moved_and_cancelled() {
    journey(|tab| async move {
        tab.open("/queue").await;
        queue(&tab, &["it-busy", "it-line-a", "it-line-b", "it-line-c"]).await;
        tab.until(&line_is(&["it-line-a", "it-line-b", "it-line-c"])).await;
        tab.until("return document.querySelector('.machine a')?.textContent === 'trains a run'").await;

        tab.click("[aria-label='Move up: it-line-c']").await;
        tab.until(&line_is(&["it-line-a", "it-line-c", "it-line-b"])).await;
        tab.click("[aria-label='Move down: it-line-a']").await;
        tab.until(&line_is(&["it-line-c", "it-line-a", "it-line-b"])).await;
        // Dragged before the first.
        let drag = "
            const of = name => [...document.querySelectorAll('.line li')].find(li => li.querySelector('a').textContent === name);
            const event = name => new DragEvent(name, {bubbles: true, cancelable: true, dataTransfer: new DataTransfer()});
            const [from, to] = [of('it-line-b'), of('it-line-c')];
            from.dispatchEvent(event('dragstart'));
            to.dispatchEvent(event('dragover'));
            to.dispatchEvent(event('drop'));";
        tab.run(drag).await;
        tab.until(&line_is(&["it-line-b", "it-line-c", "it-line-a"])).await;

        // By keyboard the focus goes with the job, up to the first place and beyond.
        tab.run("document.querySelector('[aria-label=\"Move up: it-line-a\"]').focus()").await;
        for (presses, names) in
            [["it-line-b", "it-line-a", "it-line-c"], ["it-line-a", "it-line-b", "it-line-c"]].iter().enumerate()
        {
            tab.press(key::ENTER).await;
            tab.until(&line_is(names)).await;
            let focused = tab.run("return document.activeElement.ariaLabel").await;
            assert_eq!(focused, "Move up: it-line-a", "after {} presses", presses + 1);
        }
        tab.press(key::ENTER).await;
        tab.run("document.querySelector('[aria-label=\"First: it-line-c\"]').focus()").await;
        tab.press(key::ENTER).await;
        tab.until(&line_is(&["it-line-c", "it-line-a", "it-line-b"])).await;
        assert_eq!(tab.run("return document.activeElement.ariaLabel").await, "Move up: it-line-c");
        tab.click("[aria-label='Move up: it-line-b']").await;
        tab.until(&line_is(&["it-line-c", "it-line-b", "it-line-a"])).await;

        let press = |name: &str, button: &str| {
            format!(
                "[...document.querySelectorAll('.line li')].find(li => li.querySelector('a').textContent === '{name}')\
                 .querySelectorAll('button').forEach(b => b.textContent === '{button}' && b.click())"
            )
        };
        tab.run(&press("it-line-c", "Pause")).await;
        tab.until(&line_is(&["it-line-b", "it-line-a"])).await;
        tab.until("return document.querySelector('[aria-label=Paused] th a')?.textContent === 'it-line-c'").await;

        // Nothing of it is left for others to wait for.
        tab.run("queued.forEach(id => fetch(`/api/v1/runs/${id}/cancel`, {method: 'POST', headers: {'content-type': 'application/json'}, body: '{}'}))").await;
        tab.until(&line_is(&[])).await;
        tab.until("return !document.querySelector('.machine a')").await;
    });
}
