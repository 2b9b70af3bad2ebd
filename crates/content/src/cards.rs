//! The Activity schema's cards.

use serde_json::{Map, Value};

use crate::read::{actions, lines, objects, text};
use crate::{Card, Fact, Image, Media, MediaKind, adaptive, is_address};

/// What stands in front of the content types of the schema's own cards.
const PREFIX: &str = "application/vnd.microsoft.card.";

/// Reads a card, and the media that are shown after it. `None` if the attachment is no card.
pub(crate) fn read(content_type: &str, card: &Map<String, Value>) -> Option<(Card, Vec<Media>)> {
    let read = match content_type.strip_prefix(PREFIX) {
        Some("adaptive") => (adaptive::read(card), Vec::new()),
        Some("receipt") => (receipt(card), Vec::new()),
        Some("animation" | "audio" | "video") => (plain(card), media(content_type, card)),
        // Hero and thumbnail cards, sign-in and OAuth cards.
        Some(_) => (plain(card), Vec::new()),
        None => {
            // Somebody's own kind of card: what looks like one is shown as one.
            let read = plain(card);
            if read.is_empty() {
                return None;
            }
            (read, Vec::new())
        }
    };
    if read.0.is_empty() && read.1.is_empty() {
        let words = format!("[{content_type}]");
        return Some((Card { text: words, ..Card::default() }, Vec::new()));
    }
    Some(read)
}

/// A card of a title, words, a picture and buttons.
fn plain(card: &Map<String, Value>) -> Card {
    let tap = card.get("tap").and_then(Value::as_object);
    let tap = tap.filter(|tap| text(tap, "type") == Some("openUrl"));
    let of_images = objects(card, "images").find_map(image);
    let own_image = || card.get("image").and_then(Value::as_object).and_then(image);
    Card {
        title: text(card, "title").map(str::to_owned),
        text: lines(["subtitle", "text", "fallbackText"].map(|name| text(card, name))),
        facts: Vec::new(),
        image: of_images.or_else(own_image),
        link: tap
            .and_then(|tap| text(tap, "value"))
            .filter(|url| is_address(url))
            .map(str::to_owned),
        actions: actions(card, "buttons"),
    }
}

fn image(image: &Map<String, Value>) -> Option<Image> {
    let url = text(image, "url").filter(|url| is_picture(url))?.to_owned();
    Some(Image { url, alt: text(image, "alt").map(str::to_owned) })
}

/// A receipt: its facts, its items with their prices, what is to be paid.
fn receipt(card: &Map<String, Value>) -> Card {
    let fact = |name: Option<&str>, value: Option<&str>| Fact {
        name: name.unwrap_or_default().to_owned(),
        value: value.unwrap_or_default().to_owned(),
    };
    let mut facts: Vec<Fact> =
        objects(card, "facts").map(|each| fact(text(each, "key"), text(each, "value"))).collect();
    for item in objects(card, "items") {
        let quantity = text(item, "quantity").map(|quantity| format!("{quantity} × "));
        let words = lines(["title", "subtitle", "text"].map(|name| text(item, name)));
        let name = format!("{}{}", quantity.unwrap_or_default(), words.replace('\n', ", "));
        facts.push(fact(Some(&name), text(item, "price")));
    }
    for (name, member) in [("Tax", "tax"), ("VAT", "vat"), ("Total", "total")] {
        if let Some(amount) = text(card, member) {
            facts.push(fact(Some(name), Some(amount)));
        }
    }
    facts.retain(|fact| !fact.to_line().is_empty());
    Card { facts, ..plain(card) }
}

/// The sounds or films of a media card.
fn media(content_type: &str, card: &Map<String, Value>) -> Vec<Media> {
    let urls = objects(card, "media").filter_map(|medium| text(medium, "url"));
    let of = |url: &str| {
        let (kind, content_type) = match content_type.rsplit('.').next() {
            Some("audio") => (MediaKind::Audio, "audio/*"),
            Some("animation") if !ends_as(url, &[".mp4", ".webm", ".mov"]) => {
                (MediaKind::Image, "image/gif")
            }
            _ => (MediaKind::Video, "video/*"),
        };
        Media {
            kind,
            url: url.to_owned(),
            content_type: content_type.to_owned(),
            name: text(card, "title").map(str::to_owned),
        }
    };
    urls.map(of).collect()
}

/// Whether this may be a picture's address: ours, the web's, or the picture itself.
pub(crate) fn is_picture(url: &str) -> bool {
    is_address(url) || url.starts_with("data:image/") || url.starts_with("blob:")
}

/// Whether an address's path ends in one of these.
fn ends_as(url: &str, endings: &[&str]) -> bool {
    let path = url.split(['?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    endings.iter().any(|ending| path.ends_with(ending))
}
