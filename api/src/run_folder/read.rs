//! A folder, read and checked as a whole before anything of it is stored.

use super::{
    CHECKPOINT, CONFIG, Error, FORMAT, HASHED, METRICS, PROVENANCE, Part, Record, SCORES, SUMS, metrics, possible,
};
use crate::store::runs::config_hash;
use hrm_model::{CheckpointInfo, Model};
use hrm_types::{
    experiment::{Difference, Experiment},
    name,
    provenance::{CheckpointRef, Choice, Environment, Score, is_sha256},
    run::MetricPoint,
};
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fmt::{Debug, Display},
    fs::{self, File},
    io::{self, Read},
    path::{Path, PathBuf},
    time::Duration,
};
use time::OffsetDateTime;
use uuid::{Uuid, Version};

/// How far another machine's clock may be ahead.
const AHEAD: Duration = Duration::from_hours(24);

/// A run out of a folder, checked.
#[derive(Debug, Clone)]
pub struct RunFolder {
    /// What it is and what it rests on; without its scores.
    pub record: Record,
    /// Its curve.
    pub points: Vec<MetricPoint>,
    /// Its scores, all of them claims.
    pub scores: Vec<Score>,
    /// Its checkpoint.
    pub checkpoint: CheckpointRef,
    /// What the checkpoint says of itself.
    pub info: CheckpointInfo,
    /// The checkpoint's file.
    pub file: PathBuf,
}

/// Reads a folder and checks everything in it against everything else.
///
/// # Errors
/// The first file that is not what it should be, with what was expected and what was found.
pub fn read(folder: &Path) -> Result<RunFolder, Error> {
    check_sums(folder)?;
    let record: Record = json(folder, PROVENANCE)?;
    check_record(&folder.join(PROVENANCE.name), &record)?;
    let experiment = experiment(folder)?;
    same_experiment(&folder.join(CONFIG.name), &record, &experiment)?;
    let (checkpoint, info) = checkpoint(folder, &record)?;
    let path = folder.join(METRICS.name);
    let points =
        metrics::read(&text(folder, METRICS)?).map_err(|(expected, found)| Error::content(&path, expected, found))?;
    if let Some(last) = points.last().filter(|last| last.step > record.step) {
        return Err(Error::content(&path, format!("steps up to {}", record.step), last.step));
    }
    let scores: Vec<Score> = json(folder, SCORES)?;
    for score in &scores {
        check_score(&folder.join(SCORES.name), score, &checkpoint, &info.kind)?;
    }
    Ok(RunFolder { record, points, scores, checkpoint, info, file: folder.join(CHECKPOINT.name) })
}

fn agree<T: PartialEq + Debug>(path: &Path, what: &str, expected: &T, found: &T) -> Result<(), Error> {
    if expected == found {
        return Ok(());
    }
    let short = |value: &T| format!("{value:?}").chars().take(200).collect::<String>();
    Err(Error::content(path, format!("{what}, {}", short(expected)), short(found)))
}

fn same_experiment(path: &Path, record: &Record, found: &Experiment) -> Result<(), Error> {
    match record.provenance.experiment.difference(found) {
        None => Ok(()),
        Some(Difference { field, expected, found }) => {
            Err(Error::content(path, format!("the experiment of provenance.json, whose {field} is {expected}"), found))
        }
    }
}

/// Compares every file with its hash; there may be no other names among these.
fn check_sums(folder: &Path) -> Result<(), Error> {
    let path = folder.join(SUMS.name);
    let text = text(folder, SUMS)?;
    let mut sums = BTreeMap::new();
    for line in text.lines() {
        let known = line.split_once("  ").filter(|(_, name)| HASHED.iter().any(|part| part.name == *name));
        match known {
            Some((sum, name)) if sums.insert(name, sum).is_none() => {}
            _ => {
                let found: String = line.chars().take(120).collect();
                return Err(Error::content(
                    &path,
                    "one line of a hash and a name for every file",
                    format!("{found:?}"),
                ));
            }
        }
    }
    for part in HASHED {
        let Some(expected) = sums.get(part.name) else {
            return Err(Error::content(&path, format!("a hash of {}", part.name), "none"));
        };
        let found = hash(&open(folder, part)?).map_err(Error::file(&folder.join(part.name)))?;
        if found != *expected {
            return Err(Error::content(&folder.join(part.name), format!("the hash {expected}"), found));
        }
    }
    Ok(())
}

