//! Tests of the whole system.

mod api;
mod browser;
mod cli;
mod house;
mod program;
