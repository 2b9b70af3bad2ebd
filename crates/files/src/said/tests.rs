use serde_json::json;

use super::*;

struct Hosted;

impl Addresses for Hosted {
    fn file(&self, blob: &str, name: &str) -> String {
        format!("http://h/nxchat/file/{blob}/{name}")
    }

    fn preview(&self, blob: &str) -> String {
        format!("http://h/nxchat/file/{blob}/p")
    }
}

fn of_bot(activity: &Value) -> Vec<Value> {
    let meta = Meta { blobs: true, ..Meta::default() };
    contents(activity.to_string().as_bytes(), &meta, &Hosted)
}

#[test]
fn any_bots_message_is_shown_and_never_as_nothing() {
    let actions = json!([
        {"type": "imBack", "title": "One", "value": "1"},
        {"type": "imBack", "title": "Two", "value": "Two"},
        {"type": "openUrl", "title": "Site", "value": "https://x.example/"},
    ]);
    let links = json!([
        {"name": "One", "type": "text", "extra": "1"},
        {"name": "Two", "type": "text"},
        {"name": "Site", "type": "link", "url": "https://x.example/"},
    ]);
    let hero = "application/vnd.microsoft.card.hero";
    for (activity, shown) in [
        (json!({"type": "message", "text": "**Hi**"}), json!([{"type": "text", "message": "Hi"}])),
        (
            json!({"type": "message", "text": "Which?", "suggestedActions": {"actions": actions}}),
            json!([{"type": "links", "message": "Which?", "links": links}]),
        ),
        (
            json!({"type": "message", "attachments": [{"contentType": hero,
                "content": {"title": "T", "text": "body", "buttons": actions}}]}),
            json!([{"type": "links", "message": "T\nbody", "links": links}]),
        ),
        (
            json!({"type": "message", "text": "See", "attachments": [
                {"contentType": "image/png", "contentUrl": "blob:b1", "name": "cat.png"},
                {"contentType": "application/pdf", "contentUrl": "https://x.example/a/doc.pdf?x=1"}]}),
            json!([
                {"type": "text", "message": "See"},
                {"type": "file", "message": "", "file_data": [{"name": "cat.png",
                    "url": "http://h/nxchat/file/b1/file", "mime_type": "image/png",
                    "preview_url": "http://h/nxchat/file/b1/file"}]},
                {"type": "file", "message": "", "file_data": [{"name": "doc.pdf",
                    "url": "https://x.example/a/doc.pdf?x=1", "mime_type": "application/pdf"}]},
            ]),
        ),
        (json!({"type": "message"}), json!([{"type": "text", "message": "…"}])),
        (json!({"type": "event", "name": "x"}), json!([])),
    ] {
        assert_eq!(Value::from(of_bot(&activity)), shown, "{activity}");
    }
}

#[test]
fn what_was_offered_can_be_looked_up_again() {
    let activity = json!({"type": "message", "text": "Which?", "suggestedActions": {"actions": [
        {"type": "imBack", "title": "One", "value": "1"},
        {"type": "imBack", "title": "Two", "value": "Two"},
        {"type": "postBack", "title": "Three", "value": {"n": 3}},
    ]}});
    let offered = offered(activity.to_string().as_bytes());
    let found: Vec<_> = offered.iter().map(|o| (o.name.as_str(), o.extra.as_str())).collect();
    assert_eq!(found, [("One", "1"), ("Three", "{\"n\":3}")]);
    assert_eq!(offered[1].action.value, Some(json!({"n": 3})));
}

#[test]
fn what_was_said_in_these_words_is_shown_in_them() {
    let content = json!({"type": "file", "message": "", "file_data": [{"name": "가.png",
        "size": 3, "url": "blob:a", "mime_type": "image/png", "preview_url": "blob:b"}], "x": 1});
    let body = json!({"mid": "m", "content": content});
    let native = Native { protocol: PROTOCOL.to_owned(), body };
    let meta = Meta { native: Some(native), ..Meta::default() };
    assert_eq!(mid_of(&meta), Some("m"));
    let shown = contents(b"{}", &meta, &Hosted);
    assert_eq!(
        shown[0]["file_data"][0],
        json!({"name": "가.png", "size": 3, "url": "http://h/nxchat/file/a/가.png",
            "mime_type": "image/png", "preview_url": "http://h/nxchat/file/b/p"})
    );
    assert_eq!((shown.len(), &shown[0]["x"]), (1, &json!(1)));
}
