//! Pictures of every page for `docs/screenshots`: light, dark, and on a phone. Run by `make screenshots`.

use super::{
    driver::{Screen, built_page, journey_at},
    places,
    tab::Tab,
};
use crate::api::{
    events::wait_until_final,
    server::{Server, named},
};
use serde_json::{Value, json};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// Most bytes of a picture, and of all of them together.
const MOST: u64 = 100 * 1024;
const MOST_TOGETHER: u64 = 2 * 1024 * 1024;

/// A puzzle that the shipped model solves in a few steps.
const PUZZLE: &str = "3.5...1.....5...6...4.31..64.5.5...6";

fn folder() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace around this package");
    root.join("docs/screenshots")
}

/// A lab with datasets of every kind, a run, models with aliases, and a score of each.
fn furnish(server: &Server) -> Vec<(&'static str, String)> {
    let sudoku = json!({"side": 6, "train": 500, "test": 200, "givens": [14, 20], "seed": 11});
    let maze = json!({"kind": "maze", "side": 13, "train": 60, "test": 20, "maze": "hard", "seed": 4});
    let arc = json!({"kind": "arc", "side": 10, "train": 30, "test": 8, "seed": 4});
    for (name, generate) in [("arc-like-10", arc), ("mazes-13x13", maze), ("sudoku-6x6-easy", sudoku)] {
        server.post("/api/v1/datasets", &json!({"name": name, "generate": generate})).expect(201);
    }
    let experiment = json!({
        "name": "sudoku-4x4-first",
        "data": {"source": "generate", "side": 4, "train": 2000, "test": 500, "givens": [5, 10], "seed": 1},
        "arch": {"hidden_size": 64, "num_heads": 2, "H_layers": 1, "L_layers": 1, "halt_max_steps": 4,
                 "puzzle_emb_ndim": 64, "pos_encodings": "learned"},
        "train": {"batch_size": 64, "epochs": 20.0, "lr": 2e-3, "lr_warmup_steps": 50, "weight_decay": 0.1,
                  "log_every": 5}
    });
    let run = server.post("/api/v1/runs", &json!({"experiment": experiment})).expect(201);
    let mut other = experiment.clone();
    other["seed"] = json!(1);
    let other = server.post("/api/v1/runs", &json!({"experiment": other})).expect(201);
    let evaluation = json!({"model": "sudoku-6x6", "dataset": "sudoku-6x6-easy"});
    server.post("/api/v1/evaluations", &evaluation).expect(201);
    let run = wait_until_final(server, &run);
    wait_until_final(server, &other);
    assert_eq!(run["state"], "succeeded", "{run:#}");
    let id = |field: &str| run[field].as_str().expect("an id").to_owned();
    let alias = format!("/api/v1/models/{}/aliases/champion", id("checkpoint_id"));
    assert_eq!(server.request("PUT", &alias).json(&json!({})).send().expect("an answer").status(), 204);
    let page: Value = server.get("/api/v1/models").expect(200);
    let shipped = named(&page, "sudoku-6x6")["id"].as_str().expect("an id").to_owned();
    let dataset = named(&server.get("/api/v1/datasets").expect(200), "mazes-13x13");
    let mut pages = places::of(&id("id"), &id("dataset_id"), &shipped, &places::batch(server));
    for (name, page) in &mut pages {
        match *name {
            "compare" => *page = format!("{page},{}", other["id"].as_str().expect("an id")),
            "solve" => *page = format!("/?s={PUZZLE}&step=3"),
            "dataset" => *page = format!("/datasets/{}", dataset["id"].as_str().expect("an id")),
            _ => {}
        }
    }
    pages
}

/// Whether that picture is to be taken: all are, or those that `HRM_PICTURES` names, parted by commas.
fn is_wanted(name: &str) -> bool {
    std::env::var("HRM_PICTURES").map_or(true, |names| names.split(',').any(|wanted| wanted == name))
}

/// Shows a page and keeps it as that picture, if it is wanted.
async fn picture(tab: &Tab, page: &str, name: &str) {
    if is_wanted(name) {
        show(tab, page).await;
        keep(tab, name).await;
    }
}

/// Keeps what the window shows as that file, in at most 256 colours.
async fn keep(tab: &Tab, name: &str) {
    let path = folder().join(format!("{name}.png"));
    fs::write(&path, tab.screenshot().await).expect("a written picture");
    let target = format!("PNG8:{}", path.display());
    let done =
        Command::new("convert-im6").arg(&path).args(["-strip", "-dither", "None", "-colors", "192", &target]).status();
    assert!(done.is_ok_and(|status| status.success()), "convert is needed: apt-get install imagemagick");
    let size = fs::metadata(&path).expect("the picture").len();
    assert!(size <= MOST, "{name}: {size} bytes");
}

async fn show(tab: &Tab, page: &str) {
    places::open(tab, page).await;
    if page.starts_with("/?s=") {
        tab.until("return document.querySelector('.verdict')").await;
    }
    tab.run("document.activeElement?.blur()").await;
    // Pictures and charts are drawn, and colours have faded in.
    tab.run_async("const done = arguments[0]; setTimeout(done, 900)").await;
}

#[test]
#[ignore = "writes docs/screenshots: make screenshots"]
fn every_page_is_pictured() {
    let server = Server::with_page(&built_page());
    let pages = furnish(&server);
    let desktop = pages.clone();
    journey_at(server.address(), Screen::Desktop, |tab| async move {
        for (theme, suffix) in [("light", ""), ("dark", "-dark")] {
            tab.open("/").await;
            tab.choose_theme(theme).await;
            for (name, page) in &desktop {
                picture(&tab, page, &format!("{name}{suffix}")).await;
            }
        }
    });
    journey_at(server.address(), Screen::Phone, |tab| async move {
        tab.open("/").await;
        tab.choose_theme("light").await;
        for (name, page) in &pages {
            picture(&tab, page, &format!("{name}-phone")).await;
        }
    });
    server.hrm(&["user", "add", "ann"], "password of ann\n");
    server.hrm(&["user", "add", "bob", "--role", "member", "--team", "puzzlers"], "password of bob\n");
    server.hrm(&["user", "invite", "eve", "--team", "puzzlers", "--url", "https://hrm.example.org"], "");
    server.hrm(&["token", "create", "ann", "notebook", "--scopes", "read,write"], "");
    while server.get("/api/v1/me").status != 401 {}
    for (screen, suffix) in [(Screen::Desktop, ""), (Screen::Phone, "-phone")] {
        journey_at(server.address(), screen, move |tab| async move {
            tab.open("/login").await;
            tab.choose_theme("light").await;
            tab.open("/login?next=/team").await;
            if is_wanted(&format!("login{suffix}")) {
                keep(&tab, &format!("login{suffix}")).await;
            }
            tab.fill("[name=name]", "ann").await;
            tab.fill("[name=password]", "password of ann").await;
            tab.click("button").await;
            picture(&tab, "/team", &format!("team{suffix}")).await;
            if screen == Screen::Desktop {
                tab.choose_theme("dark").await;
                picture(&tab, "/team", "team-dark").await;
            }
        });
    }
    let files = fs::read_dir(folder()).expect("the folder");
    let together: u64 = files.map(|file| file.expect("a file").metadata().expect("its size").len()).sum();
    assert!(together <= MOST_TOGETHER, "{together} bytes together");
}
