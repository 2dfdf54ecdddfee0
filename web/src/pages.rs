//! A file or folder per page.

pub(crate) mod about;
pub(crate) mod arc;
pub(crate) mod batch;
pub(crate) mod batches;
pub(crate) mod compare;
pub(crate) mod dataset;
pub(crate) mod datasets;
pub(crate) mod leaderboard;
pub(crate) mod maze;
pub(crate) mod missing;
pub(crate) mod model;
pub(crate) mod models;
pub(crate) mod new_run;
pub(crate) mod queue;
pub(crate) mod run;
pub(crate) mod runs;
pub(crate) mod solve;
pub(crate) mod team;
