//! `hrm import`: what other programs wrote, in our formats.
#![expect(clippy::print_stdout, reason = "what was imported is the command's output")]

use super::{
    checkpoint::{self, Output},
    puzzles, report,
};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use hrm_model::{
    CheckpointInfo, Model,
    checkpoint::TOKENS,
    data::{
        kind_of_task,
        npy::{Folder, read_identifiers},
    },
    upstream::{self, Target},
};
use hrm_types::{
    board::{Kind, MAX_SIDE},
    experiment::DataSpec,
};
use std::{
    fmt::Display,
    fs::{self, File, Permissions},
    io::Write,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::ExitCode,
};

/// Import what other programs wrote.
#[derive(Debug, Subcommand)]
pub(crate) enum Import {
    Checkpoint(ImportCheckpoint),
}

impl Import {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Checkpoint(import) => import.run(),
        }
    }
}

/// Turn a checkpoint of the reference code into one of ours.
///
/// The file is what the reference code saves with torch.save. It must be exactly the model that the config describes:
/// what differs is named and refused. Nothing in the file is run, and nothing is written unless all of it is right.
/// Written are DIR/checkpoint.safetensors, which every command takes as --checkpoint DIR, and DIR/config.toml.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm import checkpoint step_26040 --config configs/sudoku-extreme-1k.toml --side 9 --out published
  hrm import checkpoint step_518071 --config configs/arc-agi-1.toml --data data/arc-aug-1000 --out arc
  hrm import checkpoint step_518071 --config configs/arc-agi-1.toml --identifiers identifiers.json --out arc
  hrm import checkpoint hrm_rope_stablemax.upstream.pt --config hrm_rope_stablemax.json --out fixture
  hrm predict --checkpoint fixture --batch batch.safetensors --steps 3 --out predictions.safetensors")]
pub(crate) struct ImportCheckpoint {
    /// The checkpoint
    file: PathBuf,
    /// The settings it was trained with: an experiment's .toml, or the .json of a fixture
    #[arg(long, value_name = "FILE")]
    config: PathBuf,
    /// A new or empty folder
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
    /// The puzzles it was trained on, where the config does not say: sudoku or maze [default: sudoku]
    #[arg(long, value_name = "KIND", conflicts_with = "data")]
    kind: Option<Kind>,
    /// Side of these puzzles
    #[arg(long, value_name = "N", conflicts_with = "data")]
    side: Option<u8>,
    /// The folder of .npy arrays it was trained on, which says the sizes of its tokens and, of ARC, the order of its puzzle
    /// identifiers
    #[arg(long, value_name = "DIR", verbatim_doc_comment)]
    data: Option<PathBuf>,
    /// ARC: the builder's identifiers.json, which says the order of its puzzle identifiers
    #[arg(long, value_name = "FILE", conflicts_with_all = ["data", "side", "kind"])]
    identifiers: Option<PathBuf>,
}

impl ImportCheckpoint {
    fn run(self) -> anyhow::Result<ExitCode> {
        checkpoint::check_place(&self.out, Output::EmptyFolder)?;
        check_empty(&self.out)?;
        let model = upstream::import(&self.file, self.target()?)?;
        write(&model, &self.file, &self.out)?;
        let (info, folder) = (model.info(), self.out.display());
        let (name, weights) = (&info.experiment.name, report::thousands(info.parameters));
        println!("{name}: {weights} weights for {}, in {folder}", sizes_of(info)?);
        Ok(ExitCode::SUCCESS)
    }

    fn target(&self) -> anyhow::Result<Target> {
        let config = self.config.display();
        if self.config.extension().is_some_and(|extension| extension == "json") {
            if self.kind.is_some() || self.side.is_some() || self.data.is_some() || self.identifiers.is_some() {
                bail!("{config} says the sizes itself: expected neither --kind, --side, --data nor --identifiers");
            }
            return Ok(Target::of_fixture(&self.config)?);
        }
        let experiment = puzzles::read_experiment(&self.config)?;
        let folder = match (&self.data, &experiment.data) {
            (None, DataSpec::Folder(spec)) => Some(PathBuf::from(&spec.path)),
            (data, _) => data.clone(),
        };
        if let Some(folder) = folder {
            let Folder { identifiers, splits } = Folder::read(&folder)?;
            let task = splits["train"].metadata.task();
            return Ok(match kind_of_task(task) {
                Some((kind, side)) => {
                    let tasks = if kind == Kind::Arc { named(identifiers) } else { vec![] };
                    Target { experiment, kind: kind.to_string(), side, sizes: None, tasks }
                }
                None => Target { experiment, kind: TOKENS.to_owned(), side: 0, sizes: Some(task), tasks: vec![] },
            });
        }
        if let Some(file) = &self.identifiers {
            if !matches!(experiment.data, DataSpec::Arc(_) | DataSpec::Stored { .. }) {
                bail!(
                    "{config}: expected an experiment on ARC tasks or a stored dataset with --identifiers, found another"
                );
            }
            let tasks = named(read_identifiers(file)?);
            return Ok(Target { experiment, kind: Kind::Arc.to_string(), side: MAX_SIDE, sizes: None, tasks });
        }
        let (kind, side) = self.puzzles_of(&experiment.data)?;
        Ok(Target { experiment, kind: kind.to_string(), side, sizes: None, tasks: vec![] })
    }

