//! What no setting changes: how large a scenario, a value and a turn may be.

/// The most bytes of a scenario file.
pub const FILE_BYTES_MAX: usize = 1 << 20;
/// How deep the values of a scenario file may be nested.
pub const FILE_DEPTH_MAX: usize = 32;
/// The most nodes of a scenario.
pub const NODES_MAX: usize = 2_000;
/// The most entries of every other section: slots, webhooks, consents, globals.
pub const SECTION_MAX: usize = 200;
/// The most transitions of a node, operands of a condition, members of a `set`.
pub const LIST_MAX: usize = 100;
/// The most characters of a node's id.
pub const ID_CHARS_MAX: usize = 64;
/// The most characters of a name: of a scenario, a node, a slot, a webhook.
pub const NAME_CHARS_MAX: usize = 100;
/// The most buttons of a keyboard. Kakao shows the first 100 and drops the rest.
pub const BUTTONS_MAX: usize = 100;
/// The most characters of a button's label.
pub const LABEL_CHARS_MAX: usize = 100;
/// The most characters of a bubble's text, as written and as rendered. Kakao's limit.
pub const TEXT_CHARS_MAX: usize = 1_000;
/// The most characters of any other template: an address, a value, a header.
pub const TEMPLATE_CHARS_MAX: usize = 4_000;
/// The most bytes that one template gives.
pub const RENDERED_BYTES_MAX: usize = 8_192;
/// How deep conditions may be nested.
pub const CONDITION_DEPTH_MAX: usize = 8;
/// The most characters of a regular expression.
pub const PATTERN_CHARS_MAX: usize = 500;
/// The most bytes that a compiled regular expression takes.
pub const PATTERN_BYTES_MAX: usize = 512 << 10;
/// The most regular expressions of a scenario, so that one stays below 32 MiB.
pub const PATTERNS_MAX: usize = 64;
/// How many nodes one turn may pass through, where the file does not say.
pub const HOPS_DEFAULT: u32 = 20;
/// The most that a file may set it to.
pub const HOPS_MAX: u32 = 100;
/// After how many silent seconds a session starts again, where the file does not say.
pub const SESSION_SECS_DEFAULT: u32 = 300;
/// The least and the most that a file may set it to, besides 0 for never.
pub const SESSION_SECS: (u32, u32) = (60, 86_400);
/// How often a wrong answer is asked for again, where the file does not say.
pub const RETRIES_DEFAULT: u32 = 2;
/// The most that a file may set it to.
pub const RETRIES_MAX: u32 = 10;
/// The most bytes of what a user says; more is cut. Kakao's limit.
pub const CONTENT_BYTES_MAX: usize = 4_000;
/// The most bytes of a slot's or variable's value, as JSON.
pub const VALUE_BYTES_MAX: usize = 4_096;
/// The most variables of a session.
pub const VARS_MAX: usize = 100;
/// The most bytes of all variables of a session together, as JSON.
pub const VARS_BYTES_MAX: usize = 32 << 10;
/// How many of the user's last messages a state remembers.
pub const HISTORY_MAX: usize = 20;
/// The most characters remembered of each.
pub const HISTORY_CHARS_MAX: usize = 60;
/// The most bytes of a webhook's request.
pub const REQUEST_BYTES_MAX: usize = 64 << 10;
/// The most bytes of a webhook's answer.
pub const ANSWER_BYTES_MAX: usize = 64 << 10;
/// How deep a webhook's answer may be nested.
pub const ANSWER_DEPTH_MAX: usize = 32;
/// How long a webhook may take, where the file does not say, in milliseconds.
pub const WEBHOOK_MS_DEFAULT: u64 = 2_000;
/// The least and the most that a file may set it to, in milliseconds.
pub const WEBHOOK_MS: (u64, u64) = (100, 3_500);
/// The most that a file may set a webhook's repetitions to.
pub const WEBHOOK_RETRY_MAX: u32 = 2;
/// The most errors, and the most warnings, that a validation lists.
pub const ISSUES_MAX: usize = 500;
/// The most lines of a trace.
pub const TRACE_MAX: usize = 500;
