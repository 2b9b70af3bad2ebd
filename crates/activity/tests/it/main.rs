//! What goes in comes out, for any activity at all.

use maru_activity::{
    Account, Activity, ActivityId, Draft, Envelope, Limits, OWNED, Timestamp, Watermark, render,
};
use proptest::prelude::*;
use serde_json::value::RawValue;

/// JSON text of any value, with odd white space and odd spellings of numbers and letters.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        Just("1.500e+2".to_owned()),
        Just("-0.0".to_owned()),
        Just("123456789012345678901234567890".to_owned()),
        Just(r#""\u00e9\n\/""#.to_owned()),
        Just(r#""\ud83d\ude00""#.to_owned()),
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap_or_default()),
        any::<i64>().prop_map(|number| number.to_string()),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let list = prop::collection::vec(inner.clone(), 0..4);
        let members = prop::collection::btree_map("[a-zé\"]{0,4}", inner, 0..4);
        prop_oneof![
            list.prop_map(|items| format!("[ {} ]", items.join(" ,\n"))),
            members.prop_map(|members| object(&members.into_iter().collect::<Vec<_>>())),
        ]
    })
}

fn object(members: &[(String, String)]) -> String {
    let written = members.iter().map(|(key, value)| {
        format!("{} :\t{value}", serde_json::to_string(key).unwrap_or_default())
    });
    format!("{{ {} }}", written.collect::<Vec<_>>().join(" , "))
}

fn activity() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![
        "[a-zA-Z]{1,8}",
        prop::sample::select(OWNED.as_slice()).prop_map(ToOwned::to_owned),
        Just("channelData".to_owned()),
    ];
    prop::collection::btree_map(name, json(), 0..8).prop_map(|mut members| {
        members.insert("type".to_owned(), r#""message""#.to_owned());
        members.into_iter().collect()
    })
}

proptest! {
    #[test]
    fn every_member_the_server_does_not_own_comes_out_byte_for_byte(members in activity()) {
        let text = object(&members);
        let activity = Activity::parse(text.as_bytes(), &Limits::default());
        let activity = activity.map_err(|e| TestCaseError::fail(format!("{e}: {text}")))?;
        let bot = Account { id: "b".into(), ..Account::default() };
        let envelope = Envelope {
            id: Some("c|0000000"),
            timestamp: Timestamp::from_secs(1),
            channel_id: "directline",
            conversation: "c",
            service_url: Some("http://h/b/key/"),
            recipient: Some(&bot),
        };
        let mut out = Vec::new();
        render(&mut out, &envelope, &activity.body, None);
        let out = String::from_utf8(out).map_err(|e| TestCaseError::fail(e.to_string()))?;
        let rendered: std::collections::HashMap<String, Box<RawValue>> =
            serde_json::from_str(&out).map_err(|e| TestCaseError::fail(format!("{e}: {out}")))?;
        for (key, value) in &members {
            let owned = OWNED.contains(&key.as_str());
            let shown = rendered.get(key).map(|raw| raw.get());
            if !owned {
                prop_assert_eq!(shown, Some(value.trim()), "{}", key);
            } else if key == "callerId" {
                prop_assert_eq!(shown, None);
            }
        }
        // And what is read again is the same again.
        let again = Activity::parse(&activity.body, &Limits::default());
        prop_assert_eq!(again.map(|a| a.body), Ok(activity.body));
    }

    #[test]
    fn no_bytes_at_all_make_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(Activity::parse(&bytes, &Limits::default()));
    }

    #[test]
    fn no_damaged_activity_makes_the_reader_panic(members in activity(), cut in any::<prop::sample::Index>(), with in any::<u8>()) {
        let mut text = object(&members).into_bytes();
        let at = cut.index(text.len());
        text[at] = with;
        if let Ok(mut draft) = Draft::parse(&text, &Limits::default()) {
            draft.set_from(Some("u"), None, None);
            if let Ok(activity) = draft.finish() {
                prop_assert_eq!(&*activity.from.id, "u");
            }
        }
    }

    #[test]
    fn any_text_is_a_watermark_or_none_and_what_is_written_is_read(text in "\\PC{0,12}", epoch in any::<u32>(), seen in prop::option::of(0..i64::MAX as u64)) {
        if let Ok(mark) = Watermark::parse(Some(&text)) {
            prop_assert_eq!(Watermark::parse(Some(&mark.to_string())), Ok(mark));
        }
        let mark = Watermark { epoch: if seen.is_some() { epoch } else { 0 }, seen };
        prop_assert_eq!(Watermark::parse(Some(&mark.to_string())), Ok(mark));
    }

    #[test]
    fn ids_are_read_as_they_were_written(number in 0..i64::MAX as u64, conversation in "[0-9A-Za-z]{22}") {
        for id in [ActivityId::Pos(number), ActivityId::Hidden(number)] {
            let written = id.in_conversation(&conversation);
            prop_assert_eq!(ActivityId::parse(&conversation, &written), Some(id));
        }
    }
}
