//! What no setting changes, and what settings may say.

use std::time::Duration;

/// The most characters of a number: `[0-9A-Za-z*#+_.-]` (web-chat-desk.md §1.7, A14).
pub const DN_CHARS_MAX: usize = 32;

/// The most characters of a name that is shown to customers.
pub const NAME_CHARS_MAX: usize = 100;

/// The most members of a group.
pub const MEMBERS_MAX: usize = 1_000;

/// The most numbers of a realm.
pub const DNS_MAX: usize = 10_000;

/// How often a call may go on to another number because nobody could take it (§4.9).
pub const HOPS_MAX: u8 = 3;

/// The most calls that an agent may be given at once, whatever is set.
pub const CALLS_MAX: u32 = 50;

/// How many calls an agent is given at once, if nothing is set (§4.8).
pub const CALLS_DEFAULT: u32 = 3;

/// The most calls that may wait in one queue, whatever is set.
pub const QUEUE_MAX: u32 = 10_000;

/// How many calls may wait in one queue, if nothing is set.
pub const QUEUE_DEFAULT: u32 = 100;

/// The longest time that a setting in seconds may say: a day (asynchronous chats, §4.7).
pub const SECS_MAX: u32 = 86_400;

/// For how long a link of an agent holds without a sign of life (§4.6).
pub const LINK_HOLDS: Duration = Duration::from_secs(60);

/// How often a sign of life is written down.
pub const LINK_RENEWED: Duration = Duration::from_secs(20);

/// The most links of one agent at once (tabs, devices); the oldest goes for a newer one.
pub const LINKS_MAX: usize = 16;

/// Of how many answered calls a queue remembers how long they waited.
pub const PACE_OF: usize = 10;

/// How often a waiting customer is told their place at most (§4.3).
pub const PLACE_EVERY: Duration = Duration::from_secs(5);

/// How many of the log's last entries are looked at for who spoke last.
pub const LOOKED_AT: u64 = 100;

/// The most characters of a comment on a transfer or an end.
pub const COMMENT_CHARS_MAX: usize = 1_000;

/// The most categories that an agent gives to a call.
pub const CODES_MAX: usize = 15;

/// The most characters of such a category.
pub const CODE_CHARS_MAX: usize = 100;

/// The most bytes of what agents are shown of a customer besides id and name.
pub const CONTEXT_BYTES_MAX: usize = 16_384;

/// How often a step is taken anew when another node was faster.
pub(crate) const TRIES: usize = 8;

/// How often other nodes' work is looked at, and how old what is known of it may be.
pub(crate) const FOLLOWED_EVERY: Duration = Duration::from_secs(1);

/// How many values are read at once.
pub(crate) const PAGE: usize = 500;
