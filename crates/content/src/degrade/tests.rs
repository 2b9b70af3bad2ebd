use proptest::prelude::*;
use serde_json::{Value, json};
use unicode_normalization::UnicodeNormalization as _;

use super::*;
use crate::limits::{KAKAO_PLUS_FRIEND, KAKAO_SKILL, NAVER_TALKTALK};

fn made(body: &Value, can: &Capabilities) -> Degraded {
    let made = degrade(Content::of(body.to_string().as_bytes()), can);
    crate::fuzz::check(&made, can);
    made
}

fn texts(made: &Degraded) -> Vec<&str> {
    let mut texts = Vec::new();
    for bubble in &made.bubbles {
        if let Bubble::Text(text) = bubble {
            texts.push(text.words.as_str());
        }
    }
    texts
}

fn labels(actions: &[Action]) -> Vec<&str> {
    actions.iter().map(|action| action.label.as_str()).collect()
}

fn suggest(count: usize) -> Value {
    let actions: Vec<Value> = (1..=count)
        .map(|n| json!({"type": "imBack", "title": format!("선택 {n}"), "value": n.to_string()}))
        .collect();
    json!({"type": "message", "text": "골라 주세요", "suggestedActions": {"actions": actions}})
}

fn hero(text: &str, image: Option<&str>, buttons: &Value) -> Value {
    let images: Vec<Value> = image.iter().map(|url| json!({"url": url})).collect();
    json!({
        "contentType": "application/vnd.microsoft.card.hero",
        "content": {"title": "Title", "text": text, "images": images, "buttons": buttons},
    })
}

#[test]
fn suggested_actions_become_quick_replies_and_those_beyond_numbered_lines() {
    let twelve = made(&suggest(12), &KAKAO_SKILL);
    assert_eq!(twelve.quick.len(), 10);
    assert_eq!(texts(&twelve), ["골라 주세요", "11. 선택 11\n12. 선택 12"]);
    let (number, action) = &twelve.listed[1];
    assert_eq!((*number, &*action.text), (12, "12"));
    assert_eq!(twelve.pressable().count(), 12);
    // One bubble: the lines stand below the words.
    let many = made(&suggest(101), &KAKAO_PLUS_FRIEND);
    assert_eq!(many.quick.len(), 100);
    assert_eq!(texts(&many), ["골라 주세요\n\n101. 선택 101"]);
}

#[test]
fn a_card_keeps_its_buttons_as_far_as_there_is_room() {
    let buttons = json!([
        {"type": "imBack", "title": "One", "value": "1"},
        {"type": "openUrl", "title": "Open the page in a browser", "value": "https://x.example/"},
        {"type": "postBack", "title": "Two", "value": {"n": 2}},
        {"type": "imBack", "title": "Three", "value": "3"},
        {"type": "openUrl", "title": "More", "value": "https://y.example/"},
    ]);
    let body = json!({"type": "message", "attachments": [hero("Text", None, &buttons)]});
    let skill = made(&body, &KAKAO_SKILL);
    let [Bubble::Card(card), Bubble::Text(line)] = &skill.bubbles[..] else { panic!("{skill:?}") };
    assert_eq!((card.title.as_deref(), &*card.text), (Some("Title"), "Text"));
    assert_eq!(labels(&card.actions), ["One", "Open the page…", "Two"]);
    assert_eq!(line.words, "More: https://y.example/");
    assert_eq!(labels(&skill.quick), ["Three"]);
    assert_eq!(card.actions[2].value, Some(json!({"n": 2})));
    let friend = made(&body, &KAKAO_PLUS_FRIEND);
    let [Bubble::Card(card)] = &friend.bubbles[..] else { panic!("{friend:?}") };
    assert_eq!(card.text, "Title\nText\n\nMore: https://y.example/");
    assert_eq!(labels(&card.actions), ["Open the page in a browser"]);
    assert_eq!(labels(&friend.quick), ["One", "Two", "Three"]);
}

