//! Bot Framework bots against a whole house: a real store, a real bot behind a real socket, and the
//! Connector on a port of its own.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod bad_calls;
mod connector;
mod deliveries;
mod described;
mod files;
mod house;
mod secrecy;
