//! The limits that no channel can change. Those that one can are in `config.rs`.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::time::Duration;

use maru_activity::ConversationId;
use maru_door::RateLimit;

/// The most bytes of a customer's frame (web-chat-desk.md §4.1).
pub(crate) const FRAME_BYTES_MAX: usize = 64 * 1024;

/// The first frame that begins or resumes a chat has to come within this time.
pub(crate) const FIRST_FRAME: Duration = Duration::from_secs(10);

/// How often a heartbeat is sent.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(25);

/// A client that has sent nothing for this long is gone.
pub(crate) const SILENCE_MAX: Duration = Duration::from_secs(60);

/// How long a frame may take to be written. Nothing is queued for a client beside what the connection
/// itself holds: one that reads more slowly than this is let go, and finds all of it in the log.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(15);

/// How long closing a socket may take.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a socket stays open after the end of its call, for the customer's rating.
pub(crate) const AFTER_CLEAR: Duration = Duration::from_secs(30);

/// How long a `bye` waits for the desk to end the call, before it is ended here.
pub(crate) const BYE_PATIENCE: Duration = Duration::from_secs(3);

/// A client that is more entries behind than this fetches them page by page (§4.5).
pub(crate) const REPLAY_MAX: u64 = 1_000;

/// The most frames of one page of the history.
pub(crate) const HISTORY_MAX: usize = 100;

/// How many entries of the log are looked at to find what a press stands for, or whether a message
/// that a client has no answer to has come.
pub(crate) const LOOK_BACK: u64 = 100;

/// The most unconfirmed messages that a client may ask about.
pub(crate) const PENDING_MAX: usize = 50;

/// A session can be resumed for this long after it was last begun or resumed.
pub(crate) const SESSION_TTL: Duration = Duration::from_secs(7 * 86_400);

/// A repeated invite within this time finds the chat that the first one began.
pub(crate) const INVITE_TTL: Duration = Duration::from_secs(60);

/// How long an upload's token is good.
pub(crate) const UPLOAD_TTL: Duration = Duration::from_secs(86_400);

/// How often a session is looked at again after somebody else has written it in the same moment.
pub(crate) const TRIES_MAX: usize = 8;

/// The least time between two typing or read signals of one client.
pub(crate) const SIGNAL_EVERY: Duration = Duration::from_secs(1);

/// The most time after which a client comes back to a server that stops.
pub(crate) const AWAY_MS: u64 = 5_000;

/// The longest rating, in Unicode scalar values.
pub(crate) const RATING_MAX: usize = 1_000;

/// The longest texts of a page that agents are shown, in Unicode scalar values; longer ones are cut.
pub(crate) const PAGE_TEXT_MAX: usize = 512;

/// The longest name in a token, in Unicode scalar values; a longer one is cut.
pub(crate) const NAME_MAX: usize = 100;

/// The most bytes of a token.
pub(crate) const TOKEN_BYTES_MAX: usize = 4 * 1024;

/// How many messages a second a customer may send, at once and after that (R9).
pub(crate) const MESSAGES: (u32, u32) = (5, 20);

/// How many a minute, over a longer time.
pub(crate) const MESSAGES_A_MINUTE: u32 = 60;

/// How many frames of any kind a second, and at once. A client over that is let go with 4429.
pub(crate) const FRAMES: (u32, u32) = (50, 200);

/// How many chats an address may begin or resume a second, and at once: offices share one address, and
/// all of them come back when a server has restarted.
pub(crate) const CALLS: (u32, u32) = (500, 5_000);

/// How many files a second a chat may send, and at once.
pub(crate) const UPLOADS: (u32, u32) = (1, 10);

/// How often customers may do things, each by what they are known by.
pub(crate) struct Paces {
    pub(crate) messages: RateLimit<ConversationId>,
    pub(crate) messages_a_minute: RateLimit<ConversationId>,
    pub(crate) calls: RateLimit<IpAddr>,
    pub(crate) uploads: RateLimit<ConversationId>,
}

impl Default for Paces {
    fn default() -> Self {
        Self {
            messages: RateLimit::new(at_least_one(MESSAGES.0), at_least_one(MESSAGES.1)),
            messages_a_minute: RateLimit::new(
                at_least_one(MESSAGES_A_MINUTE / 60),
                at_least_one(MESSAGES_A_MINUTE),
            ),
            calls: RateLimit::new(at_least_one(CALLS.0), at_least_one(CALLS.1)),
            uploads: RateLimit::new(at_least_one(UPLOADS.0), at_least_one(UPLOADS.1)),
        }
    }
}

fn at_least_one(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN)
}

impl fmt::Debug for Paces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Paces").finish_non_exhaustive()
    }
}
