//! Files that a client names by an address of the public internet.
//!
//! Fetching on a client's word must not reach what only this machine or its neighbours can. So: https alone; the name is
//! resolved once, and every address that it has must be public; the connection goes to the address that was checked,
//! whatever the name means by then; a redirect is a new address and checked like the first. What cannot be judged is
//! refused. Proxies are not used, since they would resolve the name anew.

mod public;
mod tls;

use crate::{http::error::ApiError, intake::Received};
use axum::{
    body::Body,
    http::{Request, Response, StatusCode, header},
};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use public::is_public;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    task::JoinSet,
    time::timeout,
};
use url::{Host, Url};

/// Longest address, bytes.
pub const MOST_BYTES: usize = 2_048;

/// Redirects that are followed.
const REDIRECTS: usize = 5;

/// Addresses of a name that are tried.
const TRIES: usize = 4;

/// Time to resolve a name, to connect to an address, and until an answer begins.
const PATIENCE: Duration = Duration::from_secs(10);

/// Time until the whole file must be here.
const DEADLINE: Duration = Duration::from_mins(5);

/// The file at an address of the public internet.
///
/// # Errors
/// [`ApiError::Source`] with what is wrong with the address, or with what answered there.
pub async fn fetch(address: &str) -> Result<Received, ApiError> {
    let resolve = |host: String, port: u16| async move { Ok(lookup_host((host, port)).await?.collect()) };
    let connect = |address: SocketAddr, host: String| async move {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        tls::wrap(stream, &host).await
    };
    let whole = from(address, resolve, connect);
    timeout(DEADLINE, whole).await.map_err(|_| refused("it was not here after 5 minutes"))?
}

/// Why an address is not fetched from.
fn refused(why: impl Into<String>) -> ApiError {
    ApiError::Source(why.into())
}

/// The same by these ways to resolve a name and to connect to one of its addresses, whose certificate is checked
/// against the name.
async fn from<S, R, C>(
    address: &str,
    resolve: impl Fn(String, u16) -> R,
    connect: impl Fn(SocketAddr, String) -> C,
) -> Result<Received, ApiError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    R: Future<Output = io::Result<Vec<SocketAddr>>>,
    C: Future<Output = io::Result<S>>,
{
    let mut url = parsed(address)?;
    for _ in 0..=REDIRECTS {
        let (host, addresses) = checked(&url, &resolve).await?;
        let stream = connected(&addresses, &host, &connect).await?;
        // Ends with this turn, and the connection with it.
        let mut connection = JoinSet::new();
        let response = ask(&mut connection, stream, &url).await?;
        let Some(next) = redirect(&url, &response)? else { return received(response).await };
        url = next;
    }
    Err(refused(format!("expected at most {REDIRECTS} redirects, found more")))
}

fn parsed(address: &str) -> Result<Url, ApiError> {
    if address.len() > MOST_BYTES {
        return Err(refused(format!("expected an address of at most {MOST_BYTES} bytes, found {}", address.len())));
    }
    let url =
        Url::parse(address).map_err(|error| refused(format!("expected an address, found {address:?}: {error}")))?;
    fit(url)
}

/// The address, if it is of a kind that is fetched from.
fn fit(url: Url) -> Result<Url, ApiError> {
    if url.scheme() != "https" {
        return Err(refused(format!("expected an address that begins with https://, found {:?}", url.scheme())));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("expected an address without a name and a password"));
    }
    Ok(url)
}

