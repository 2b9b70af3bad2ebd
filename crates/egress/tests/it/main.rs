//! Calls over real sockets to servers that behave, and to servers that do not.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod answers;
mod failures;
mod names;
mod secure;
mod server;
mod trace;
