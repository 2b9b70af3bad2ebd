//! The limits that no site can change. Those that one can are in `config.rs`.

use std::time::Duration;

/// How long a stream's ticket is good. The cloud service's is good for 60 seconds.
pub(crate) const TICKET_TTL_SECS: i64 = 60;

/// How far back a token's `nbf` is put, so that a clock that is set back a little, or another
/// node's that is a little behind, does not refuse a token of a moment ago.
pub(crate) const NOT_BEFORE_SLACK_SECS: i64 = 60;

/// The most bytes of a body with token parameters.
pub(crate) const PARAMETERS_BYTES_MAX: usize = 64 * 1024;

/// The most bytes of a user's id.
pub(crate) const USER_ID_BYTES_MAX: usize = 256;

/// The most bytes of a `clientActivityID`. Longer ones make no post repeatable.
pub(crate) const CLIENT_KEY_BYTES_MAX: usize = 256;

/// The most trusted origins that a token can carry: they stand in every request's header.
pub(crate) const TOKEN_ORIGINS_MAX: usize = 16;

/// The most bytes of one of them.
pub(crate) const ORIGIN_BYTES_MAX: usize = 255;

/// The most bytes of a locale.
pub(crate) const LOCALE_BYTES_MAX: usize = 64;

/// How deep the JSON of an activity may be nested.
pub(crate) const DEPTH_MAX: usize = 64;

/// The most activities on a page or in a frame.
pub(crate) const PAGE_MAX: usize = 100;

/// A poll's page is closed once it has this many bytes.
pub(crate) const PAGE_BYTES: usize = 1024 * 1024;

/// A stream's frame is closed once it has this many bytes. The socket keeps a buffer as large as
/// its largest frame for as long as it is open, so frames are small.
pub(crate) const FRAME_BYTES: usize = 16 * 1024;

/// How many pages one poll goes through where all that is on them is hidden from polls.
pub(crate) const HIDDEN_PAGES_MAX: usize = 64;

/// The most bytes of a client's frame. Clients have nothing to say there but empty pings.
pub(crate) const CLIENT_FRAME_BYTES_MAX: usize = 64 * 1024;

/// How long a frame may take to be written. A client that reads nothing is let go.
pub(crate) const WRITE_TIMEOUT: Duration = Duration::from_secs(30);

/// How long closing a socket may take.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
