//! From the compiler's WebAssembly to what a browser loads: the bound module and its JavaScript.

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
    let mut output = Bindgen::new()
        .input_path(wasm)
        .out_name("hrm-web")
        .web(true)?
        .typescript(false)
        .omit_default_module_path(true)
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
    let wasm = optimise(output.wasm_mut().emit_wasm())?;
    Ok(Bound { wasm, js, snippets })
}

/// Runs `wasm-opt` over the module if it is installed; the page works without, only larger.
fn optimise(wasm: Vec<u8>) -> Result<Vec<u8>> {
    let Some(wasm_opt) = find_on_path("wasm-opt") else { return Ok(wasm) };
    let folder = std::env::temp_dir().join(format!("hrm-bundle-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let (input, output) = (folder.join("in.wasm"), folder.join("out.wasm"));
    fs::write(&input, wasm)?;
    let status = Command::new(&wasm_opt).arg("-Oz").args(WASM_FEATURES).arg(&input).arg("-o").arg(&output).status()?;
    ensure!(status.success(), "{} ended with {status}", wasm_opt.display());
    let optimised = fs::read(&output)?;
    fs::remove_dir_all(&folder)?;
    Ok(optimised)
}

fn find_on_path(program: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?).map(|folder| folder.join(program)).find(|path| path.is_file())
}
