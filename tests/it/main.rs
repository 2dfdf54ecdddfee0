//! Tests of the whole system.

mod api;
mod house;
mod program;