#[test]
fn words_that_a_card_has_no_room_for_stand_in_front_of_it() {
    let long = "가나다라 ".repeat(100);
    let buttons = json!([{"type": "imBack", "title": "One", "value": "1"}]);
    let attachments = [hero(&long, Some("https://x.example/p.png"), &buttons)];
    let body = json!({"type": "message", "attachments": attachments});
    let skill = made(&body, &KAKAO_SKILL);
    let [Bubble::Text(before), Bubble::Card(card)] = &skill.bubbles[..] else {
        panic!("{skill:?}")
    };
    assert!(before.words.starts_with("Title\n가나다라"), "{before:?}");
    let all = format!("{} {}", before.words, card.text);
    assert_eq!(all.matches("가나다라").count(), 100);
    assert!(card.image.is_some() && card.title.is_none());
    // Buttons alone are about what was just said.
    let bare = json!({"contentType": "application/vnd.microsoft.card.hero", "content": {"buttons": buttons}});
    let body = json!({"type": "message", "text": "Which?", "attachments": [bare]});
    let skill = made(&body, &KAKAO_SKILL);
    let [Bubble::Card(card)] = &skill.bubbles[..] else { panic!("{skill:?}") };
    assert_eq!(card.text, "Which?");
}

#[test]
fn a_picture_with_words_before_it_and_buttons_behind_it_is_a_card() {
    let photo = json!({"contentType": "image/png", "contentUrl": "https://x.example/p.png"});
    let buttons = json!([{"type": "openUrl", "title": "Go", "value": "https://x.example/"}]);
    let bare = json!({"contentType": "application/vnd.microsoft.card.hero", "content": {"buttons": buttons}});
    for (can, longest) in [(&KAKAO_SKILL, 230), (&NAVER_TALKTALK, 1_000)] {
        for (length, apart) in [(longest, 0), (longest + 1, 1)] {
            let words = "가".repeat(length);
            let body = json!({"type": "message", "text": words, "attachments": [photo, bare]});
            let made = made(&body, can);
            let Some((Bubble::Card(card), before)) = made.bubbles.split_last() else {
                panic!("{made:?}")
            };
            assert_eq!((before.len(), texts(&made).concat() + &card.text), (apart, words));
            assert_eq!(card.image.as_ref().unwrap().url, "https://x.example/p.png");
            assert_eq!(labels(&card.actions), ["Go"]);
        }
    }
}

#[test]
fn carousels_are_parted_where_cards_differ_or_are_too_many() {
    let card = |image| hero("Text", image, &json!([]));
    let picture = Some("https://x.example/p.png");
    let mut cards = vec![card(picture); 11];
    cards.push(hero("Other", None, &json!([{"type": "imBack", "title": "One", "value": "1"}])));
    let body = json!({"type": "message", "attachmentLayout": "carousel", "attachments": cards});
    let skill = made(&body, &KAKAO_SKILL);
    let [Bubble::Carousel(first), Bubble::Card(_), Bubble::Card(last)] = &skill.bubbles[..] else {
        panic!("{skill:?}")
    };
    assert_eq!((first.len(), &*last.text), (10, "Other"));
    let naver = made(&body, &NAVER_TALKTALK);
    let [Bubble::Carousel(first), Bubble::Carousel(rest)] = &naver.bubbles[..] else {
        panic!("{naver:?}")
    };
    assert_eq!((first.len(), rest.len()), (10, 2));
}

#[test]
fn what_cannot_be_shown_becomes_words() {
    let bold = hero("**Bold** [here](https://x.example/)", None, &json!([]));
    let skill =
        made(&json!({"type": "message", "text": "a **b**", "attachments": [bold]}), &KAKAO_SKILL);
    assert_eq!(texts(&skill), ["a b", "Title\nBold here (https://x.example/)"]);
    let film = json!({"contentType": "video/mp4", "contentUrl": "https://x.example/f.mp4", "name": "film"});
    let inline = json!({"contentType": "image/png", "contentUrl": "data:image/png;base64,AA==", "name": "점"});
    let odd = json!({"contentType": "application/x-odd", "content": {"a": 1}});
    let body = json!({"type": "message", "attachments": [film, inline, odd]});
    let skill = made(&body, &KAKAO_SKILL);
    assert_eq!(texts(&skill), ["film: https://x.example/f.mp4", "[점]", "[application/x-odd]"]);
    assert_eq!(texts(&made(&json!({"type": "message"}), &KAKAO_SKILL)), ["…"]);
    assert_eq!(made(&json!({"type": "typing"}), &KAKAO_SKILL), Degraded::default());
    assert!(Content::of(b"no json").is_empty());
}

