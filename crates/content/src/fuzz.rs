//! What the fuzz targets, the properties and the replay of corpora call.
#![doc(hidden)]

use crate::text::length;
use crate::{Bubble, Capabilities, Card, CardLimits, Content, Degraded, degrade, limits};

/// Reads an activity and degrades it to every protocol: nothing is over a limit, and something never
/// becomes nothing.
pub fn content(data: &[u8]) {
    let content = Content::of(data);
    // An answer that shares its call with others has fewer bubbles.
    let fewer = Capabilities { bubbles_max: 1, ..limits::KAKAO_SKILL };
    for can in limits::ALL.into_iter().chain([&limits::KAKAO_EVENT, &fewer]) {
        let made = degrade(content.clone(), can);
        assert_eq!(made.bubbles.is_empty(), content.is_empty(), "{}", can.protocol);
        check(&made, can);
    }
}

/// Whether what was made is within the limits.
///
/// # Panics
/// When it is not.
pub fn check(made: &Degraded, can: &Capabilities) {
    let name = can.protocol;
    assert!(made.bubbles.len() <= can.bubbles_max, "{name}: too many bubbles");
    for action in &made.quick {
        let quick = can.quick.expect("there are quick replies");
        assert!(length(&action.label) <= quick.label_max, "{name}: label of a quick reply");
        assert!(action.says() || quick.links, "{name}: quick reply that is a link");
    }
    let quick_max = can.quick.map_or(0, |quick| quick.count_max);
    assert!(made.quick.len() <= quick_max, "{name}: too many quick replies");
    for bubble in &made.bubbles {
        match bubble {
            Bubble::Text(text) => {
                assert!(!text.words.is_empty(), "{name}: empty text");
                assert!(length(&text.words) <= can.text_max, "{name}: text too long");
            }
            Bubble::Card(card) => {
                let limits = limits_of(card, can);
                check_card(card, &limits, limits.total_max, name);
            }
            Bubble::Carousel(cards) => {
                let carousel = can.carousel.expect("there are carousels");
                assert!((2..=carousel.cards_max).contains(&cards.len()), "{name}: cards");
                let pictures = cards.iter().filter(|card| card.image.is_some()).count();
                let alike = pictures == 0 || pictures == cards.len();
                assert!(carousel.mixed || alike, "{name}: different cards side by side");
                for card in cards {
                    let total = match card.image {
                        Some(_) => carousel.picture_total_max,
                        None => carousel.total_max,
                    };
                    check_card(card, &limits_of(card, can), total, name);
                }
            }
            Bubble::Media(media) => {
                assert!(crate::is_address(&media.url), "{name}: a medium without an address");
            }
        }
    }
}

fn limits_of(card: &Card, can: &Capabilities) -> CardLimits {
    let limits = if card.image.is_some() { can.picture_card } else { can.card };
    limits.expect("there are such cards")
}

fn check_card(card: &Card, limits: &CardLimits, total_max: usize, name: &str) {
    let title = card.title.as_deref().map_or(0, length);
    let text = length(&card.text);
    assert!(card.facts.is_empty(), "{name}: facts that are not words yet");
    assert!(title <= limits.title_max, "{name}: title too long");
    assert!(text <= limits.text_max, "{name}: card's text too long");
    assert!(title + text <= total_max, "{name}: card's words too long");
    assert!(card.actions.len() <= limits.buttons_max, "{name}: too many buttons");
    let shown = card.image.is_some() || title + text > 0 || !limits.says;
    assert!(shown, "{name}: a card that shows nothing");
    for action in &card.actions {
        assert!(length(&action.label) <= limits.label_max, "{name}: label too long");
    }
}
