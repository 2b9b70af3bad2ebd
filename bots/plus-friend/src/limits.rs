//! The protocol's limits, in one place (`kakao-naver-chatflow.md` §1.4, §1.9).

/// The most characters of an answer's text. A longer one is cut at a grapheme's boundary. Characters
/// are Unicode scalar values, new lines among them.
pub const TEXT_CHARS_MAX: usize = 1_000;

/// The most buttons of a keyboard: the first are shown, the rest is dropped.
pub const BUTTONS_MAX: usize = 100;

/// The most bytes of what a user says, as it is sent to a partner. No KakaoTalk client sends more, so
/// partners (and their body parsers) were never asked to take more.
pub const CONTENT_BYTES_MAX: usize = 4_000;

/// The most `/message` calls that one activity becomes: one for its text, one for each file.
pub const ITEMS_MAX: usize = 5;

/// The most redirects that are followed, of a GET. A POST's are not followed.
pub const REDIRECTS_MAX: usize = 3;

/// The most bytes of a picture that is copied. 500 KB were recommended, and larger ones shown.
pub const PHOTO_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A picture's size in pixels where a partner gives none: the recommended one.
pub const PHOTO_SIZE: (u32, u32) = (720, 630);

/// How many characters a user's key has, of `[A-Za-z0-9_-]`.
pub const USER_KEY_LENGTH: usize = 20;

/// The limits that have no setting, for the documents: the name, the value, and what is seen one step
/// beyond it, in Markdown.
pub const LIMITS: &[(&str, usize, &str)] = &[
    ("characters of an answer's text", TEXT_CHARS_MAX, "cut at a grapheme's boundary"),
    ("buttons of a keyboard", BUTTONS_MAX, "the first ones are shown"),
    ("bytes of what a user says", CONTENT_BYTES_MAX, "the partner is sent the beginning"),
    ("texts and files of one activity", ITEMS_MAX, "the partner is not sent the rest"),
    ("redirects of a GET", REDIRECTS_MAX, "a failure; a POST's are never followed"),
    ("bytes of a picture that is copied", PHOTO_BYTES_MAX, "its link is shown instead"),
];