#[test]
fn more_bubbles_than_there_may_be_are_put_together() {
    let picture =
        |n| json!({"contentType": "image/png", "contentUrl": format!("https://x.example/{n}.png")});
    let buttons = json!([{"type": "imBack", "title": "One", "value": "1"}]);
    let attachments = [picture(1), picture(2), picture(3), hero("Text", None, &buttons)];
    let body = json!({"type": "message", "text": "Hello", "attachments": attachments});
    let skill = made(&body, &KAKAO_SKILL);
    let [Bubble::Text(_), Bubble::Media(_), Bubble::Text(rest)] = &skill.bubbles[..] else {
        panic!("{skill:?}")
    };
    assert_eq!(rest.words, "https://x.example/2.png\n\nhttps://x.example/3.png\n\nTitle\nText");
    assert_eq!(labels(&skill.quick), ["One"]);
    assert!(skill.dropped.contains(&Dropped::BubblesMerged));
    let friend = made(&body, &KAKAO_PLUS_FRIEND);
    let [Bubble::Card(card)] = &friend.bubbles[..] else { panic!("{friend:?}") };
    assert_eq!(card.image.as_ref().unwrap().url, "https://x.example/1.png");
    assert!(card.text.starts_with("Hello\n\nhttps://x.example/2.png"), "{}", card.text);
}

#[test]
fn long_korean_texts_are_whole_syllables_in_both_forms() {
    let nfc = "점심을 골라 주세요. ".repeat(200);
    let nfd: String = nfc.nfd().collect();
    for text in [&nfc, &nfd] {
        let body = json!({"type": "message", "text": text});
        let skill = made(&body, &KAKAO_SKILL);
        assert_eq!(skill.bubbles.len(), 3);
        let friend = made(&body, &KAKAO_PLUS_FRIEND);
        let whole: String = texts(&friend)[0].nfc().collect();
        let kept = whole.strip_suffix('…').unwrap();
        assert!(nfc.starts_with(kept), "{kept}");
        assert!(friend.dropped.contains(&Dropped::TextCut));
    }
}

#[test]
fn an_adaptive_card_is_read_as_a_person_would() {
    let card = json!({
        "type": "AdaptiveCard",
        "body": [
            {"type": "TextBlock", "text": "오늘의 점심", "weight": "Bolder"},
            {"type": "Container", "items": [
                {"type": "Image", "url": "https://x.example/p.png", "altText": "a bowl"},
                {"type": "TextBlock", "text": "비빔밥"},
                {"type": "FactSet", "facts": [{"title": "Price", "value": "9,000"}]},
                {"type": "TextBlock", "text": "hidden", "isVisible": false},
            ]},
            {"type": "Input.ChoiceSet", "label": "Size", "choices": [{"title": "Big", "value": "b"}]},
        ],
        "actions": [
            {"type": "Action.Submit", "title": "Order", "data": {"menu": 1}},
            {"type": "Action.OpenUrl", "title": "Menu", "url": "https://x.example/menu"},
            {"type": "Action.ShowCard", "title": "More", "card": {"body": [{"type": "TextBlock", "text": "inside"}]}},
        ],
    });
    let attachment =
        json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": card});
    let content =
        Content::of(json!({"type": "message", "attachments": [attachment]}).to_string().as_bytes());
    let [Bubble::Card(card)] = &content.bubbles[..] else { panic!("{content:?}") };
    assert_eq!(card.title.as_deref(), Some("오늘의 점심"));
    assert_eq!(card.text, "비빔밥\nPrice: 9,000\nSize\n• Big\nMore\ninside");
    assert_eq!(labels(&card.actions), ["Order", "Menu"]);
    assert_eq!((&*card.actions[0].text, card.actions[0].value.is_some()), (r#"{"menu":1}"#, true));
}

#[test]
fn the_other_cards_of_the_schema_are_read_too() {
    let of = |kind: &str, content: Value| json!({"contentType": format!("application/vnd.microsoft.card.{kind}"), "content": content});
    let attachments = [
        of(
            "receipt",
            json!({"title": "Paid", "facts": [{"key": "No", "value": "7"}],
            "items": [{"title": "Tea", "quantity": "2", "price": "6"}], "total": "6"}),
        ),
        of(
            "signin",
            json!({"text": "Sign in", "buttons": [{"type": "signin", "title": "Go", "value": "https://x.example/in"}]}),
        ),
        of("audio", json!({"title": "Song", "media": [{"url": "https://x.example/s.mp3"}]})),
        of(
            "thumbnail",
            json!({"title": "Small", "tap": {"type": "openUrl", "value": "https://x.example/t"},
            "buttons": [{"type": "call", "title": "Call", "value": "tel:+82 2 123"}, {"type": "openUrl", "title": "Bad", "value": "javascript:x"}]}),
        ),
        of("hero", json!({})),
    ];
    let body = json!({"type": "message", "attachments": attachments}).to_string();
    let content = Content::of(body.as_bytes());
    let [
        Bubble::Card(receipt),
        Bubble::Card(signin),
        Bubble::Card(_),
        Bubble::Media(song),
        Bubble::Card(small),
        Bubble::Card(empty),
    ] = &content.bubbles[..]
    else {
        panic!("{content:?}")
    };
    assert_eq!(receipt.words(), "Paid\nNo: 7\n2 × Tea: 6\nTotal: 6");
    assert_eq!(signin.actions[0].kind, ActionKind::Open);
    assert_eq!(song.kind, MediaKind::Audio);
    assert_eq!(small.actions[0].kind, ActionKind::Call);
    // What was to open something that is no address is said instead.
    assert_eq!(small.actions[1].kind, ActionKind::Say);
    assert_eq!(empty.text, "[application/vnd.microsoft.card.hero]");
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        "[a-z가-힣 ]{0,60}".prop_map(Value::from),
        "https://[a-z]{1,8}\\.example/[a-z]{0,300}".prop_map(Value::from),
        Just(Value::from("가나다 라마 ".repeat(300))),
    ];
    leaf.prop_recursive(4, 40, 12, |inner| {
        let names = prop::sample::select(vec![
            "type",
            "text",
            "title",
            "url",
            "value",
            "contentType",
            "content",
            "contentUrl",
            "buttons",
            "images",
            "image",
            "body",
            "items",
            "actions",
            "facts",
            "name",
            "tap",
            "data",
        ]);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..14).prop_map(Value::from),
            prop::collection::vec((names, inner), 0..8).prop_map(|members| {
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            }),
        ]
    })
}

