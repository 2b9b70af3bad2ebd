use encoding_rs::EUC_KR;
use proptest::prelude::*;
use serde_json::json;
use unicode_normalization::UnicodeNormalization as _;

use super::*;

const JSON: &str = "application/json; charset=utf-8";

/// What reading a message came to: the answer as JSON, or the code; and what was wrong.
fn read(body: &[u8], content_type: &str, mode: Mode) -> (Result<Value, u16>, Vec<Repair>) {
    let Reading { read, repairs } = answer(body, Some(content_type), mode);
    let read = read.map(|answer| serde_json::to_value(answer).unwrap());
    (read.map_err(|rejected| rejected.code.number()), repairs)
}

fn lenient(body: &Value) -> (Result<Value, u16>, Vec<Repair>) {
    read(body.to_string().as_bytes(), JSON, Mode::Lenient)
}

fn strict(body: &Value) -> Result<Value, u16> {
    read(body.to_string().as_bytes(), JSON, Mode::Strict).0
}

fn home(body: &str, mode: Mode) -> (Result<Value, u16>, Vec<Repair>) {
    let Reading { read, repairs } = keyboard(body.as_bytes(), Some(JSON), mode);
    let read = read.map(|keyboard| serde_json::to_value(keyboard).unwrap());
    (read.map_err(|rejected| rejected.code.number()), repairs)
}

#[test]
fn a_proper_answer_is_read_as_it_is_in_both_ways() {
    let body = json!({
        "message": {
            "text": "귀하의 차량이 성공적으로 등록되었습니다. 축하합니다!",
            "photo": {"url": "https://photo.src", "width": 640, "height": 480},
            "message_button": {"label": "주유 쿠폰받기", "url": "https://coupon/url"},
        },
        "keyboard": {"type": "buttons", "buttons": ["처음으로", "다시 등록하기", "취소하기"]},
    });
    assert_eq!(lenient(&body), (Ok(body.clone()), vec![]));
    assert_eq!(strict(&body), Ok(body));
    let least = json!({"message": {"text": "a"}});
    assert_eq!(strict(&least), Ok(least));
}

