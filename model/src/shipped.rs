//! The checkpoints that ship with the program, so that it solves something the moment it starts.

/// Name and file of each.
pub const CHECKPOINTS: &[(&str, &[u8])] = &[];
