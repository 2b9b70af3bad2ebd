//! The ChatFlow service: scenarios that keep every user's place.
//!
//! [`ChatFlow`] is all there is to it: clients and their apps, an app's scenario from draft to
//! published version, and the turns of its users. The language itself is `maru_scenario`'s; how a
//! bot's server asks, and how a scenario answers as a bot, are the channel's and the bot's of that
//! name.
//!
//! A turn is one commit: the user's new place, what they and the scenario said, and the answer by
//! which the same message is known again.

mod console;
mod error;
pub mod limits;
mod operators;
mod phone;
mod queue;
mod records;
pub mod said;
mod service;
mod turns;
mod users;
mod view;
mod watch;

pub use console::{TestAct, TestRun, TestVersion, Tested};
pub use error::Error;
pub use phone::phone;
pub use records::{
    AppPatch, AppRecord, CONSENT_VERSION, Checked, ClientRecord, Consent, Issued, NewApp,
    Published, VersionInfo,
};
pub use service::{Asked, ChatFlow, Settings, Setup};
pub use turns::{ConsentGiven, HandedTo, Mock, Told, WebhookCall};
pub use users::{Namespace, User};
pub use view::{PastView, SessionView, StateView};
pub use watch::Numbers;
