//! The embedded store: SQLite, one writer thread with group commit, a pool of readers.
//!
//! [`SqliteStore`] keeps everything in one database file, `maru.db`, with SQLite's own `-wal` and
//! `-shm` files beside it. A commit is answered after a sync (`synchronous=FULL`), and shares it
//! with what else was waiting. See this crate's README for files, tables, durability and limits.

mod backup;
mod heads;
mod numbers;
mod open;
mod read;
mod readers;
mod rows;
mod store;
mod values;
mod writer;

pub use backup::{RestoreError, Restored, erasures_in, restore};
pub use open::{FILE, OpenError, Options, found_schema, known_schema};
pub use store::SqliteStore;
