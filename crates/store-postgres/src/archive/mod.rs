//! Moving to and from another store: every table as records.

mod export;
mod import;

pub(crate) use export::{count, export};
pub(crate) use import::import;