/// What broke bots on the real platform, and what lenient reading makes of it.
#[test]
fn what_broke_bots_is_put_right_or_refused() {
    use Repair::*;
    let a = json!({"message": {"text": "a"}});
    let button = json!({"label": "go", "url": "https://x/"});
    let photo = |size: Value| json!({"url": "https://x/p.png", "width": size, "height": size});
    let good = photo(json!(137));
    let both = |body: Value| (Ok(body.clone()), Ok(body));
    for (body, repairs, (leniently, strictly)) in [
        (json!({"text": "a"}), vec![Beside], (Ok(a.clone()), Err(203))),
        (
            json!({"message": {"text": "a"}, "message_button": button}),
            vec![Beside],
            (Ok(json!({"message": {"text": "a", "message_button": button}})), Ok(a.clone())),
        ),
        (
            json!({"message": {}, "message_button": button}),
            vec![Beside],
            (Ok(json!({"message": {"message_button": button}})), Err(203)),
        ),
        (
            json!({"message": {"text": "a"}, "photo": good}),
            vec![Beside],
            (Ok(json!({"message": {"text": "a", "photo": good}})), Ok(a.clone())),
        ),
        (
            json!({"message": {"photo": photo(json!("137"))}}),
            vec![NumberOrText],
            (Ok(json!({"message": {"photo": good}})), Err(203)),
        ),
        (
            json!({"message": {"photo": photo(json!(137.0))}}),
            vec![NumberOrText],
            (Ok(json!({"message": {"photo": good}})), Err(203)),
        ),
        (
            json!({"message": {"photo": {"url": "https://x/p.png"}}}),
            vec![PhotoSize],
            (
                Ok(json!({"message": {"photo":
                    {"url": "https://x/p.png", "width": 720, "height": 630}}})),
                Err(203),
            ),
        ),
        (
            json!({"message": {"text": "a", "messageButton": button}}),
            vec![CamelCase],
            (Ok(json!({"message": {"text": "a", "message_button": button}})), Ok(a.clone())),
        ),
        (
            json!({"message": {"text": 42}}),
            vec![NumberOrText],
            (Ok(json!({"message": {"text": "42"}})), Err(203)),
        ),
        (
            json!({"message": {"text": "a", "photo": null, "message_button": null}, "keyboard": null}),
            vec![],
            both(a.clone()),
        ),
        (
            json!({"message": {"text": "a", "message_button":
                {"label": "x", "url": "javascript:alert(1)"}}}),
            vec![Link],
            both(a.clone()),
        ),
        (
            json!({"message": {"text": "a", "message_button": {"label": "x"}}}),
            vec![MessageButton],
            (Ok(a.clone()), Err(203)),
        ),
        (
            json!({"message": {"text": "a", "photo": "https://x/p.png"}}),
            vec![Photo],
            (Ok(a), Err(203)),
        ),
        (json!({"message": {"text": ["a"]}, "text": "a"}), vec![Text], (Err(203), Err(203))),
        (json!({"message": {"text": null}}), vec![], (Err(203), Err(203))),
        (json!({"message": {"text": ""}}), vec![], (Err(203), Err(203))),
        (json!({"message": null, "keyboard": null}), vec![], (Err(203), Err(203))),
        (json!({"message": "Internal Server Error"}), vec![], (Err(203), Err(203))),
        (json!({"d": "{\"message\":{\"text\":\"a\"}}"}), vec![], (Err(203), Err(203))),
        (json!({}), vec![], (Err(203), Err(203))),
        (json!([{"message": {"text": "a"}}]), vec![], (Err(203), Err(203))),
    ] {
        let (read, found) = lenient(&body);
        assert_eq!((read, found), (leniently, repairs), "{body}");
        assert_eq!(strict(&body), strictly, "{body}");
    }
}

#[test]
fn a_keyboard_that_is_none_is_a_text_keyboard() {
    use Repair::*;
    let text = json!({"type": "text"});
    let buttons = |labels: Value| json!({"type": "buttons", "buttons": labels});
    for (keyboard, expected, repairs, strictly) in [
        (buttons(json!(["a", "b"])), buttons(json!(["a", "b"])), vec![], true),
        (json!({"type": "text", "buttons": ["a"]}), text.clone(), vec![], true),
        (json!({"type": "error"}), text.clone(), vec![KeyboardType], false),
        (json!({"buttons": ["a"]}), text.clone(), vec![KeyboardType], false),
        (json!("buttons"), text.clone(), vec![KeyboardType], false),
        (buttons(json!(null)), text.clone(), vec![Buttons], false),
        (buttons(json!([])), text.clone(), vec![Buttons], false),
        (buttons(json!("a")), text.clone(), vec![Buttons], false),
        (json!({"type": "buttons"}), text.clone(), vec![Buttons], false),
        (buttons(json!([1, 2.5])), buttons(json!(["1", "2.5"])), vec![NumberOrText], false),
        (buttons(json!(["a", "", " ", null, {}])), buttons(json!(["a"])), vec![Label], false),
        (buttons(json!([""])), text, vec![Label, Buttons], false),
    ] {
        let body = json!({"message": {"text": "a"}, "keyboard": keyboard});
        let (read, found) = lenient(&body);
        assert_eq!(read.unwrap()["keyboard"], expected, "{keyboard}");
        assert_eq!(found, repairs, "{keyboard}");
        assert_eq!(strict(&body).is_ok(), strictly, "{keyboard}");
        if keyboard.is_object() {
            let (read, found) = home(&keyboard.to_string(), Mode::Lenient);
            assert_eq!((read, found), (Ok(expected), repairs), "{keyboard}");
            let refused = home(&keyboard.to_string(), Mode::Strict).0.err();
            assert_eq!(refused, (!strictly).then_some(204), "{keyboard}");
        }
    }
    let wrapped = r#"{"keyboard": {"type": "buttons", "buttons": ["a"]}}"#;
    assert_eq!(
        home(wrapped, Mode::Lenient),
        (Ok(buttons(json!(["a"]))), vec![Repair::WrappedKeyboard])
    );
    assert_eq!(home(wrapped, Mode::Strict).0, Err(204));
    for none in ["", "null", "[]", "<html>", r#""text""#] {
        assert_eq!(home(none, Mode::Lenient).0, Err(204), "{none}");
    }
}

