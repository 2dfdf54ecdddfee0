//! How often anybody may try to sign in.

use super::Throttle;
use std::{
    net::{IpAddr, Ipv6Addr},
    time::{Duration, Instant},
};

/// Counts attempts to sign in. Whoever guesses a password is slowed down by his address, so that he keeps nobody else from
/// signing in under the name that he guesses for; only guesses from many addresses at once add up for a name.
#[derive(Debug)]
pub(crate) struct Logins {
    addresses: Throttle,
    names_from_addresses: Throttle,
    names: Throttle,
}

impl Logins {
    /// Nothing tried yet.
    pub(super) fn new() -> Self {
        Self {
            addresses: Throttle::new(Duration::from_secs(5), 20),
            names_from_addresses: Throttle::new(Duration::from_secs(30), 5),
            names: Throttle::new(Duration::from_secs(10), 60),
        }
    }

    /// Counts one more attempt, or says how long to wait, in which case it does not count for the name.
    ///
    /// # Errors
    /// The time after which one more is admitted.
    pub(crate) fn admit(&self, name: &str, from: IpAddr, now: Instant) -> Result<(), Duration> {
        let (name, address) = keys(name, from);
        self.addresses.admit(address.as_bytes(), now)?;
        self.names_from_addresses.admit(format!("{address} {name}").as_bytes(), now)?;
        self.names.admit(name.as_bytes(), now)
    }

    /// Forgets the attempts of who has signed in. Of those from the address only this one: who signs in under a name of his
    /// own gets no further guesses at others'.
    pub(crate) fn forget(&self, name: &str, from: IpAddr) {
        let (name, address) = keys(name, from);
        self.addresses.take_back(address.as_bytes());
        self.names_from_addresses.forget(format!("{address} {name}").as_bytes());
        self.names.forget(name.as_bytes());
    }
}

/// A name in one spelling, and the address or, of version 6, the network that one customer is given.
fn keys(name: &str, from: IpAddr) -> (String, String) {
    let address = match from.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).to_string(),
    };
    (name.to_lowercase(), address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_slow_down_who_guesses_and_not_the_user() {
        let (logins, start) = (Logins::new(), Instant::now());
        let at = |seconds, name, from: &str| {
            logins.admit(name, from.parse().expect("an address"), start + Duration::from_secs(seconds))
        };
        for _ in 0..5 {
            assert_eq!(at(0, "ann", "192.0.2.1"), Ok(()));
        }
        assert_eq!(at(0, "ANN", "::ffff:192.0.2.1"), Err(Duration::from_secs(30)), "in any spelling");
        assert_eq!(at(0, "ann", "192.0.2.2"), Ok(()), "the user, elsewhere");
        assert_eq!(at(0, "bob", "192.0.2.1"), Ok(()));
        for second in 0..10_000 {
            let _ = at(second, "ann", "192.0.2.1");
        }
        assert_eq!(at(10_000, "ann", "192.0.2.3"), Ok(()), "however long he goes on");
    }

    #[test]
    fn guesses_from_everywhere_are_slowed_down_together() {
        let (logins, start) = (Logins::new(), Instant::now());
        let from = |host: u16| logins.admit("ann", Ipv6Addr::new(0x2001, 0xdb8, 0, host, 0, 0, 0, host).into(), start);
        assert!((0..60).all(|host| from(host).is_ok()));
        assert_eq!(from(60), Err(Duration::from_secs(10)));
        logins.forget("Ann", Ipv6Addr::new(0x2001, 0xdb8, 0, 7, 0, 0, 0, 1).into());
        assert_eq!(from(60), Ok(()), "the user has signed in meanwhile");
    }

    #[test]
    fn signing_in_gives_no_further_guesses_at_other_names() {
        let (logins, start, from) = (Logins::new(), Instant::now(), IpAddr::from([192, 0, 2, 1]));
        let mut guesses = 0;
        while guesses < 100 && logins.admit(&format!("user-{guesses}"), from, start).is_ok() {
            guesses += 1;
            if logins.admit("eve", from, start).is_ok() {
                logins.forget("eve", from);
            }
        }
        assert_eq!(guesses, 20);
    }

    #[test]
    fn the_addresses_of_one_network_are_one() {
        let (logins, start) = (Logins::new(), Instant::now());
        let from = |host: u16| logins.admit("ann", Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, host).into(), start);
        assert!((0..5).all(|host| from(host).is_ok()));
        assert_eq!(from(5), Err(Duration::from_secs(30)));
    }
}
