//! The program `hrm`.
fn main() {}
