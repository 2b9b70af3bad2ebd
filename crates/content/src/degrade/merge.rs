//! No more bubbles than an answer may have.

use super::{Dropped, Work};
use crate::text::{cut, length};
use crate::{Bubble, Text};

impl Work<'_> {
    /// Puts bubbles together until there are no more than there may be: first texts that stand next
    /// to each other, then the last ones, whatever they are, as words.
    pub(super) fn merge(&mut self) {
        let most = self.can.bubbles_max.max(1);
        if self.made.bubbles.len() <= most {
            return;
        }
        self.made.dropped.push(Dropped::BubblesMerged);
        self.join_neighbors(most);
        if self.made.bubbles.len() <= most {
            return;
        }
        let rest = self.made.bubbles.split_off(most - 1);
        let mut words: Vec<String> = Vec::with_capacity(rest.len());
        for bubble in rest {
            match bubble {
                Bubble::Text(text) => words.push(text.words),
                Bubble::Card(card) => self.words_of(vec![card], &mut words),
                Bubble::Carousel(cards) => self.words_of(cards, &mut words),
                Bubble::Media(media) => {
                    self.made.dropped.push(Dropped::MediaAsLink);
                    words.push(media.to_line());
                }
            }
        }
        let words = words.join("\n\n");
        if length(&words) > self.can.text_max {
            self.made.dropped.push(Dropped::TextCut);
        }
        let words = cut(&words, self.can.text_max).into_owned();
        self.made.bubbles.push(Bubble::Text(Text::plain(words)));
    }

    fn join_neighbors(&mut self, most: usize) {
        let mut excess = self.made.bubbles.len() - most;
        let mut joined: Vec<Bubble> = Vec::with_capacity(self.made.bubbles.len());
        for bubble in std::mem::take(&mut self.made.bubbles) {
            match (joined.last_mut(), bubble) {
                (Some(Bubble::Text(last)), Bubble::Text(next))
                    if excess > 0
                        && length(&last.words) + 2 + length(&next.words) <= self.can.text_max =>
                {
                    last.words.push_str("\n\n");
                    last.words.push_str(&next.words);
                    excess -= 1;
                }
                (_, bubble) => joined.push(bubble),
            }
        }
        self.made.bubbles = joined;
    }

    /// Cards as words. What can be pressed in them becomes quick replies while there is room, and
    /// lines with numbers after that.
    fn words_of(&mut self, cards: Vec<crate::Card>, words: &mut Vec<String>) {
        for card in cards {
            self.made.dropped.push(Dropped::CardAsText);
            let mut lines = vec![card.words()];
            lines.extend(card.link);
            for mut action in card.actions {
                let quick = self.can.quick.filter(|quick| self.made.quick.len() < quick.count_max);
                match quick {
                    Some(quick) if action.says() => {
                        self.fit_label(&mut action, quick.label_max);
                        self.made.quick.push(action);
                    }
                    _ if action.says() => {
                        let last = self.made.listed.last().map(|(number, _)| *number);
                        let number = last.unwrap_or(self.made.quick.len()) + 1;
                        lines.push(format!("{number}. {}", action.label));
                        self.made.dropped.push(Dropped::ButtonAsText);
                        self.made.listed.push((number, action));
                    }
                    _ => {
                        self.made.dropped.push(Dropped::ButtonAsText);
                        lines.push(action.to_line());
                    }
                }
            }
            lines.retain(|line| !line.is_empty());
            words.push(lines.join("\n"));
        }
    }
}
