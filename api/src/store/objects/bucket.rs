//! Objects in a bucket of S3 or of what speaks its protocol; credentials, region and endpoint are in the variables `AWS_*`.

use super::Trouble;
use object_store::{
    BackoffConfig, ClientConfigKey, Error, ObjectStore, ObjectStoreExt, ObjectStoreScheme, PutPayload, RetryConfig,
    aws::{AmazonS3Builder, AmazonS3ConfigKey},
    path::Path,
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use url::Url;

/// Time that an answer may take, which brings or takes a chunk: a megabyte at most. Less than a request of ours may take.
const ANSWERING: &str = "10 seconds";

/// A bucket that refuses to answer is asked again for so long. Whoever moves a chunk out holds its row meanwhile, and comes
/// again soon anyway.
const TRYING: RetryConfig = RetryConfig {
    backoff: BackoffConfig { init_backoff: Duration::from_millis(100), max_backoff: Duration::from_secs(2), base: 2.0 },
    max_retries: 4,
    retry_timeout: Duration::from_secs(8),
};

/// The bucket of an address, and the object's name in it. A bucket's connections are made once.
pub(super) fn open(address: &Url) -> Result<(Arc<dyn ObjectStore>, Path), Error> {
    static BUCKETS: Mutex<BTreeMap<String, Arc<dyn ObjectStore>>> = Mutex::new(BTreeMap::new());
    let path = ObjectStoreScheme::parse(address)?.1;
    let mut buckets = BUCKETS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bucket) = buckets.get(address.authority()) {
        return Ok((Arc::clone(bucket), path));
    }
    let timeout = AmazonS3ConfigKey::Client(ClientConfigKey::Timeout);
    let bucket = AmazonS3Builder::from_env().with_url(address.as_str()).with_config(timeout, ANSWERING);
    let bucket: Arc<dyn ObjectStore> = Arc::new(bucket.with_retry(TRYING).build()?);
    buckets.insert(address.authority().to_owned(), Arc::clone(&bucket));
    Ok((bucket, path))
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        // In one line: the server's answer, which is part of it, has several.
        let said = error.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        match error {
            // A bucket that is not there is not found, either.
            Error::NotFound { .. } if said.contains("NoSuchKey") => Self::Missing,
            Error::Generic { .. } | Error::JoinError { .. } => Self::Away(said),
            _ => Self::Refused(said),
        }
    }
}

/// Stores an object.
pub(super) async fn put(address: &Url, bytes: Vec<u8>) -> Result<(), Trouble> {
    let (bucket, path) = open(address)?;
    bucket.put(&path, PutPayload::from(bytes)).await?;
    Ok(())
}

/// An object's bytes.
pub(super) async fn get(address: &Url) -> Result<Vec<u8>, Trouble> {
    let (bucket, path) = open(address)?;
    Ok(Vec::from(bucket.get(&path).await?.bytes().await?))
}

/// Deletes an object; one that was never written, or that another process has deleted, is deleted.
pub(super) async fn delete(address: &Url) -> Result<(), Trouble> {
    let (bucket, path) = open(address)?;
    match bucket.delete(&path).await.map_err(Trouble::from) {
        Err(Trouble::Missing) => Ok(()),
        done => done,
    }
}
