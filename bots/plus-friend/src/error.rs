//! What the platform says of a call, and why a partner's answer is not taken.

use std::borrow::Cow;
use std::fmt;

use maru_egress::Failure;
use serde::{Serialize, Serializer};

/// A line of the platform's table of response codes (`kakao-naver-chatflow.md` §1.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// All is well.
    Success,
    /// The request makes no sense.
    BadRequest,
    /// There is no such key.
    WrongApiKey,
    /// The partner cannot be called at its address.
    WrongBotUrl,
    /// The partner's answer is no message.
    WrongMessageFormat,
    /// The partner took too long.
    RequestTimeout,
    /// The partner's home keyboard is none.
    WrongKeyboardInitialization,
    /// There is no such bot.
    ProfileNotFound,
    /// There is no such user.
    UserNotFound,
    /// The user has not added the bot.
    NotUserFriend,
    /// The answer is of a type that is not taken.
    UnsupportedMediaType,
}

impl Code {
    /// The whole table, in the document's order.
    pub const TABLE: [Self; 11] = [
        Self::Success,
        Self::BadRequest,
        Self::WrongApiKey,
        Self::WrongBotUrl,
        Self::WrongMessageFormat,
        Self::RequestTimeout,
        Self::WrongKeyboardInitialization,
        Self::ProfileNotFound,
        Self::UserNotFound,
        Self::NotUserFriend,
        Self::UnsupportedMediaType,
    ];

    fn line(self) -> (u16, u16, &'static str) {
        match self {
            Self::Success => (200, 0, "SUCCESS"),
            Self::BadRequest => (400, 100, "bad request"),
            Self::WrongApiKey => (400, 201, "wrong api key"),
            Self::WrongBotUrl => (400, 202, "wrong bot url"),
            Self::WrongMessageFormat => (503, 203, "wrong message format"),
            Self::RequestTimeout => (408, 204, "request timeout"),
            Self::WrongKeyboardInitialization => (408, 204, "wrong keyboard initialization"),
            Self::ProfileNotFound => (400, 301, "profile not found"),
            Self::UserNotFound => (400, 302, "user not found"),
            Self::NotUserFriend => (400, 303, "not user friend"),
            Self::UnsupportedMediaType => (400, 400, "unsupported media type"),
        }
    }

    /// The HTTP status that goes with it.
    pub fn http_status(self) -> u16 {
        self.line().0
    }

    /// Its number. Two lines share 204.
    pub fn number(self) -> u16 {
        self.line().1
    }

    /// Its text.
    pub fn text(self) -> &'static str {
        self.line().2
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number(), self.text())
    }
}

/// As its number.
impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u16(self.number())
    }
}

/// Why a partner's answer is not taken, or why there is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {detail}")]
pub(crate) struct Rejected {
    /// The platform's code for it.
    pub(crate) code: Code,
    /// What is wrong, for the bot's owner. It repeats nothing that a partner or a user said.
    pub(crate) detail: Cow<'static, str>,
    /// Whether it is the partner's failure, and not this server's.
    pub(crate) counts: bool,
}

impl Rejected {
    pub(crate) fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into(), counts: true }
    }

    /// What a call without an answer means.
    pub(crate) fn of_failure(failure: &Failure) -> Self {
        let code = match failure {
            Failure::TimedOut { .. } | Failure::Busy => Code::RequestTimeout,
            Failure::Unreachable { .. } | Failure::NotAllowed { .. } | Failure::BadUrl => {
                Code::WrongBotUrl
            }
            Failure::Broken { .. } | Failure::TooLarge { .. } => Code::WrongMessageFormat,
        };
        // A limit of this server says nothing about the partner.
        let counts = !matches!(failure, Failure::Busy);
        Self { counts, ..Self::new(code, failure.to_string()) }
    }

    /// The same, as no failure of the partner's.
    pub(crate) fn uncounted(self) -> Self {
        Self { counts: false, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_the_documents() {
        let table = Code::TABLE.map(|code| (code.http_status(), code.number(), code.text()));
        assert_eq!(
            table,
            [
                (200, 0, "SUCCESS"),
                (400, 100, "bad request"),
                (400, 201, "wrong api key"),
                (400, 202, "wrong bot url"),
                (503, 203, "wrong message format"),
                (408, 204, "request timeout"),
                (408, 204, "wrong keyboard initialization"),
                (400, 301, "profile not found"),
                (400, 302, "user not found"),
                (400, 303, "not user friend"),
                (400, 400, "unsupported media type"),
            ]
        );
    }
}