#[test]
fn a_hundred_buttons_and_a_thousand_characters_are_the_most() {
    let labels = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
    for (count, kept) in [(99, 99), (100, 100), (101, 100), (1_000, 100)] {
        let buttons = labels(count);
        let body =
            json!({"message": {"text": "a"}, "keyboard": {"type": "buttons", "buttons": buttons}});
        let (read, repairs) = lenient(&body);
        assert_eq!(read.as_ref().unwrap()["keyboard"]["buttons"], json!(labels(kept)));
        assert_eq!(repairs, if count > kept { vec![Repair::ButtonsMax] } else { vec![] });
        assert_eq!(strict(&body), read, "the original shows the first hundred too");
    }
    let apart: String = "각".nfd().collect();
    for (text, kept) in [
        ("가".repeat(1_000), "가".repeat(1_000)),
        ("가".repeat(1_001), "가".repeat(1_000)),
        ("a\n".repeat(600), "a\n".repeat(500)),
        // A syllable taken apart is three characters, and is not cut in two.
        (apart.repeat(334), apart.repeat(333)),
        ("👨‍👩‍👧‍👦".repeat(143), "👨‍👩‍👧‍👦".repeat(142)),
        (format!("a{}", "\u{301}".repeat(2_000)), format!("a{}", "\u{301}".repeat(999))),
    ] {
        let (read, repairs) = lenient(&json!({"message": {"text": text}}));
        assert_eq!(read.unwrap()["message"]["text"], kept);
        assert_eq!(repairs.is_empty(), text == kept);
    }
}

#[test]
fn bytes_become_text_whatever_the_server_says_of_them() {
    let text = r#"{"message":{"text":"안녕"}}"#;
    let escaped = r#"{"message":{"text":"\uc548\ub155"}}"#.as_bytes().to_vec();
    let (korean, _, _) = EUC_KR.encode(text);
    let marked = [b"\xef\xbb\xbf".as_slice(), text.as_bytes()].concat();
    let twice =
        [b"\xef\xbb\xbf\n\xef\xbb\xbf".as_slice(), text.as_bytes(), b"\n\xef\xbb\xbf"].concat();
    let wide: Vec<u8> =
        "\u{feff}".encode_utf16().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    use Repair::{ByteOrderMark, Charset, ContentType};
    let plain = text.as_bytes();
    for (body, content_type, repairs, strictly) in [
        (plain, JSON, vec![], Ok(())),
        (plain, "application/json", vec![], Err(203)),
        (&escaped, "application/json", vec![], Ok(())),
        (plain, "APPLICATION/JSON ; Charset=\"UTF-8\"", vec![], Ok(())),
        (plain, "text/html; charset=utf-8", vec![ContentType], Err(400)),
        (plain, "text/plain; charset=utf-8", vec![ContentType], Err(400)),
        (plain, "", vec![ContentType], Err(400)),
        (&marked, JSON, vec![ByteOrderMark], Err(203)),
        (&twice, JSON, vec![ByteOrderMark], Err(203)),
        (&wide, "application/json; charset=utf-16", vec![ByteOrderMark], Err(203)),
        (&korean, "application/json; charset=euc-kr", vec![], Err(203)),
        (&korean, "application/json; charset=MS949", vec![], Err(203)),
        (&korean, "application/json", vec![Charset], Err(203)),
        (&korean, JSON, vec![Charset], Err(203)),
        (plain, "application/json; charset=euc-kr", vec![Charset], Err(203)),
        (plain, "application/json; charset=utf8mb4", vec![Charset], Err(203)),
    ] {
        let (read_leniently, found) = read(body, content_type, Mode::Lenient);
        assert_eq!(read_leniently.unwrap()["message"]["text"], "안녕", "{content_type}");
        assert_eq!(found, repairs, "{content_type}");
        let read_strictly = read(body, content_type, Mode::Strict).0.map(|_| ());
        assert_eq!(read_strictly, strictly, "{content_type}");
    }
    let decomposed: String = "안녕".nfd().collect();
    let (kept, repairs) = lenient(&json!({"message": {"text": decomposed}}));
    assert_eq!((kept.unwrap()["message"]["text"].as_str(), repairs), (Some(&*decomposed), vec![]));
}

