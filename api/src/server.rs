//! The server: what its handlers share, the whole router, and the loop that accepts connections.

use crate::{
    accounts::Accounts,
    config::RateConfig,
    http::{
        codings,
        gate::{self, Rules},
        idempotency,
        limits::{self, Room},
        linger, page,
        peer::{self, Peer},
        problem, security,
        telemetry::{self, Telemetry},
    },
    routes,
    solver::Solver,
};
use axum::{Router, middleware, routing::any};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
    service::TowerToHyperService,
};
use ipnet::IpNet;
use sqlx::PgPool;
use std::{any::Any, io, net::IpAddr, path::PathBuf, pin::pin, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};
use tower_http::{
    catch_panic::CatchPanicLayer,
    compression::CompressionLayer,
    csrf::CsrfLayer,
    request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer},
};

/// Connections at once; further ones wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 1024;

/// Time a client has for the header of a request, which also ends connections that idle.
const HEADER_DEADLINE: Duration = Duration::from_secs(30);

/// Time that requests in progress have at shutdown.
const SHUTDOWN_DEADLINE: Duration = Duration::from_secs(10);

/// Pause after a failed accept: the usual cause, no free file descriptor, needs a moment to pass.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How the server is set up.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Folder of the built page.
    pub web_dir: PathBuf,
    /// Whether other machines may reach it; on loopback only loopback's names are answered.
    pub public: bool,
    /// Proxies that are believed when they name whom they ask for.
    pub proxies: Arc<[IpNet]>,
    /// The highest priority that others than administrators may give a job.
    pub member_priority: i16,
    /// How often a caller may ask.
    pub rate: RateConfig,
}

/// What the handlers share.
#[derive(Debug, Clone)]
pub struct AppState {
    pub(crate) pool: PgPool,
    pub(crate) settings: Arc<Settings>,
    pub(crate) solver: Arc<Solver>,
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) working: Room,
    pub(crate) generating: Room,
    pub(crate) receiving: Room,
    pub(crate) fetching: Room,
    pub(crate) telemetry: Arc<Telemetry>,
    closing: watch::Sender<bool>,
}

impl AppState {
    /// State over a migrated database.
    pub fn new(pool: PgPool, settings: Settings) -> Self {
        Self {
            solver: Arc::new(Solver::new(pool.clone())),
            pool,
            accounts: Arc::new(Accounts::new(settings.rate)),
            working: Room::new(
                "as many requests as can be are being worked on",
                1,
                settings.rate.max_requests as usize,
                0,
            ),
            settings: Arc::new(settings),
            generating: Room::new("other datasets are being generated", 5, 1, 8),
            receiving: Room::new("other files are being received", 10, 2, 4),
            fetching: Room::new("other files are being fetched", 30, 2, 4),
            telemetry: Arc::default(),
            closing: watch::Sender::new(false),
        }
    }

    /// Resolves when the server begins to shut down; streams end then.
    pub(crate) fn closed(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut closing = self.closing.subscribe();
        async move {
            // An error means that the server's state is gone, which is closed too.
            let _ = closing.wait_for(|&closing| closing).await;
        }
    }
}

/// The OpenAPI document of every operation.
pub fn openapi() -> utoipa::openapi::OpenApi {
    routes::docs::complete(routes::router().into_openapi())
}

/// Every route, and what each request passes through on the way to it.
pub fn app(state: AppState) -> Router {
    let (public, proxies) = (state.settings.public, Arc::clone(&state.settings.proxies));
    let page = page::router(&state.settings.web_dir)
        .layer(middleware::from_fn_with_state(state.clone(), routes::login::send_there));
    let (api, document) = routes::router().split_for_parts();
    let document = routes::docs::complete(document);
    let rules = Arc::new(Rules::of(&serde_json::json!(document)));
    let api = api
        .layer(middleware::from_fn_with_state(state.clone(), idempotency::replay))
        .layer(middleware::from_fn_with_state((state.clone(), rules), gate::admit))
        .layer(middleware::from_fn_with_state(state.working.clone(), limits::shed))
        .layer(middleware::from_fn_with_state(Arc::clone(&state.telemetry), telemetry::count))
        .merge(routes::login::router())
        .merge(routes::docs::router(document))
        .route("/api/", any(routes::no_such_operation))
        .route("/api/{*rest}", any(routes::no_such_operation))
        .with_state(state)
        .layer(CompressionLayer::new())
        .layer(middleware::map_request(codings::as_it_is));
    guarded(api.merge(page), public).layer(middleware::map_request_with_state(proxies, peer::believe))
}

