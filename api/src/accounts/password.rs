//! Passwords: what they must be, and how they are kept.

use super::secret;
use argon2::{
    Argon2,
    password_hash::{self, PasswordHash, PasswordHasher, PasswordVerifier, SaltString},
};
use std::sync::LazyLock;
use thiserror::Error;

/// Fewest characters.
const SHORTEST: usize = 10;

/// Most bytes: hashing takes as long as the password.
const LONGEST: usize = 256;

/// A password that will not do.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum PasswordError {
    /// Too few characters.
    #[error("expected at least {SHORTEST} characters, found {0}")]
    Short(usize),
    /// Too many bytes.
    #[error("expected at most {LONGEST} bytes, found {0}")]
    Long(usize),
    /// The first thing that anybody would try.
    #[error("expected a password that is not made of the user's name or of one character")]
    Obvious,
}

/// Checks a new password of that user.
///
/// # Errors
/// What was expected and what was found.
pub fn check(name: &str, password: &str) -> Result<(), PasswordError> {
    let length = password.chars().count();
    if length < SHORTEST {
        return Err(PasswordError::Short(length));
    }
    if password.len() > LONGEST {
        return Err(PasswordError::Long(password.len()));
    }
    let lower = password.to_lowercase();
    let first = lower.chars().next().unwrap_or_default();
    let without_name = lower.replace(&name.to_lowercase(), "");
    if without_name.chars().count() < SHORTEST / 2 || lower.chars().all(|c| c == first) {
        return Err(PasswordError::Obvious);
    }
    Ok(())
}

/// Argon2id with the parameters that OWASP recommends (19 MiB, 2 passes), a fresh salt, as a PHC string. Takes some
/// hundredths of a second of a processor.
///
/// # Errors
/// When the system gives no random numbers.
pub fn hash(password: &str) -> Result<String, password_hash::Error> {
    let salt = secret::random::<16>().map_err(|_| password_hash::Error::Crypto)?;
    let salt = SaltString::encode_b64(&salt)?;
    Ok(Argon2::default().hash_password(password.as_bytes(), &salt)?.to_string())
}

/// What a login under an unknown name is compared with, so that it takes as long as one under a known name.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash("nobody has this password").unwrap_or_default());

/// Whether this is the password; none is that of a user who is unknown.
pub fn verify(password: &str, hash: Option<&str>) -> bool {
    let Ok(parsed) = PasswordHash::new(hash.unwrap_or(&NOBODY)) else { return false };
    let same = password.len() <= LONGEST && Argon2::default().verify_password(password.as_bytes(), &parsed).is_ok();
    same && hash.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_again_and_no_other_is() {
        let stored = hash("correct horse").expect("a hash");
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{stored}");
        assert_ne!(stored, hash("correct horse").expect("a hash"), "each has a salt of its own");
        assert!(verify("correct horse", Some(&stored)));
        assert!(!verify("correct horses", Some(&stored)));
        assert!(!verify("", Some(&stored)));
        assert!(!verify("nobody has this password", None), "an unknown user has none");
    }

    #[test]
    fn passwords_that_will_not_do_are_refused() {
        let check = |password: &str, expected| assert_eq!(check("ann", password), expected, "{password}");
        check("correct horse", Ok(()));
        check("ninechars", Err(PasswordError::Short(9)));
        check("annannannann", Err(PasswordError::Obvious));
        check("AnnAnn123ann", Err(PasswordError::Obvious));
        check("aaaaaaaaaaaa", Err(PasswordError::Obvious));
        check(&"ä".repeat(129), Err(PasswordError::Long(258)));
    }
}
