//! Adaptive Cards: their words, facts, pictures and actions, in the order in which they are shown.

use serde_json::{Map, Value};

use crate::cards::is_picture;
use crate::read::{objects, text};
use crate::{Action, Card, Fact, Image, is_address};

/// How deep elements may lie in one another. What is deeper is left out.
const DEPTH_MAX: usize = 32;

/// The most actions of a card that are read.
const ACTIONS_MAX: usize = 200;

/// Reads a card.
pub(crate) fn read(card: &Map<String, Value>) -> Card {
    let mut reading = Reading::default();
    reading.children(card, DEPTH_MAX);
    let Reading { title, mut lines, image, actions, .. } = reading;
    if lines.is_empty() && title.is_none() {
        let instead = text(card, "fallbackText").or(text(card, "speak"));
        lines.extend(instead.map(str::to_owned));
    }
    Card { title, text: lines.join("\n"), image, actions, ..Card::default() }
}

#[derive(Default)]
struct Reading {
    title: Option<String>,
    lines: Vec<String>,
    image: Option<Image>,
    actions: Vec<Action>,
}

impl Reading {
    /// Everything an element may hold others in, in the order in which it is shown.
    fn children(&mut self, element: &Map<String, Value>, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        for name in ["body", "items", "columns", "rows", "cells", "images"] {
            for child in objects(element, name) {
                self.element(child, depth);
            }
        }
        for action in objects(element, "actions") {
            self.action(action, depth);
        }
        if let Some(action) = element.get("selectAction").and_then(Value::as_object) {
            self.action(action, depth);
        }
    }

    fn element(&mut self, element: &Map<String, Value>, depth: usize) {
        if element.get("isVisible") == Some(&Value::Bool(false)) {
            return;
        }
        match text(element, "type").unwrap_or_default() {
            "RichTextBlock" => return self.rich(element),
            "TextBlock" => self.text_block(element),
            "FactSet" => {
                for fact in objects(element, "facts") {
                    let part = |name| text(fact, name).unwrap_or_default().to_owned();
                    let line = Fact { name: part("title"), value: part("value") }.to_line();
                    self.lines.extend(Some(line).filter(|line| !line.is_empty()));
                }
            }
            "Image" => self.picture(element),
            "Media" => self.lines.extend(text(element, "altText").map(str::to_owned)),
            kind if kind.starts_with("Input.") => {
                let words = ["label", "title", "placeholder"];
                let words = words.into_iter().find_map(|name| text(element, name));
                self.lines.extend(words.map(str::to_owned));
                for choice in objects(element, "choices").filter_map(|c| text(c, "title")) {
                    self.lines.push(format!("• {choice}"));
                }
            }
            _ => {}
        }
        self.children(element, depth);
    }

    /// The first text that is set apart is the card's title.
    fn text_block(&mut self, element: &Map<String, Value>) {
        let Some(words) = text(element, "text") else { return };
        let is = |name: &str, values: &[&str]| {
            let value = text(element, name).map(str::to_ascii_lowercase);
            value.is_some_and(|value| values.contains(&&*value))
        };
        let apart = is("weight", &["bolder"])
            || is("size", &["medium", "large", "extralarge"])
            || is("style", &["heading"]);
        if apart && self.title.is_none() && self.lines.is_empty() {
            self.title = Some(words.to_owned());
        } else {
            self.lines.push(words.to_owned());
        }
    }

    /// The first picture is the card's; of the others there remains what they are said to show.
    fn picture(&mut self, element: &Map<String, Value>) {
        let alt = text(element, "altText").map(str::to_owned);
        match text(element, "url").filter(|url| is_picture(url)) {
            Some(url) if self.image.is_none() => {
                self.image = Some(Image { url: url.to_owned(), alt });
            }
            _ => self.lines.extend(alt),
        }
    }

    /// A text in pieces, each of them a text or an object with one.
    fn rich(&mut self, element: &Map<String, Value>) {
        let inlines = element.get("inlines").and_then(Value::as_array);
        let pieces = inlines.into_iter().flatten().filter_map(|piece| match piece {
            Value::String(words) => Some(words.as_str()),
            other => other.get("text")?.as_str(),
        });
        let line: String = pieces.collect();
        self.lines.extend(Some(line).filter(|line| !line.trim().is_empty()));
    }

    fn action(&mut self, action: &Map<String, Value>, depth: usize) {
        if self.actions.len() >= ACTIONS_MAX {
            return;
        }
        let title = text(action, "title");
        match text(action, "type").unwrap_or_default() {
            "Action.OpenUrl" => {
                if let Some(url) = text(action, "url").filter(|url| is_address(url)) {
                    self.actions.push(Action::open(title.unwrap_or(url), url));
                }
            }
            // What is behind it is shown at once.
            "Action.ShowCard" => {
                if let Some(card) = action.get("card").and_then(Value::as_object) {
                    self.lines.extend(title.map(str::to_owned));
                    self.children(card, depth);
                }
            }
            "Action.ToggleVisibility" => {}
            _ => self.actions.extend(Action::of_data(title, action.get("data"))),
        }
    }
}
