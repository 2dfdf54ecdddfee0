//! Objects by their addresses: in a folder (`file:///…`) or, in a program built with the feature `s3`, a bucket (`s3://…`).

#[cfg(feature = "s3")]
mod bucket;
mod folder;

use super::Error;
use url::Url;

/// Refuses addresses that this build of the program cannot use; says what to do.
pub(super) fn check(address: &Url) -> Result<(), String> {
    match address.scheme() {
        "file" => folder::path(address).map(drop),
        #[cfg(feature = "s3")]
        "s3" => bucket::open(address).map(drop).map_err(|error| error.to_string()),
        #[cfg(not(feature = "s3"))]
        "s3" => Err("this program was built without the feature `s3`, which buckets need; build it with \
             `cargo build --release -p hrm-api --features s3`"
            .into()),
        other => Err(format!("expected file:///FOLDER or s3://BUCKET/PREFIX, found {other}:")),
    }
}

/// Stores an object at an address that has had none; it is durable when this returns.
pub(super) async fn put(address: &str, bytes: Vec<u8>) -> Result<(), Error> {
    let url = parsed(address)?;
    match url.scheme() {
        #[cfg(feature = "s3")]
        "s3" => bucket::put(&url, bytes).await.map_err(|error| failed(address, &error)),
        _ => in_folder(address, &url, move |path| folder::put(path, &bytes)).await,
    }
}

/// An object's bytes.
pub(super) async fn get(address: &str) -> Result<Vec<u8>, Error> {
    let url = parsed(address)?;
    match url.scheme() {
        #[cfg(feature = "s3")]
        "s3" => bucket::get(&url).await.map_err(|error| failed(address, &error)),
        _ => in_folder(address, &url, |path| std::fs::read(path)).await,
    }
}

/// Deletes an object, if there is one.
pub(super) async fn delete(address: &str) -> Result<(), Error> {
    let url = parsed(address)?;
    match url.scheme() {
        #[cfg(feature = "s3")]
        "s3" => bucket::delete(&url).await.map_err(|error| failed(address, &error)),
        _ => in_folder(address, &url, folder::delete).await,
    }
}

fn parsed(address: &str) -> Result<Url, Error> {
    let url = Url::parse(address).map_err(|error| failed(address, &error))?;
    check(&url).map_err(|detail| failed(address, &detail))?;
    Ok(url)
}

fn failed(address: &str, detail: &impl ToString) -> Error {
    Error::Object { address: address.to_owned(), detail: detail.to_string() }
}

async fn in_folder<T: Send + 'static>(
    address: &str,
    url: &Url,
    work: impl FnOnce(&std::path::Path) -> std::io::Result<T> + Send + 'static,
) -> Result<T, Error> {
    let path = folder::path(url).map_err(|detail| failed(address, &detail))?;
    let done = tokio::task::spawn_blocking(move || work(&path)).await;
    done.unwrap_or_else(|panic| Err(std::io::Error::other(panic))).map_err(|error| failed(address, &error))
}
