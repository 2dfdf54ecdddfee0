//! Who asks, and what they may do: secrets and passwords, the caller of a request, and how often anybody may try.

mod caller;
mod logins;
mod password;
mod secret;
mod throttle;

pub use caller::{By, Caller};
pub use password::{PasswordError, check as check_password, hash as hash_password, verify as verify_password};
pub use secret::{Secret, hash as hash_secret};
pub use throttle::Throttle;

use crate::{
    config::RateConfig,
    http::limits::Room,
    store::{self, PgPool},
};
use logins::Logins;
use std::{
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// How long a browser stays signed in.
pub const SESSION: Duration = Duration::from_hours(14 * 24);

/// How long an invitation can be accepted.
pub const INVITATION: Duration = Duration::from_hours(7 * 24);

/// Time between two questions whether somebody has an account by now.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// What is remembered about callers between their requests.
#[derive(Debug)]
pub struct Accounts {
    exist: AtomicBool,
    /// When it was asked last and nobody had one.
    nobody_had: Mutex<Option<Instant>>,
    /// Requests of one token or session.
    pub(crate) requests: Throttle,
    /// Attempts to sign in.
    pub(crate) logins: Logins,
    /// Passwords checked at once: each takes 19 MiB and some hundredths of a second.
    pub(crate) checking: Room,
}

impl Accounts {
    /// Nothing remembered yet.
    pub fn new(rate: RateConfig) -> Self {
        Self {
            exist: AtomicBool::new(false),
            nobody_had: Mutex::default(),
            requests: Throttle::new(rate.every(), rate.burst()),
            logins: Logins::new(),
            checking: Room::new("other logins are being checked", 2, 2, 16),
        }
    }

    /// Whether anybody has an account. Once that is so, it stays so; until then it is asked anew every second.
    pub(crate) async fn exist(&self, pool: &PgPool) -> Result<bool, store::Error> {
        if self.exist.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let now = Instant::now();
        let nobody_had = || *self.nobody_had.lock().unwrap_or_else(PoisonError::into_inner);
        if nobody_had().is_some_and(|asked| now.duration_since(asked) < ASK_EVERY) {
            return Ok(false);
        }
        // Whoever comes before the answer asks, too: until it is there, nobody may be taken for the local owner.
        let exist = store::users::exist(pool).await?;
        if exist {
            self.exist.store(true, Ordering::Relaxed);
        } else {
            *self.nobody_had.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
        }
        Ok(exist)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::testing::database;
    use hrm_types::{account::Role, ids::TeamId};

    #[tokio::test]
    async fn nobody_is_the_local_owner_before_it_is_known_that_nobody_has_an_account() {
        let db = database().await;
        store::users::add(&db.pool, "ann", Role::Admin, TeamId::LOCAL, "hash").await.expect("a user");
        let accounts = Accounts::new(RateConfig::DEFAULT);
        let asked = futures_util::future::join_all((0..16).map(|_| accounts.exist(&db.pool))).await;
        assert!(asked.into_iter().all(|exist| exist.expect("an answer")), "all who ask at once");
    }
}
