#![expect(clippy::needless_pass_by_value, reason = "json!() at each call reads best")]

use maru_activity::Limits;
use proptest::prelude::*;

use super::*;

fn bot() -> Account {
    Account { id: "b".to_owned(), name: None, role: Some("bot".to_owned()) }
}

/// The activity of a template, as JSON, less what all have.
fn said(kind: &str, payload: Value) -> Value {
    let spoken = Spoken::Rich(json!({"type": kind, "payload": payload}));
    let (activity, meta) = spoken.activity(&bot(), None).unwrap();
    assert_eq!(meta.native.unwrap().body["payload"], payload);
    let mut said: Value = serde_json::from_slice(&activity.body).unwrap();
    let members = said.as_object_mut().unwrap();
    assert_eq!(members.remove("type").unwrap(), "message");
    members.remove("from");
    said
}

fn template(payload: Value) -> Value {
    said("template", payload)
}

fn hero(content: Value) -> Value {
    json!({"contentType": "application/vnd.microsoft.card.hero", "content": content})
}

fn post_back(title: &str, payload: &str) -> Value {
    json!({"type": "messageBack", "title": title, "text": payload, "displayText": title})
}

fn im_back(title: &str) -> Value {
    json!({"type": "imBack", "title": title, "value": title})
}

fn choices(text: &str, actions: Value) -> Value {
    json!({"text": text, "suggestedActions": {"to": [], "actions": actions}})
}

