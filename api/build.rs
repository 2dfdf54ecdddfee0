//! Embeds the experiments of `configs/`, so that the installed program offers them wherever it runs, and notes what the
//! program is built from.

use std::{
    env,
    error::Error,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

/// What the program is built from, below the workspace's folder.
const SOURCES: [&str; 6] = ["api", "model", "migrations", "configs", "Cargo.toml", "Cargo.lock"];

fn main() -> Result<(), Box<dyn Error>> {
    let root = Path::new(&env::var("CARGO_MANIFEST_DIR")?).join("..");
    embed_configs(&root.join("configs"))?;
    note_version(&root.canonicalize()?)
}

fn embed_configs(configs: &Path) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", configs.display());
    let mut files = Vec::new();
    if configs.is_dir() {
        for entry in fs::read_dir(configs)? {
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

/// The compiler, what it compiles for and, in a git checkout, the commit and whether the sources are those of it.
fn note_version(root: &Path) -> Result<(), Box<dyn Error>> {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
    let compiler = output(Command::new(rustc).arg("--version")).unwrap_or_else(|| "unknown".into());
    println!("cargo::rustc-env=HRM_COMPILER={compiler}");
    println!("cargo::rustc-env=HRM_TARGET={}", env::var("TARGET")?);
    let git = |arguments: &[&str]| output(Command::new("git").arg("-C").arg(root).args(arguments));
    // A folder that merely lies within somebody else's checkout is none.
    let own = git(&["rev-parse", "--show-toplevel"]).is_some_and(|top| PathBuf::from(top) == root);
    let commit = if own { git(&["rev-parse", "HEAD"]) } else { None };
    let status = ["status", "--porcelain", "--"].into_iter().chain(SOURCES).collect::<Vec<_>>();
    let dirty = commit.is_some() && git(&status).is_none_or(|changes| !changes.is_empty());
    println!("cargo::rustc-env=HRM_COMMIT={}", commit.as_deref().unwrap_or_default());
    println!("cargo::rustc-env=HRM_DIRTY={dirty}");
    // Not on the commit: one that changes no source would compile everything again, and what was noted stays true.
    for source in SOURCES {
        println!("cargo::rerun-if-changed={}", root.join(source).display());
    }
    Ok(())
}

/// What a command prints, trimmed; nothing if it fails or there is no such program.
fn output(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned())
}
