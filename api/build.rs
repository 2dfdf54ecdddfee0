//! Embeds the experiments of `configs/`, so that the installed program offers them wherever it runs.

use std::{env, error::Error, fmt::Write, fs, path::Path};

fn main() -> Result<(), Box<dyn Error>> {
    let configs = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("../configs");
    println!("cargo::rerun-if-changed={}", configs.display());
    let mut files = Vec::new();
    if configs.is_dir() {
        for entry in fs::read_dir(&configs)? {
            files.push(entry?.path());
        }
    }
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    let mut source = String::from("pub(crate) const FILES: &[(&str, &str)] = &[\n");
    for path in files {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let path = path.canonicalize()?;
        let path = path.to_str().ok_or("expected a repository path in UTF-8")?;
        writeln!(source, "    ({name:?}, include_str!({path:?})),")?;
    }
    source.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("configs.rs"), source)?;
    Ok(())
}
