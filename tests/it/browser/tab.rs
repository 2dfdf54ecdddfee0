//! What a person does in a tab: goes somewhere, presses keys, clicks, pastes, reads, and waits for facts.

use fantoccini::{Client, Locator, elements::Element};
use hrm_types::sudoku::Grid;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Keys as `WebDriver` writes them.
pub(super) mod key {
    pub(crate) const CONTROL: &str = "\u{e009}";
    pub(crate) const TAB: &str = "\u{e004}";
    pub(crate) const SHIFT: &str = "\u{e008}";
    pub(crate) const ENTER: &str = "\u{e007}";
    pub(crate) const LEFT: &str = "\u{e012}";
    pub(crate) const RIGHT: &str = "\u{e014}";
    pub(crate) const DOWN: &str = "\u{e015}";
    pub(crate) const HOME: &str = "\u{e011}";
    pub(crate) const END: &str = "\u{e010}";
    pub(crate) const DELETE: &str = "\u{e017}";
}

/// Resolves with a condition's first true value, looked at after every change of the page; `null` at the deadline.
const UNTIL: &str = "
    const [milliseconds, done] = [arguments[0], arguments[arguments.length - 1]];
    const condition = () => { CONDITION };
    const watch = new MutationObserver(look);
    const timer = setTimeout(() => finish(null), milliseconds);
    function finish(value) { watch.disconnect(); clearTimeout(timer); done(value); }
    function look() { const value = condition(); if (value) finish(value); }
    watch.observe(document, { subtree: true, childList: true, attributes: true, characterData: true });
    look();
";

/// A tab of the browser.
pub(super) struct Tab {
    client: Client,
    /// Where chromedriver listens.
    driver: String,
    address: String,
}

impl Tab {
    /// Longest wait for what the page does by itself or with one request.
    pub(super) const DEADLINE: Duration = Duration::from_secs(30);
    /// Longest wait for a tiny run.
    pub(super) const LONGEST: Duration = Duration::from_mins(5);

    pub(super) fn new(client: Client, driver: String, address: String) -> Self {
        Self { client, driver, address }
    }

    /// Asks the browser for something that only its developer tools can.
    pub(super) async fn devtools(&self, command: &str, parameters: Value) -> Value {
        let session = self.client.session_id().await.expect("the session answers").expect("a session");
        let url = format!("{}/session/{session}/goog/cdp/execute", self.driver);
        let request = reqwest::Client::new().post(url).json(&json!({"cmd": command, "params": parameters}));
        let answer: Value = request.send().await.expect("chromedriver answers").json().await.expect("JSON");
        assert!(answer["value"]["error"].is_null(), "{command}: {answer}");
        answer["value"].clone()
    }

    /// The picture of what the window shows, a PNG.
    pub(super) async fn screenshot(&self) -> Vec<u8> {
        self.client.screenshot().await.expect("a picture")
    }

    /// Chooses a file for a file field.
    pub(super) async fn choose_file(&self, css: &str, path: &std::path::Path) {
        let path = path.to_str().expect("UTF-8");
        self.find(css).await.send_keys(path).await.unwrap_or_else(|error| panic!("{css}: {error}"));
    }

    /// Shows the page in that theme from the next page on.
    pub(super) async fn choose_theme(&self, theme: &str) {
        self.run(&format!("localStorage.setItem('theme', {})", json!(theme))).await;
    }

