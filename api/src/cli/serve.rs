//! `hrm serve`: the database, the HTTP server, and a worker process beside it.

use super::{interrupt, session, shipped};
use anyhow::{Context, bail};
use clap::Args;
use hrm_api::{
    cluster::Database,
    config::{DatabaseConfig, ObjectsConfig, ServerConfig, WorkerConfig},
    housekeeping, queue,
    server::{self, AppState, Settings},
    store::{PgPool, for_requests, users},
    worker::supervisor::Supervisor,
};
use std::{
    io::{self, Write as _},
    process::ExitCode,
};
use tokio::{net::TcpListener, sync::watch};

/// Serve the API and the page, with a worker that trains queued runs.
///
/// Without `DATABASE_URL` a private PostgreSQL database is kept in the data folder: created at the first start,
/// stopped with the server.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  hrm serve
  hrm serve --bind 127.0.0.1:9000 --data-dir ./data
  hrm user add ann && hrm serve --bind 0.0.0.0:8080   for a team; put a proxy that speaks TLS before it
  DATABASE_URL=postgres://hrm:secret@db/hrm hrm serve --no-worker")]
pub(crate) struct Serve {
    #[command(flatten)]
    server: ServerConfig,
    #[command(flatten)]
    database: DatabaseConfig,
    #[command(flatten)]
    worker: WorkerConfig,
    #[command(flatten)]
    objects: ObjectsConfig,
}

impl Serve {
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        if !self.server.no_worker {
            self.worker.device.check_built()?;
        }
        session::runtime()?.block_on(self.serve())?;
        Ok(ExitCode::SUCCESS)
    }

    async fn serve(self) -> anyhow::Result<()> {
        let interrupted = interrupt::requested()?;
        let bind = self.server.bind;
        let listener = TcpListener::bind(bind)
            .await
            .with_context(|| format!("cannot listen on {bind}; is it in use? Choose another with --bind"))?;
        let database = Database::open(&self.database).await?;
        let served = tokio::select! {
            served = self.serve_with(&database.pool, listener, interrupted) => served,
            never = database.keep_running() => match never {},
        };
        let closed = database.close().await;
        served?;
        Ok(closed?)
    }

    async fn serve_with(
        &self,
        pool: &PgPool,
        listener: TcpListener,
        interrupted: impl Future<Output = ()> + Send + 'static,
    ) -> anyhow::Result<()> {
        let public = self.server.public();
        if public && !users::exist(pool).await? {
            bail!(
                "expected accounts before other machines may reach {}, found none; make the first with \
                 `hrm user add NAME`, which asks for a password, or listen on 127.0.0.1 without a proxy",
                self.server.bind
            );
        }
        shipped::store_all(pool).await?;
        let address = listener.local_addr()?;
        if !self.server.web_dir().join("index.html").is_file() {
            let folder = self.server.web_dir();
            if self.server.web_dir.is_some() {
                bail!(
                    "--web-dir {}: expected a folder with the page's index.html, which `make web` writes",
                    folder.display()
                );
            }
            tracing::warn!(folder = %folder.display(), "the page is not built there: `make web`, or name it with --web-dir");
        }
        let settings = Settings {
            web_dir: self.server.web_dir(),
            public,
            proxies: self.server.proxy.clone().into(),
            member_priority: self.server.member_priority,
            rate: self.server.rate,
        };
        let requests = for_requests(pool).await?;
        let state = AppState::new(requests.clone(), settings);
        // Also without a worker here: those elsewhere may die.
        let (ending, ended) = watch::channel(false);
        let sweep = tokio::spawn(queue::sweep_until(pool.clone(), self.worker, closed(ended.clone())));
        let housekeeping =
            tokio::spawn(housekeeping::until(pool.clone(), self.objects.object_store.clone(), closed(ended)));
        let supervisor = (!self.server.no_worker).then(|| Supervisor::start(self.worker_variables()));
        // Whoever started it need not listen any more.
        if let Err(error) = writeln!(io::stdout(), "HRM Lab is ready at http://{address}") {
            tracing::warn!(%error, %address, "ready, and nobody reads on standard output");
        }
        let served = server::serve(listener, state, interrupted).await;
        tracing::info!("shutting down");
        requests.close().await;
        if let Some(supervisor) = supervisor {
            supervisor.stop().await;
        }
        ending.send_replace(true);
        sweep.await?;
        housekeeping.await?;
        Ok(served?)
    }

    fn worker_variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = self.database.variables();
        variables.extend(self.worker.variables());
        variables.extend(self.objects.variables());
        variables
    }
}

async fn closed(mut ended: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is an end, too.
    let _ = ended.wait_for(|&ended| ended).await;
}
