//! The JSON of the BotKit protocol (`kore-rtm.md` §5.1).

pub(crate) mod call;
pub(crate) mod event;
pub(crate) mod messages;
