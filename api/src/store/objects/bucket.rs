//! Objects in a bucket of S3 or of what speaks its protocol; credentials, region and endpoint are in the variables `AWS_*`.

use object_store::{Error, ObjectStore, ObjectStoreExt, ObjectStoreScheme, PutPayload, path::Path};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};
use url::Url;

/// The bucket of an address, and the object's name in it. A bucket's connections are made once.
pub(super) fn open(address: &Url) -> Result<(Arc<dyn ObjectStore>, Path), Error> {
    static BUCKETS: Mutex<BTreeMap<String, Arc<dyn ObjectStore>>> = Mutex::new(BTreeMap::new());
    let path = ObjectStoreScheme::parse(address)?.1;
    let mut buckets = BUCKETS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bucket) = buckets.get(address.authority()) {
        return Ok((Arc::clone(bucket), path));
    }
    let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    let options = variables
        .filter(|(name, _)| name.starts_with("AWS_"))
        .filter_map(|(name, value)| Some((name.to_lowercase(), value.into_string().ok()?)));
    let bucket: Arc<dyn ObjectStore> = Arc::from(object_store::parse_url_opts(address, options)?.0);
    buckets.insert(address.authority().to_owned(), Arc::clone(&bucket));
    Ok((bucket, path))
}

/// Stores an object.
pub(super) async fn put(address: &Url, bytes: Vec<u8>) -> Result<(), Error> {
    let (bucket, path) = open(address)?;
    bucket.put(&path, PutPayload::from(bytes)).await.map(drop)
}

/// An object's bytes.
pub(super) async fn get(address: &Url) -> Result<Vec<u8>, Error> {
    let (bucket, path) = open(address)?;
    Ok(Vec::from(bucket.get(&path).await?.bytes().await?))
}

/// Deletes an object; one that was never written, or that another process has deleted, is deleted.
pub(super) async fn delete(address: &Url) -> Result<(), Error> {
    let (bucket, path) = open(address)?;
    match bucket.delete(&path).await {
        Err(Error::NotFound { .. }) => Ok(()),
        done => done,
    }
}
