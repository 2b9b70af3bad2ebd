//! Everything in one bubble: a text, a picture and a link, for protocols that have no more.

use super::{Dropped, Work};
use crate::text::{cut, length};
use crate::{Action, ActionKind, Bubble, Card, Image, Media, MediaKind, Text, is_address};

/// What is being put into the one bubble.
#[derive(Default)]
struct One {
    words: Vec<String>,
    image: Option<Image>,
    link: Option<Action>,
}

impl Work<'_> {
    /// All texts as one with a blank line between them, the first picture, the first link; every
    /// other picture and link in words, and what says something among the quick replies.
    pub(super) fn in_one(&mut self, bubbles: Vec<Bubble>, suggested: Vec<Action>) {
        if bubbles.len() > 1 {
            self.made.dropped.push(Dropped::BubblesMerged);
        }
        let mut one = One::default();
        for bubble in bubbles {
            match bubble {
                Bubble::Text(text) => one.words.push(text.words),
                Bubble::Card(card) => self.card_into(&mut one, card),
                Bubble::Carousel(cards) => {
                    self.made.dropped.push(Dropped::CarouselParted);
                    cards.into_iter().for_each(|card| self.card_into(&mut one, card));
                }
                Bubble::Media(media) => self.media_into(&mut one, media),
            }
        }
        let (says, links): (Vec<_>, Vec<_>) = suggested.into_iter().partition(Action::says);
        self.links_into(&mut one, links);
        let spare = std::mem::replace(&mut self.spare, says);
        self.spare.extend(spare);
        // Those that become lines are put below the rest of the words.
        self.place_spare();
        for bubble in std::mem::take(&mut self.made.bubbles) {
            if let Bubble::Text(text) = bubble {
                one.words.push(text.words);
            }
        }
        self.finish_one(one);
    }

    fn card_into(&mut self, one: &mut One, card: Card) {
        one.words.extend(Some(card.words()).filter(|words| !words.is_empty()));
        if let Some(image) = card.image {
            let (url, name) = (image.url, image.alt);
            let (kind, content_type) = (MediaKind::Image, String::new());
            self.media_into(one, Media { kind, url, content_type, name });
        }
        let tap = card.link.filter(|url| !card.actions.iter().any(|action| action.text == *url));
        let label = card.title.unwrap_or_else(|| "Link".to_owned());
        let tap = tap.map(|url| Action::open(label, url));
        let (says, links): (Vec<_>, Vec<_>) = card.actions.into_iter().partition(Action::says);
        self.links_into(one, tap.into_iter().chain(links).collect());
        self.spare.extend(says);
    }

    fn media_into(&mut self, one: &mut One, media: Media) {
        if media.kind == MediaKind::Image && one.image.is_none() && is_address(&media.url) {
            one.image = Some(Image { url: media.url, alt: media.name });
        } else {
            self.made.dropped.push(Dropped::MediaAsLink);
            one.words.push(media.to_line());
        }
    }

    fn links_into(&mut self, one: &mut One, links: Vec<Action>) {
        for mut link in links {
            let label_max = self.can.picture_card.map_or(0, |card| card.label_max);
            if link.kind == ActionKind::Open && one.link.is_none() {
                self.fit_label(&mut link, label_max);
                one.link = Some(link);
            } else {
                self.made.dropped.push(Dropped::ButtonAsText);
                one.words.push(link.to_line());
            }
        }
    }

    fn finish_one(&mut self, one: One) {
        let words = one.words.join("\n\n");
        if length(&words) > self.can.text_max {
            self.made.dropped.push(Dropped::TextCut);
        }
        let text = cut(&words, self.can.text_max).into_owned();
        let bubble = if one.image.is_none() && one.link.is_none() {
            if text.is_empty() {
                return;
            }
            Bubble::Text(Text::plain(text))
        } else {
            let actions = one.link.into_iter().collect();
            Bubble::Card(Card { text, image: one.image, actions, ..Card::default() })
        };
        self.made.bubbles.push(bubble);
    }
}
