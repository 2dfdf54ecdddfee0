//! Objects by their addresses: in a folder (`file:///…`) or, in a program built with the feature `s3`, a bucket (`s3://…`).

#[cfg(feature = "s3")]
mod bucket;
mod folder;

use super::Error;
use url::Url;

/// Why an object store did not do what it was asked.
#[derive(Debug)]
enum Trouble {
    /// There is such a store, and no object of that name in it.
    Missing,
    /// The store cannot be reached, or is not there for now.
    Away(String),
    /// It does not do this.
    Refused(String),
}

impl Trouble {
    fn at(self, address: &str) -> Error {
        let object = |detail, away| Error::Object { address: address.to_owned(), detail, away };
        match self {
            Self::Missing => Error::Corrupt { what: "artifact", detail: format!("nothing is at {address} any more") },
            Self::Away(detail) => object(detail, true),
            Self::Refused(detail) => object(detail, false),
        }
    }
}

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

/// Refuses a folder that is not there: a wrong name, or a disk that is not mounted, would fill another disk.
pub(super) fn check_folder(address: &Url) -> Result<(), String> {
    if address.scheme() != "file" {
        return Ok(());
    }
    let path = folder::path(address)?;
    if path.is_dir() {
        Ok(())
    } else {
        Err(format!("there is no folder {}: make it, or mount its disk", path.display()))
    }
}

/// Stores an object at an address that has had none; it is durable when this returns.
pub(super) async fn put(address: &str, bytes: Vec<u8>) -> Result<(), Error> {
    let url = parsed(address)?;
    match url.scheme() {
        #[cfg(feature = "s3")]
        "s3" => bucket::put(&url, bytes).await.map_err(|trouble| trouble.at(address)),
        _ => in_folder(address, &url, move |path| folder::put(path, &bytes)).await,
    }
}

/// An object's bytes.
pub(super) async fn get(address: &str) -> Result<Vec<u8>, Error> {
    let url = parsed(address)?;
    match url.scheme() {
        #[cfg(feature = "s3")]
        "s3" => bucket::get(&url).await.map_err(|trouble| trouble.at(address)),
        _ => in_folder(address, &url, folder::get).await,
    }
}

/// Deletes an object, if there is one.
pub(super) async fn delete(address: &str) -> Result<(), Error> {
    let url = parsed(address)?;
    match url.scheme() {
        #[cfg(feature = "s3")]
        "s3" => bucket::delete(&url).await.map_err(|trouble| trouble.at(address)),
        _ => in_folder(address, &url, folder::delete).await,
    }
}

fn parsed(address: &str) -> Result<Url, Error> {
    let refused = |detail| Trouble::Refused(detail).at(address);
    let url = Url::parse(address).map_err(|error| refused(error.to_string()))?;
    check(&url).map_err(refused)?;
    Ok(url)
}

async fn in_folder<T: Send + 'static>(
    address: &str,
    url: &Url,
    work: impl FnOnce(&std::path::Path) -> Result<T, Trouble> + Send + 'static,
) -> Result<T, Error> {
    let path = folder::path(url).map_err(|detail| Trouble::Refused(detail).at(address))?;
    let done = tokio::task::spawn_blocking(move || work(&path)).await;
    done.unwrap_or_else(|panic| Err(Trouble::Refused(panic.to_string()))).map_err(|trouble| trouble.at(address))
}
