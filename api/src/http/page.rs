//! The page: built files from a folder, and its one document for every address the page itself routes.

use axum::{
    Router,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::{self, Next},
    response::{Html, IntoResponse, Response},
};
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};
use tower_http::services::{ServeDir, ServeFile};

/// Hashed files never change under their name; everything else is asked for again each time.
const FOREVER: &str = "public, max-age=31536000, immutable";
const REVALIDATE: &str = "no-cache";

const NOT_BUILT: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>HRM Lab</title>\
<h1>HRM Lab is running, but its page is not built</h1>\
<p>Run <code>make web</code> in the repository and load this address again.</p>\
<p>The API is here: <a href=\"/api/docs/\">/api/docs</a></p></html>";

/// Serves the files of `web_dir`, and its `index.html` for all other addresses.
pub fn router(web_dir: &Path) -> Router {
    let index = web_dir.join("index.html");
    let document = ServeFile::new(&index).precompressed_br().precompressed_gzip();
    let files = ServeDir::new(web_dir).precompressed_br().precompressed_gzip().fallback(document);
    Router::new().fallback_service(files).layer(middleware::from_fn_with_state(Arc::new(index), dress))
}

/// Says how long to keep what, and what is missing. A script that is missing is an error rather than
/// the page's document: HTML in its place only hides what went wrong.
async fn dress(State(index): State<Arc<PathBuf>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let mut response = next.run(request).await;
    if response.status() == StatusCode::NOT_FOUND && !index.is_file() {
        response = (StatusCode::NOT_FOUND, Html(NOT_BUILT)).into_response();
    } else if is_html(&response) && is_asset(&path) {
        response = (StatusCode::NOT_FOUND, "there is no such file").into_response();
    }
    let forever = response.status().is_success() && is_asset(&path) && is_hashed(&path);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static(if forever { FOREVER } else { REVALIDATE }));
    response
}

fn is_html(response: &Response) -> bool {
    response.headers().get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"))
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or_default()
}

fn is_asset(path: &str) -> bool {
    let extension = Path::new(file_name(path)).extension().and_then(|extension| extension.to_str());
    matches!(extension, Some("js" | "wasm" | "css" | "map" | "svg" | "png" | "ico" | "webmanifest" | "json" | "woff2"))
}

/// Whether the name holds a content hash: a part of at least eight hexadecimal digits before the extension.
fn is_hashed(path: &str) -> bool {
    file_name(path).split(['-', '.', '_']).any(|part| {
        part.len() >= 8 && part.bytes().all(|c| c.is_ascii_hexdigit()) && part.bytes().any(|c| c.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_a_hash_are_kept_forever() {
        assert!(is_hashed("/assets/hrm-web-3f9c2a7be1d04455.js"));
        assert!(is_hashed("/hrm_web-0a1b2c3d_bg.wasm"));
        assert!(!is_hashed("/index.html"));
        assert!(!is_hashed("/hrm-web.js"));
        assert!(!is_asset("/runs/0199c2a4-71b5-7aa0-8d55-0123456789ab"), "an address of the page is no file");
    }
}
