//! Sweeps: how their runs stand, and the end of all that have not ended.

use super::{driver::journey, tab::Tab};
use serde_json::json;

/// Queues a sweep of three runs that would train for hours; its id.
async fn queue(tab: &Tab) -> String {
    let sweep = json!({"name": "it-sweep", "seeds": [1, 2, 3], "experiment": {
        "name": "it-swept",
        "data": {"source": "generate", "side": 4, "train": 60, "test": 20, "givens": [6, 9]},
        "arch": {"hidden_size": 16, "num_heads": 2, "H_layers": 1, "L_layers": 1},
        "train": {"batch_size": 20, "epochs": 1e6},
    }});
    let script = "
        const done = arguments[arguments.length - 1];
        fetch('/api/v1/sweeps', { method: 'POST', headers: { 'content-type': 'application/json' },
            body: JSON.stringify(SWEEP) }).then(answer => answer.json()).then(sweep => done(sweep.id));";
    let id = tab.run_async(&script.replace("SWEEP", &sweep.to_string())).await;
    id.as_str().expect("an id").to_owned()
}

#[test]
fn the_runs_of_a_sweep_are_cancelled_together() {
    journey(|tab| async move {
        tab.open("/runs").await;
        let id = queue(&tab).await;
        tab.open(&format!("/runs?sweep={id}")).await;
        tab.until("return document.querySelector('.sweep')?.textContent.includes('it-sweep: 3 runs')").await;
        tab.until("return document.querySelectorAll('.runs tbody tr').length === 3").await;
        // A run leads to its sweep, too.
        tab.click(".runs tbody th a").await;
        tab.until("return location.pathname.startsWith('/runs/') && document.querySelector('.sweep a')").await;
        tab.click(".sweep a").await;
        tab.until_address(&format!("/runs?sweep={id}")).await;

        // Only this page has it: the address changes before the run's page is gone.
        let compare = tab.until("return document.querySelector('.sweep a[href^=\"/compare\"]')?.textContent").await;
        assert_eq!(compare, "Compare them");

        // It asks first, and the answer that has the focus lets them go on.
        tab.until("return document.querySelector('.sweep button')").await;
        tab.press_button("Cancel all").await;
        tab.until("return document.activeElement.textContent === 'Let them go on'").await;
        assert_eq!(tab.text(".confirm > span").await, "Cancel the 3 runs of it-sweep that have not ended?");
        tab.click(".confirm .danger").await;
        let said = tab.until("return document.querySelector('.sweep [role=status]')?.textContent").await;
        assert!(said.as_str().is_some_and(|said| said.contains("cancelled")), "{said}");
        tab.until("return document.querySelector('.sweep')?.textContent.includes('3 runs, 3 cancelled')").await;
        tab.until("return document.querySelectorAll('.runs [data-state=cancelled]').length === 3").await;
        tab.until("return !document.querySelector('.sweep button')").await;
        tab.press_button("All runs").await;
        tab.until("return !document.querySelector('.sweep')").await;
    });
}
