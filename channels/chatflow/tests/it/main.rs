//! The API over HTTP: the origin's client, every error, and the operators' orders.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod admin;
mod calls;
mod corpus;
mod errors;
mod house;
mod origin;
mod reference;
mod secrecy;
