//! Tests of the whole system.

mod api;
mod cli;
mod house;
mod program;