/// The router behind everything that every request passes through.
fn guarded(router: Router, public: bool) -> Router {
    let mut app = router.layer(CsrfLayer::new().with_rejection_response(security::cross_origin));
    if !public {
        app = app.layer(middleware::from_fn(security::loopback_hosts_only));
    }
    // From here on, later layers see the request earlier.
    app.layer(CatchPanicLayer::custom(|payload: Box<dyn Any + Send>| problem::panicked(payload.as_ref())))
        .layer(middleware::from_fn(problem::finish))
        .layer(middleware::from_fn(security::headers))
        .layer(PropagateRequestIdLayer::new(problem::REQUEST_ID))
        .layer(SetRequestIdLayer::new(problem::REQUEST_ID, MakeRequestUuid))
        .layer(middleware::map_request(problem::keep_plausible_request_id))
        .layer(middleware::map_request(linger::linger))
}

/// Serves until `shutdown` resolves, then lets requests in progress finish, for a while.
///
/// # Errors
/// None of a single connection; those are logged and dropped.
pub async fn serve(
    listener: TcpListener,
    state: AppState,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let closing = state.closing.clone();
    let service = TowerToHyperService::new(app(state));
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut shutdown = pin!(shutdown);
    loop {
        let (stream, peer, slot) = tokio::select! {
            () = &mut shutdown => break,
            connection = next_connection(&listener, &slots) => connection,
        };
        tokio::spawn(serve_connection(stream, (peer, slot), service.clone(), graceful.watcher()));
    }
    drop(listener);
    closing.send_replace(true);
    if tokio::time::timeout(SHUTDOWN_DEADLINE, graceful.shutdown()).await.is_err() {
        tracing::warn!("some requests did not end in time and were cut off");
    }
    Ok(())
}

/// The next connection, once there is room for it.
async fn next_connection(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (TcpStream, IpAddr, Option<OwnedSemaphorePermit>) {
    // The semaphore is never closed, so this is always a permit.
    let slot = Arc::clone(slots).acquire_owned().await.ok();
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (stream, peer.ip(), slot),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve_connection(
    stream: TcpStream,
    (peer, slot): (IpAddr, Option<OwnedSemaphorePermit>),
    service: TowerToHyperService<Router>,
    watcher: Watcher,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    let from_peer = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Peer(peer));
        service.call(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_DEADLINE)
        .serve_connection(TokioIo::new(stream), from_peer);
    if let Err(error) = watcher.watch(connection).await {
        tracing::debug!(%error, "a connection ended early");
    }
    drop(slot);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::error::ApiError;
    use axum::{
        body::{Body, to_bytes},
        extract::Request,
        routing::get,
    };
    use hrm_types::problem::Problem;
    use std::io::Error;
    use tower::ServiceExt;

    /// The problem that a request to `path` of a faulty router is answered with.
    async fn problem_at(path: &str, public: bool) -> Problem {
        let faulty = Router::new()
            .route("/api/panic", get(async || -> () { panic!("the secret cause") }))
            .route("/api/failure", get(async || ApiError::internal(Error::other("the secret cause"))))
            .route("/api/away", get(async || ApiError::Unavailable(Box::new(Error::other("the secret cause")))))
            .route("/api/bare", get(async || axum::http::StatusCode::IM_A_TEAPOT));
        let request = Request::get(path).header("host", "example.org").header("x-request-id", "seven");
        let request = request.body(Body::empty()).expect("a request");
        let response = guarded(faulty, public).oneshot(request).await.expect("a router never fails");
        assert_eq!(response.headers()["content-type"], problem::PROBLEM_JSON);
        let body = to_bytes(response.into_body(), 10_000).await.expect("the body is there");
        serde_json::from_slice(&body).expect("the body is a problem")
    }

    #[tokio::test]
    async fn failures_are_reported_without_their_causes() {
        for (path, status, kind) in [
            ("/api/panic", 500, "/problems/internal"),
            ("/api/failure", 500, "/problems/internal"),
            ("/api/away", 503, "/problems/unavailable"),
            ("/api/bare", 418, "/problems/refused"),
        ] {
            let problem = problem_at(path, true).await;
            assert_eq!((problem.status, problem.kind.as_str()), (status, kind), "{path}");
            assert_eq!(problem.request_id, "seven", "{path}");
            assert!(!problem.detail.contains("secret"), "{path}: {}", problem.detail);
        }
    }

    #[tokio::test]
    async fn a_public_server_answers_to_any_name_and_another_to_its_own_alone() {
        assert_eq!(problem_at("/api/panic", true).await.kind, "/problems/internal");
        assert_eq!(problem_at("/api/panic", false).await.kind, "/problems/unknown-host");
    }
}
