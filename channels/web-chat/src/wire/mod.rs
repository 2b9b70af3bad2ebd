//! The frames of `nxchat.v1` (web-chat-desk.md §4.2 and §4.3), field for field.

pub(crate) mod inbound;
pub(crate) mod outbound;

/// The subprotocol's name.
pub(crate) const SUBPROTOCOL: &str = "nxchat.v1";
