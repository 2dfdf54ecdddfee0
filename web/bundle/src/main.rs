//! Bundles the page: binds the compiled WebAssembly to JavaScript and writes `web/dist`, ready to be served as
//! static files. Everything under `dist/assets` bears its content's hash in its name and never changes.

mod bind;
mod compress;
mod site;
mod split;

use anyhow::{Context, Result, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// What a first visit may transfer, brotli-compressed: page, script, styles, font and program together.
const BUDGET_BYTES: usize = 350 * 1024;

#[expect(clippy::print_stdout, reason = "a program run by make that says what it wrote")]
fn main() -> Result<()> {
    let root = workspace_root()?;
    let wasm = root.join("target/wasm32-unknown-unknown/page/hrm-web.wasm");
    let bound = bind::bind(&wasm)?;
    let files = site::assemble(&root.join("web"), bound)?;

    let dist = root.join("web/dist");
    write_all(&dist, &files)?;

    let mut total = 0;
    for file in &files {
        let size = file.brotli.as_ref().map_or(file.bytes.len(), Vec::len);
        total += if file.first { size } else { 0 };
        let when = if file.first { "at first" } else { "when needed" };
        println!("{:>9} B  {:>8} B sent {when:11}  {}", file.bytes.len(), size, file.path);
    }
    println!("first load {} KB compressed, budget {} KB", total.div_ceil(1024), BUDGET_BYTES / 1024);
    ensure!(total <= BUDGET_BYTES, "the page is {total} B compressed, more than the budget of {BUDGET_BYTES} B");
    Ok(())
}

/// A file of the bundle with its compressed siblings; formats that are compressed already have none.
struct File {
    path: String,
    bytes: Vec<u8>,
    gzip: Option<Vec<u8>>,
    brotli: Option<Vec<u8>>,
    /// Whether a first visit loads it.
    first: bool,
}

/// The workspace's root, which is two folders above this package.
fn workspace_root() -> Result<PathBuf> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).map(Path::to_path_buf).context("expected this package in web/bundle of the workspace")
}

/// Replaces `dist` as a whole: the new folder is complete before the old one goes.
fn write_all(dist: &Path, files: &[File]) -> Result<()> {
    let fresh = dist.with_extension("new");
    if fresh.exists() {
        fs::remove_dir_all(&fresh)?;
    }
    for file in files {
        let path = fresh.join(&file.path);
        let folder = path.parent().context("every file of the bundle lies in a folder")?;
        fs::create_dir_all(folder)?;
        fs::write(&path, &file.bytes)?;
        for (extension, bytes) in [("gz", &file.gzip), ("br", &file.brotli)] {
            if let Some(bytes) = bytes {
                fs::write(format!("{}.{extension}", path.display()), bytes)?;
            }
        }
    }
    if dist.exists() {
        fs::remove_dir_all(dist)?;
    }
    fs::rename(&fresh, dist).with_context(|| format!("renaming {} to {}", fresh.display(), dist.display()))
}
