//! Chromium under `chromedriver`, and the server whose page it shows.

use super::tab::Tab;
use crate::{api::server::Server, folder::folder};
use fantoccini::{Client, ClientBuilder, wd::TimeoutConfiguration};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use std::{
    future::Future,
    io::{BufRead, BufReader},
    panic::resume_unwind,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError, Weak},
};

/// Keeps the browser to this machine and to itself.
const ARGUMENTS: [&str; 7] = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
];

/// What the page is looked at with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Screen {
    /// 1280 by 900 pixels, a mouse and a keyboard.
    Desktop,
    /// 390 by 844 pixels, and fingers.
    Phone,
}

/// What chromedriver prints once it listens, before its port.
const LISTENS: &str = "was started successfully on port ";

/// One browser at a time: several on few cores only slow each other down.
static TURN: Mutex<()> = Mutex::new(());

/// Goes through `steps` in a desktop browser; says so and does nothing where there is none.
pub(super) fn journey<F, Steps>(steps: F)
where
    F: FnOnce(Tab) -> Steps,
    Steps: Future<Output = ()> + Send + 'static,
{
    journey_on(Screen::Desktop, steps);
}

/// The same on that screen.
pub(super) fn journey_on<F, Steps>(screen: Screen, steps: F)
where
    F: FnOnce(Tab) -> Steps,
    Steps: Future<Output = ()> + Send + 'static,
{
    if has_browser() {
        // Held while it waits, so that the next journey finds the server still running.
        let server = shared_server();
        journey_at(server.address(), screen, steps);
    }
}

/// Whether there is a browser to test with; says so where there is none.
pub(super) fn has_browser() -> bool {
    let found = find("chromedriver").is_some();
    if !found {
        eprintln!("skipped: chromedriver was not found on PATH; `make test` installs it where it may");
    }
    found
}

/// The same at the server with that address.
pub(super) fn journey_at<F, Steps>(address: &str, screen: Screen, steps: F)
where
    F: FnOnce(Tab) -> Steps,
    Steps: Future<Output = ()> + Send + 'static,
{
    let chromedriver = find("chromedriver").expect("a chromedriver");
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let profile = folder();
    let driver = Driver::start(&chromedriver, profile.path());
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let client = connect(&driver, screen, profile.path()).await;
        let tab = Tab::new(client.clone(), driver.address.clone(), address.to_owned());
        // A task of its own, so that the browser is closed whatever becomes of the steps.
        let outcome = tokio::spawn(steps(tab)).await;
        client.close().await.expect("the browser can be closed");
        if let Err(failed) = outcome {
            resume_unwind(failed.into_panic());
        }
    });
}

/// The server that the journeys of this process share.
pub(super) fn shared_server() -> Arc<Server> {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let server = Arc::new(Server::with_page(&built_page()));
        *shared = Arc::downgrade(&server);
        server
    })
}

pub(super) fn built_page() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace around this package");
    let page = root.join("web/dist");
    assert!(page.join("index.html").is_file(), "expected the built page in {}: run `make web`", page.display());
    page
}

async fn connect(driver: &Driver, screen: Screen, profile: &Path) -> Client {
    let mut arguments: Vec<String> = ARGUMENTS.map(str::to_owned).into();
    arguments.push("--window-size=1280,900".to_owned());
    arguments.push(format!("--user-data-dir={}", profile.display()));
    let mut options = json!({ "args": arguments });
    if screen == Screen::Phone {
        let metrics = json!({ "width": 390, "height": 844, "pixelRatio": 2, "touch": true });
        options["mobileEmulation"] = json!({ "deviceMetrics": metrics });
    }
    // Without a name chromedriver looks for Google Chrome only.
    if let Some(browser) = ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|name| find(name)) {
        options["binary"] = json!(browser);
    }
    let capabilities = json!({ "goog:chromeOptions": options });
    let client = ClientBuilder::new(HttpConnector::new())
        .capabilities(capabilities.as_object().expect("an object").clone())
        .connect(&driver.address)
        .await
        .expect("chromedriver starts the browser");
    let timeouts = TimeoutConfiguration::new(Some(Tab::LONGEST), Some(Tab::DEADLINE), None);
    client.update_timeouts(timeouts).await.expect("timeouts can be set");
    client
}

/// A running chromedriver, ended when dropped.
struct Driver {
    process: Child,
    address: String,
}

impl Driver {
    /// Starts it on a free port; what it and its browser write lies in that folder.
    fn start(chromedriver: &Path, folder: &Path) -> Self {
        let mut process = Command::new(chromedriver)
            .arg("--port=0")
            .env("TMPDIR", folder)
            .stdout(Stdio::piped())
            .spawn()
            .expect("chromedriver can be started");
        let output = process.stdout.take().expect("the output is piped");
        let line = BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .find(|line| line.contains(LISTENS))
            .expect("chromedriver says where it listens");
        let port = line.split(LISTENS).nth(1).unwrap_or_default().trim_end_matches('.');
        Self { process, address: format!("http://127.0.0.1:{port}") }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn find(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}
