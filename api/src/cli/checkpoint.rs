//! Which model a command uses: a file's, or one that ships with the program.

use anyhow::{Context, bail};
use hrm_model::{Model, shipped};
use hrm_types::board::Kind;
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
};

/// The checkpoint's name in a folder that an import made.
pub(crate) const IN_FOLDER: &str = "checkpoint.safetensors";

/// The model in the file or, without one, the one that ships for puzzles of this kind and side.
pub(crate) fn load(file: Option<&Path>, kind: Kind, side: u8) -> anyhow::Result<Model> {
    match file {
        Some(file) => open(file),
        None => shipped(kind, side),
    }
}

/// The model in a file, or in a folder that an import made.
pub(crate) fn open(place: &Path) -> anyhow::Result<Model> {
    let file = if place.is_dir() { place.join(IN_FOLDER) } else { place.to_owned() };
    let bytes = fs::read(&file).with_context(|| format!("reading {}", file.display()))?;
    Model::from_bytes(&bytes).with_context(|| file.display().to_string())
}

fn shipped(kind: Kind, side: u8) -> anyhow::Result<Model> {
    for shipped::Shipped { name, bytes, .. } in shipped::CHECKPOINTS {
        let model = Model::from_bytes(bytes).with_context(|| format!("the shipped model {name}"))?;
        if model.info().kind == kind.as_str() && model.info().side == side {
            return Ok(model);
        }
    }
    bail!(
        "no model for {kind} of side {side} ships with the program; train one (`hrm train --config FILE --out \
         MODEL.safetensors`) and name it with --checkpoint MODEL.safetensors"
    )
}

/// Refuses a place whose folder is missing, or where a device stands, such as `/dev/null`, that a file would replace, before
/// hours are spent on what is to be written there.
pub(crate) fn check_place(file: &Path) -> anyhow::Result<()> {
    if fs::metadata(file).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        bail!("{}: expected a file or nothing yet, found a device; choose another place with --out", file.display())
    }
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if folder.is_dir() {
        return Ok(());
    }
    bail!("{}: there is no folder {}; make it, or choose another place with --out", file.display(), folder.display())
}

/// Writes a checkpoint so that a reader finds the whole of it or nothing.
pub(crate) fn save(model: &Model, file: &Path) -> anyhow::Result<u64> {
    let bytes = model.to_bytes()?;
    let mut unfinished = file.as_os_str().to_owned();
    unfinished.push(".part");
    let unfinished = PathBuf::from(unfinished);
    let write = || {
        let mut output = fs::File::create(&unfinished)?;
        output.write_all(&bytes)?;
        output.sync_all()?;
        fs::rename(&unfinished, file)
    };
    write().with_context(|| format!("writing {}; choose another place with --out", file.display()))?;
    Ok(bytes.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::check_place;
    use std::path::Path;

    #[test]
    fn devices_are_not_replaced_by_files() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(check_place(&folder.path().join("new.safetensors")).is_ok());
        for wrong in [Path::new("/dev/null"), &folder.path().join("none/new.safetensors")] {
            assert!(check_place(wrong).is_err(), "{}", wrong.display());
        }
    }
}
