//! What the fuzz targets, and the replay of their corpora, call.
#![doc(hidden)]

use maru_content::limits::NAVER_TALKTALK;
use maru_content::{Content, degrade};

use crate::map::events_of;
use crate::wire::{Happened, Incoming};

/// Reads an event of the webhook. The user's id is private: it is not among the rest.
pub fn incoming(data: &[u8]) {
    if let Some(incoming) = Incoming::read(data) {
        assert!(incoming.data["naver"].get("user").is_none(), "the user's id is handed on");
        assert!(incoming.event == Happened::Ignored || !incoming.user.is_empty(), "of nobody");
    }
}

/// Answers with a bot's activity: each event has one content, and each composite two of its parts.
pub fn outgoing(data: &[u8]) {
    let made = degrade(Content::of(data), &NAVER_TALKTALK);
    let events = events_of(&made);
    assert_eq!(events.len(), made.bubbles.len(), "an event a bubble");
    for event in events {
        let contents = ["textContent", "imageContent", "compositeContent"];
        let there = contents.iter().filter(|name| event.get(**name).is_some()).count();
        assert_eq!(there, 1, "{event}");
        let list = event["compositeContent"]["compositeList"].as_array();
        for composite in list.into_iter().flatten() {
            let parts = ["title", "description", "image", "buttonList"];
            let there = parts.iter().filter(|name| composite.get(**name).is_some()).count();
            let words = composite.get("title").or(composite.get("description"));
            assert!(there >= 2 && words.is_some(), "{composite}");
        }
    }
}
