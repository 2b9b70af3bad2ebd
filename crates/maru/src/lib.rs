//! The Maru server: command line, configuration, wiring.
//!
//! This crate knows everyone, and nobody knows it. It is a library so that its own tests can run a
//! whole server in process; the binary is a few lines around [`cli::run`].
//!
//! The wiring is in two places: [`parts`] puts the server's parts together, [`serve`] runs them.

pub mod admin;
mod alerts;
mod answerers;
pub mod archive;
pub mod backup;
mod chat;
pub mod cli;
pub mod config;
mod demo;
mod doors;
pub mod engines;
pub mod exit;
mod first;
pub mod folder;
mod instance_key;
pub mod logging;
mod machines;
mod openapi;
pub mod parts;
pub mod serve;
pub mod terminal;
