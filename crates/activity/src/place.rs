//! Places in a conversation's log, and how they look from outside.

use std::fmt;

use serde::{Deserialize, Serialize};

/// An entry's place in its conversation's log: counts every entry, dense, from 0.
pub type Seq = u64;

/// An entry's place among what a customer may see: dense, from 0.
pub type Pos = u64;

/// Who may see an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Audience {
    /// The customer and the agents.
    #[default]
    All,
    /// The agents (and operators) alone: such an entry has a seq and no pos. Notes between agents,
    /// conversationUpdate and trace activities are of this kind.
    Agents,
    /// The customer alone.
    Customer,
}

impl Audience {
    /// Whether an entry for this audience takes a place among what a customer may see.
    pub fn has_pos(self) -> bool {
        !matches!(self, Self::Agents)
    }
}

/// Through whose eyes a log is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Viewer {
    /// A customer, or the bot: what has a pos.
    Customer,
    /// An agent: all but what is for the customer alone.
    Agent,
    /// An operator or an export: everything.
    Operator,
}

impl Viewer {
    /// Whether this viewer may see what is for `audience`. The one place where that is decided.
    pub fn sees(self, audience: Audience) -> bool {
        match self {
            Self::Customer => audience != Audience::Agents,
            Self::Agent => audience != Audience::Customer,
            Self::Operator => true,
        }
    }
}

/// The opaque text a client holds for "seen up to".
///
/// It is the decimal of the last pos seen, as clients of the cloud service have it (the seed's
/// `"4"` beside the activity `…|0000004`); the empty text before the first. Once a log was restored
/// from a backup its places may be given again, so the store's restore epoch stands in front:
/// `"e2.4"`. A watermark of another epoch is read as the start: seen twice, never skipped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Watermark {
    /// How often the store behind was restored from a backup.
    pub epoch: u32,
    /// The last pos seen.
    pub seen: Option<Pos>,
}

impl Watermark {
    /// Before the first entry.
    pub const START: Self = Self { epoch: 0, seen: None };

    /// "Seen everything below `next`" in a log whose restore epoch is `epoch`.
    pub fn before(epoch: u32, next: Pos) -> Self {
        Self { epoch, seen: next.checked_sub(1) }
    }

    /// Reads what a client sent. `None`, an empty text and `-` all mean the start.
    ///
    /// # Errors
    /// [`BadWatermark`] when the text is none that Maru gave out.
    pub fn parse(text: Option<&str>) -> Result<Self, BadWatermark> {
        let text = match text {
            None | Some("" | "-") => return Ok(Self::START),
            Some(text) => text,
        };
        let (epoch, seen) = match text.strip_prefix('e') {
            Some(rest) => {
                let (epoch, seen) = rest.split_once('.').ok_or(BadWatermark)?;
                (decimal(epoch)?, seen)
            }
            None => (0, text),
        };
        let epoch = u32::try_from(epoch).map_err(|_| BadWatermark)?;
        Ok(Self { epoch, seen: Some(decimal(seen)?) })
    }

    /// The next wanted pos in a log whose restore epoch is `epoch`.
    pub fn next_in(self, epoch: u32) -> Pos {
        match self.seen {
            Some(seen) if self.epoch == epoch => seen + 1,
            _ => 0,
        }
    }
}

/// Only what `Display` writes: no sign, no leading zero, not above 2⁶³−1, which a store can keep.
fn decimal(text: &str) -> Result<u64, BadWatermark> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    let number = if plain { text.parse::<u64>().ok() } else { None };
    number.filter(|n| i64::try_from(*n).is_ok()).ok_or(BadWatermark)
}

impl fmt::Display for Watermark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.epoch, self.seen) {
            (_, None) => Ok(()),
            (0, Some(seen)) => write!(f, "{seen}"),
            (epoch, Some(seen)) => write!(f, "e{epoch}.{seen}"),
        }
    }
}

/// A watermark that Maru did not give out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the watermark is not one that this server gave out")]
pub struct BadWatermark;

/// An activity's id as clients and bots see it, less the conversation's id in front.
///
/// `{conversation}|{pos:07}` for what a customer may see; entries without a pos have an id of their
/// own kind, outside that counter, as the cloud's conversationUpdate has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ActivityId {
    /// The entry at this pos: `|0000004`.
    Pos(Pos),
    /// The entry at this seq, which has no pos: `|h0000001`.
    Hidden(Seq),
}

impl ActivityId {
    /// Reads an id as Maru writes it for the conversation `conversation`. `None` for any other
    /// text: to a server an id that a client made up means nothing.
    pub fn parse(conversation: &str, text: &str) -> Option<Self> {
        let place = text.strip_prefix(conversation)?.strip_prefix('|')?;
        let (hidden, digits) = match place.strip_prefix('h') {
            Some(digits) => (true, digits),
            None => (false, place),
        };
        if digits.len() < 7 || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let number: u64 = digits.parse().ok().filter(|n| i64::try_from(*n).is_ok())?;
        Some(if hidden { Self::Hidden(number) } else { Self::Pos(number) })
    }

    /// The whole id.
    pub fn in_conversation(self, conversation: &str) -> String {
        format!("{conversation}|{self}")
    }
}

impl fmt::Display for ActivityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pos(pos) => write!(f, "{pos:07}"),
            Self::Hidden(seq) => write!(f, "h{seq:07}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn watermarks_survive_the_round_trip() {
        for mark in [
            Watermark::START,
            Watermark { epoch: 0, seen: Some(4) },
            Watermark { epoch: 3, seen: Some(12_345_678) },
        ] {
            assert_eq!(Watermark::parse(Some(&mark.to_string())), Ok(mark));
        }
        assert_eq!(Watermark::before(0, 5).to_string(), "4");
    }

    #[test]
    fn the_start_has_three_spellings_and_nonsense_has_none() {
        for start in [None, Some(""), Some("-")] {
            assert_eq!(Watermark::parse(start), Ok(Watermark::START), "{start:?}");
        }
        for bad in ["x", "-1", "+1", "01", "1.5", "e1", "e.1", "99999999999999999999", " 1"] {
            assert_eq!(Watermark::parse(Some(bad)), Err(BadWatermark), "{bad:?}");
        }
    }

    #[test]
    fn a_watermark_of_before_a_restore_starts_again() {
        let before = Watermark { epoch: 0, seen: Some(39) };
        assert_eq!(before.next_in(0), 40);
        assert_eq!(before.next_in(1), 0);
    }

    #[test]
    fn activity_ids_are_read_only_in_their_conversation() {
        let id = ActivityId::Pos(4);
        assert_eq!(id.in_conversation("abc"), "abc|0000004");
        assert_eq!(ActivityId::parse("abc", "abc|0000004"), Some(id));
        assert_eq!(ActivityId::parse("abc", "abd|0000004"), None);
        assert_eq!(ActivityId::parse("abc", "abc|h0000002"), Some(ActivityId::Hidden(2)));
        assert_eq!(ActivityId::parse("abc", "abc|4"), None);
        assert_eq!(ActivityId::parse("abc", "abc|00000040000000000000000000000"), None);
    }
}
