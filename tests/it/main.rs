//! Tests of the whole system.

mod api;
mod browser;
mod cli;
mod crash;
mod deployment;
mod folder;
mod house;
mod postgres;
mod program;
mod wait;
mod workers;
