//! The page's files: which answer which address, in which encoding, kept for how long.

use super::server::{Answer, Server};
use std::{fs, path::Path};

/// A page as the bundler leaves it: a document, a hashed script and its compressed forms.
pub(super) fn write_page(folder: &Path) {
    let write = |name: &str, content: &str| fs::write(folder.join(name), content).expect("the page can be written");
    fs::create_dir_all(folder.join("assets")).expect("the page's folder can be made");
    write("index.html", "<!doctype html><title>the page</title>");
    write("assets/app-0123456789abcdef.js", "let app;");
    write("assets/app-0123456789abcdef.js.gz", "as gzip");
    write("assets/app-0123456789abcdef.js.br", "as brotli");
    write("favicon.svg", "<svg/>");
}

#[test]
fn the_page_answers_its_own_addresses() {
    let server = Server::shared();
    for path in ["/", "/runs", "/runs/0199c2a4-71b5-7aa0-8d55-3c1f5b0c9e77", "/a.b/c"] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (200, "text/html"), "{path}");
        assert!(answer.text().contains("the page"), "{path}");
        assert_eq!(answer.header("cache-control"), "no-cache", "{path}");
    }
    assert_eq!(Answer::of(server.request("POST", "/runs")).status, 405);
}

#[test]
fn hashed_files_are_kept_and_come_compressed() {
    let server = Server::shared();
    let path = "/assets/app-0123456789abcdef.js";
    let get = |encoding: &str| Answer::of(server.request("GET", path).header("accept-encoding", encoding));
    for (encoding, served, text) in
        [("gzip", "gzip", "as gzip"), ("gzip, br", "br", "as brotli"), ("identity", "", "let app;")]
    {
        let answer = get(encoding);
        assert_eq!((answer.status, answer.header("content-encoding"), answer.text().as_str()), (200, served, text));
        assert_eq!(answer.header("content-type"), "text/javascript");
        assert_eq!(answer.header("cache-control"), "public, max-age=31536000, immutable");
    }
    let plain = server.get("/favicon.svg");
    assert_eq!((plain.status, plain.header("cache-control")), (200, "no-cache"));
    let again = Answer::of(server.request("GET", "/favicon.svg").header("if-none-match", plain.header("etag")));
    assert_eq!(again.status, 304);
}

#[test]
fn missing_files_and_climbing_paths_are_not_found() {
    let server = Server::shared();
    for path in ["/assets/app-fedcba9876543210.js", "/missing.wasm", "/favicon.ico"] {
        let answer = server.get(path);
        assert_eq!(answer.status, 404, "{path}: {}", answer.text());
        assert_ne!(answer.header("cache-control"), "public, max-age=31536000, immutable");
    }
    for path in ["/..%2f..%2fetc%2fpasswd", "/%2e%2e/data/PG_VERSION", "/assets/..%5c..%5cx"] {
        let answer = server.get(path);
        assert!(answer.status == 404 || answer.text().contains("the page"), "{path}: {}", answer.text());
    }
}

#[test]
fn a_page_that_is_not_built_says_how_to_build_it() {
    let server = Server::without_worker();
    fs::remove_dir_all(server.page_folder()).expect("the page can be removed");
    let answer = server.get("/");
    assert_eq!((answer.status, answer.header("content-type")), (404, "text/html; charset=utf-8"));
    assert!(answer.text().contains("make web"), "{}", answer.text());
    assert_eq!(server.get("/healthz").status, 200);
    write_page(&server.page_folder());
    assert_eq!(server.get("/").status, 200, "no restart is needed");
}
