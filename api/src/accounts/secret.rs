//! Random secrets: sessions, tokens, codes of invitations. They are shown once; what is kept is their hash.

use sha2::{Digest, Sha256};
use std::fmt;

/// Characters of a secret beside its prefix: 190 bits.
const LENGTH: usize = 32;

/// Characters of a token that stay visible.
const VISIBLE: usize = 8;

const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A fresh secret. It does not show when it is logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Secret {
    /// A session's secret or an invitation's code.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn new() -> Result<Self, getrandom::Error> {
        Self::with_prefix("")
    }

    /// An API token; what it is shows from its beginning.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub fn token() -> Result<Self, getrandom::Error> {
        Self::with_prefix("hrm_")
    }

    fn with_prefix(prefix: &str) -> Result<Self, getrandom::Error> {
        let mut secret = prefix.to_owned();
        while secret.len() < prefix.len() + LENGTH {
            // Those beyond the last multiple of 62 are left out, so that every character is as likely as any other.
            let fit = random::<LENGTH>()?.into_iter().filter(|&byte| byte < 248);
            secret.extend(fit.map(|byte| char::from(ALPHABET[usize::from(byte) % 62])));
            secret.truncate(prefix.len() + LENGTH);
        }
        Ok(Self(secret))
    }

    /// The secret itself, to be shown once.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Its beginning, which tells nobody the rest.
    pub fn prefix(&self) -> &str {
        &self.0[..VISIBLE]
    }

    /// What is kept of it.
    pub fn hash(&self) -> [u8; 32] {
        hash(&self.0)
    }
}

/// What is kept of a secret. It is random, so that nothing slower is needed.
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret).into()
}

/// Random bytes of the system's.
pub(super) fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_show_what_they_are_and_differ() {
        let (one, other) = (Secret::token().expect("a token"), Secret::token().expect("a token"));
        assert_ne!(one, other);
        assert_eq!(one.reveal().len(), 36);
        assert!(one.reveal().starts_with("hrm_") && one.reveal()[4..].bytes().all(|c| c.is_ascii_alphanumeric()));
        assert_eq!(one.prefix(), &one.reveal()[..8]);
        assert_eq!(one.hash(), hash(one.reveal()));
        assert!(!format!("{one:?}").contains(one.prefix()));
        assert_eq!(Secret::new().expect("a secret").reveal().len(), 32);
    }
}
