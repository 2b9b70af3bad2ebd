//! What the fuzz targets, and the replay of their corpora, call.
#![doc(hidden)]

use maru_content::limits::{KAKAO_PLUS_FRIEND, KAKAO_SKILL, SKILL_OUTPUT_BYTES_MAX};
use maru_content::{Content, Offers, degrade};

use crate::{plus_friend, skill};

/// Reads a partner server's call, and a skill's. What a skill's call hands on to the bot does not
/// tell where to call back.
pub fn incoming(data: &[u8]) {
    if let Some(incoming) = plus_friend::Incoming::read(data) {
        assert!(!incoming.user_key.is_empty(), "a user without a key");
    }
    if let Some(payload) = skill::Payload::read(data)
        && let Some(url) = payload.callback_url.filter(|url| url.len() > 30)
    {
        let request = &payload.data["kakao"]["userRequest"];
        assert!(request.get("callbackUrl").is_none(), "{url} is handed on");
    }
}

/// Answers with a bot's activity in both protocols: always something, and never too large.
pub fn outgoing(data: &[u8]) {
    let content = Content::of(data);
    if content.is_empty() {
        return;
    }
    let answer = plus_friend::answer_of(degrade(content.clone(), &KAKAO_PLUS_FRIEND));
    let message = serde_json::to_value(&answer).unwrap_or_default();
    assert!(message["message"].as_object().is_some_and(|m| !m.is_empty()), "an empty bubble");
    let made = degrade(content, &KAKAO_SKILL);
    let ids = Offers::default().add(&made);
    let response = skill::response_of(&made, &ids, skill::Native::of(data));
    let outputs = response["template"]["outputs"].as_array().map_or(&[][..], Vec::as_slice);
    assert!((1..=3).contains(&outputs.len()), "{} outputs", outputs.len());
    for output in outputs {
        assert!(output.to_string().len() <= SKILL_OUTPUT_BYTES_MAX, "an output that is too large");
    }
}