/// The host's name and its addresses, all of which are public.
async fn checked<R>(url: &Url, resolve: impl Fn(String, u16) -> R) -> Result<(String, Vec<SocketAddr>), ApiError>
where
    R: Future<Output = io::Result<Vec<SocketAddr>>>,
{
    let port = url.port_or_known_default().unwrap_or(443);
    let literal = |address: IpAddr| vec![SocketAddr::new(address, port)];
    let (host, addresses) = match url.host() {
        Some(Host::Ipv4(address)) => (address.to_string(), literal(address.into())),
        Some(Host::Ipv6(address)) => (address.to_string(), literal(address.into())),
        Some(Host::Domain(name)) => {
            let found = timeout(PATIENCE, resolve(name.to_owned(), port)).await;
            let found = found.ok().and_then(Result::ok).filter(|found| !found.is_empty());
            let found = found.ok_or_else(|| refused(format!("the name {name:?} was not found")))?;
            (name.to_owned(), found)
        }
        None => return Err(refused("expected an address with a host")),
    };
    if addresses.iter().all(|address| is_public(address.ip())) {
        return Ok((host, addresses));
    }
    Err(refused(format!("{host:?} is not on the public internet alone, and nothing else is fetched from")))
}

/// A connection to the first of the addresses that takes one.
async fn connected<S, C>(
    addresses: &[SocketAddr],
    host: &str,
    connect: impl Fn(SocketAddr, String) -> C,
) -> Result<S, ApiError>
where
    C: Future<Output = io::Result<S>>,
{
    let mut why = String::new();
    for address in addresses.iter().take(TRIES) {
        match timeout(PATIENCE, connect(*address, host.to_owned())).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => why = error.to_string(),
            Err(_) => "it did not answer".clone_into(&mut why),
        }
    }
    Err(refused(format!("{host:?} could not be connected to: {why}")))
}

/// What is answered at an address. The connection is worked on by `connection`.
async fn ask<S>(
    connection: &mut JoinSet<hyper::Result<()>>,
    stream: S,
    url: &Url,
) -> Result<Response<Incoming>, ApiError>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let broken = |error: hyper::Error| refused(format!("what answered does not speak HTTP/1.1: {error}"));
    let (mut sender, work) = http1::handshake(TokioIo::new(stream)).await.map_err(broken)?;
    connection.spawn(work);
    let path = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    let host = match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (host, _) => host.unwrap_or_default().to_owned(),
    };
    let request = Request::get(path)
        .header(header::HOST, host)
        .header(header::USER_AGENT, concat!("hrm-lab/", env!("CARGO_PKG_VERSION")))
        .header(header::ACCEPT, "*/*")
        .header(header::ACCEPT_ENCODING, "identity")
        .body(Body::empty())
        .map_err(|error| refused(error.to_string()))?;
    let answer = timeout(PATIENCE, sender.send_request(request)).await;
    answer.map_err(|_| refused("the answer did not begin in time"))?.map_err(broken)
}

/// Where an answer leads instead of being a file.
fn redirect(url: &Url, response: &Response<Incoming>) -> Result<Option<Url>, ApiError> {
    match response.status() {
        StatusCode::OK => Ok(None),
        StatusCode::MOVED_PERMANENTLY
        | StatusCode::FOUND
        | StatusCode::SEE_OTHER
        | StatusCode::TEMPORARY_REDIRECT
        | StatusCode::PERMANENT_REDIRECT => {
            let location = response.headers().get(header::LOCATION).and_then(|location| location.to_str().ok());
            let next = location.filter(|location| location.len() <= MOST_BYTES);
            let next = next.and_then(|location| url.join(location).ok());
            fit(next.ok_or_else(|| refused("it was redirected to no address"))?).map(Some)
        }
        status => Err(refused(format!("expected the file with status 200, found status {}", status.as_u16()))),
    }
}

async fn received(response: Response<Incoming>) -> Result<Received, ApiError> {
    let (parts, body) = response.into_parts();
    Received::of(&parts.headers, Body::new(body)).await.map_err(|error| match error {
        ApiError::Internal(_) => error,
        ApiError::TooLarge => refused("the file is larger than 256 MiB"),
        ApiError::Timeout => refused("nothing more came for 20 seconds"),
        other => refused(other.to_string()),
    })
}

#[cfg(test)]
mod tests;
