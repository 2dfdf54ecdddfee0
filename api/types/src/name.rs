//! What things may be called.

use crate::job::LOCAL;
use uuid::Uuid;

/// Characters of a name, at most.
pub const LONGEST: usize = 64;

/// Characters of a tag, at most.
pub const LONGEST_TAG: usize = 40;

/// Checks the name of an experiment, a dataset or a model, which are found by name or by id.
///
/// # Errors
/// What was expected and what was found.
pub fn check(name: &str) -> Result<(), String> {
    // A name that is an id would stand in another's way.
    if consists_of(name, "-_.") && name.contains(|c: char| c.is_ascii_alphanumeric()) && name.parse::<Uuid>().is_err() {
        return Ok(());
    }
    Err(format!("expected 1 to {LONGEST} letters, digits, '-', '_' or '.', and no UUID, found {name:?}"))
}

/// Checks the name of an owner, a user or a team.
///
/// # Errors
/// What was expected and what was found.
pub fn check_owner(owner: &str) -> Result<(), String> {
    if consists_of(owner, "-_.@") {
        return Ok(());
    }
    Err(format!("expected 1 to {LONGEST} letters, digits, '-', '_', '.' or '@', found {owner:?}"))
}

/// Checks the name of a new user. What is made without an account is [`LOCAL`]'s, who is nobody else.
///
/// # Errors
/// What was expected and what was found.
pub fn check_user(name: &str) -> Result<(), String> {
    if name.eq_ignore_ascii_case(LOCAL) {
        return Err(format!("expected another name than {LOCAL:?}, which stands for whoever has no account"));
    }
    check_owner(name)
}

/// Checks a name that only people read, which may be of any characters that can be seen.
///
/// # Errors
/// What was expected and what was found.
pub fn check_label(label: &str) -> Result<(), String> {
    check_words(label, LONGEST)
}

/// Checks a tag.
///
/// # Errors
/// What was expected and what was found.
pub fn check_tag(tag: &str) -> Result<(), String> {
    check_words(tag, LONGEST_TAG)
}

fn check_words(words: &str, longest: usize) -> Result<(), String> {
    let length = words.chars().count();
    if !(1..=longest).contains(&length) {
        return Err(format!("expected 1 to {longest} characters, found {length}"));
    }
    // A line break or an escape would be carried out by the terminal that lists it.
    if words.chars().any(char::is_control) || words.trim() != words {
        return Err(format!("expected no control characters and no blanks at the ends, found {words:?}"));
    }
    Ok(())
}

fn consists_of(name: &str, signs: &str) -> bool {
    (1..=LONGEST).contains(&name.len()) && name.chars().all(|c| c.is_ascii_alphanumeric() || signs.contains(c))
}

#[cfg(test)]
mod tests {
    use super::{check, check_label, check_owner, check_tag, check_user};

    #[test]
    fn names_can_stand_in_an_address_and_are_no_ids() {
        for good in ["sudoku-6x6", "a", "A_b.C", &"x".repeat(64)] {
            assert_eq!(check(good), Ok(()), "{good:?}");
        }
        for bad in
            ["", ".", "..", "-", "a b", "é", "a/b", "a@b", &"x".repeat(65), "3f2504e0-4f89-11d3-9a0c-0305e82c3301"]
        {
            assert!(check(bad).is_err_and(|problem| problem.ends_with(&format!("found {bad:?}"))), "{bad:?}");
        }
    }

    #[test]
    fn owners_may_be_addresses_of_mail() {
        assert_eq!(check_owner("ann@example.org"), Ok(()));
        assert!(check_owner("ann bob").is_err());
        assert_eq!((check_owner("local"), check_user("ann@example.org")), (Ok(()), Ok(())));
        assert!(check_user("Local").is_err() && check_user("ann bob").is_err());
    }

    #[test]
    fn labels_are_counted_in_characters() {
        assert_eq!(check_label(&"é".repeat(64)), Ok(()));
        assert_eq!(check_label(""), Err("expected 1 to 64 characters, found 0".into()));
    }

    #[test]
    fn labels_and_tags_can_be_seen() {
        for bad in [" ", "a\nb", "a\u{1b}[31mred", " a", "a\u{7f}"] {
            let problem = format!("expected no control characters and no blanks at the ends, found {bad:?}");
            assert_eq!((check_label(bad), check_tag(bad)), (Err(problem.clone()), Err(problem)));
        }
        assert_eq!((check_label("a b"), check_tag("größer")), (Ok(()), Ok(())));
    }
}
