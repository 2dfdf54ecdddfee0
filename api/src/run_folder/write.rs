//! A stored run, written as a folder.

use super::{CHECKPOINT, CONFIG, Error, METRICS, PROVENANCE, Part, Record, SCORES, SUMS, metrics};
use crate::store::{PgPool, artifacts, metrics as curves, provenance, runs};
use hrm_types::{
    ids::RunId,
    run::{MetricPoint, Run},
};
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    fs::{self, File, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};
use tokio::io::AsyncWriteExt;

/// Points asked for at once.
const PAGE: u32 = 10_000;

/// Writes a run that has succeeded as a new folder, which is either whole or not there.
///
/// # Errors
/// [`Error::Unfinished`] for a run without a result; the file that cannot be written.
pub async fn export(pool: &PgPool, id: RunId, folder: &Path) -> Result<(), Error> {
    let run = runs::get(pool, id).await?;
    let whole = provenance::of_run(pool, id).await?;
    let (Some(checkpoint), Some(record)) = (whole.checkpoint.clone(), Record::new(&run, whole.clone())) else {
        return Err(Error::Unfinished(run.state.as_str()));
    };
    if folder.symlink_metadata().is_ok() {
        return Err(Error::File { path: folder.to_owned(), source: io::ErrorKind::AlreadyExists.into() });
    }
    let beside = folder.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    let unfinished = builder.prefix(".hrm-export-").permissions(Permissions::from_mode(0o755)).tempdir_in(beside);
    let unfinished = unfinished.map_err(Error::file(beside))?;

    let config = toml::to_string(&record.provenance.experiment)
        .map_err(|error| Error::content(&folder.join(CONFIG.name), "an experiment that TOML can hold", error))?;
    let mut sums = BTreeMap::new();
    let mut put = |part: Part, text: &str| {
        sums.insert(part.name, format!("{:x}", Sha256::digest(text)));
        save(&unfinished.path().join(part.name), text)
    };
    put(CONFIG, &config)?;
    put(METRICS, &metrics::write(&curve(pool, &run).await?))?;
    put(PROVENANCE, &json(&record, &folder.join(PROVENANCE.name))?)?;
    put(SCORES, &json(&whole.scores, &folder.join(SCORES.name))?)?;
    copy(pool, &checkpoint.sha256, &unfinished.path().join(CHECKPOINT.name)).await?;
    sums.insert(CHECKPOINT.name, checkpoint.sha256);
    let lines: Vec<String> = sums.into_iter().map(|(name, sum)| format!("{sum}  {name}\n")).collect();
    save(&unfinished.path().join(SUMS.name), &lines.concat())?;
    fs::rename(unfinished.path(), folder).map_err(Error::file(folder))
}

fn json(value: &impl serde::Serialize, path: &Path) -> Result<String, Error> {
    let text = serde_json::to_string_pretty(value);
    Ok(text.map_err(|error| Error::content(path, "values that JSON can hold", error))? + "\n")
}

fn save(path: &Path, text: &str) -> Result<(), Error> {
    let write = || {
        let mut file = File::create_new(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(Error::file(path))
}

async fn curve(pool: &PgPool, run: &Run) -> Result<Vec<MetricPoint>, Error> {
    let mut points: Vec<MetricPoint> = Vec::new();
    loop {
        let after = points.last().map(|point| point.step);
        let page = curves::list(pool, run.id, run.attempt, after, PAGE).await?;
        let whole = page.len() == PAGE as usize;
        points.extend(page);
        if !whole {
            return Ok(points);
        }
    }
}

/// Writes a stored file chunk by chunk; its hash is checked on the way.
async fn copy(pool: &PgPool, sha256: &str, path: &Path) -> Result<(), Error> {
    let mut file = tokio::fs::File::create_new(path).await.map_err(Error::file(path))?;
    artifacts::copy(pool, sha256, &mut file).await?;
    let written = async {
        file.flush().await?;
        file.sync_all().await
    };
    written.await.map_err(Error::file(path))
}
