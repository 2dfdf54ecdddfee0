//! A hint that something changed in the queue, so that nobody has to wait for the next poll. Hints may be lost.

use sqlx::{PgPool, postgres::PgListener};
use std::time::Duration;
use tokio::{sync::watch, time::sleep};

/// Pause before a broken connection is made again.
const RETRY: Duration = Duration::from_secs(1);

/// Counts the hints; whoever waits for a change of the count looks at the queue then.
pub type Bell = watch::Sender<u64>;

/// Rings `bell` at every hint, until dropped. A connection that was lost rings, too: hints were missed with it.
pub async fn listen(pool: PgPool, bell: Bell) {
    loop {
        match PgListener::connect_with(&pool).await {
            Ok(mut listener) => {
                if let Err(error) = listener.listen("hrm_jobs").await {
                    tracing::debug!(%error, "no hints for now");
                }
                while let Ok(hint) = listener.try_recv().await {
                    bell.send_modify(|count| *count += 1);
                    if hint.is_none() {
                        tracing::debug!("hints were missed");
                    }
                }
            }
            Err(error) => tracing::debug!(%error, "no hints for now"),
        }
        sleep(RETRY).await;
    }
}
