//! Content within a protocol's limits.

mod merge;
mod one;
#[cfg(test)]
mod tests;

use crate::content::NO_WORDS;
use crate::text::{cut, fit, length, split};
use crate::{
    Action, ActionKind, Bubble, Capabilities, Card, CardLimits, Content, Image, LongText, Media,
    MediaKind, Text, TextFormat, is_address, plain,
};

/// What was made of content for one protocol. Everything in it is within the protocol's limits, every
/// text is plain, and it is never empty unless the content was.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Degraded {
    /// What is shown.
    pub bubbles: Vec<Bubble>,
    /// The quick replies.
    pub quick: Vec<Action>,
    /// What could not become a button, with the number under which it stands in the text: whoever
    /// answers with the number or the label means it.
    pub listed: Vec<(usize, Action)>,
    /// What is not as the bot meant it.
    pub dropped: Vec<Dropped>,
}

/// What is not as the bot meant it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dropped {
    /// The end of a text was cut off.
    TextCut,
    /// A label was cut.
    LabelCut,
    /// A button became a line of text.
    ButtonAsText,
    /// A card became text.
    CardAsText,
    /// A carousel became several, or cards one below the other.
    CarouselParted,
    /// A medium became a link.
    MediaAsLink,
    /// A picture is not shown.
    ImageDropped,
    /// Bubbles were put together.
    BubblesMerged,
}

impl Degraded {
    /// Everything in it that says something to the bot when it is pressed or typed: with the number
    /// of what stands in the text.
    pub fn pressable(&self) -> impl Iterator<Item = (Option<usize>, &Action)> {
        let of_cards = self.bubbles.iter().flat_map(|bubble| match bubble {
            Bubble::Card(card) => std::slice::from_ref(card),
            Bubble::Carousel(cards) => cards,
            Bubble::Text(_) | Bubble::Media(_) => &[],
        });
        let buttons = of_cards.flat_map(|card| &card.actions).chain(&self.quick);
        let listed = self.listed.iter().map(|(number, action)| (Some(*number), action));
        buttons.map(|action| (None, action)).chain(listed).filter(|(_, action)| action.says())
    }
}

/// Makes of content what a protocol can show.
pub fn degrade(content: Content, can: &Capabilities) -> Degraded {
    if content.is_empty() {
        return Degraded::default();
    }
    let mut work = Work { can, made: Degraded::default(), spare: Vec::new() };
    let (suggested, mut bubbles) = (content.quick, content.bubbles);
    bubbles.iter_mut().for_each(without_markup);
    if can.long_text == LongText::Cut {
        work.in_one(bubbles, suggested);
    } else {
        for bubble in bubbles {
            work.bubble(bubble);
        }
        work.suggested(suggested);
        work.place_spare();
        work.merge();
    }
    if work.made.bubbles.is_empty() {
        work.made.bubbles.push(Bubble::Text(Text::plain(NO_WORDS)));
    }
    work.made
}

/// Leaves markup out of texts. That of cards is Markdown too, as far as it is any.
fn without_markup(bubble: &mut Bubble) {
    let of_card = |card: &mut Card| {
        let words = std::mem::take(&mut card.text);
        card.text = plain::plain(Text { words, format: TextFormat::Markdown });
    };
    match bubble {
        Bubble::Text(text) => {
            let (words, format) = (std::mem::take(&mut text.words), text.format);
            *text = Text::plain(plain::plain(Text { words, format }));
        }
        Bubble::Card(card) => of_card(card),
        Bubble::Carousel(cards) => cards.iter_mut().for_each(of_card),
        Bubble::Media(_) => {}
    }
}

struct Work<'a> {
    can: &'a Capabilities,
    made: Degraded,
    /// What says something, and found no place where it stood.
    spare: Vec<Action>,
}

