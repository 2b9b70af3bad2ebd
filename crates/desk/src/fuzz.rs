//! What the fuzz target, and the replay of its corpus, call.
#![doc(hidden)]

use crate::Command;
use crate::limits::{CODE_CHARS_MAX, CODES_MAX, COMMENT_CHARS_MAX, DN_CHARS_MAX};
use crate::wire::limits::{HIST_MAX, MID_CHARS, REASON_CHARS_MAX, SHOWN_MAX};
use crate::wire::{Request, Say, What};

/// Reads an agent's frame, and what it says if it says something.
pub fn frame(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(request) = Request::parse(text) else { return };
    let within = |text: Option<&str>, most| assert!(text.is_none_or(|t| t.chars().count() <= most));
    match request.what {
        Ok(What::Say(Say { mid, content, .. })) => {
            assert!(MID_CHARS.contains(&mid.len()), "{mid}");
            maru_files::fuzz::content(&content);
        }
        Ok(What::Hist { n, .. }) => assert!((1..=HIST_MAX).contains(&n)),
        Ok(What::Hello { at }) => assert!(at.len() <= SHOWN_MAX),
        Ok(What::Desk(Command::Ready { reason, .. })) => {
            within(reason.as_deref(), REASON_CHARS_MAX);
        }
        Ok(What::Desk(Command::Transfer { to, comment, .. })) => {
            within(Some(&to), DN_CHARS_MAX);
            within(comment.as_deref(), COMMENT_CHARS_MAX);
        }
        Ok(What::Desk(Command::Close { comment, codes, .. })) => {
            within(comment.as_deref(), COMMENT_CHARS_MAX);
            assert!(codes.len() <= CODES_MAX, "too many codes");
            codes.iter().for_each(|code| within(Some(code), CODE_CHARS_MAX));
        }
        Ok(_) => {}
        Err(wrong) => assert!(!wrong.msg.is_empty(), "{}", wrong.code),
    }
}
