//! Which model a command uses: a file's, or one that ships with the program.

use anyhow::{Context, bail, ensure};
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

/// What is to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// A file, in place of one that is there.
    File,
    /// A new folder.
    Folder,
    /// A folder that may be there, if it is empty.
    EmptyFolder,
}

/// Refuses a place whose folder is missing or cannot be written to, or where something stands that must not be replaced,
/// such as the device `/dev/null`, before hours are spent on what is to be written there.
pub(crate) fn check_place(place: &Path, output: Output) -> anyhow::Result<()> {
    let shown = place.display();
    if let Ok(there) = fs::metadata(place) {
        let (expected, fits) = match output {
            Output::File => ("a file or nothing yet", there.is_file()),
            Output::Folder => ("nothing yet", false),
            Output::EmptyFolder => ("an empty folder or nothing yet", there.is_dir()),
        };
        let found = match there.file_type() {
            found if found.is_file() => "a file",
            found if found.is_dir() => "a folder",
            _ => "a device",
        };
        ensure!(fits, "{shown}: expected {expected}, found {found}; choose another place");
    }
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    ensure!(folder.is_dir(), "{shown}: there is no folder {}; make it, or choose another place", folder.display());
    let written = tempfile::tempfile_in(folder);
    written
        .with_context(|| format!("{shown}: nothing can be written to {}; choose another place", folder.display()))?;
    Ok(())
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
    write().with_context(|| format!("writing {}; choose another place", file.display()))?;
    Ok(bytes.len() as u64)
}

#[cfg(test)]
mod tests {
    use super::{Output, check_place};
    use std::{fs, path::Path};

    #[test]
    fn nothing_is_replaced_but_a_file_by_a_file() {
        let folder = tempfile::tempdir().expect("a folder");
        let [new, lost, file] = ["new", "none/new", "file"].map(|name| folder.path().join(name));
        fs::write(&file, "there").expect("a file");
        let fits = |place: &Path| {
            [Output::File, Output::Folder, Output::EmptyFolder].map(|output| check_place(place, output).is_ok())
        };
        assert_eq!(fits(&new), [true; 3]);
        assert_eq!(fits(&lost), [false; 3]);
        assert_eq!(fits(&file), [true, false, false]);
        assert_eq!(fits(folder.path()), [false, false, true]);
        for nowhere in ["/dev/null", "/proc/new"] {
            assert_eq!(fits(Path::new(nowhere)), [false; 3], "{nowhere}");
        }
    }
}
