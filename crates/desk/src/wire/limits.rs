//! What the wire takes, and how often.

use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::time::Duration;

/// The most bytes of a frame (web-chat-desk.md §4.1).
pub(crate) const FRAME_BYTES_MAX: usize = 64 * 1024;

/// The most characters of a request's id (§4.2).
pub(crate) const REQUEST_ID_CHARS_MAX: usize = 36;

/// How many characters the key of a message has (§4.3).
pub(crate) const MID_CHARS: RangeInclusive<usize> = 16..=36;

/// The most characters of a message (§1.7, A30).
pub(crate) const MESSAGE_CHARS_MAX: usize = 4_000;

/// The most characters of the reason for which an agent is not ready.
pub(crate) const REASON_CHARS_MAX: usize = 64;

/// The most entries of a page of history (§4.3).
pub(crate) const HIST_MAX: usize = 100;

/// The most chats that a client may say it knows. An agent has at most 50, and sees those that wait.
pub(crate) const SHOWN_MAX: usize = 1_000;

/// How many of a chat's last entries a client gets that knows none.
pub(crate) const LAST_ENTRIES: u64 = 50;

/// How far a client may be behind and still get every entry.
pub(crate) const BEHIND_MAX: u64 = 500;

/// When the first frame must have come (§4.1).
pub(crate) const HELLO_WITHIN: Duration = Duration::from_secs(10);

/// How often the server asks whether the client is there (§4.6).
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(25);

/// For how long a client may say nothing (§4.6).
pub(crate) const SILENCE: Duration = Duration::from_secs(60);

/// How long one frame may take to be sent. Nothing waits behind it in memory: the rest is in the store.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(20);

/// How long the closing of a socket may take.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How often what changes all the time is sent: who is free, and how long people wait.
pub(crate) const NUMBERS_EVERY: Duration = Duration::from_secs(2);

/// After how long clients are to come back when the server restarts.
pub(crate) const AWAY: Duration = Duration::from_secs(1);

/// How many frames a client may send in a second.
pub(crate) const FRAMES_PER_SECOND: NonZeroU32 = NonZeroU32::new(20).unwrap();

/// How many at once.
pub(crate) const FRAMES_AT_ONCE: NonZeroU32 = NonZeroU32::new(100).unwrap();

/// For how long a command is not done again, but answered as it was.
pub(crate) const ANSWERS_KEPT: Duration = Duration::from_secs(600);

/// How many such answers are kept.
pub(crate) const ANSWERS_MAX: u64 = 20_000;

/// The most bytes of a body of the API.
pub(crate) const BODY_BYTES_MAX: usize = 16 * 1024;

/// How many calls of the API an address may make in a second, and at once: a floor of agents signs in
/// from one when the shift begins.
pub(crate) const CALLS_PER_SECOND: NonZeroU32 = NonZeroU32::new(20).unwrap();

/// How many at once.
pub(crate) const CALLS_AT_ONCE: NonZeroU32 = NonZeroU32::new(200).unwrap();
