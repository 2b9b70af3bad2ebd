//! Messages that are written while the user looks on. A bot says the text so far again and again
//! (activities of type `typing`, then the message itself); Kore's clients are sent what is new in it.

use maru_activity::Pos;

use super::outbound::Chunk;
use crate::limits::STREAMS_MAX;

/// Which message an activity is a part of, and in what way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Streamed {
    /// The pos of the stream's first activity, after which its message is named.
    pub(crate) first: Pos,
    /// What this one is.
    pub(crate) stage: Stage,
}

/// What an activity is to a streamed message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// The text so far.
    Text,
    /// A word on what the bot is doing.
    Informative,
    /// The message itself.
    Final,
}

/// What one client was sent of the messages that are being written.
#[derive(Debug, Default)]
pub(super) struct Streams {
    open: Vec<(Pos, String)>,
}

impl Streams {
    /// What is new in `text`. `None`: nothing is to be sent.
    ///
    /// What was sent cannot be taken back: a text that does not go on where it was is waited out, and
    /// stands below what was sent once it is final.
    pub(super) fn piece(&mut self, first: Pos, text: &str, chunk: Chunk) -> Option<String> {
        let place = self.open.iter().position(|(stream, _)| *stream == first);
        let sent = place.map_or("", |place| self.open[place].1.as_str());
        let piece = match (text.strip_prefix(sent), chunk) {
            (Some(piece), _) => piece.to_owned(),
            (None, Chunk::Last) => format!("\n\n{text}"),
            (None, Chunk::More) => return None,
        };
        match (place, chunk) {
            (Some(place), Chunk::Last) => {
                self.open.remove(place);
                return Some(piece);
            }
            // Nothing of it was sent: it is a message like any other.
            (None, Chunk::Last) => return None,
            (Some(place), Chunk::More) => self.open[place].1.push_str(&piece),
            (None, Chunk::More) => {
                if self.open.len() >= STREAMS_MAX {
                    self.open.remove(0);
                }
                self.open.push((first, piece.clone()));
            }
        }
        Some(piece).filter(|piece| !piece.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_sent_what_is_new() {
        let mut streams = Streams::default();
        let mut shown = String::new();
        for text in ["A", "A qu", "A qu", "A quick"] {
            shown.extend(streams.piece(4, text, Chunk::More));
        }
        assert_eq!(shown, "A quick");
        assert_eq!(streams.piece(4, "A quick fox", Chunk::Last).as_deref(), Some(" fox"));
        // The end of what nobody saw the beginning of is a message like any other.
        assert_eq!(streams.piece(4, "A quick fox", Chunk::Last), None);
    }

    #[test]
    fn a_text_that_was_written_anew_stands_below() {
        let mut streams = Streams::default();
        streams.piece(4, "Tomorrow", Chunk::More);
        assert_eq!(streams.piece(4, "Today", Chunk::More), None);
        assert_eq!(streams.piece(4, "Today", Chunk::Last).as_deref(), Some("\n\nToday"));
    }

    #[test]
    fn only_so_many_streams_are_followed() {
        let mut streams = Streams::default();
        for first in 0..100 {
            streams.piece(first, "x", Chunk::More);
        }
        assert_eq!(streams.open.len(), STREAMS_MAX);
    }
}
