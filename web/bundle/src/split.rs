//! From one WebAssembly module to the one that a first visit loads and the parts that follow when they are needed.

use anyhow::{Context, Result, anyhow};
use std::{fs, path::Path};

/// How the main module asks for parts: the JavaScript module that it imports.
pub(crate) const LINK: &str = "./parts.js";

/// How that module asks for the main module's JavaScript.
pub(crate) const MAIN: &str = "./hrm-web.js";

/// A program in parts.
pub(crate) struct Split {
    /// What runs first; not bound to JavaScript yet.
    pub(crate) main: Vec<u8>,
    /// The JavaScript that fetches parts, where it names them `./NAME.wasm`.
    pub(crate) link: String,
    /// The parts by name.
    pub(crate) parts: Vec<(String, Vec<u8>)>,
}

/// Cuts `wasm` at the functions that its source marks with `wasm_split`. It must hold its relocations and the names of
/// its functions. `folder` is for scratch.
pub(crate) fn split(wasm: &[u8], folder: &Path) -> Result<Split> {
    let main = folder.join("main.wasm");
    let mut options = wasm_split_cli_support::Options::new(wasm);
    options.output_dir = folder;
    options.main_out_path = &main;
    options.link_name = LINK;
    options.main_module = MAIN;
    let split = wasm_split_cli_support::transform(options).map_err(|error| anyhow!("splitting the page: {error:#}"))?;
    let mut parts = Vec::new();
    for path in &split.split_modules {
        let name = path.file_stem().and_then(|name| name.to_str()).context("expected a part with a name")?;
        parts.push((name.to_owned(), fs::read(path)?));
    }
    parts.sort();
    Ok(Split { main: fs::read(&main)?, link: fs::read_to_string(folder.join(LINK))?, parts })
}
