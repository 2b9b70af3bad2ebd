//! The shared store: PostgreSQL, with node-side group commit and leases.
//!
//! [`PostgresStore`] keeps everything in one PostgreSQL database, which any number of processes may
//! work on at once. A commit is answered after the server has it on disk, and shares its transaction
//! with what else was waiting in this process. Which process hands a conversation's deliveries over
//! is settled by leases in the same rows. See this crate's README for tables, durability, leases and
//! what is asked of the server.

mod address;
mod archive;
mod db;
mod erase;
mod fault;
mod keep;
mod lease;
mod migrate;
mod numbers;
mod options;
mod read;
mod rows;
mod session;
mod store;
mod text;
mod tls;
mod writer;

pub use migrate::{Migrated, known_schema, migrate};
pub use options::{LEASE, OpenError, Options};
pub use store::PostgresStore;