impl Work<'_> {
    fn drop(&mut self, what: Dropped) {
        self.made.dropped.push(what);
    }

    fn bubble(&mut self, bubble: Bubble) {
        match bubble {
            Bubble::Text(text) => self.words(&text.words),
            Bubble::Card(card) => self.card(card),
            Bubble::Carousel(cards) => self.carousel(cards),
            Bubble::Media(media) => self.media(media),
        }
    }

    fn words(&mut self, words: &str) {
        let pieces = split(words, self.can.text_max);
        self.made.bubbles.extend(pieces.into_iter().map(|piece| Bubble::Text(Text::plain(piece))));
    }

    fn media(&mut self, media: Media) {
        let shows = self.can.shows;
        let shown = match media.kind {
            MediaKind::Image => shows.images,
            MediaKind::Audio => shows.audio,
            MediaKind::Video => shows.video,
            MediaKind::File => shows.files,
        };
        if shown && is_address(&media.url) {
            self.made.bubbles.push(Bubble::Media(media));
        } else {
            self.drop(Dropped::MediaAsLink);
            self.words(&media.to_line());
        }
    }

    /// What limits hold for a card: those for one with a picture, if it has one that can be shown.
    /// `None`: the protocol has no such card.
    fn limits_for(&mut self, card: &mut Card) -> Option<CardLimits> {
        if let Some(image) = &card.image {
            if is_address(&image.url) && self.can.picture_card.is_some() {
                return self.can.picture_card;
            }
            self.take_image_out(card);
        }
        self.can.card
    }

    /// Shows a card's picture by itself, or says what is on it.
    fn take_image_out(&mut self, card: &mut Card) {
        let Some(image) = card.image.take() else { return };
        if is_address(&image.url) && self.can.shows.images {
            let (kind, content_type) = (MediaKind::Image, String::new());
            let media = Media { kind, url: image.url, content_type, name: image.alt };
            self.made.bubbles.push(Bubble::Media(media));
        } else {
            self.drop(Dropped::ImageDropped);
            if let Some(alt) = image.alt {
                self.words(&format!("[{alt}]"));
            }
        }
    }

    fn card(&mut self, mut card: Card) {
        self.adopt_picture(&mut card);
        let Some(limits) = self.limits_for(&mut card) else { return self.card_as_text(card) };
        self.fold_words(&mut card, &limits);
        self.fold_link(&mut card, &limits);
        let rest = self.fit_buttons(&mut card, &limits);
        if card.actions.is_empty() && card.image.is_none() && card.link.is_none() {
            // Words alone are no card.
            self.words(&card.words());
        } else {
            self.fit_words(&mut card, &limits);
            self.made.bubbles.push(Bubble::Card(card));
        }
        self.lines_of(rest);
    }

    /// A card of buttons alone is about the picture just before it, and the words before that.
    fn adopt_picture(&mut self, card: &mut Card) {
        let Some(limits) = self.can.picture_card else { return };
        if !card.words().is_empty() || card.image.is_some() {
            return;
        }
        let is_picture =
            |bubble: &mut Bubble| matches!(bubble, Bubble::Media(m) if m.kind == MediaKind::Image);
        if let Some(Bubble::Media(media)) = self.made.bubbles.pop_if(is_picture) {
            card.image = Some(Image { url: media.url, alt: media.name });
            card.text = self.words_before(&limits).unwrap_or_default();
        }
    }

    fn card_as_text(&mut self, card: Card) {
        self.drop(Dropped::CardAsText);
        self.words(&card.words());
        let link = card.link.map(|url| Action::open(url.clone(), url));
        self.lines_of(link.into_iter().chain(card.actions).collect());
    }

    /// Its facts become words; a title that is too long becomes the first of them.
    fn fold_words(&mut self, card: &mut Card, limits: &CardLimits) {
        card.text = card.body();
        card.facts.clear();
        let too_long = |title: &&mut String| length(title) > limits.title_max;
        if let Some(title) = card.title.as_mut().filter(too_long) {
            card.text = format!("{title}\n{}", card.text).trim_end().to_owned();
            card.title = None;
        }
    }

    /// The words that do not fit go in front of the card, in bubbles of their own.
    fn fit_words(&mut self, card: &mut Card, limits: &CardLimits) {
        let title = card.title.as_deref().map_or(0, length);
        let max = limits.text_max.min(limits.total_max.saturating_sub(title));
        if length(&card.text) > max {
            let words = card.words();
            let mut pieces = split(&words, self.can.text_max);
            let last = pieces.pop().unwrap_or_default();
            let in_card = split(last, limits.text_max.min(limits.total_max)).pop();
            let in_card = in_card.unwrap_or_default();
            let head = last.strip_suffix(in_card).unwrap_or_default().trim_end();
            pieces.extend(Some(head).filter(|head| !head.is_empty()));
            let before = pieces.into_iter().map(|piece| Bubble::Text(Text::plain(piece)));
            self.made.bubbles.extend(before);
            (card.title, card.text) = (None, in_card.to_owned());
        }
        if card.image.is_none() && card.title.is_none() && card.text.is_empty() {
            card.text = self.words_before(limits).unwrap_or_else(|| NO_WORDS.to_owned());
        }
    }

    /// A card of buttons alone is about what was said just before it.
    fn words_before(&mut self, limits: &CardLimits) -> Option<String> {
        let fits = |text: &Text| length(&text.words) <= limits.text_max.min(limits.total_max);
        match self.made.bubbles.pop() {
            Some(Bubble::Text(text)) if fits(&text) => Some(text.words),
            Some(other) => {
                self.made.bubbles.push(other);
                None
            }
            None => None,
        }
    }

    /// Where a press on the card itself opens nothing, a button does.
    fn fold_link(&mut self, card: &mut Card, limits: &CardLimits) {
        if limits.own_link && card.image.is_some() {
            return;
        }
        let Some(url) = card.link.take() else { return };
        if !card.actions.iter().any(|action| action.text == url) {
            let title = card.title.clone().filter(|title| length(title) <= limits.label_max);
            card.actions.push(Action::open(title.unwrap_or_else(|| "Link".to_owned()), url));
        }
    }

    /// Keeps the buttons that a card may have, and gives the others.
    fn fit_buttons(&mut self, card: &mut Card, limits: &CardLimits) -> Vec<Action> {
        let may = |action: &Action| match action.kind {
            ActionKind::Say | ActionKind::Post => limits.says,
            ActionKind::Open => limits.links,
            ActionKind::Call => limits.calls,
        };
        let mut rest = Vec::new();
        let mut kept = Vec::new();
        for mut action in std::mem::take(&mut card.actions) {
            if may(&action) && kept.len() < limits.buttons_max {
                self.fit_label(&mut action, limits.label_max);
                kept.push(action);
            } else {
                rest.push(action);
            }
        }
        card.actions = kept;
        rest
    }

    fn fit_label(&mut self, action: &mut Action, max: usize) {
        if length(&action.label) > max {
            action.label = cut(&action.label, max).into_owned();
            self.drop(Dropped::LabelCut);
        }
    }

    /// Actions that found no place in a card: what says something is spared for the quick replies,
    /// the others are lines of words.
    fn lines_of(&mut self, rest: Vec<Action>) {
        let (says, others): (Vec<_>, Vec<_>) = rest.into_iter().partition(Action::says);
        self.spare.extend(says);
        if !others.is_empty() {
            self.made.dropped.extend(others.iter().map(|_| Dropped::ButtonAsText));
            let lines: Vec<String> = others.iter().map(Action::to_line).collect();
            self.words(&lines.join("\n"));
        }
    }

    fn carousel(&mut self, mut cards: Vec<Card>) {
        let Some(limits) = self.can.carousel else {
            self.drop(Dropped::CarouselParted);
            return cards.into_iter().for_each(|card| self.card(card));
        };
        for card in &mut cards {
            if card.image.as_ref().is_some_and(|image| !is_address(&image.url)) {
                self.drop(Dropped::ImageDropped);
                card.image = None;
            }
        }
        let mut runs: Vec<Vec<Card>> = Vec::new();
        for card in cards {
            let goes_on = |run: &&mut Vec<Card>| {
                let alike = run.last().is_none_or(|l| l.image.is_some() == card.image.is_some());
                run.len() < limits.cards_max && (limits.mixed || alike)
            };
            match runs.last_mut().filter(goes_on) {
                Some(run) => run.push(card),
                None => runs.push(vec![card]),
            }
        }
        if runs.len() > 1 {
            self.drop(Dropped::CarouselParted);
        }
        for mut run in runs {
            match run.pop() {
                Some(only) if run.is_empty() => self.card(only),
                Some(last) => {
                    run.push(last);
                    self.side_by_side(run);
                }
                None => {}
            }
        }
    }

    /// Cards that can stand side by side. There is no room in front of one for words that are too
    /// many, so they are cut.
    fn side_by_side(&mut self, cards: Vec<Card>) {
        let (Some(plain), Some(pictured), Some(carousel)) =
            (self.can.card, self.can.picture_card, self.can.carousel)
        else {
            return cards.into_iter().for_each(|card| self.card(card));
        };
        let mut fitted = Vec::with_capacity(cards.len());
        let mut rest = Vec::new();
        for mut card in cards {
            let (limits, total) = match card.image {
                Some(_) => (pictured, carousel.picture_total_max),
                None => (plain, carousel.total_max),
            };
            self.fold_words(&mut card, &limits);
            self.fold_link(&mut card, &limits);
            rest.extend(self.fit_buttons(&mut card, &limits));
            let title = card.title.as_deref().map_or(0, length);
            let max = limits.text_max.min(total.saturating_sub(title));
            if length(&card.text) > max {
                card.text = cut(&card.text, max).into_owned();
                self.drop(Dropped::TextCut);
            }
            if card.image.is_none() && card.title.is_none() && card.text.is_empty() {
                card.text = NO_WORDS.to_owned();
            }
            fitted.push(card);
        }
        self.made.bubbles.push(Bubble::Carousel(fitted));
        self.lines_of(rest);
    }

    /// The suggested actions: quick replies where they can be, else buttons or lines.
    fn suggested(&mut self, suggested: Vec<Action>) {
        let links = self.can.quick.is_some_and(|quick| quick.links);
        let may = |action: &Action| action.says() || (links && action.kind == ActionKind::Open);
        let (quick, others): (Vec<_>, Vec<_>) = suggested.into_iter().partition(may);
        if !others.is_empty() {
            self.card(Card { actions: others, ..Card::default() });
        }
        // What the bot suggests goes before what its cards had no room for.
        let spare = std::mem::replace(&mut self.spare, quick);
        self.spare.extend(spare);
    }

    /// The spare actions become quick replies, and those beyond their number lines with numbers.
    fn place_spare(&mut self) {
        let mut spare = std::mem::take(&mut self.spare);
        let room = self.can.quick.map_or(0, |quick| quick.count_max);
        let rest = spare.split_off(room.min(spare.len()));
        let label_max = self.can.quick.map_or(0, |quick| quick.label_max);
        for mut action in spare {
            self.fit_label(&mut action, label_max);
            self.made.quick.push(action);
        }
        if rest.is_empty() {
            return;
        }
        let mut lines = Vec::with_capacity(rest.len());
        for (index, action) in rest.into_iter().enumerate() {
            let number = self.made.quick.len() + index + 1;
            let label = fit(&action.label, self.can.text_max / 4).0;
            lines.push(format!("{number}. {label}"));
            if !action.says() {
                lines.push(action.text.clone());
            }
            self.drop(Dropped::ButtonAsText);
            self.made.listed.push((number, action));
        }
        self.words(&lines.join("\n"));
    }
}
