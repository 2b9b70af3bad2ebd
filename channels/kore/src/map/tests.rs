use maru_activity::{Account, Kind, Links, Role};
use maru_hall::{Blob, Native};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

struct Hosted;

impl Links for Hosted {
    fn link(&self, blob: &str) -> String {
        format!("https://h/{blob}")
    }
}

fn parts(activity: &Value) -> Vec<Part> {
    let said = Portable::read(activity.to_string().as_bytes());
    parts_of(&Kind::Message, &said, None, &Hosted)
}

fn hero(card: &Value) -> Value {
    json!({"contentType": "application/vnd.microsoft.card.hero", "content": card})
}

fn template(payload: &Value) -> Part {
    Part::Rich(json!({"type": "template", "payload": payload}))
}

fn text(text: &str) -> Part {
    Part::Text(text.to_owned())
}

/// The table of the README, row by row.
#[test]
fn what_a_bot_says_is_shown_in_kores_own_templates() {
    let buttons = json!([
        {"type": "imBack", "title": "Yes", "value": "y"},
        {"type": "postBack", "title": "Object", "value": {"a": 1}},
        {"type": "messageBack", "title": "Back", "text": "back", "displayText": "shown"},
        {"type": "openUrl", "title": "Site", "value": "https://x.example/"},
        {"type": "openUrl", "title": "Evil", "value": "javascript:alert(1)"},
    ]);
    let pressed = json!([
        {"type": "postback", "title": "Yes", "payload": "y"},
        {"type": "postback", "title": "Object", "payload": "{\"a\":1}"},
        {"type": "postback", "title": "Back", "payload": "back"},
        {"type": "web_url", "title": "Site", "url": "https://x.example/"},
        {"type": "postback", "title": "Evil", "payload": "javascript:alert(1)"},
    ]);
    let image = json!([{"url": "https://x/a.png"}]);
    let said = |text: &str| json!({"text": text});
    for (what, activity, shown) in [
        ("a text, markdown as it is", said("    *Hi* <b>  \n"), vec![text("    *Hi* <b>  \n")]),
        (
            "suggested actions",
            json!({"text": "Which?", "suggestedActions": {"actions": [
                {"type": "imBack", "title": "One", "value": "1", "image": "https://x/1.png"}]}}),
            vec![template(&json!({"template_type": "quick_replies", "text": "Which?",
                "quick_replies": [{"content_type": "text", "title": "One", "payload": "1",
                    "image_url": "https://x/1.png"}]}))],
        ),
        (
            "suggested actions with a link among them",
            json!({"text": "Go", "suggestedActions": {"actions": [buttons[3]]}}),
            vec![template(
                &json!({"template_type": "button", "text": "Go", "buttons": [pressed[3]]}),
            )],
        ),
        (
            "a card without a picture",
            json!({"attachments": [hero(&json!({"title": "T", "subtitle": "S", "text": "X", "buttons": buttons}))]}),
            vec![template(
                &json!({"template_type": "button", "text": "T\nS\nX", "buttons": pressed}),
            )],
        ),
        (
            "a card without buttons",
            json!({"attachments": [hero(&json!({"title": "T", "tap": {"type": "openUrl", "value": "https://t/"}}))]}),
            vec![text("T\nhttps://t/")],
        ),
        (
            "a card with a picture",
            json!({"text": "Look", "attachments": [hero(&json!({"title": "T", "images": image,
                "tap": {"type": "openUrl", "value": "https://t/"}}))]}),
            vec![
                text("Look"),
                template(&json!({"template_type": "carousel", "elements": [
                {"title": "T", "image_url": "https://x/a.png",
                    "default_action": {"type": "web_url", "url": "https://t/"}}]})),
            ],
        ),
        (
            "cards in a list",
            json!({"attachments": [hero(&json!({"title": "A"})), hero(&json!({"title": "B", "text": "b"}))]}),
            vec![template(&json!({"template_type": "list", "elements": [
                {"title": "A"}, {"title": "B", "subtitle": "b"}]}))],
        ),
        (
            "cards in a carousel",
            json!({"attachmentLayout": "carousel", "attachments": [hero(&json!({"title": "A"})), hero(&json!({"title": "B"}))]}),
            vec![template(
                &json!({"template_type": "carousel", "elements": [{"title": "A"}, {"title": "B"}]}),
            )],
        ),
        (
            "an image of ours, and a file from elsewhere",
            json!({"attachments": [
                {"contentType": "image/png", "contentUrl": "blob:b1.r", "name": "a.png"},
                {"contentType": "application/pdf", "contentUrl": "https://x/b.pdf", "name": "b.pdf"}]}),
            vec![
                Part::Rich(
                    json!({"type": "image", "payload": {"url": "https://h/b1.r", "text": "a.png", "name": "a.png"}}),
                ),
                Part::Rich(
                    json!({"type": "link", "payload": {"url": "https://x/b.pdf", "text": "b.pdf", "name": "b.pdf"}}),
                ),
            ],
        ),
        (
            "a film",
            json!({"attachments": [{"contentType": "application/vnd.microsoft.card.video",
                "content": {"title": "Film", "media": [{"url": "https://x/f.mp4"}], "buttons": [buttons[0]]}}]}),
            vec![
                text("Film"),
                Part::Rich(json!({"type": "video", "payload": {"url": "https://x/f.mp4"}})),
                template(&json!({"template_type": "button", "text": "", "buttons": [pressed[0]]})),
            ],
        ),
        (
            "an animation",
            json!({"attachments": [{"contentType": "application/vnd.microsoft.card.animation",
                "content": {"media": [{"url": "https://x/f.gif?v=1"}, {"url": "https://x/f.mp4#t"}]}}]}),
            vec![
                Part::Rich(json!({"type": "image", "payload": {"url": "https://x/f.gif?v=1"}})),
                Part::Rich(json!({"type": "video", "payload": {"url": "https://x/f.mp4#t"}})),
            ],
        ),
        (
            "a receipt",
            json!({"attachments": [{"contentType": "application/vnd.microsoft.card.receipt", "content": {
                "title": "Order 1", "facts": [{"key": "Paid", "value": "card"}],
                "items": [{"title": "Tea", "quantity": "2", "price": "4 €"}], "tax": "1 €", "total": "5 €"}}]}),
            vec![text("Order 1\nPaid: card\n2 × Tea: 4 €\nTax: 1 €\nTotal: 5 €")],
        ),
        (
            "a sign-in card",
            json!({"attachments": [{"contentType": "application/vnd.microsoft.card.signin", "content": {
                "text": "Please", "buttons": [{"type": "signin", "title": "Sign in", "value": "https://s/"}]}}]}),
            vec![template(&json!({"template_type": "button", "text": "Please",
                "buttons": [{"type": "web_url", "title": "Sign in", "url": "https://s/"}]}))],
        ),
        (
            "suggested actions below cards",
            json!({"text": "T", "attachments": [hero(&json!({"title": "A"}))],
                "suggestedActions": {"actions": [{"type": "imBack", "title": "One", "value": "1"}]}}),
            vec![
                text("T"),
                text("A"),
                template(&json!({"template_type": "quick_replies", "text": "",
                "quick_replies": [{"content_type": "text", "title": "One", "payload": "1"}]})),
            ],
        ),
        (
            "what nobody knows",
            json!({"attachments": [
                {"contentType": "application/x", "content": {"title": "T", "z": 1}},
                {"contentType": "application/y", "content": {"z": 1}},
                {"contentType": "application/z", "contentUrl": "javascript:alert(1)", "name": "n"},
                {"contentType": "text/plain", "content": "as it is"}]}),
            vec![text("T"), text("[application/y]"), text("[n]"), text("as it is")],
        ),
        ("only spoken", json!({"speak": "hello"}), vec![text("hello")]),
        ("nothing at all", json!({"inputHint": "x"}), vec![]),
    ] {
        assert_eq!(parts(&activity), shown, "{what}");
    }
}

