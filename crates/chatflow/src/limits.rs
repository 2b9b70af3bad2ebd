//! What no setting changes.

use std::time::Duration;

/// The most characters of a client's or an app's name.
pub const NAME_CHARS_MAX: usize = 100;

/// The most characters of an app's description.
pub const DESCRIPTION_CHARS_MAX: usize = 1_000;

/// The most characters of what a publisher says of a version.
pub const NOTE_CHARS_MAX: usize = 200;

/// The most characters of a public handle.
pub const HANDLE_CHARS_MAX: usize = 40;

/// The most bytes of a user's key. Kakao's have 12 characters, a Direct Line user may have 256 bytes.
pub const USER_KEY_BYTES_MAX: usize = 256;

/// The most bytes of a message's id.
pub const MESSAGE_ID_BYTES_MAX: usize = 128;

/// How long the answer to a message's id is given again.
pub const ANSWERS_KEPT: Duration = Duration::from_secs(600);

/// A client or an app has one secret, and two while it changes.
pub const SECRETS_MAX: usize = 2;

/// How many published versions of an app are kept; the oldest that is not live goes first.
pub const VERSIONS_MAX: usize = 100;

/// The most webhook secrets of an app.
pub const WEBHOOK_SECRETS_MAX: usize = 50;

/// The most bytes of a webhook's secret.
pub const WEBHOOK_SECRET_BYTES_MAX: usize = 4_096;

/// After how many failures in a row an operator is told, and a webhook is left alone (seed: ten).
pub const FAILURES: u32 = 10;

/// How long a webhook that fails is left alone before it is tried once.
pub const CIRCUIT_REST: Duration = Duration::from_secs(30);

/// How long a record may be read from memory after another node has changed it.
pub const RECORDS_FRESH: Duration = Duration::from_secs(1);

/// How many clients, and how many apps, are kept at hand.
pub const RECORDS_AT_HAND: u64 = 10_000;

/// How many compiled scenarios are kept at hand.
pub const SCENARIOS_AT_HAND: u64 = 256;

/// Of how many bytes of kept places the users' states are at hand as they were last left. In memory
/// they take some four times as much.
pub const STATE_BYTES_AT_HAND: u64 = 4 << 20;

/// How often a scenario may hand a user over in one turn where nobody takes them.
pub const HANDOFFS_MAX: usize = 3;

/// How many records are read at once.
pub const PAGE: usize = 500;
