//! `hrm import`: what other programs wrote, in our formats.
#![expect(clippy::print_stdout, reason = "what was imported is the command's output")]

use super::{checkpoint, puzzles, report};
use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use hrm_model::{
    CheckpointInfo, Model,
    upstream::{self, Target},
};
use hrm_types::experiment::{DataSpec, Experiment};
use std::{
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
  hrm import checkpoint step_26040 --config configs/sudoku-extreme.toml --side 9 --out published
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
    /// Side of the Sudoku grids it was trained on, where the config does not say
    #[arg(long, value_name = "N")]
    side: Option<u8>,
}

impl ImportCheckpoint {
    fn run(self) -> anyhow::Result<ExitCode> {
        checkpoint::check_place(&self.out)?;
        check_empty(&self.out)?;
        let model = upstream::import(&self.file, self.target()?)?;
        write(&model, &self.file, &self.out)?;
        let (info, folder) = (model.info(), self.out.display());
        let (name, weights) = (&info.experiment.name, report::thousands(info.parameters));
        println!("{name}: {weights} weights for {}, in {folder}", sizes_of(info)?);
        Ok(ExitCode::SUCCESS)
    }

    fn target(&self) -> anyhow::Result<Target> {
        if self.config.extension().is_some_and(|extension| extension == "json") {
            if self.side.is_some() {
                bail!("{} says the sizes itself: expected no --side", self.config.display());
            }
            return Ok(Target::of_fixture(&self.config)?);
        }
        let experiment = puzzles::read_experiment(&self.config)?;
        let side = self.side_of(&experiment)?;
        Ok(Target { experiment, kind: "sudoku".to_owned(), side, sizes: None })
    }

    fn side_of(&self, experiment: &Experiment) -> anyhow::Result<u8> {
        let config = self.config.display();
        match (&experiment.data, self.side) {
            (DataSpec::Generate(spec), Some(side)) if side != spec.side => {
                bail!("--side: expected {} by {config}, found {side}", spec.side)
            }
            (DataSpec::Generate(spec), _) => Ok(spec.side),
            (_, Some(side)) => Ok(side),
            _ => bail!("{config} does not say which side its puzzles have: name it, e.g. with --side 9"),
        }
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
        checkpoint::save(model, &unfinished.path().join(checkpoint::IN_FOLDER))?;
        let mut config = File::create(unfinished.path().join("config.toml"))?;
        config.write_all(config_of(model.info(), origin)?.as_bytes())?;
        config.sync_all()?;
        // An empty folder gives way to it.
        Ok(fs::rename(unfinished.path(), folder)?)
    };
    write().with_context(|| format!("writing {}; choose another place with --out", folder.display()))
}

/// The experiment, below what its file cannot say.
fn config_of(info: &CheckpointInfo, origin: &Path) -> anyhow::Result<String> {
    let origin = origin.file_name().unwrap_or_default().to_string_lossy().escape_default().to_string();
    let experiment = toml::to_string(&info.experiment)?;
    Ok(format!("# Imported from {origin}, for {}.\n{experiment}", sizes_of(info)?))
}
