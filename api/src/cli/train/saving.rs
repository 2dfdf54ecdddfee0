//! A training whose state is written now and then, so that it can be gone on from.
#![expect(clippy::print_stdout, reason = "where a training goes on from belongs to the command's output")]

use super::{watch::Watch, weights::Weights};
use crate::cli::{interrupt, report};
use anyhow::{Context, ensure};
use hrm_api::queue::StopSignal;
use hrm_model::{
    Error,
    data::Corpus,
    device::{Device, DeviceChoice},
    train::{Next, Told, TrainState, Trained, Training, train, train_on},
};
use hrm_types::experiment::Experiment;
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

/// Where and how often a training's state is written.
pub(super) struct Saving {
    pub(super) path: PathBuf,
    pub(super) every: Duration,
}

impl Saving {
    /// The state to go on from, if that is asked for and there is one.
    pub(super) fn state(&self, resume: bool, out: &Path) -> anyhow::Result<Option<TrainState>> {
        let path = self.path.display();
        if !self.path.exists() {
            if resume && !out.exists() {
                println!("there is no {path} to go on from: begins anew");
            }
            return Ok(None);
        }
        // Also where it is not asked for, so that nobody is sent to --resume in vain.
        let state = TrainState::read(&self.path);
        let state = state.with_context(|| format!("{path} cannot be read; remove it, or choose another --out"))?;
        ensure!(resume, "{path} is the state of an interrupted training: go on from it with --resume, or remove it");
        Ok(Some(state))
    }

    fn cannot_go_on(&self) -> String {
        format!("{} cannot be gone on from; with other settings begin anew under another --out", self.path.display())
    }

    pub(super) fn begin<'a>(
        &self,
        experiment: &'a Experiment,
        corpus: Corpus,
        weights: &Weights,
        device: &Device,
    ) -> anyhow::Result<Training<'a>> {
        let training = Training::open(experiment, corpus, weights.origin(), device);
        if !matches!(weights, Weights::State(_)) {
            return Ok(training?);
        }
        let training = training.with_context(|| self.cannot_go_on())?;
        println!("goes on from {} after step {}", self.path.display(), report::thousands(training.step()));
        Ok(training)
    }

    /// The same on several devices.
    pub(super) fn train_on(
        &self,
        devices: &[DeviceChoice],
        experiment: &Experiment,
        corpus: &Corpus,
        weights: &Weights,
        stop: &StopSignal,
    ) -> anyhow::Result<Trained> {
        let devices = devices.iter().copied().map(DeviceChoice::open).collect::<Result<Vec<_>, Error>>()?;
        let (mut watch, mut saved, mut step) = (None, Instant::now(), 0);
        let trained = train_on(&devices, experiment, corpus, weights.origin(), &self.path, &mut |training, told| {
            let watch = watch.get_or_insert_with(|| Watch::new(training));
            let point = match told {
                Told::Step(point) => point,
                Told::Unsaved(error) => {
                    self.warn(watch, error);
                    return Next::GoOn;
                }
            };
            watch.note(training.step(), point);
            step = training.step();
            if stop.flow().is_break() {
                Next::Stop
            } else if saved.elapsed() >= self.every {
                saved = Instant::now();
                Next::Save
            } else {
                Next::GoOn
            }
        });
        if let Some(watch) = watch {
            watch.bar.finish_and_clear();
        }
        if matches!(trained, Err(Error::Cancelled)) {
            eprintln!("{} keeps step {}; go on with --resume", self.path.display(), report::thousands(step));
        }
        interrupt::interruptible(trained)
    }

    /// Trains to the end, writing the state now and then and when it is interrupted.
    pub(super) fn train(&self, training: &mut Training<'_>, stop: &StopSignal) -> anyhow::Result<()> {
        let (mut watch, mut saved) = (Watch::new(training), Instant::now());
        let trained = train(training, &mut |training, point| {
            watch.note(training.step(), point);
            if saved.elapsed() >= self.every {
                saved = Instant::now();
                if let Err(error) = training.write(&self.path) {
                    self.warn(&watch, &error);
                }
            }
            stop.flow()
        });
        watch.bar.finish_and_clear();
        if matches!(trained, Err(Error::Cancelled)) {
            training.write(&self.path)?;
            eprintln!("{} keeps step {}; go on with --resume", self.path.display(), report::thousands(training.step()));
        }
        interrupt::interruptible(trained)
    }

    /// Says that a state could not be saved. The one before it stands.
    fn warn(&self, watch: &Watch, error: &Error) {
        let told = format!("{} could not be written: {error}; the training goes on", self.path.display());
        watch.bar.suspend(|| eprintln!("{told}"));
    }

    /// Removes the state of a training that has ended.
    pub(super) fn forget(&self) -> io::Result<()> {
        match fs::remove_file(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_damaged_state_is_to_be_removed_and_not_gone_on_from() {
        let folder = tempfile::tempdir().expect("a folder");
        let saving = Saving { path: folder.path().join("model.state"), every: Duration::ZERO };
        assert!(
            saving.state(true, &saving.path.with_extension("")).is_ok_and(|state| state.is_none()),
            "nothing is there"
        );
        let path = saving.path.display();
        for content in ["", "damaged"] {
            fs::write(&saving.path, content).expect("a file");
            for resume in [true, false] {
                let error = saving.state(resume, &saving.path.with_extension("")).err().expect("a refusal");
                let advice = format!("{path} cannot be read; remove it, or choose another --out: not a usable");
                let said = report::chain(&error);
                assert!(said.starts_with(&advice) && !said.contains("--resume"), "{said}");
            }
        }
    }
}
