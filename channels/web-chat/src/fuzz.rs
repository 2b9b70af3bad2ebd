//! What the fuzz target, and the replay of its corpus, call.
#![doc(hidden)]

use maru_files::fuzz::content;

use crate::wire::inbound::{Invite, Msg, Request, read};

/// Reads a customer's frame, and what it says if it says something.
pub fn frame(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Some(frame) = read(text) else { return };
    if let Some(id) = &frame.id {
        assert!((1..=36).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic()));
    }
    match frame.request {
        Ok(Request::Invite(invite)) => {
            let Invite { realm, dn, tel, lang, first, .. } = *invite;
            assert!(realm.len() <= 253 && (1..=32).contains(&dn.len()), "{realm} {dn}");
            assert!((1..=64).contains(&tel.len()), "{tel}");
            let harmless =
                |text: &str| !text.contains(['<', '>', '"', '\'', '`', ' ']) && text.is_ascii();
            assert!([&*realm, &dn, &tel].into_iter().all(harmless), "{realm} {dn} {tel}");
            assert!(lang.is_none_or(|lang| harmless(&lang)), "a language is a tag");
            first.iter().for_each(content);
        }
        Ok(Request::Msg(Msg { mid, content: said, .. })) => {
            assert!((16..=36).contains(&mid.len()), "{mid}");
            content(&said);
        }
        Ok(Request::Csat { score, .. }) => assert!((1..=5).contains(&score)),
        Ok(_) => {}
        Err(wrong) => assert!(!wrong.problem.is_empty(), "{}", wrong.code),
    }
}
