//! What is sent from a page: once, told about as long as it is news, and answered to nobody who has gone elsewhere.

use super::{
    driver::{Screen, has_browser, journey, journey_at, shared_server},
    tab::Tab,
};
use serde_json::json;

/// Holds every POST to a path that ends so back until `release()` is called, and counts them; a `refusal` takes the place of
/// the server's answer.
async fn hold(tab: &Tab, path: &str) {
    let script = "
        const send = window.fetch;
        [window.posts, window.answered, window.refusal] = [0, 0, null];
        window.fetch = async request => {
            if (request.method !== 'POST' || !new URL(request.url).pathname.endsWith('PATH')) return send.call(window, request);
            window.posts++;
            await new Promise(release => window.release = release);
            setTimeout(() => window.answered++, 500);
            if (!window.refusal) return send.call(window, request);
            const problem = { type: 'about:blank', title: 'Refused', status: 422, detail: window.refusal, request_id: '' };
            return new Response(JSON.stringify(problem), { status: 422 });
        };";
    tab.run(&script.replace("PATH", path)).await;
}

#[test]
fn a_form_that_is_sent_twice_is_meant_once_and_told_anew() {
    if !has_browser() {
        return;
    }
    let server = shared_server();
    let model = server.trained()["checkpoint_id"].as_str().expect("a checkpoint").to_owned();
    journey_at(server.address(), Screen::Desktop, |tab| async move {
        tab.open(&format!("/models/{model}")).await;
        tab.until("return document.querySelector('#evaluate-dataset')?.value").await;
        tab.fill("#evaluate-limit", "1").await;
        hold(&tab, "/evaluations").await;
        let (form, said) = ("document.querySelector('form.evaluate')", "form.evaluate [role=status]");
        tab.run(&format!("{form}.requestSubmit(); {form}.requestSubmit()")).await;
        tab.until("return document.querySelector('form.evaluate [type=submit]').ariaDisabled === 'true'").await;
        tab.run("window.release()").await;
        tab.until(&format!("return document.querySelector('{said}').textContent === 'Queued.'")).await;
        assert_eq!(tab.run("return window.posts").await, json!(1));

        // The words about it are gone as soon as another one begins, and do not stand beside its refusal.
        tab.run(&format!("window.refusal = 'Not now.'; {form}.requestSubmit()")).await;
        tab.until(&format!("return document.querySelector('{said}').textContent === ''")).await;
        tab.run("window.release()").await;
        tab.until("return document.querySelector('.notice.bad')?.textContent.includes('Not now.')").await;
        assert_eq!(tab.text(said).await, "");
    });
}

#[test]
fn an_answer_takes_nobody_from_another_page() {
    journey(|tab| async move {
        tab.open("/").await;
        let made = tab
            .run_async(
                "
            const done = arguments[arguments.length - 1];
            const body = { name: 'it-left', generate: { side: 6, train: 2, test: 3, givens: [16, 20], seed: 61 } };
            fetch('/api/v1/datasets', { method: 'POST', headers: { 'content-type': 'application/json' },
                body: JSON.stringify(body) }).then(answer => done(answer.status));",
            )
            .await;
        assert_eq!(made, json!(201));
        tab.open("/batches").await;
        tab.until("return document.querySelector('#batch-dataset')?.value").await;
        hold(&tab, "/batches").await;
        tab.press_button("Queue the batch").await;
        tab.click("header nav a[href='/runs']").await;
        tab.until("return document.querySelector('h1').textContent === 'Runs'").await;
        tab.run("window.release()").await;
        let answered =
            "const done = arguments[0]; const look = () => window.answered ? done(true) : setTimeout(look, 50); look()";
        tab.run_async(answered).await;
        assert_eq!(tab.path().await, "/runs");
        // The batch was queued all the same.
        tab.click("header nav a[href='/queue']").await;
        tab.until("return document.querySelector('main th a[href^=\"/batches/\"]')").await;
    });
}