/// Opens a file that is neither a link nor anything else but a file, and not too large.
fn open(folder: &Path, part: Part) -> Result<File, Error> {
    let path = folder.join(part.name);
    let metadata = fs::symlink_metadata(&path).map_err(Error::file(&path))?;
    if !metadata.is_file() {
        return Err(Error::content(&path, "a file", "a link, a folder or a device"));
    }
    if metadata.len() > part.longest {
        return Err(Error::content(&path, format!("at most {} bytes", part.longest), metadata.len()));
    }
    File::open(&path).map_err(Error::file(&path))
}

fn hash(mut file: &File) -> io::Result<String> {
    let mut hasher = Sha256::new();
    io::copy(&mut file, &mut hasher)?;
    Ok(format!("{:x}", hasher.finalize()))
}

fn text(folder: &Path, part: Part) -> Result<String, Error> {
    let mut text = String::new();
    // A file may grow while it is read.
    let read = open(folder, part)?.take(part.longest).read_to_string(&mut text);
    read.map_err(Error::file(&folder.join(part.name)))?;
    Ok(text)
}

fn json<T: DeserializeOwned>(folder: &Path, part: Part) -> Result<T, Error> {
    let malformed = |error: serde_json::Error| Error::content(&folder.join(part.name), "what an export writes", error);
    serde_json::from_str(&text(folder, part)?).map_err(malformed)
}

fn experiment(folder: &Path) -> Result<Experiment, Error> {
    let malformed = |error: &dyn Display| Error::content(&folder.join(CONFIG.name), "an experiment", error);
    let experiment: Experiment = toml::from_str(&text(folder, CONFIG)?).map_err(|error| malformed(&error))?;
    experiment.validate().map_err(|error| malformed(&error))?;
    Ok(experiment)
}

fn check_record(path: &Path, record: &Record) -> Result<(), Error> {
    let run = &record.provenance;
    agree(path, "a folder of the format", &FORMAT, &record.format)?;
    agree(path, "the hash of its experiment", &config_hash(&run.experiment), &run.config_hash)?;
    agree(path, "the seed of its experiment", &run.experiment.seed, &run.seed)?;
    // A run may have been named otherwise than its experiment.
    name::check_label(&run.name).map_err(|problem| Error::content(path, "a run's name", problem))?;
    check_id(path, run.run_id.0)?;
    let first = run.attempts.first().map(|attempt| attempt.attempt);
    if first.is_none_or(|first| first == 0) || run.attempts.windows(2).any(|pair| pair[0].attempt >= pair[1].attempt) {
        let found: Vec<u32> = run.attempts.iter().map(|attempt| attempt.attempt).collect();
        return Err(Error::content(path, "attempts that count up from 1", format!("{found:?}")));
    }
    let of_attempts = run.attempts.iter().flat_map(|attempt| [Some(attempt.from_step), attempt.peak_memory_bytes]);
    let counts = [Some(record.step), record.total_steps, record.parameters].into_iter().chain(of_attempts);
    if let Some(count) = counts.flatten().find(|&count| i64::try_from(count).is_err()) {
        return Err(Error::content(path, "counts below 2^63", count));
    }
    if record.total_steps.is_some_and(|total| total < record.step) {
        return Err(Error::content(path, "at most as many steps as were planned", record.step));
    }
    let machines = run.attempts.iter().filter_map(|attempt| attempt.environment.as_ref());
    for machine in machines {
        machine.check().map_err(|problem| Error::content(path, "what a machine is called", problem))?;
    }
    if record.finished_at < record.created_at || record.started_at.is_some_and(|started| record.finished_at < started) {
        let found = format!("queued {}, begun {:?}", record.created_at, record.started_at);
        return Err(Error::content(path, format!("an end after the beginning, {}", record.finished_at), found));
    }
    let active = run.attempts.iter().filter_map(|attempt| attempt.active_seconds);
    if let Some(seconds) = active.into_iter().find(|seconds| !(seconds.is_finite() && *seconds >= 0.0)) {
        return Err(Error::content(path, "seconds of at least 0", seconds));
    }
    Ok(())
}

