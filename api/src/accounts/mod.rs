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
    asked: Mutex<Option<Instant>>,
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
            asked: Mutex::default(),
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
        {
            let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
            if asked.is_some_and(|asked| now.duration_since(asked) < ASK_EVERY) {
                return Ok(false);
            }
            *asked = Some(now);
        }
        let exist = store::users::exist(pool).await;
        match &exist {
            Ok(true) => self.exist.store(true, Ordering::Relaxed),
            Ok(false) => {}
            // The next request asks again: nobody gets in because the database was away.
            Err(_) => *self.asked.lock().unwrap_or_else(PoisonError::into_inner) = None,
        }
        exist
    }
}