fn action() -> impl Strategy<Value = Value> {
    let kinds = vec!["imBack", "postBack", "messageBack", "openUrl", "call", "signin"];
    let values = prop_oneof!["[a-z가-힣]{0,30}", Just("https://x.example/a".to_owned())];
    (prop::sample::select(kinds), "[a-z가-힣 ]{0,30}", values)
        .prop_map(|(kind, title, value)| json!({"type": kind, "title": title, "value": value}))
}

fn attachment() -> impl Strategy<Value = Value> {
    let kinds = vec!["hero", "thumbnail", "receipt", "signin", "adaptive", "video", "x"];
    let image = prop::option::of(Just(json!([{"url": "https://x.example/p.png"}])));
    let text = prop_oneof!["[a-z가-힣 ]{0,40}", Just("가나다라 마 ".repeat(120))];
    let buttons = prop::collection::vec(action(), 0..14);
    let card = (prop::sample::select(kinds), "[가-힣 ]{0,70}", text, image, buttons).prop_map(
        |(kind, title, text, images, buttons)| {
            json!({
                "contentType": format!("application/vnd.microsoft.card.{kind}"),
                "content": {"title": title, "text": text, "images": images, "buttons": buttons},
            })
        },
    );
    prop_oneof![3 => card, 1 => value()]
}

#[test]
fn no_input_that_was_ever_kept_does_any_harm() {
    maru_testkit::replay("content_activity", crate::fuzz::content);
}

proptest! {
    #[test]
    fn whatever_a_bot_sends_is_within_every_limit(
        text in prop::option::of(prop_oneof!["[a-z가-힣 ]{0,40}", Just("가나다라 마 ".repeat(700))]),
        attachments in prop::collection::vec(attachment(), 0..14),
        actions in prop::collection::vec(action(), 0..14),
        carousel in any::<bool>(),
    ) {
        let layout = if carousel { "carousel" } else { "list" };
        let body = json!({
            "type": "message", "text": text, "attachments": attachments,
            "attachmentLayout": layout, "suggestedActions": {"actions": actions},
        });
        crate::fuzz::content(body.to_string().as_bytes());
    }

    #[test]
    fn whatever_is_pressed_can_be_pressed_or_answered_with_a_number(
        actions in prop::collection::vec("[a-z]{1,40}", 1..120),
    ) {
        let all: Vec<Value> =
            actions.iter().map(|title| json!({"type": "imBack", "title": title, "value": title})).collect();
        let body = json!({"type": "message", "text": "t", "suggestedActions": {"actions": all}});
        for can in crate::limits::ALL {
            let made = made(&body, can);
            let said: Vec<&str> = made.pressable().map(|(_, action)| action.text.as_str()).collect();
            prop_assert_eq!(&said, &actions);
        }
    }
}
