//! From the compiler's WebAssembly to what a browser loads: the bound module and its JavaScript.

use crate::split::split;
use anyhow::{Context, Result, ensure};
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};
use wasm_bindgen_cli_support::Bindgen;

/// The page's program.
pub(crate) struct Bound {
    /// The module, optimised for size where `wasm-opt` is installed.
    pub(crate) wasm: Vec<u8>,
    /// The JavaScript module that loads it.
    pub(crate) js: String,
    /// JavaScript that dependencies bring, by path relative to `js`.
    pub(crate) snippets: Vec<(String, String)>,
    /// The JavaScript that fetches parts; `js` imports it as [`crate::split::LINK`].
    pub(crate) link: String,
    /// The parts of the program that are fetched when needed, by name.
    pub(crate) parts: Vec<(String, Vec<u8>)>,
}

/// What the compiler's output uses and `wasm-opt` does not expect unasked.
const WASM_FEATURES: [&str; 6] = [
    "--enable-bulk-memory",
    "--enable-nontrapping-float-to-int",
    "--enable-sign-ext",
    "--enable-mutable-globals",
    "--enable-reference-types",
    "--enable-multivalue",
];

/// Binds `wasm`, which `cargo build --profile page` wrote.
pub(crate) fn bind(wasm: &Path) -> Result<Bound> {
    ensure!(
        wasm.exists(),
        "expected {}: build it with `cargo build --profile page --target wasm32-unknown-unknown -p hrm-web`",
        wasm.display()
    );
    let scratch = Scratch::new()?;
    let split = split(&fs::read(wasm)?, &scratch.0)?;
    let mut output = Bindgen::new()
        .input_bytes("hrm-web", split.main)
        .out_name("hrm-web")
        .web(true)?
        .typescript(false)
        .omit_default_module_path(true)
        // What parts import from the main module, under the names that they know.
        .keep_lld_exports(true)
        .demangle(false)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate_output()
        .context("binding the page's WebAssembly")?;
    let mut snippets: Vec<(String, String)> = Vec::new();
    for (folder, sources) in output.snippets() {
        for (i, source) in sources.iter().enumerate() {
            snippets.push((format!("snippets/{folder}/inline{i}.js"), source.clone()));
        }
    }
    let js = output.js().to_owned();
    let wasm = optimise(output.wasm_mut().emit_wasm(), &scratch.0)?;
    let parts = split.parts.into_iter().map(|(name, part)| Ok((name, optimise(part, &scratch.0)?)));
    Ok(Bound { wasm, js, snippets, link: split.link, parts: parts.collect::<Result<_>>()? })
}

/// A folder that goes with its owner.
struct Scratch(PathBuf);

impl Scratch {
    fn new() -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("hrm-bundle-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // A file that stays in the system's folder for such files does no harm.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Runs `wasm-opt` over the module if it is installed; the page works without, only larger.
fn optimise(wasm: Vec<u8>, scratch: &Path) -> Result<Vec<u8>> {
    let Some(wasm_opt) = find_on_path("wasm-opt") else { return Ok(wasm) };
    let (input, output) = (scratch.join("in.wasm"), scratch.join("out.wasm"));
    fs::write(&input, wasm)?;
    let status = Command::new(&wasm_opt).arg("-Oz").args(WASM_FEATURES).arg(&input).arg("-o").arg(&output).status()?;
    ensure!(status.success(), "{} ended with {status}", wasm_opt.display());
    Ok(fs::read(&output)?)
}

fn find_on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}