#[test]
fn what_is_no_json_is_refused_with_a_place_and_without_its_words() {
    let deep = "[".repeat(100_000);
    for body in [
        "",
        "{'message': {'text': 'secret'}}",
        r#"{"message": {"text": "secret"},}"#,
        r#"{"message": {"text": "secret"}} <br />"#,
        r#"{"message": {"text": "\ud800 secret"}}"#,
        r#"{"message": {"text": "secret"#,
        r#"{"message": {"text": 1e999}}"#,
        "<!DOCTYPE html><h1>secret</h1>",
        &deep,
    ] {
        for mode in [Mode::Lenient, Mode::Strict] {
            let rejected = answer(body.as_bytes(), Some(JSON), mode).read.unwrap_err();
            assert_eq!(rejected.code, Code::WrongMessageFormat);
            assert!(rejected.detail.starts_with("response json parsing error at line "), "{body}");
            assert!(!rejected.to_string().contains("secret"));
        }
    }
    let invalid = answer(b"{\"message\":{\"text\":\"\xff\xff\"}}", Some(JSON), Mode::Lenient);
    assert_eq!(invalid.read.unwrap_err().code, Code::WrongMessageFormat);
}

/// JSON much like what bots send, with anything anywhere.
fn like_an_answer() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<String>().prop_map(Value::from),
        "[가-힣]{0,3}".prop_map(Value::from),
        Just(json!("buttons")),
        Just(json!("text")),
        Just(json!("640")),
        Just(json!("https://x/p.png")),
        Just(json!("ftp://x")),
        "[a-z가-힣\n]{990,1010}".prop_map(Value::from),
    ];
    let name = prop::sample::select(vec![
        "message",
        "text",
        "photo",
        "message_button",
        "messageButton",
        "keyboard",
        "type",
        "buttons",
        "url",
        "width",
        "height",
        "label",
        "d",
    ]);
    leaf.prop_recursive(4, 48, 8, move |inner| {
        prop_oneof![
            1 => prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            4 => prop::collection::btree_map(name.clone(), inner, 0..6).prop_map(|members| {
                members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
            }),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(body in prop::collection::vec(any::<u8>(), 0..200), kind in ".{0,40}") {
        let mut data = kind.into_bytes();
        data.push(b'\n');
        data.extend(body);
        crate::fuzz::answer(&data);
    }

    #[test]
    fn what_was_put_right_needs_no_more_repair_and_passes_strictly(body in like_an_answer()) {
        crate::fuzz::answer(format!("{JSON}\n{body}").as_bytes());
    }

    #[test]
    fn what_strict_reading_takes_lenient_reading_takes_too(body in like_an_answer()) {
        let text = body.to_string();
        let strictly = answer(text.as_bytes(), Some(JSON), Mode::Strict);
        let leniently = answer(text.as_bytes(), Some(JSON), Mode::Lenient);
        if let Ok(strictly) = strictly.read {
            let leniently = leniently.read.unwrap();
            prop_assert_eq!(&strictly.keyboard, &leniently.keyboard);
            prop_assert!(strictly.message.text.is_none() || strictly.message.text == leniently.message.text);
        }
    }
}
