//! Which model a command uses: a file's, or one that ships with the program.

use super::shipped::sha256;
use anyhow::{Context, bail, ensure};
use hrm_model::{
    Model,
    checkpoint::TOKENS,
    shipped::{self, Shipped},
    train::Start,
};
use hrm_types::question::Size;
use std::{borrow::Cow, fs, path::Path};

/// The checkpoint's name in a folder that an import made.
pub(crate) const IN_FOLDER: &str = "checkpoint.safetensors";

/// The model that is named, or else the one that ships for such puzzles: what the experiment of that name trained, if it
/// solves them, or the one that solves most of its test puzzles.
///
/// # Errors
/// As [`open`]; when the named one belongs to no kind of puzzle, or none ships for these.
pub(crate) fn load(named: Option<&Path>, puzzles: Size, experiment: Option<&str>) -> anyhow::Result<Model> {
    let Some(named) = named else { return best_shipped(puzzles, experiment) };
    let model = open(named)?;
    ensure!(
        model.info().kind != TOKENS,
        "{} belongs to no kind of puzzle of ours: `hrm predict` takes it, but it neither solves nor is evaluated",
        named.display()
    );
    Ok(model)
}

/// The model in a file, in a folder that an import made or, where nothing lies, the one of that name that ships.
///
/// # Errors
/// When there is none, or what is there is not a whole checkpoint.
pub(crate) fn open(place: &Path) -> anyhow::Result<Model> {
    let (bytes, name) = read(place)?;
    Model::from_bytes(&bytes).context(name)
}

/// The model to begin a training with: as [`open`], or the one that ships with this SHA-256.
///
/// # Errors
/// As [`open`].
pub(crate) fn start(named: &str) -> anyhow::Result<Start> {
    let place = Path::new(named);
    let of_that_hash = || shipped::CHECKPOINTS.iter().find(|model| sha256(model) == named);
    let (bytes, name) = match (!place.exists()).then(of_that_hash).flatten() {
        Some(model) => in_program(model),
        None => read(place).with_context(|| {
            format!("no model {named} to begin with; name a file, or a model that ships, with --start-from")
        })?,
    };
    Start::from_bytes(&bytes).context(name)
}

/// The bytes of the file that [`open`] takes, and what it is called.
fn read(place: &Path) -> anyhow::Result<(Cow<'static, [u8]>, String)> {
    let of_that_name = place.to_str().and_then(shipped::named);
    if let Some(model) = of_that_name.filter(|_| !place.exists()) {
        return Ok(in_program(model));
    }
    let file = if place.is_dir() { place.join(IN_FOLDER) } else { place.to_owned() };
    let bytes = fs::read(&file).with_context(|| {
        let names: Vec<&str> = shipped::CHECKPOINTS.iter().map(|model| model.name).collect();
        let ship = if file.exists() { String::new() } else { format!(" (models that ship: {})", names.join(", ")) };
        format!("reading {}{ship}", file.display())
    })?;
    Ok((bytes.into(), file.display().to_string()))
}

/// The same of one that ships.
fn in_program(model: &Shipped) -> (Cow<'static, [u8]>, String) {
    (model.bytes.into(), format!("the shipped model {}", model.name))
}

fn best_shipped(puzzles: Size, experiment: Option<&str>) -> anyhow::Result<Model> {
    let is_its = |model: &Shipped| Some(model.name) == experiment;
    let mut models: Vec<&Shipped> = shipped::CHECKPOINTS.iter().collect();
    models.sort_by(|a, b| is_its(b).cmp(&is_its(a)).then(b.stated.exact_accuracy.total_cmp(&a.stated.exact_accuracy)));
    for model in models {
        let (bytes, name) = in_program(model);
        let model = Model::from_bytes(&bytes).context(name)?;
        if puzzles.fits(&model.info().kind, model.info().side) {
            return Ok(model);
        }
    }
    let Size { kind, side } = puzzles;
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
    /// A new file, unless the user has asked to overwrite one.
    NewFile,
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
            Output::NewFile | Output::Folder => ("nothing yet", false),
            Output::EmptyFolder => ("an empty folder or nothing yet", there.is_dir()),
        };
        let found = match there.file_type() {
            found if found.is_file() => "a file",
            found if found.is_dir() => "a folder",
            _ => "a device",
        };
        let replace = if output == Output::NewFile && there.is_file() { "--overwrite replaces it, or " } else { "" };
        ensure!(fits, "{shown}: expected {expected}, found {found}; {replace}choose another place");
    }
    let folder = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    ensure!(folder.is_dir(), "{shown}: there is no folder {}; make it, or choose another place", folder.display());
    let written = tempfile::tempfile_in(folder);
    written
        .with_context(|| format!("{shown}: nothing can be written to {}; choose another place", folder.display()))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use hrm_model::CheckpointInfo;
    use hrm_types::board::Kind;

    const SIX: Size = Size { kind: Kind::Sudoku, side: 6 };

    #[test]
    fn the_best_that_ships_is_taken_unless_another_is_named() {
        let name = |named: Option<&str>, experiment: Option<&str>| {
            let model = load(named.map(Path::new), SIX, experiment).expect("a model");
            model.info().experiment.name.clone()
        };
        assert_eq!(name(None, None), "trm-sudoku-6x6");
        assert_eq!(name(Some("sudoku-6x6"), None), "sudoku-6x6");
        assert_eq!(name(Some("sudoku-6x6"), Some("trm-sudoku-6x6")), "sudoku-6x6");
        assert_eq!(name(None, Some("sudoku-6x6")), "sudoku-6x6");
        assert_eq!(name(None, Some("mine")), "trm-sudoku-6x6");
        assert_eq!(name(None, Some("maze-9x9")), "trm-sudoku-6x6", "one for other puzzles");
    }

    #[test]
    fn a_model_to_begin_with_is_known_by_its_name_its_hash_or_its_file() {
        let of_name = start("sudoku-6x6").expect("it ships");
        let of_hash = start(of_name.sha256()).expect("it ships");
        assert_eq!(of_hash.model().info(), of_name.model().info());
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("mine.safetensors");
        of_name.model().write(&file).expect("a file");
        let of_file = start(&file.to_string_lossy()).expect("a model");
        assert_eq!(of_file.model().info(), of_name.model().info());
        for nothing in ["none", &"f".repeat(64)] {
            let refused = format!("{:#}", start(nothing).err().expect("a refusal"));
            assert!(refused.starts_with(&format!("no model {nothing} to begin with; name a file")), "{refused}");
        }
    }

    #[test]
    fn what_belongs_to_no_kind_of_puzzle_does_not_solve() {
        let model = open(Path::new("sudoku-6x6")).expect("it ships");
        let sizes = Some(model.info().task().expect("sizes"));
        let info = CheckpointInfo { kind: TOKENS.to_owned(), side: 0, sizes, ..model.info().clone() };
        let tokens = Model::new(info, model.tensors().clone()).expect("a model");
        let folder = tempfile::tempdir().expect("a folder");
        tokens.write(&folder.path().join(IN_FOLDER)).expect("a file");
        assert!(open(folder.path()).is_ok(), "it can be opened to predict");
        let refused = load(Some(folder.path()), SIX, None).err().expect("a refusal").to_string();
        assert!(refused.contains(" belongs to no kind of puzzle of ours: `hrm predict` takes it"), "{refused}");
    }

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
