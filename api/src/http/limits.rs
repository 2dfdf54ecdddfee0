//! How large a request may be, how long it may take and how many may work at once.

use super::error::ApiError;
use axum::{
    Router,
    extract::{DefaultBodyLimit, Request, State},
    http::StatusCode,
    middleware::Next,
    response::Response,
};
use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tower_http::timeout::TimeoutLayer;
use utoipa_axum::router::OpenApiRouter;

/// Largest body, bytes.
pub const BODY_LIMIT: usize = 1 << 20;

/// Largest form, bytes.
const FORM_LIMIT: usize = 16 << 10;

/// Time until an ordinary request must have begun its answer. Streams may go on for longer.
pub const REQUEST_DEADLINE: Duration = Duration::from_secs(15);

/// The same for solving: a large model at many steps on a CPU takes its time.
pub const SOLVE_DEADLINE: Duration = Duration::from_mins(2);

/// The same for generating a dataset.
pub const GENERATE_DEADLINE: Duration = Duration::from_mins(5);

/// The same for receiving a file.
pub const RECEIVE_DEADLINE: Duration = Duration::from_mins(10);

/// Bounds body and time of every route of `router`. Bodies read by `ApiJson` are held to the same limit there.
pub fn bounded<S: Clone + Send + Sync + 'static>(router: OpenApiRouter<S>, deadline: Duration) -> OpenApiRouter<S> {
    router
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, deadline))
}

/// The same for pages, which are no operations.
pub fn bounded_plain<S: Clone + Send + Sync + 'static>(router: Router<S>) -> Router<S> {
    router
        .layer(DefaultBodyLimit::max(FORM_LIMIT))
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, REQUEST_DEADLINE))
}

/// Room for some work at once and a queue before it; whoever finds both full is told to come back. The queue is for a crowd
/// that passes: once it has been full nobody waits, and whoever finds a place works at once, until a second has passed in
/// which nobody was refused. So under a load that stays, those who are let in wait no longer than at rest.
#[derive(Debug, Clone)]
pub struct Room {
    what: &'static str,
    retry_after: u32,
    admitted: Arc<Semaphore>,
    working: Arc<Semaphore>,
    refused: Arc<Mutex<Option<Instant>>>,
}

/// Without a refusal for so long a room's queue is open again.
const CALM: Duration = Duration::from_secs(1);

/// A place in a [`Room`]; hold it for as long as the work goes on, even if nobody waits for it any more.
#[derive(Debug)]
pub struct Place {
    _admitted: OwnedSemaphorePermit,
    _working: OwnedSemaphorePermit,
}

impl Room {
    /// A room where `at_once` work and `waiting` wait. `what` says that it is full; `retry_after` is in seconds.
    pub fn new(what: &'static str, retry_after: u32, at_once: usize, waiting: usize) -> Self {
        let admitted = Arc::new(Semaphore::new(at_once + waiting));
        let working = Arc::new(Semaphore::new(at_once));
        Self { what, retry_after, admitted, working, refused: Arc::default() }
    }

    /// Waits for a place, or refuses at once when even the queue is full or closed.
    pub async fn enter(&self) -> Result<Place, ApiError> {
        self.enter_at(Instant::now()).await
    }

    async fn enter_at(&self, now: Instant) -> Result<Place, ApiError> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| self.refuse(now))?;
        let working = match Arc::clone(&self.working).try_acquire_owned() {
            Ok(working) => working,
            Err(_) if self.was_full(now) => return Err(self.refuse(now)),
            Err(_) => Arc::clone(&self.working).acquire_owned().await.map_err(|_| self.refuse(now))?,
        };
        Ok(Place { _admitted: admitted, _working: working })
    }

    fn was_full(&self, now: Instant) -> bool {
        self.refused.lock().is_ok_and(|refused| refused.is_some_and(|at| now.duration_since(at) < CALM))
    }

    fn refuse(&self, now: Instant) -> ApiError {
        if let Ok(mut refused) = self.refused.lock() {
            *refused = Some(now);
        }
        ApiError::Overloaded { what: self.what, retry_after: self.retry_after }
    }
}

/// Refuses a request of the API at once when as many are being worked on as can be, before anything is asked of the
/// database for it. Whether the server is well is always told, and streams count only until they begin.
pub async fn shed(State(room): State<Room>, request: Request, next: Next) -> Result<Response, ApiError> {
    let place = if request.uri().path().starts_with("/api/") { Some(room.enter().await?) } else { None };
    let response = next.run(request).await;
    drop(place);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{body::Body, middleware, routing::get};
    use futures_util::FutureExt;
    use tokio::sync::Notify;
    use tower::ServiceExt;

    #[tokio::test]
    async fn requests_beyond_what_can_be_worked_on_are_refused_at_once() {
        let work = Arc::new(Notify::new());
        let waits = Arc::clone(&work);
        let app = Router::new()
            .route("/api/work", get(async move || waits.notified().await))
            .route("/healthz", get(async || ()))
            .layer(middleware::from_fn_with_state(Room::new("too many", 7, 2, 0), shed));
        let ask = |path: &str| app.clone().oneshot(Request::get(path).body(Body::empty()).expect("a request"));
        let (mut first, mut second) = (Box::pin(ask("/api/work")), Box::pin(ask("/api/work")));
        assert!((&mut first).now_or_never().is_none() && (&mut second).now_or_never().is_none(), "two are worked on");
        let refused = ask("/api/work").now_or_never().expect("the third is answered at once").expect("an answer");
        assert_eq!(refused.status(), StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(refused.headers()["retry-after"], "7");
        assert_eq!(ask("/healthz").await.expect("an answer").status(), StatusCode::OK);
        work.notify_one();
        assert_eq!(first.await.expect("an answer").status(), StatusCode::OK);
        let mut third = Box::pin(ask("/api/work"));
        assert!((&mut third).now_or_never().is_none(), "a place was left");
        work.notify_waiters();
        assert_eq!(second.await.expect("an answer").status(), StatusCode::OK);
    }

    #[tokio::test]
    async fn a_full_room_refuses_and_a_left_place_is_given_again() {
        let room = Room::new("too many", 1, 1, 1);
        let first = room.enter().await.expect("the room is empty");
        let mut second = Box::pin(room.enter());
        assert!((&mut second).now_or_never().is_none(), "the second waits");
        let third = room.enter().now_or_never().expect("the third is refused at once");
        assert!(matches!(third, Err(ApiError::Overloaded { .. })));
        drop(first);
        assert!(second.await.is_ok());
    }

    #[tokio::test]
    async fn a_queue_that_was_full_is_closed_until_nobody_was_refused_for_a_second() {
        let room = Room::new("too many", 1, 1, 1);
        let begun = Instant::now();
        let first = room.enter_at(begun).await.expect("the room is empty");
        let mut second = Box::pin(room.enter_at(begun));
        assert!((&mut second).now_or_never().is_none(), "the second waits");
        assert!(room.enter_at(begun).now_or_never().expect("an answer at once").is_err(), "the queue is full");
        drop(first);
        let second = second.await.expect("a place");
        let soon = begun + CALM / 2;
        assert!(room.enter_at(soon).now_or_never().expect("an answer at once").is_err(), "the queue is closed");
        let mut third = Box::pin(room.enter_at(soon + CALM));
        assert!((&mut third).now_or_never().is_none(), "the queue is open again");
        drop(second);
        assert!(third.await.is_ok());
    }
}