    /// Opens a page of the lab and waits until it shows.
    pub(super) async fn open(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.address)).await.expect("the address opens");
        self.until("return document.querySelector('h1')?.textContent").await;
    }

    /// The address in the bar, without the server's.
    pub(super) async fn path(&self) -> String {
        let url = self.client.current_url().await.expect("an address").to_string();
        url.trim_start_matches(&self.address).to_owned()
    }

    pub(super) async fn title(&self) -> String {
        self.client.title().await.expect("a title")
    }

    /// Runs a script in the page.
    pub(super) async fn run(&self, script: &str) -> Value {
        self.client.execute(script, vec![]).await.expect("the script runs")
    }

    /// Presses a key that writes `key` and lies where `code` says, as on a keyboard of another country.
    pub(super) async fn press_code(&self, key: &str, code: &str, shift: bool) {
        let script = "document.activeElement.dispatchEvent(new KeyboardEvent('keydown',
            { key: arguments[0], code: arguments[1], shiftKey: arguments[2], bubbles: true, cancelable: true }));";
        self.client.execute(script, vec![json!(key), json!(code), json!(shift)]).await.expect("the script runs");
    }

    /// Runs a script that calls its last argument when it is done.
    pub(super) async fn run_async(&self, script: &str) -> Value {
        self.client.execute_async(script, vec![]).await.expect("the script runs")
    }

    /// Draws with the pointer from one cell of a grid of squares to another in the same row or column; cells are
    /// (row, column) from 0, in a grid of so many columns.
    pub(super) async fn drag(&self, css: &str, from: (u32, u32), to: (u32, u32), columns: u32) {
        let script = "
            const [css, from, to, columns] = arguments;
            const grid = document.querySelector(css);
            grid.scrollIntoView({ block: 'center' });
            const send = (kind, [row, column]) => {
                const cell = grid.querySelectorAll('[role=gridcell]')[row * columns + column].getBoundingClientRect();
                grid.dispatchEvent(new PointerEvent(kind, { bubbles: true, cancelable: true, pointerId: 1, buttons: 1,
                    clientX: cell.left + cell.width / 2, clientY: cell.top + cell.height / 2 }));
            };
            send('pointerdown', from);
            const steps = Math.max(Math.abs(to[0] - from[0]), Math.abs(to[1] - from[1]));
            for (let step = 1; step <= steps; step++) {
                const at = (a, b) => Math.round(a + (b - a) * step / steps);
                send('pointermove', [at(from[0], to[0]), at(from[1], to[1])]);
            }
            send('pointerup', to);";
        let arguments = vec![json!(css), json!(from), json!(to), json!(columns)];
        self.client.execute(script, arguments).await.expect("the script runs");
    }

    /// Waits until `condition`, the body of a JavaScript function, returns something true.
    pub(super) async fn until(&self, condition: &str) -> Value {
        self.until_within(Self::DEADLINE, condition).await
    }

    /// The same with a deadline of its own.
    pub(super) async fn until_within(&self, deadline: Duration, condition: &str) -> Value {
        let script = UNTIL.replace("CONDITION", condition);
        let milliseconds = json!(deadline.as_millis() as u64);
        let begun = Instant::now();
        let value = loop {
            match self.client.execute_async(&script, vec![milliseconds.clone()]).await {
                Ok(value) => break value,
                // A page that goes takes the script with it; the next one is asked.
                Err(error) => assert!(begun.elapsed() < deadline, "{condition}: {error}"),
            }
        };
        if value.is_null() {
            let shown = self.text("body").await;
            panic!("not within {deadline:?}: {condition}\nThe page shows:\n{shown}");
        }
        value
    }

    /// Waits until the address ends so. What changes it changes nothing on the page, which [`Self::until`] listens to.
    pub(super) async fn until_address(&self, end: &str) {
        let begun = Instant::now();
        loop {
            let path = self.path().await;
            if path.ends_with(end) {
                return;
            }
            assert!(begun.elapsed() < Self::DEADLINE, "not within {:?}: {end}, but {path}", Self::DEADLINE);
        }
    }

    /// Waits until a drop-down shows that. It is a property, which [`Self::until`] does not listen to.
    pub(super) async fn until_chosen(&self, css: &str, words: &str) {
        let shown = format!("return document.querySelector({})?.selectedOptions[0]?.textContent", json!(css));
        let begun = Instant::now();
        loop {
            let shown = self.run(&shown).await;
            if shown == json!(words) {
                return;
            }
            assert!(begun.elapsed() < Self::DEADLINE, "{css} not within {:?}: {words:?}, but {shown}", Self::DEADLINE);
        }
    }

    /// Chooses what a drop-down shows as that.
    pub(super) async fn choose(&self, css: &str, words: &str) {
        let script = "
            const field = document.querySelector(arguments[0]);
            field.value = [...field.options].find(option => option.textContent === arguments[1]).value;
            field.dispatchEvent(new Event('change', { bubbles: true }));";
        let chosen = self.client.execute(script, vec![json!(css), json!(words)]).await;
        chosen.unwrap_or_else(|error| panic!("{css}: {words}: {error}"));
    }

    pub(super) async fn find(&self, css: &str) -> Element {
        self.client.find(Locator::Css(css)).await.unwrap_or_else(|error| panic!("{css}: {error}"))
    }

    /// What an element shows.
    pub(super) async fn text(&self, css: &str) -> String {
        self.find(css).await.text().await.expect("a text")
    }

    /// Clicks an element as soon as nothing lies over it.
    pub(super) async fn click(&self, css: &str) {
        let begun = Instant::now();
        while let Err(error) = self.find(css).await.click().await {
            assert!(begun.elapsed() < Self::DEADLINE, "{css}: {error}");
        }
    }

    /// Clicks the button or link that shows exactly that.
    pub(super) async fn press_button(&self, shows: &str) {
        let path = format!("//*[self::button or self::a][starts-with(normalize-space(), '{shows}')]");
        let button = self.client.find(Locator::XPath(&path)).await.unwrap_or_else(|error| panic!("{shows}: {error}"));
        button.click().await.unwrap_or_else(|error| panic!("{shows}: {error}"));
    }

    /// Presses keys on whatever has the focus.
    pub(super) async fn press(&self, keys: &str) {
        let focused = self.client.active_element().await.expect("something has the focus");
        focused.send_keys(keys).await.expect("keys can be pressed");
    }

    /// Goes on with Tab until the element that has the focus matches `css`.
    pub(super) async fn tab_to(&self, css: &str) {
        for _ in 0..60 {
            self.press(key::TAB).await;
            if self.run(&format!("return document.activeElement.matches({})", json!(css))).await == json!(true) {
                return;
            }
        }
        panic!("60 times Tab did not reach {css}");
    }

    /// Replaces what stands in a field.
    pub(super) async fn fill(&self, css: &str, text: &str) {
        let field = self.find(css).await;
        field.clear().await.expect("the field can be cleared");
        field.send_keys(text).await.expect("the field takes keys");
    }

    /// Pastes a text where the focus is.
    pub(super) async fn paste(&self, text: &str) {
        let script = "
            const clipboard = new DataTransfer();
            clipboard.setData('text', arguments[0]);
            const paste = new ClipboardEvent('paste', { clipboardData: clipboard, bubbles: true, cancelable: true });
            document.activeElement.dispatchEvent(paste);";
        self.client.execute(script, vec![json!(text)]).await.expect("the script runs");
    }

    /// Drops a file with that name and text on the page.
    pub(super) async fn drop_file(&self, name: &str, text: &str) {
        let script = "
            const data = new DataTransfer();
            data.items.add(new File([arguments[1]], arguments[0]));
            const target = document.querySelector('main');
            for (const kind of ['dragover', 'drop'])
                target.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));";
        self.client.execute(script, vec![json!(name), json!(text)]).await.expect("the script runs");
    }

    /// The digits on the board.
    pub(super) async fn grid(&self) -> Grid {
        let cells =
            "return [...document.querySelectorAll('[role=gridcell]')].map(cell => cell.textContent || '.').join('')";
        let line = self.run(cells).await;
        line.as_str().expect("a text").parse().expect("a grid")
    }
}
