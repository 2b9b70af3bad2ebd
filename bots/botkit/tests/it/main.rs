//! BotKit bots against a whole house: a real store, the face on a port of its own, and a server on
//! another that speaks BotKit's side of the protocol.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod agents;
mod backend;
mod bad_calls;
mod callbacks;
mod events;
mod house;
mod secrecy;
mod server;
