//! The limits that no app can change. Those that one can are in `config.rs`.

use std::time::Duration;

/// How long the address of a socket is good after it was given out (kore-rtm.md §1.5).
pub(crate) const SID_TTL: Duration = Duration::from_secs(30);

/// The length of a `sid`, as in the documents' sample.
pub(crate) const SID_LENGTH: usize = 32;

/// The most bytes of a body that is no upload.
pub(crate) const BODY_BYTES_MAX: usize = 64 * 1024;

/// The most bytes of an assertion. A user's custom data travels in it.
pub(crate) const ASSERTION_BYTES_MAX: usize = 16 * 1024;

/// The most bytes of a user's identity: `sub`.
pub(crate) const SUBJECT_BYTES_MAX: usize = 256;

/// The most bytes of a first or last name; longer ones are cut off.
pub(crate) const NAME_BYTES_MAX: usize = 128;

/// The most bytes of `botInfo`: it is sent back with each frame.
pub(crate) const BOT_INFO_BYTES_MAX: usize = 8 * 1024;

/// How deep `botInfo` may be nested.
pub(crate) const BOT_INFO_DEPTH_MAX: usize = 32;

/// The most bytes of a language's name.
pub(crate) const LANGUAGE_BYTES_MAX: usize = 64;

/// How much the clock of whoever signed an assertion may be behind ours (kore-rtm.md §2), in
/// seconds.
pub(crate) const SKEW_SECS: f64 = 60.0;

/// For how long at most an assertion with a `jti` may be good (kore-rtm.md §2), in seconds.
pub(crate) const JTI_SPAN_SECS: f64 = 3_600.0;

/// How long the development issuer's assertions are good, in seconds. The SDKs fetch a fresh one for
/// each grant.
pub(crate) const ISSUED_TTL_SECS: i64 = 3_600;

/// The most pairs of a form.
pub(crate) const FORM_PAIRS_MAX: usize = 1_000;

/// How deep a form's brackets may be nested.
pub(crate) const FORM_DEPTH_MAX: usize = 16;

/// How long an upload may take from its token to its merging.
pub(crate) const UPLOAD_TTL: Duration = Duration::from_secs(3_600);

/// The most bytes of a chunk as it is decoded. The SDKs cut at 1,048,576 (kore-rtm.md §1.7).
pub(crate) const CHUNK_BYTES_MAX: usize = 4 * 1024 * 1024;

/// The most names that the parts of an upload's body have; the SDKs' have up to seven.
pub(crate) const PARTS_MAX: usize = 32;

/// The most bytes of a part's header.
pub(crate) const PART_HEADER_BYTES_MAX: usize = 4 * 1024;

/// The most bytes of a part that is no file.
pub(crate) const FIELD_BYTES_MAX: usize = 4 * 1024;

/// A file's link is good for this many days, counted from the end of the day in which it was
/// rendered, so that it stays the same within a day and browsers can keep the file.
pub(crate) const LINK_DAYS: i64 = 7;

/// How deep a frame may be nested: an activity, in which it is kept, may be a little deeper.
pub(crate) const FRAME_DEPTH_MAX: usize = 48;

/// The most bytes of a frame's id as JSON text; a longer one is not sent back.
pub(crate) const FRAME_ID_BYTES_MAX: usize = 256;

/// The most files of one message; the SDKs send up to ten.
pub(crate) const FRAME_ATTACHMENTS_MAX: usize = 32;

/// How many clients of a user are remembered with how far they have come.
pub(crate) const PLACES_MAX: usize = 16;

/// What is older is not sent again to a client that comes back: it asks for the history then.
pub(crate) const RESEND_AGE: Duration = Duration::from_secs(900);

/// How much is sent again at most, in entries.
pub(crate) const RESEND_MAX: u64 = 100;

/// A page that connects again this soon is not greeted again: version 1 and 2 of the web SDK open
/// two sockets when they try again (kore-rtm.md §3.6).
pub(crate) const YOUNG: Duration = Duration::from_secs(10);

/// How often a session is looked at again after somebody else has written it in the same moment.
pub(crate) const TRIES_MAX: usize = 32;

/// How long a post is tried again while the store does not answer.
pub(crate) const STORE_PATIENCE: Duration = Duration::from_secs(10);

/// The wait before the first of these tries; it doubles from here.
pub(crate) const STORE_TRY_FIRST: Duration = Duration::from_millis(200);

/// How long a frame may take to be written. A client that reads nothing is let go.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long closing a socket may take.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// How many streamed messages are followed at once on one socket.
pub(crate) const STREAMS_MAX: usize = 8;

/// The most chunks of an upload.
pub(crate) const UPLOAD_CHUNKS_MAX: usize = 1_024;

/// How many messages of the history are given where nothing is said.
pub(crate) const HISTORY_LIMIT: usize = 10;

/// How many are given at most.
pub(crate) const HISTORY_LIMIT_MAX: usize = 100;

/// How many entries of the log are looked at at once.
pub(crate) const HISTORY_PAGE: u64 = 100;

/// How often that is done for one call.
pub(crate) const HISTORY_PAGES_MAX: usize = 50;

/// How long a webhook's `ON_CONNECT` waits for a greeting; many bots have none.
pub(crate) const GREETING_WAIT: Duration = Duration::from_secs(3);

/// How long one poll waits. The web SDK asks every second.
pub(crate) const POLL_WAIT: Duration = Duration::from_millis(500);

/// How long it is polled at most for an answer: then there is none.
pub(crate) const POLL_PATIENCE: Duration = Duration::from_secs(300);

/// How long a poll's id is known.
pub(crate) const POLL_TTL: Duration = Duration::from_secs(600);

/// The web SDK's window loses what comes while it waits for an empty history (kore-rtm.md §3.7): in a
/// session that is younger than this, an empty history waits for a greeting.
pub(crate) const GREETED_WITHIN: Duration = Duration::from_secs(3);

/// How long it waits.
pub(crate) const FIRST_MESSAGE_WAIT: Duration = Duration::from_secs(1);