#[test]
fn buttons_say_their_payload_and_show_their_title() {
    let buttons = json!([
        {"type": "postback", "title": "One", "payload": "1"},
        {"type": "postback", "title": "Same", "payload": "Same"},
        {"type": "postback", "title": "T", "payload": {"a": 1}},
        {"type": "postback", "title": "T", "payload": "p", "renderMessage": "shown"},
        {"type": "web_url", "title": "Open", "url": "https://x.example/"},
        {"type": "url", "url": "https://x.example/"},
        {"type": "call", "title": "Call", "payload": "+1 2"},
        {"type": "postback", "value": "only"},
        {"type": "postback"},
        7,
    ]);
    let card = json!({"text": "Which?", "buttons": [
        post_back("One", "1"),
        im_back("Same"),
        post_back("T", r#"{"a":1}"#),
        {"type": "messageBack", "title": "T", "text": "p", "displayText": "shown"},
        {"type": "openUrl", "title": "Open", "value": "https://x.example/"},
        {"type": "openUrl", "title": "https://x.example/", "value": "https://x.example/"},
        {"type": "call", "title": "Call", "value": "tel:+1 2"},
        im_back("only"),
    ]});
    let made = template(json!({"template_type": "button", "text": "Which?", "buttons": buttons}));
    assert_eq!(made, json!({"attachments": [hero(card)]}));
}

#[test]
fn lists_and_carousels_are_cards_below_or_beside_each_other() {
    let elements = json!([
        {"title": "A", "subtitle": "a", "image_url": "https://x/a.png",
         "default_action": {"type": "web_url", "url": "https://x/a"},
         "buttons": [{"type": "postback", "title": "Buy", "payload": "buy a"}]},
        {"title": "B", "value": "$2", "image": {"image_type": "image", "image_src": "https://x/b.png"}},
    ]);
    let first = hero(json!({
        "title": "A", "subtitle": "a", "images": [{"url": "https://x/a.png"}],
        "buttons": [post_back("Buy", "buy a")],
        "tap": {"type": "openUrl", "title": "A", "value": "https://x/a"},
    }));
    let second = hero(json!({"title": "B", "text": "$2", "images": [{"url": "https://x/b.png"}]}));
    for (kind, members, layout) in [
        ("carousel", "elements", "carousel"),
        ("list", "elements", "list"),
        ("listView", "elements", "list"),
        ("advancedListTemplate", "listItems", "list"),
        ("cardTemplate", "cards", "list"),
    ] {
        let made = template(json!({"template_type": kind, "text": "Here", (members): elements}));
        let cards = json!([first, second]);
        let expected = json!({"text": "Here", "attachmentLayout": layout, "attachments": cards});
        assert_eq!(made, expected, "{kind}");
    }
    let more = json!({"template_type": "list", "elements": [{"title": "A"}],
        "buttons": [{"type": "postback", "title": "More", "payload": "more"}]});
    let below = hero(json!({"buttons": [post_back("More", "more")]}));
    let cards = json!([hero(json!({"title": "A"})), below]);
    assert_eq!(template(more), json!({"attachmentLayout": "list", "attachments": cards}));
}

#[test]
fn what_is_to_be_chosen_from_is_suggested() {
    let replies = json!([
        {"content_type": "text", "title": "Yes", "payload": "yes", "image_url": "https://x/y.png"},
        {"content_type": "text", "title": "No", "payload": "No"},
    ]);
    let quick =
        json!({"template_type": "quick_replies", "text": "Sure?", "quick_replies": replies});
    let yes_no = json!([post_back("Yes", "yes"), im_back("No")]);
    assert_eq!(template(quick), choices("Sure?", yes_no));

    let dropdown = json!({"template_type": "dropdown_template", "heading": "Size",
        "elements": [{"title": "Large", "value": "L"}, {"title": "5", "value": 5}]});
    assert_eq!(template(dropdown), choices("Size", json!([post_back("Large", "L"), im_back("5")])));

    let radio = json!({"template_type": "radioOptionTemplate", "heading": "Pay", "radioOptions": [
        {"title": "Card", "value": "x", "postback": {"title": "by card", "value": "card"}}]});
    let card =
        json!({"type": "messageBack", "title": "Card", "text": "card", "displayText": "by card"});
    assert_eq!(template(radio), choices("Pay", json!([card])));

    let groups = json!({"template_type": "advanced_multi_select", "heading": "Topics", "elements": [
        {"collectionTitle": "A", "collection": [{"title": "a", "value": "a"}]},
        {"collectionTitle": "B", "collection": [{"title": "b", "value": "B"}]}]});
    assert_eq!(template(groups), choices("Topics", json!([im_back("a"), post_back("b", "B")])));

    let feedback = json!({"template_type": "feedbackTemplate", "view": "CSAT", "text": "How was it?",
        "smileyArrays": [{"smileyId": 1, "value": 1, "reviewText": "Bad"}, {"smileyId": 2, "value": 2}]});
    assert_eq!(
        template(feedback),
        choices("How was it?", json!([post_back("Bad", "1"), im_back("2")]))
    );
    let stars = json!({"template_type": "feedbackTemplate", "text": "Stars?"});
    let stars = template(stars);
    assert_eq!(stars["suggestedActions"]["actions"].as_array().unwrap().len(), 5);
    let like = json!({"template_type": "like_dislike", "text": "Good?"});
    assert_eq!(template(like), choices("Good?", json!([im_back("Like"), im_back("Dislike")])));
}

#[test]
fn figures_are_lines_of_text() {
    for (payload, text) in [
        (
            json!({"template_type": "table", "text": "Accounts", "columns": [["Name", "left"], ["Sum", "right"]],
                "elements": [{"Values": ["A", 1]}, {"Values": ["B", {"title": "2 kr"}]}]}),
            "Accounts\nName | Sum\nA | 1\nB | 2 kr",
        ),
        (
            json!({"template_type": "mini_table", "elements": [
                {"primary": [["Day"], ["Sum", "right"]], "additional": [["Mo", 3], ["Tu", 4]]}]}),
            "Day | Sum\nMo | 3\nTu | 4",
        ),
        (
            json!({"template_type": "barchart", "text": "Sales", "X_axis": ["Q1", "Q2"],
                "elements": [{"title": "East", "values": [1, 2], "displayValues": ["$1", "$2"]}]}),
            "Sales\nEast: Q1 $1, Q2 $2",
        ),
        (
            json!({"template_type": "piechart", "elements": [
                {"title": "Rent", "value": 60, "displayValue": "60 %"}, {"title": "Food", "value": 40}]}),
            "Rent: 60 %\nFood: 40",
        ),
    ] {
        assert_eq!(template(payload), json!({"textFormat": "plain", "text": text}));
    }
}

#[test]
fn files_are_attachments_of_their_kind() {
    let file = |kind: &str, url: &str, name: &str| json!({"contentType": kind, "contentUrl": url, "name": name});
    for (kind, payload, expected) in [
        (
            "image",
            json!({"url": "https://x/a.JPG?b"}),
            file("image/jpeg", "https://x/a.JPG?b", "a.JPG"),
        ),
        ("image", json!({"url": "https://x/"}), file("image/png", "https://x/", "file")),
        ("audio", json!({"url": "https://x/a"}), file("audio/mpeg", "https://x/a", "a")),
        (
            "video",
            json!({"videoUrl": "https://x/a.webm"}),
            file("video/webm", "https://x/a.webm", "a.webm"),
        ),
        (
            "message",
            json!({"audioUrl": "https://x/a.wav"}),
            file("audio/wav", "https://x/a.wav", "a.wav"),
        ),
        (
            "link",
            json!({"url": "https://x/a.pdf", "fileName": "Bill"}),
            file("application/pdf", "https://x/a.pdf", "Bill"),
        ),
    ] {
        assert_eq!(said(kind, payload), json!({"attachments": [expected]}));
    }
    let with_text = said("message", json!({"text": "See", "videoUrl": "https://x/a.mp4"}));
    assert_eq!(
        (&with_text["text"], with_text["attachments"].as_array().unwrap().len()),
        (&json!("See"), 1)
    );
    assert_eq!(said("error", json!({"text": "Oh no"})), json!({"text": "Oh no"}));
}

#[test]
fn a_form_is_a_link_to_it() {
    let open = |title: &str| json!({"type": "openUrl", "title": title, "value": "https://f/1"});
    for (payload, text, title) in [
        (
            json!({"template_type": "form_template", "heading": "Fill in",
                "formData": {"formLink": "https://f/1", "renderType": "inline", "formName": "Order"}}),
            "Fill in",
            "Order",
        ),
        (
            json!({"template_type": "iframe", "text": "T", "url": "https://f/1"}),
            "T",
            "Open the form",
        ),
    ] {
        let card = hero(json!({"text": text, "buttons": [open(title)]}));
        assert_eq!(template(payload), json!({"attachments": [card]}));
    }
}

#[test]
fn what_is_not_known_is_still_readable() {
    for (payload, text) in [
        (json!({"template_type": "live_agent", "text": "Hi", "agent_name": "JD"}), "Hi"),
        (json!({"template_type": "SYSTEM", "text": "Agent has joined"}), "Agent has joined"),
        (json!({"template_type": "clockTemplate", "text": "When?", "inputText": "x"}), "When?"),
        (json!({"template_type": "custom", "a": {"b": [{"title": "deep", "c": "code"}]}}), "deep"),
        (json!({"template_type": "custom", "x": 1}), "[custom]"),
        (json!({"template_type": "button"}), "[button]"),
        (json!({}), "[template]"),
    ] {
        assert_eq!(template(payload.clone())["text"], text, "{payload}");
    }
    let unknown = json!({"template_type": "new", "text": "T", "buttons": [{"title": "B"}]});
    let card = hero(json!({"text": "T", "buttons": [im_back("B")]}));
    assert_eq!(template(unknown), json!({"attachments": [card]}));
}

#[test]
fn a_message_is_a_text_unless_it_is_the_json_of_a_template() {
    let text = |text: &str| vec![Spoken::Text(text.to_owned())];
    let outer = json!({"type": "template", "payload": {"template_type": "x"}});
    for (said, is_template, expected) in [
        (json!("{\"a\":1}"), false, text("{\"a\":1}")),
        (json!("{not json"), true, text("{not json")),
        (json!("[1]"), true, text("[1]")),
        (json!("{\"text\":\"only\"}"), true, text("only")),
        (json!({"type": "text", "payload": {"text": "only"}}), false, text("only")),
        (json!(false), false, text("false")),
        (outer.clone(), false, vec![Spoken::Rich(outer.clone())]),
        (json!(format!(" {outer}\n")), false, vec![Spoken::Rich(outer.clone())]),
        (json!({"type": "template", "payload": outer}), false, vec![Spoken::Rich(outer.clone())]),
        (json!({"template_type": "x"}), false, vec![Spoken::Rich(outer.clone())]),
        (json!("{\"template_type\":\"x\"}"), false, vec![Spoken::Rich(outer)]),
        (json!({}), false, vec![]),
        (json!("  "), false, vec![]),
    ] {
        assert_eq!(spoken(&said, is_template), expected, "{said}");
    }
}

#[test]
fn a_bot_behind_whose_answer_has_no_text_is_still_heard() {
    let plain = |activity: Value| plain(&Heard::read(activity.to_string().as_bytes()));
    assert_eq!(plain(json!({"text": "t", "attachments": [{}]})), "t");
    assert_eq!(plain(json!({"attachments": [hero(json!({"title": "Card"}))]})), "Card");
    assert_eq!(plain(json!({"attachments": [{"name": "a.png", "contentUrl": "blob:x"}]})), "a.png");
    assert_eq!(plain(json!({"summary": "s"})), "s");
    assert_eq!(plain(json!({})), "[attachment]");
}

/// Any JSON, with the names that templates have among its members.
fn any_json() -> impl Strategy<Value = Value> {
    let name = prop_oneof![
        Just("type"),
        Just("payload"),
        Just("template_type"),
        Just("text"),
        Just("title"),
        Just("buttons"),
        Just("elements"),
        Just("url"),
        Just("value"),
        Just("quick_replies"),
        Just("columns"),
        Just("Values"),
        Just("primary"),
        Just("additional"),
        Just("formData"),
        Just("formLink"),
        Just("image"),
        Just("X_axis"),
        Just("values"),
        Just("collection"),
        Just("x"),
    ];
    let word = prop_oneof![
        Just(""),
        Just("template"),
        Just("button"),
        Just("carousel"),
        Just("table"),
        Just("piechart"),
        Just("mini_table"),
        Just("feedbackTemplate"),
        Just("iframe"),
        Just("image"),
        Just("한\u{0}\""),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        word.prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 40, 5, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((name.clone(), inner), 0..5).prop_map(|members| {
                let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
                Value::Object(members.collect())
            }),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_is_said_something_is_shown(said in any_json(), is_template: bool, as_text: bool) {
        let said = if as_text { Value::String(said.to_string()) } else { said };
        for spoken in spoken(&said, is_template) {
            let (activity, meta) = spoken.activity(&bot(), Some("c|0000000")).unwrap();
            let again = Activity::parse(&activity.body, &Limits::default()).unwrap();
            prop_assert_eq!(&again.body, &activity.body);
            let said: Value = serde_json::from_slice(&activity.body).unwrap();
            let shows = ["text", "attachments", "suggestedActions"];
            prop_assert!(shows.iter().any(|name| said.get(*name).is_some()), "{}", said);
            if let Some(native) = meta.native {
                prop_assert!(native.body["type"].is_string() && native.body.get("payload").is_some());
            }
        }
    }
}
