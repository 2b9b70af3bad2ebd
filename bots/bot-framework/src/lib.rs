//! Bot Framework bots: the call to the bot, and the Connector that it calls back.
//!
//! [`BotFrameworkKind`] hands activities over, one POST each, to bots made with Microsoft's Bot
//! Framework SDKs or the Microsoft 365 Agents SDKs. [`Connector`] is the face under which those
//! bots speak: the Bot Connector REST API v3, at the `serviceUrl` that each activity names. The two
//! meet in [`Callback`]: the address that bots call, with a capability in it for each bot.

mod callback;
mod config;
mod connector;
mod error;
mod map;
mod outbound;
mod wire;

pub use callback::{BadCallback, Callback};
pub use config::Settings;
pub use connector::{Connector, ConnectorLimits, openapi};
pub use outbound::BotFrameworkKind;

/// The kind's name in records, and the protocol's among client keys.
const KIND: &str = "bot-framework";
