//! The pages of a list, turned by buttons and by the browser's history in turn.

use super::{driver::journey, tab::Tab};
use serde_json::json;

async fn place_is(tab: &Tab, place: &str) {
    tab.until(&format!("return document.querySelector('.turn [role=status]')?.textContent === '{place}'")).await;
}

#[test]
fn previous_leads_to_the_page_before_whatever_the_history_did() {
    journey(|tab| async move {
        tab.open("/").await;
        let body = json!({"name": "it-turning", "generate": {"side": 4, "train": 60, "test": 30, "givens": [6, 9], "seed": 6}});
        let made = format!(
            "const done = arguments[arguments.length - 1];
            fetch('/api/v1/datasets', {{ method: 'POST', headers: {{ 'content-type': 'application/json' }},
                body: JSON.stringify({body}) }}).then(answer => answer.json()).then(dataset => done(dataset.id));"
        );
        let made = tab.run_async(&made).await;
        tab.open(&format!("/datasets/{}?split=train", made.as_str().expect("an id"))).await;
        place_is(&tab, "1 to 24 of 60").await;
        tab.press_button("Next").await;
        place_is(&tab, "25 to 48 of 60").await;
        tab.press_button("Next").await;
        place_is(&tab, "49 to 60 of 60").await;
        tab.run("history.back()").await;
        place_is(&tab, "25 to 48 of 60").await;
        tab.press_button("Previous").await;
        place_is(&tab, "1 to 24 of 60").await;
        tab.press_button("Next").await;
        place_is(&tab, "25 to 48 of 60").await;

        // The pages of another split are not before this one's.
        tab.press_button("test (30)").await;
        place_is(&tab, "1 to 24 of 30").await;
        tab.press_button("Next").await;
        place_is(&tab, "25 to 30 of 30").await;
        tab.press_button("Previous").await;
        place_is(&tab, "1 to 24 of 30").await;
        // What leads nowhere any more says so, and keeps the focus.
        let said = "return [document.activeElement.textContent, document.activeElement.getAttribute('aria-disabled')]";
        assert_eq!(tab.run(said).await, json!(["Previous", "true"]));
    });
}
