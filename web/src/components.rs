//! The small parts that the pages are made of.

pub(crate) mod ago;
pub(crate) mod began_with;
pub(crate) mod claimed;
pub(crate) mod confirm;
pub(crate) mod copy;
pub(crate) mod field;
pub(crate) mod file;
pub(crate) mod history;
pub(crate) mod interval;
pub(crate) mod job;
pub(crate) mod leaked;
pub(crate) mod measure;
pub(crate) mod namesakes;
pub(crate) mod no_worker;
pub(crate) mod of_id;
pub(crate) mod page;
pub(crate) mod pictures;
pub(crate) mod problem;
pub(crate) mod progress;
pub(crate) mod rename;
pub(crate) mod solved_by;
pub(crate) mod splits;
pub(crate) mod state;
pub(crate) mod stated;
pub(crate) mod sweep;
pub(crate) mod turn;