/// An id tells when it was made, and lists are in their order: one of another kind, or of a time to come, would stand before all
/// that is made here, for good. Another machine's clock may be ahead, but not by much.
fn check_id(path: &Path, id: Uuid) -> Result<(), Error> {
    let latest = (OffsetDateTime::now_utc() + AHEAD).unix_timestamp().cast_unsigned();
    let made = id.get_timestamp().filter(|_| id.get_version() == Some(Version::SortRand));
    if made.is_some_and(|made| made.to_unix().0 <= latest) {
        Ok(())
    } else {
        Err(Error::content(path, "ids of version 7 that were made before now", id))
    }
}

/// The checkpoint as the record describes it, and what it says of itself.
fn checkpoint(folder: &Path, record: &Record) -> Result<(CheckpointRef, CheckpointInfo), Error> {
    let path = folder.join(CHECKPOINT.name);
    let Some(expected) = record.provenance.checkpoint.clone() else {
        return Err(Error::content(&folder.join(PROVENANCE.name), "a checkpoint", "none"));
    };
    check_id(&folder.join(PROVENANCE.name), expected.id.0)?;
    let mut bytes = Vec::new();
    open(folder, CHECKPOINT)?.take(CHECKPOINT.longest).read_to_end(&mut bytes).map_err(Error::file(&path))?;
    agree(&path, "the hash of provenance.json", &expected.sha256, &format!("{:x}", Sha256::digest(&bytes)))?;
    agree(&path, "the size of provenance.json", &expected.size, &(bytes.len() as u64))?;
    let model = Model::from_bytes(&bytes).map_err(|source| Error::Checkpoint { path: path.clone(), source })?;
    let info = model.info().clone();
    same_experiment(&path, record, &info.experiment)?;
    agree(&path, "the step of provenance.json", &expected.step, &info.step)?;
    agree(&path, "the choice of provenance.json", &expected.choice, &info.choice)?;
    if let Some(parameters) = record.parameters {
        agree(&path, "as many weights as provenance.json says", &parameters, &info.parameters)?;
    }
    // The best one of a training may be older than its end.
    if matches!(info.choice, Some(Choice::Last)) {
        agree(&path, "as many steps as provenance.json says", &record.step, &info.step)?;
    }
    if let Some(dataset) = &record.provenance.dataset {
        agree(&path, "the dataset of provenance.json", &dataset.content_hash, &info.dataset_hash)?;
    }
    Ok((expected, info))
}

/// A score must be one of this checkpoint, and its numbers must be possible together.
fn check_score(path: &Path, score: &Score, checkpoint: &CheckpointRef, kind: &str) -> Result<(), Error> {
    agree(path, "scores of the checkpoint", &checkpoint.id, &score.checkpoint_id)?;
    agree(path, "scores of the checkpoint", &checkpoint.sha256, &score.checkpoint_sha256)?;
    agree(path, "the checkpoint's choice", &checkpoint.choice, &score.choice)?;
    check_id(path, score.id.0)?;
    score
        .environment
        .as_ref()
        .map_or(Ok(()), Environment::check)
        .map_err(|problem| Error::content(path, "what a machine is called", problem))?;
    for hash in [Some(&score.dataset.content_hash), score.dataset.test_hash.as_ref()].into_iter().flatten() {
        if !is_sha256(hash) {
            return Err(Error::content(path, "the hash of a dataset", format!("{hash:?}")));
        }
    }
    if score.created_at > OffsetDateTime::now_utc() + AHEAD {
        return Err(Error::content(path, "a score that was measured before now", score.created_at));
    }
    possible::check(&score.evaluation, kind).map_err(|(expected, found)| Error::content(path, expected, found))
}