    /// Kind and side of the puzzles, by the config or else by the arguments.
    fn puzzles_of(&self, data: &DataSpec) -> anyhow::Result<(Kind, u8)> {
        let config = self.config.display();
        let (kind, side) = match data {
            DataSpec::Generate(spec) => (Some(spec.kind), Some(spec.side)),
            DataSpec::Csv(spec) => (Some(spec.kind), None),
            DataSpec::Arc(_) => (Some(Kind::Arc), None),
            DataSpec::Folder(_) | DataSpec::Stored { .. } => (None, None),
        };
        let kind = agreed("--kind", kind, self.kind).with_context(|| config.to_string())?;
        let side = agreed("--side", side, self.side).with_context(|| config.to_string())?;
        match (kind.unwrap_or(Kind::Sudoku), side) {
            (Kind::Arc, _) => bail!(
                "{config}: of ARC the file alone does not say which tasks have identifiers: name the builder's \
                 identifiers.json with --identifiers FILE, or the folder it made with --data DIR"
            ),
            (kind, Some(side)) => Ok((kind, side)),
            (kind, None) => bail!(
                "{config} does not say which puzzles it is for: name them, e.g. a {kind} with --side 9, mazes with --kind maze \
                 --side 30, ARC tasks with --identifiers FILE or --data DIR"
            ),
        }
    }
}

/// The names of puzzle identifiers without the first, which is the blank one.
fn named(mut identifiers: Vec<String>) -> Vec<String> {
    identifiers.split_off(1)
}

/// What the config says, or else the argument; both are refused if they differ.
fn agreed<T: PartialEq + Display>(name: &str, config: Option<T>, argument: Option<T>) -> anyhow::Result<Option<T>> {
    match (config, argument) {
        (Some(config), Some(argument)) if config != argument => {
            bail!("{name}: expected {config} by the config, found {argument}")
        }
        (config, argument) => Ok(config.or(argument)),
    }
}

fn sizes_of(info: &CheckpointInfo) -> anyhow::Result<String> {
    let task = info.task()?;
    let sizes = [task.seq_len, task.vocab_size, task.num_puzzle_identifiers].map(|size| report::thousands(size as u64));
    Ok(format!("sequences of {} tokens of {} kinds and {} puzzle identifiers", sizes[0], sizes[1], sizes[2]))
}

/// Refuses a place where something is already.
fn check_empty(folder: &Path) -> anyhow::Result<()> {
    match fs::read_dir(folder).map(|mut entries| entries.next().is_none()) {
        Ok(true) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Ok(false) => bail!("{}: expected a new or empty folder, found files in it", folder.display()),
        Err(error) => Err(error).with_context(|| format!("{}: expected a new or empty folder", folder.display())),
    }
}

/// Makes the folder so that a reader finds the whole of it or nothing.
fn write(model: &Model, origin: &Path, folder: &Path) -> anyhow::Result<()> {
    let beside = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || -> anyhow::Result<()> {
        let readable = Permissions::from_mode(0o755);
        let unfinished = tempfile::Builder::new().prefix(".hrm-import-").permissions(readable).tempdir_in(beside)?;
        model.write(&unfinished.path().join(checkpoint::IN_FOLDER))?;
        let mut config = File::create(unfinished.path().join("config.toml"))?;
        config.write_all(config_of(model.info(), origin)?.as_bytes())?;
        config.sync_all()?;
        // An empty folder gives way to it.
        Ok(fs::rename(unfinished.path(), folder)?)
    };
    write().with_context(|| format!("writing {}; choose another place", folder.display()))
}

/// The experiment, below what its file cannot say.
fn config_of(info: &CheckpointInfo, origin: &Path) -> anyhow::Result<String> {
    let origin = origin.file_name().unwrap_or_default().to_string_lossy().escape_default().to_string();
    let experiment = toml::to_string(&info.experiment)?;
    Ok(format!("# Imported from {origin}, for {}.\n{experiment}", sizes_of(info)?))
}
