//! The server, the worker and the command line of HRM Lab, as a library that the program `hrm` and its tests share.

pub mod accounts;
pub mod backup;
pub mod cluster;
pub mod comparison;
pub mod config;
pub mod curve;
pub mod environment;
pub(crate) mod experiments;
pub mod fault;
pub mod fetch;
pub mod housekeeping;
pub mod http;
pub mod intake;
pub mod leaderboard;
pub mod published;
pub mod queue;
pub mod routes;
pub mod run_folder;
pub mod server;
pub mod solver;
pub mod store;
pub mod worker;
