//! The command line of the real program: what it prints, how it ends, what it leaves behind.

mod bench;
mod data;
mod import;
mod log;
mod program;
mod train;
mod verify;
