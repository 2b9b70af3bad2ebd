//! The limits of contents. Lengths are in Unicode scalar values after NFC, where nothing else is
//! said.

use maru_content::{Capabilities, limits};

/// The longest text of a message, where a channel does not say otherwise (web-chat-desk.md A30).
pub const TEXT_MAX: usize = 4_000;

/// The longest heading above files or links.
pub const HEADING_MAX: usize = TEXT_MAX;

/// The most buttons of a message.
pub const LINKS_MAX: usize = 20;

/// The longest name of a button.
pub const LINK_NAME_MAX: usize = 100;

/// The longest extra information of a button (web-chat-desk.md §1.4: `text(100)`).
pub const EXTRA_MAX: usize = 100;

/// The most bytes of an address.
pub const URL_BYTES_MAX: usize = 2_048;

/// The longest keyword, menu or scenario code of a reply to a scenario.
pub(super) const KEYWORD_MAX: usize = 200;

/// The longest media type.
pub(super) const MEDIA_TYPE_MAX: usize = 128;

/// The largest size of a file that a message may claim: what JavaScript's numbers hold.
pub(super) const SIZE_MAX: u64 = (1 << 53) - 1;

/// What a web chat can show of a bot's activity.
pub const WEB_CHAT: &Capabilities = &limits::WEB_CHAT;
