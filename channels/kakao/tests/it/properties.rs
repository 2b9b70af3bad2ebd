//! Whatever comes in from either side.

use maru_kakao::fuzz;
use proptest::prelude::*;
use serde_json::{Value, json};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<u32>().prop_map(Value::from),
        "[a-z가-힣 ]{0,50}".prop_map(Value::from),
        "https://[a-z]{1,8}\\.example/[a-z]{0,3000}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        let names = prop::sample::select(vec![
            "user_key",
            "type",
            "content",
            "userRequest",
            "user",
            "id",
            "utterance",
            "callbackUrl",
            "action",
            "params",
            "clientExtra",
            "maru",
            "lang",
            "text",
            "title",
            "buttons",
            "value",
            "attachments",
            "contentType",
            "images",
            "url",
            "channelData",
            "kakao",
            "outputs",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..12).prop_map(Value::from),
            prop::collection::vec((names, inner), 0..8).prop_map(|members| {
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_call_is_read(value in value(), noise in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz::incoming(value.to_string().as_bytes());
        fuzz::incoming(&noise);
    }

    #[test]
    fn any_message_is_answered(attachments in prop::collection::vec(value(), 0..6), data in value()) {
        let body = json!({
            "type": "message", "attachments": attachments, "channelData": {"kakao": data},
        });
        fuzz::outgoing(body.to_string().as_bytes());
    }

    #[test]
    fn cards_with_long_addresses_are_within_the_limit(length in 0_usize..9_000, cards in 1_usize..12) {
        let url = format!("https://x.example/{}", "a".repeat(length));
        let card = json!({
            "contentType": "application/vnd.microsoft.card.hero",
            "content": {"title": "t", "images": [{"url": url}], "buttons": [
                {"type": "openUrl", "title": "o", "value": url},
            ]},
        });
        let body = json!({
            "type": "message", "attachmentLayout": "carousel", "attachments": vec![card; cards],
        });
        fuzz::outgoing(body.to_string().as_bytes());
    }
}
