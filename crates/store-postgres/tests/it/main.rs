//! What PostgreSQL adds to the contract: lost connections, restarts, several nodes, schema versions.

mod crowd;
mod faults;
mod leases;
mod proxy;
mod restart;
mod schema;
mod support;
mod text;
