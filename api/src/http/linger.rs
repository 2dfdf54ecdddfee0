//! What a client still sends after its request was answered is read and dropped, for a while: whoever is still sending
//! when the connection closes sees that it broke, and no answer.

use axum::{
    body::{Body, Bytes, HttpBody},
    extract::Request,
    http::header,
};
use futures_util::StreamExt;
use hyper::body::{Frame, SizeHint};
use std::{
    mem,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};
use tokio::{runtime::Handle, time::timeout};

/// How long it is read.
const LINGER: Duration = Duration::from_secs(10);

/// Sees to it that the rest of a request's body is read, whoever gives it up and when. Add it with `map_request`.
pub async fn linger(request: Request) -> Request {
    // A client that waits to be asked for its body sends none when it is answered instead.
    let sends = !request.headers().contains_key(header::EXPECT);
    request.map(|body| if body.is_end_stream() { body } else { Body::new(Lingering { body, sends }) })
}

/// A body that is read to its end, or for as long as that may take, after it was dropped.
struct Lingering {
    body: Body,
    /// Whether the client sends already.
    sends: bool,
}

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.sends = true;
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        if !self.sends || self.body.is_end_stream() {
            return;
        }
        let mut rest = mem::take(&mut self.body).into_data_stream();
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(timeout(LINGER, async move { while let Some(Ok(_)) = rest.next().await {} }));
        }
    }
}
