//! Checkpoints: uploaded, renamed, measured, given an alias, deleted.

use super::{
    driver::{Screen, has_browser, journey_at, shared_server},
    tab::Tab,
};
use serde_json::json;
use std::fs;

#[test]
fn a_checkpoint_is_uploaded_named_measured_and_deleted() {
    if !has_browser() {
        return;
    }
    let server = shared_server();
    let run = server.trained().clone();
    let checkpoint = run["checkpoint_id"].as_str().expect("a checkpoint").to_owned();
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("from-elsewhere.safetensors");
    fs::write(&file, server.get(&format!("/api/v1/models/{checkpoint}/file")).bytes).expect("a written file");
    let no_checkpoint = folder.path().join("notes.safetensors");
    fs::write(&no_checkpoint, "these are no weights").expect("a written file");

    journey_at(server.address(), Screen::Desktop, |tab| async move {
        tab.open("/models").await;
        let listed = format!("return document.querySelector('.models a[href=\"/models/{checkpoint}\"]')?.textContent");
        assert_eq!(tab.until(&listed).await, "it-untrained");
        // One that ships and was not measured here shows the score it is stated to have, and so does its page.
        let shipped =
            "return [...document.querySelectorAll('.models tr')].find(row => row.textContent.startsWith('maze-9x9'))";
        let row = tab.run(&format!("{shipped}.textContent")).await;
        assert!(row.as_str().is_some_and(|row| row.contains("stated, 1,000 puzzles")), "{row}");
        let address = tab.run(&format!("{shipped}.querySelector('a').getAttribute('href')")).await;
        tab.open(address.as_str().expect("an address")).await;
        let said = tab.until("return document.querySelector('.newest-score')?.textContent").await;
        assert!(said.as_str().is_some_and(|said| said.contains("before it shipped")), "{said}");
        tab.open("/models").await;
        tab.until(&listed).await;

        // What is no checkpoint is refused in words, and the form stays.
        tab.choose_file("#checkpoint", &no_checkpoint).await;
        assert_eq!(tab.run("return document.querySelector('#upload-name').value").await, "notes");
        tab.press_button("Upload").await;
        let refused =
            tab.until("return document.querySelector('.notice.bad, .field.invalid .hint')?.textContent").await;
        assert!(refused.as_str().is_some_and(|text| text.contains("safetensors")), "{refused}");

        tab.choose_file("#checkpoint", &file).await;
        tab.fill("#upload-name", "from-elsewhere").await;
        tab.press_button("Upload").await;
        tab.until("return location.pathname.startsWith('/models/') && document.querySelector('h1').textContent === 'from-elsewhere'").await;
        let address = tab.path().await;

        tab.fill("#model-name", "ours now").await;
        tab.press_button("Save").await;
        let wrong = tab.until("return document.querySelector('.field.invalid .hint')?.textContent").await;
        assert!(wrong.as_str().is_some_and(|text| text.contains("letters, digits")), "{wrong}");
        tab.fill("#model-name", "ours").await;
        tab.press_button("Save").await;
        tab.until("return document.querySelector('h1').textContent === 'ours'").await;

        tab.press_button("Make it the champion").await;
        tab.until("return document.querySelector('.aliases .tag')?.textContent.startsWith('champion')").await;

        // Measured on the puzzles that it was trained for; the score arrives by itself.
        tab.until("return document.querySelector('#evaluate-dataset')?.value").await;
        tab.fill("#evaluate-limit", "10").await;
        tab.press_button("Queue the evaluation").await;
        tab.until_within(Tab::LONGEST, "return document.querySelector('.evaluations .score b')?.textContent").await;
        let said = tab.until("return document.querySelector('.newest-score')?.textContent").await;
        assert!(said.as_str().is_some_and(|text| text.contains("of 10 held-out puzzles")), "{said}");

        tab.open("/models").await;
        let row = format!("return document.querySelector('.models a[href=\"{address}\"]')?.closest('tr').textContent");
        let row = tab.until(&row).await;
        assert!(row.as_str().is_some_and(|row| row.contains("ours")), "{row}");
        tab.until("return [...document.querySelectorAll('.models .tag')].some(tag => tag.textContent === 'champion')")
            .await;

        // Deleting asks first, and the answer that has the focus changes nothing.
        tab.open(&address).await;
        tab.until("return document.querySelector('h1').textContent === 'ours'").await;
        tab.press_button("Delete").await;
        tab.until("return document.activeElement.textContent === 'Cancel'").await;
        tab.press(super::tab::key::ENTER).await;
        tab.until("return !document.querySelector('.confirm') && document.activeElement.textContent === 'Delete'")
            .await;
        tab.press_button("Delete").await;
        tab.until("return document.querySelector('.confirm .danger')").await;
        tab.click(".confirm .danger").await;
        tab.until("return location.pathname === '/models' && document.querySelector('.models')").await;
        let gone = format!("return document.querySelector('.models a[href=\"{address}\"]')");
        assert_eq!(tab.run(&gone).await, json!(null));
    });
}

#[test]
fn a_model_is_trained_further() {
    if !has_browser() {
        return;
    }
    let server = shared_server();
    let run = server.trained().clone();
    let model = run["checkpoint_id"].as_str().expect("a checkpoint").to_owned();
    let sha256 = server.get(&format!("/api/v1/models/{model}")).expect(200)["sha256"].clone();

    journey_at(server.address(), Screen::Desktop, |tab| async move {
        tab.open(&format!("/models/{model}")).await;
        tab.until("return document.querySelector('.page-actions a[href^=\"/runs/new\"]')").await;
        tab.press_button("Train it further").await;
        let chosen = "return document.querySelector('select[name=start_from]')?.value";
        assert_eq!(tab.until(chosen).await, sha256, "it begins with the model");
        let drawn = "return document.querySelector('select[name=start_from]').options[0].textContent";
        assert_eq!(tab.run(drawn).await, json!("drawn weights"));
        let name = tab.run("return document.querySelector('[name=name]').value").await;
        assert_eq!(name, format!("{}-further", run["name"].as_str().unwrap_or_default()));
        // A model of another size is refused at the field.
        tab.fill("[name='arch.hidden_size']", "32").await;
        tab.press_button("Queue the run").await;
        let wrong = "return document.querySelector('.field.invalid .hint')?.textContent";
        let wrong = tab.until(wrong).await;
        assert!(wrong.as_str().is_some_and(|text| text.contains("arch.hidden_size = 32")), "{wrong}");
        let width = run["experiment"]["arch"]["hidden_size"].to_string();
        tab.fill("[name='arch.hidden_size']", &width).await;
        tab.fill("[name='name']", "it-trained-further").await;
        tab.press_button("Queue the run").await;
        tab.until("return location.pathname.match(/^\\/runs\\/[0-9a-f-]{36}$/)").await;
        tab.until_within(Tab::LONGEST, "return document.querySelector('.standing-now [data-state=succeeded]')").await;
        let began = format!("return document.querySelector('.origin a[href=\"/models/{model}\"]')?.textContent");
        assert_eq!(tab.until(&began).await, run["name"]);
    });
}