#[test]
fn an_adaptive_card_is_read_out_with_its_buttons() {
    let card = json!({"type": "AdaptiveCard", "body": [
        {"type": "TextBlock", "text": "Book a room"},
        {"type": "ColumnSet", "columns": [
            {"type": "Column", "items": [{"type": "TextBlock", "text": "Left"}]},
            {"type": "Column", "items": [{"type": "RichTextBlock", "inlines": ["Right", {"type": "TextRun", "text": " side"}]}]}]},
        {"type": "FactSet", "facts": [{"title": "Floor", "value": "3"}]},
        {"type": "TextBlock", "text": "secret", "isVisible": false},
        {"type": "Image", "url": "https://x/a.png", "altText": "A room"},
        {"type": "Input.ChoiceSet", "label": "Size", "choices": [{"title": "S", "value": "s"}]},
        {"type": "ActionSet", "actions": [{"type": "Action.OpenUrl", "title": "Map", "url": "https://m/"}]},
    ], "actions": [
        {"type": "Action.Submit", "title": "Book", "data": {"room": 3}},
        {"type": "Action.Submit", "title": "No", "data": "no"},
        {"type": "Action.ShowCard", "title": "More", "card": {"type": "AdaptiveCard",
            "body": [{"type": "TextBlock", "text": "Inside"}]}},
    ]});
    let attachment =
        json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": card});
    let shown = parts(&json!({"attachments": [attachment]}));
    let words = "Book a room\nLeft\nRight side\nFloor: 3\nA room\nSize\n• S\nMore\nInside";
    let expected = json!({"template_type": "button", "text": words, "buttons": [
        {"type": "web_url", "title": "Map", "url": "https://m/"},
        {"type": "postback", "title": "Book", "payload": "{\"room\":3}"},
        {"type": "postback", "title": "No", "payload": "no"},
    ]});
    assert_eq!(shown, [template(&expected)]);
    let empty =
        json!({"contentType": "application/vnd.microsoft.card.adaptive", "content": {"body": []}});
    let named = [text("[application/vnd.microsoft.card.adaptive]")];
    assert_eq!(parts(&json!({"attachments": [empty]})), named);
}

