//! What people type, made comparable: names of restaurants, commands and codes.

use unicode_normalization::UnicodeNormalization as _;

/// The most characters of a restaurant's name. With [`RESTAURANTS_MAX`](crate::booth::RESTAURANTS_MAX)
/// it keeps every answer below the 1,000 characters that are shown.
const NAME_CHARS_MAX: usize = 20;

/// What every command begins with, and no restaurant.
const COMMAND: char = '#';

/// The text in one Unicode form, with single spaces and nothing invisible in it.
///
/// Some keyboards send Hangul as whole syllables (NFC), others in letters (NFD). Both look the same.
pub(crate) fn clean(text: &str) -> String {
    let seen = text.chars().filter(|c| !is_invisible(*c));
    let spaced: String = seen.map(|c| if c.is_control() { ' ' } else { c }).nfc().collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What two names have in common that are told apart by upper and lower case alone.
pub(crate) fn fold(name: &str) -> String {
    name.to_lowercase().nfc().collect()
}

/// Whether a clean text can be a restaurant's name.
pub(crate) fn is_name(text: &str) -> bool {
    !text.is_empty() && !text.starts_with(COMMAND) && text.chars().count() <= NAME_CHARS_MAX
}

/// Formatting characters, and the Hangul fillers that blank names are made of.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
    )
}

/// What a clean text means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Said<'a> {
    /// Where to go is asked for.
    Choose,
    /// The votes are asked for.
    Results,
    /// The settings are asked for.
    Settings,
    /// A restaurant is to be added, and has not been named yet.
    AskAdd,
    /// A restaurant is to be added.
    Add(&'a str),
    /// A restaurant is to be removed, and has not been named yet.
    AskRemove,
    /// A restaurant is to be removed.
    Remove(&'a str),
    /// A group is to be made.
    NewGroup,
    /// A group is to be joined, and its code has not been told yet.
    AskJoin,
    /// The group is to be left, and that has not been confirmed yet.
    AskLeave,
    /// The group is left.
    Leave,
    /// A command that is none of these, or nothing at all.
    Home,
    /// No command: a restaurant's name, a code, or anything.
    Plain(&'a str),
}

impl<'a> Said<'a> {
    /// Reads a text that is [`clean`]. Commands that are typed may be spaced in any way.
    pub(crate) fn read(text: &'a str) -> Self {
        let Some(command) = text.strip_prefix(COMMAND) else {
            return if text.is_empty() { Self::Home } else { Self::Plain(text) };
        };
        let command = command.trim_start();
        match command.replace(' ', "").as_str() {
            "점심선택" => Self::Choose,
            "결과보기" => Self::Results,
            "설정" => Self::Settings,
            "식당추가" | "추가" => Self::AskAdd,
            "식당삭제" | "삭제" => Self::AskRemove,
            "그룹만들기" => Self::NewGroup,
            "그룹참여" => Self::AskJoin,
            "그룹나가기" => Self::AskLeave,
            "네,나갈게요" => Self::Leave,
            _ => match command.split_once(' ') {
                Some(("추가", name)) => Self::Add(name),
                Some(("삭제", name)) => Self::Remove(name),
                _ => Self::Home,
            },
        }
    }
}
