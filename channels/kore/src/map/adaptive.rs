//! Adaptive Cards → readable text and buttons, as far as their bodies have words and actions.

use serde_json::{Map, Value};

use super::buttons::{Button, is_address, payload};
use super::cards::pair;
use super::{DEPTH_MAX, objects, text};

/// The words of a card, a line each, and its buttons.
pub(super) fn read(card: &Map<String, Value>) -> (String, Vec<Button>) {
    let mut reading = Reading::default();
    reading.children(card, DEPTH_MAX);
    if reading.lines.is_empty() {
        let instead = text(card, "fallbackText").or(text(card, "speak"));
        reading.lines.extend(instead.map(str::to_owned));
    }
    (reading.lines.join("\n"), reading.buttons)
}

#[derive(Default)]
struct Reading {
    lines: Vec<String>,
    buttons: Vec<Button>,
}

impl Reading {
    /// Everything an element may hold others in, in the order in which it is shown.
    fn children(&mut self, element: &Map<String, Value>, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        for name in ["body", "items", "columns", "rows", "cells", "images", "inlines"] {
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
            "TextBlock" => self.lines.extend(text(element, "text").map(str::to_owned)),
            "FactSet" => {
                for fact in objects(element, "facts") {
                    self.lines.push(pair(text(fact, "title"), text(fact, "value")));
                }
            }
            "Image" | "Media" => self.lines.extend(text(element, "altText").map(str::to_owned)),
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
        let title = text(action, "title");
        match text(action, "type").unwrap_or_default() {
            "Action.OpenUrl" => {
                if let Some(url) = text(action, "url").filter(|url| is_address(url)) {
                    self.buttons.push(Button::opens(title.unwrap_or(url), url));
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
            _ => {
                let said = action.get("data").and_then(payload);
                if let Some(title) = title.or(said.as_deref()) {
                    let said = said.clone().unwrap_or_else(|| title.to_owned());
                    self.buttons.push(Button::says(title, said));
                }
            }
        }
    }
}