#[test]
fn what_was_made_for_kore_is_sent_as_it_stands() {
    let inner =
        json!({"template_type": "table", "columns": [["A"]], "elements": [{"Values": ["1"]}]});
    let outer = json!({"type": "template", "payload": inner});
    let wrapped = json!({"type": "template", "payload": outer});
    let said = Portable::read(br#"{"text":"portable"}"#);
    let shown = |body: &Value| {
        let native = Native { protocol: "kore".to_owned(), body: body.clone() };
        parts_of(&Kind::Message, &said, Some(&native), &Hosted)
    };
    for (body, part) in [
        (outer.clone(), Part::Rich(outer.clone())),
        (wrapped, Part::Rich(outer)),
        (json!("a text"), text("a text")),
        (json!({"type": "text", "payload": {"text": "t"}}), text("t")),
        (
            json!({"type": "image", "payload": {"url": "u"}}),
            Part::Rich(json!({"type": "image", "payload": {"url": "u"}})),
        ),
        // Not of Kore's form after all: the portable words.
        (json!({"x": 1}), text("portable")),
        (json!(null), text("portable")),
    ] {
        assert_eq!(shown(&body), [part], "{body}");
    }
    let other = Native { protocol: "kakao".to_owned(), body: json!("x") };
    assert_eq!(parts_of(&Kind::Message, &said, Some(&other), &Hosted), [text("portable")]);
}

#[test]
fn templates_are_wrapped_twice_and_texts_stand_in_both_places() {
    let element = text("Hi").element();
    let expected = json!({"type": "text", "component": {"type": "text", "payload": {"text": "Hi"}},
        "cInfo": {"body": "Hi"}});
    assert_eq!(element, expected);
    let inner = json!({"template_type": "button", "text": "Pick", "buttons": []});
    let part = template(&inner);
    let outer = json!({"type": "template", "payload": inner});
    assert_eq!(part.element()["component"], json!({"type": "template", "payload": outer}));
    assert_eq!(part.element()["cInfo"]["body"], "Pick");
    assert_eq!(part.history_text(), outer.to_string());
    assert_eq!(part.webhook_value(), outer);
}

#[test]
fn long_texts_are_shown_in_pieces_and_none_is_lost() {
    let long = "말 ".repeat(40_000);
    let shown = parts(&json!({"text": long}));
    assert!(shown.len() > 1);
    assert!(shown.iter().all(|part| part.text().len() <= 60_000));
    let again = shown.iter().map(Part::text).collect::<Vec<_>>().join(" ");
    assert_eq!(again.trim(), long.trim());
    let solid = "말".repeat(50_000);
    let again: String =
        parts(&json!({"text": solid})).iter().map(|p| p.text().to_owned()).collect();
    assert_eq!(again, solid);
}

fn user() -> Account {
    Account { id: "kim".to_owned(), name: Some("Kim".to_owned()), role: None }
}

#[test]
fn a_press_says_its_payload_and_shows_its_label() {
    let press = |body: &str, shown: Option<&str>| {
        let incoming = Incoming {
            body: body.to_owned(),
            shown: shown.map(str::to_owned),
            ..Incoming::default()
        };
        let (activity, meta) = incoming.activity(&user()).unwrap();
        let body: Value = serde_json::from_slice(&activity.body).unwrap();
        (body["text"].clone(), body["value"].clone(), meta.shown)
    };
    let shown = Some("First".to_owned());
    assert_eq!(press("1", Some("First")), (json!("1"), json!(null), shown.clone()));
    assert_eq!(press("hi", Some("hi")), (json!("hi"), json!(null), None));
    assert_eq!(press("", Some("hi")), (json!("hi"), json!(null), None));
    // What was an object to the bot is one again, beside its text.
    let object = json!({"room": 3});
    assert_eq!(
        press(&object.to_string(), Some("First")),
        (json!(object.to_string()), object, shown.clone())
    );
    assert_eq!(press(r#"{"a":1}"#, None).1, json!(null));
    for unsound in ["{", r#"{"a":1,"a":2}"#, &format!("{}1", "{\"a\":".repeat(99))] {
        assert_eq!(press(unsound, Some("First")), (json!(unsound), json!(null), shown.clone()));
    }
}

#[test]
fn a_users_files_are_references_and_nothing_else_can_be_one() {
    let blob = Blob { content_type: "image/png".to_owned(), name: "b.png".to_owned(), bytes: 1 };
    let attached = |url: &str| Attached { url: Some(url.to_owned()), ..Attached::default() };
    let ours = Attached {
        name: Some("a.png".to_owned()),
        file: Some(("blob:x.r".to_owned(), blob)),
        ..attached("https://x/")
    };
    let attachments = vec![ours, attached("blob:y.r"), attached("https://x/c")];
    let (activity, meta) =
        Incoming { attachments, ..Incoming::default() }.activity(&user()).unwrap();
    let body: Value = serde_json::from_slice(&activity.body).unwrap();
    assert!(meta.blobs);
    assert_eq!(
        body["attachments"],
        json!([
            {"contentType": "image/png", "contentUrl": "blob:x.r", "name": "a.png"},
            {"contentType": "application/octet-stream", "contentUrl": "https://x/c", "name": null},
        ])
    );
    assert_eq!(body["from"], json!({"id": "kim", "name": "Kim", "role": "user"}));
}

#[test]
fn an_agent_is_known_by_role_or_mark() {
    let said = |data: &str| Portable::read(data.as_bytes());
    let named = r#"{"from":{"name":"Mina Park"},"channelData":{"fromAgent":true}}"#;
    let author = Author { first: "Mina".to_owned(), last: "Park".to_owned() };
    assert_eq!(author_of(Role::Bot, &said(named)), Some(author.clone()));
    assert_eq!(author_of(Role::Agent, &said(named)), Some(author));
    assert_eq!(author_of(Role::Bot, &said(r#"{"from":{"name":"Bot"}}"#)), None);
}

/// Any JSON, with names and values that mean something here among it.
fn anything() -> impl Strategy<Value = Value> {
    const WORDS: &[&str] =
        &["", " ", "T", "https://x/", "openUrl", "javascript:1", "blob:b", "carousel", "말\n말"];
    const NAMES: &[&str] = &[
        "text",
        "attachments",
        "content",
        "contentType",
        "contentUrl",
        "suggestedActions",
        "actions",
        "title",
        "value",
        "type",
        "buttons",
        "images",
        "url",
        "tap",
        "body",
        "items",
        "columns",
        "card",
        "data",
        "media",
        "facts",
        "key",
        "name",
        "attachmentLayout",
        "inlines",
        "choices",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        proptest::sample::select(WORDS).prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 96, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            proptest::collection::hash_map(proptest::sample::select(NAMES), inner, 0..8)
                .prop_map(|map| map.into_iter().map(|(k, v)| (k.to_owned(), v)).collect()),
        ]
    })
}

fn kind_of_content() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "application/vnd.microsoft.card.hero",
        "application/vnd.microsoft.card.thumbnail",
        "application/vnd.microsoft.card.adaptive",
        "application/vnd.microsoft.card.receipt",
        "application/vnd.microsoft.card.video",
        "application/vnd.microsoft.card.signin",
        "image/png",
        "x/y",
    ])
}

proptest! {
    /// Whatever an activity holds, it is translated, and each part is a message that a client can
    /// show.
    #[test]
    fn anything_is_shown_as_something_sound(activity in anything()) {
        for part in parts(&activity) {
            let element = part.element();
            prop_assert!(element["cInfo"]["body"].is_string());
            match &part {
                Part::Text(text) => prop_assert!(!text.trim().is_empty()),
                Part::Rich(outer) => {
                    prop_assert!(outer["type"].is_string() && outer["payload"].is_object());
                    prop_assert_eq!(&element["component"]["payload"], outer);
                    let again: Value = serde_json::from_str(&part.history_text()).unwrap();
                    prop_assert_eq!(&again, outer);
                }
            }
        }
    }

    /// What has no counterpart degrades to text, never to nothing.
    #[test]
    fn an_attachment_is_never_shown_as_nothing(kind in kind_of_content(), content in anything()) {
        let activity = json!({"attachments": [{"contentType": kind, "content": content}]});
        prop_assert!(!parts(&activity).is_empty(), "{}", activity);
    }

    /// No address that could run in a page is ever given out as one.
    #[test]
    fn only_addresses_are_links(url in "[a-zA-Z]{0,12}:.{0,8}", kind in kind_of_content()) {
        let activity = json!({"attachments": [{"contentType": kind, "contentUrl": url, "content": {
            "title": "T", "images": [{"url": url}], "media": [{"url": url}],
            "tap": {"type": "openUrl", "value": url},
            "buttons": [{"type": "openUrl", "title": "B", "value": url}]}}]});
        let shown: Vec<Value> = parts(&activity).iter().map(Part::element).collect();
        let shown = Value::from(shown).to_string().to_ascii_lowercase();
        let scheme = url.split(':').next().unwrap_or_default().to_ascii_lowercase();
        let allowed = matches!(scheme.as_str(), "http" | "https" | "mailto" | "tel" | "sms" | "data" | "blob");
        let named = |member: &str| shown.contains(&format!("\"{member}\":{}", json!(url.to_ascii_lowercase())));
        prop_assert!(allowed || !(named("url") || named("image_url")), "{}", shown);
    }
}
