//! Where the program under test is.

use std::path::PathBuf;

/// The release program, which `make test` builds before the tests, or the one that `HRM_PROGRAM` names.
///
/// # Panics
/// When it is not there, saying how to build it.
pub(crate) fn hrm() -> PathBuf {
    if let Some(named) = std::env::var_os("HRM_PROGRAM") {
        return named.into();
    }
    let test = std::env::current_exe().expect("the path of this test");
    // target/release/deps/it-0123 -> target/release/hrm
    let program = test.ancestors().nth(2).expect("tests lie in target/<profile>/deps").join("hrm");
    assert!(
        program.is_file(),
        "expected the program at {}, found none: run `make test`, or `cargo build --release -p hrm-api` first",
        program.display()
    );
    program
}
