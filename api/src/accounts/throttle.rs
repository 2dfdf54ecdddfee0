//! How often something may be done under one key: so many times at once, then one at a time.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Keys that are remembered at most.
const MOST: usize = 10_000;

/// Admits a burst, then one in every span of time. It remembers one moment for each key: when all that was admitted
/// will have been paid for.
#[derive(Debug)]
pub struct Throttle {
    every: Duration,
    burst: u32,
    paid: Mutex<BTreeMap<Vec<u8>, Instant>>,
}

impl Throttle {
    /// `burst` at once, then one `every` span.
    pub fn new(every: Duration, burst: u32) -> Self {
        Self { every, burst: burst.max(1), paid: Mutex::default() }
    }

    /// Counts one more, or says how long to wait, in which case it does not count.
    ///
    /// # Errors
    /// The time after which one more is admitted.
    pub fn admit(&self, key: &[u8], now: Instant) -> Result<(), Duration> {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        if paid.len() >= MOST && !paid.contains_key(key) {
            make_room(&mut paid, now);
        }
        let until = paid.get(key).copied().unwrap_or(now).max(now) + self.every;
        let credit = self.every * self.burst;
        let wait = (until - now).saturating_sub(credit);
        if !wait.is_zero() {
            return Err(wait);
        }
        paid.insert(key.to_owned(), until);
        Ok(())
    }

    /// Takes back one of those that were counted under a key.
    pub fn take_back(&self, key: &[u8]) {
        let mut paid = self.paid.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(until) = paid.get_mut(key) {
            *until = until.checked_sub(self.every).unwrap_or(*until);
        }
    }

    /// Forgets what was counted under a key.
    pub fn forget(&self, key: &[u8]) {
        self.paid.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }
}

/// Forgets what is paid for and, if that is nothing, what soonest will be.
fn make_room(paid: &mut BTreeMap<Vec<u8>, Instant>, now: Instant) {
    paid.retain(|_, until| *until > now);
    if paid.len() < MOST {
        return;
    }
    let soonest = paid.iter().min_by_key(|(_, until)| **until).map(|(key, _)| key.clone());
    soonest.map(|key| paid.remove(&key));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_admitted_and_then_one_at_a_time() {
        let throttle = Throttle::new(Duration::from_secs(10), 3);
        let start = Instant::now();
        let at = |seconds, key: &str| throttle.admit(key.as_bytes(), start + Duration::from_secs(seconds));
        assert_eq!([at(0, "a"), at(0, "a"), at(0, "a")], [Ok(()); 3]);
        assert_eq!(at(0, "a"), Err(Duration::from_secs(10)));
        assert_eq!(at(0, "b"), Ok(()), "another key is another matter");
        assert_eq!(at(9, "a"), Err(Duration::from_secs(1)), "what is refused does not count");
        assert_eq!(at(10, "a"), Ok(()));
        assert_eq!(at(10, "a"), Err(Duration::from_secs(10)));
        throttle.take_back(b"a");
        assert_eq!([at(10, "a"), at(10, "a")], [Ok(()), Err(Duration::from_secs(10))]);
        throttle.forget(b"a");
        assert_eq!([at(10, "a"), at(10, "a"), at(10, "a")], [Ok(()); 3]);
        assert_eq!(at(100, "a"), Ok(()), "what was paid for long ago gives no further credit");
    }

    #[test]
    fn a_flood_of_keys_takes_no_more_room_than_there_is() {
        let throttle = Throttle::new(Duration::from_secs(10), 1);
        let start = Instant::now();
        for key in 0..MOST + 50 {
            assert_eq!(throttle.admit(&key.to_be_bytes(), start + Duration::from_millis(key as u64 / 100)), Ok(()));
        }
        assert_eq!(throttle.paid.lock().unwrap_or_else(PoisonError::into_inner).len(), MOST);
        let last = (MOST + 49).to_be_bytes();
        assert!(throttle.admit(&last, start + Duration::from_secs(1)).is_err(), "the newest are remembered");
    }
}
