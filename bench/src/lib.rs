//! Maru measured and Maru tormented, from outside: everything here talks to the real binary over its
//! real wires, and shares no code with it.
//!
//! `maru-bench` measures; `maru-ledger` kills the server, or the nodes of a cluster, under load, takes
//! away the network or the time from under live chats, and holds them to what they acknowledged. `README.md` says what each figure and each law means.

pub mod activity;
pub mod bot;
pub mod chatflow;
pub mod chats;
pub mod cluster;
pub mod desk;
pub mod direct_line;
pub mod http;
pub mod kore;
pub mod ledger;
pub mod machine;
pub mod measure;
pub mod random;
pub mod server;
pub mod services;
pub mod web_chat;
