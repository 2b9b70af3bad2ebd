//! What the settings of both kinds of channels share.

use std::time::Duration;

use maru_activity::env::Env;
use maru_hall::settings::{BadSettings, bad};

/// How long a call may take here, in milliseconds, of the five seconds that it may take in all.
pub(crate) const BUDGET_MS: u64 = 4_000;
/// What a user is told while the bot is still at work.
pub(crate) const WAITING_TEXT: &str = "답변을 준비하고 있습니다. 잠시 후 아래 버튼을 눌러 주세요.";
/// The button below it.
pub(crate) const WAITING_BUTTON: &str = "답변 확인";
/// What a user is told when the bot failed.
pub(crate) const FAILED_TEXT: &str = "지금은 답변을 드릴 수 없습니다. 잠시 후 다시 말씀해 주세요.";
/// What a user is told whose message says nothing.
pub(crate) const UNREADABLE_TEXT: &str = "이해할 수 없는 메시지입니다. 글로 말씀해 주세요.";
/// The most bytes of a picture, sound or film of a user that is fetched.
pub(crate) const MEDIA_BYTES_MAX: usize = 10 * 1024 * 1024;

/// The longest notice: a bubble of text.
const TEXT_MAX: usize = 1_000;

/// The hosts that a user's media are fetched from: Kakao's.
pub(crate) fn media_hosts() -> Vec<String> {
    vec!["kakao.com".to_owned(), "kakaocdn.net".to_owned()]
}

/// How a turn is made with a user, whichever way they came.
#[derive(Clone, Debug)]
pub(crate) struct Manner {
    /// How long a call may take.
    pub(crate) budget: Duration,
    /// The button below the request for patience.
    pub(crate) waiting_button: String,
    /// Where media are fetched from.
    pub(crate) media_hosts: Vec<String>,
    /// The most bytes of a medium.
    pub(crate) media_bytes_max: usize,
}

/// A fresh public id: what stands in a channel's path, and cannot be guessed.
pub(crate) fn fresh_id(env: &Env) -> String {
    env.base62(22)
}

pub(crate) fn check_texts(texts: &[(&str, &str)]) -> Result<(), BadSettings> {
    for (setting, text) in texts {
        if text.trim().is_empty() || maru_content::text::length(text) > TEXT_MAX {
            return Err(bad(setting, format!("must have 1 to {TEXT_MAX} characters")));
        }
    }
    Ok(())
}
