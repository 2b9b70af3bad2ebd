//! Whatever comes in from either side.

use maru_naver::fuzz;
use proptest::prelude::*;
use serde_json::{Value, json};

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        "[a-z가-힣 ]{0,50}".prop_map(Value::from),
        "https://[a-z]{1,8}\\.example/[a-z]{0,30}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 8, |inner| {
        let names = prop::sample::select(vec![
            "event",
            "user",
            "options",
            "standby",
            "textContent",
            "text",
            "code",
            "imageContent",
            "imageUrl",
            "type",
            "title",
            "buttons",
            "value",
            "contentType",
            "content",
            "images",
            "url",
            "contentUrl",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..12).prop_map(Value::from),
            prop::collection::vec((names, inner), 0..8).prop_map(|members| {
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            }),
        ]
    })
}

fn card() -> impl Strategy<Value = Value> {
    let image = prop::option::of(Just(json!([{"url": "https://x.example/p.png"}])));
    let title = prop::option::of("[가-힣]{0,250}");
    let button = ("[a-z]{1,30}", "[a-z]{0,1200}")
        .prop_map(|(title, value)| json!({"type": "imBack", "title": title, "value": value}));
    let buttons = prop::collection::vec(button, 0..13);
    (title, prop::option::of("[a-z ]{0,1300}"), image, buttons).prop_map(
        |(title, text, images, buttons)| {
            json!({
                "contentType": "application/vnd.microsoft.card.hero",
                "content": {"title": title, "text": text, "images": images, "buttons": buttons},
            })
        },
    )
}

proptest! {
    #[test]
    fn any_event_is_read(value in value(), noise in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz::incoming(value.to_string().as_bytes());
        fuzz::incoming(&noise);
    }

    #[test]
    fn any_message_is_sent(cards in prop::collection::vec(card(), 0..12), odd in value(), side in any::<bool>()) {
        let mut attachments = cards;
        attachments.push(odd);
        let layout = if side { "carousel" } else { "list" };
        let body = json!({"type": "message", "attachmentLayout": layout, "attachments": attachments});
        fuzz::outgoing(body.to_string().as_bytes());
    }
}
