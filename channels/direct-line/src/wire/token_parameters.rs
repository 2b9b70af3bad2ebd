//! The body of generate and start: who the user is, and from where they may call.
//!
//! Real callers force leniency (direct-line.md §1.0): the documents' samples write `User: {Id}`,
//! the SDKs `user: {id}`; the body may be missing, and so may its content type; directlinejs sends
//! `"user":{}`; a `locale` of another type than text is no reason to fail.

use maru_activity::{Account, Draft};
use serde_json::value::RawValue;

use crate::config::is_origin;
use crate::error::Error;
use crate::limits::{
    LOCALE_BYTES_MAX, ORIGIN_BYTES_MAX, PARAMETERS_BYTES_MAX, TOKEN_ORIGINS_MAX, USER_ID_BYTES_MAX,
};

/// What a body of token parameters says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TokenParameters {
    /// The user, if one with an id is named.
    pub(crate) user: Option<Account>,
    /// The web origins to bind into the token.
    pub(crate) trusted_origins: Vec<String>,
    /// The user's language.
    pub(crate) locale: Option<String>,
}

impl TokenParameters {
    /// Reads a body, which may be empty or `null`.
    pub(crate) fn parse(body: &[u8]) -> Result<Self, Error> {
        if body.len() > PARAMETERS_BYTES_MAX {
            return Err(Error::TooLarge(PARAMETERS_BYTES_MAX));
        }
        let text = std::str::from_utf8(body).map_err(|_| Error::bad("The body is not UTF-8"))?;
        let text = text.trim_start_matches('\u{feff}').trim();
        if matches!(text, "" | "null") {
            return Ok(Self::default());
        }
        let members = Draft::members_of(text)?;
        let member = |name: &str| find(&members, name);
        let trusted_origins = member("trustedOrigins").map(origins).transpose()?;
        Ok(Self {
            user: member("user").map(user).transpose()?.flatten(),
            trusted_origins: trusted_origins.unwrap_or_default(),
            locale: member("locale").and_then(text_of).filter(|l| is_locale(l)),
        })
    }
}

/// A member that is there and not `null`, whatever the case of its name.
fn find<'a>(members: &'a maru_activity::Members<'_>, name: &str) -> Option<&'a RawValue> {
    let (_, value) = members.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    Some(&**value).filter(|value| value.get() != "null")
}

fn text_of(raw: &RawValue) -> Option<String> {
    serde_json::from_str(raw.get()).ok()
}

fn user(raw: &RawValue) -> Result<Option<Account>, Error> {
    let wrong = || Error::bad("'user' must be an object with an 'id' that is a text");
    let members = Draft::members_of(raw.get()).map_err(|_| wrong())?;
    let id = match find(&members, "id") {
        None => return Ok(None),
        Some(id) => text_of(id).ok_or_else(wrong)?,
    };
    if id.is_empty() {
        return Ok(None);
    }
    if id.len() > USER_ID_BYTES_MAX {
        return Err(Error::bad(format!("'user.id' has more than {USER_ID_BYTES_MAX} bytes")));
    }
    let name = find(&members, "name").and_then(text_of).filter(|name| !name.is_empty());
    Ok(Some(Account { id, name, role: Some("user".to_owned()) }))
}

fn origins(raw: &RawValue) -> Result<Vec<String>, Error> {
    let list: Vec<String> = serde_json::from_str(raw.get())
        .map_err(|_| Error::bad("'trustedOrigins' must be a list of texts"))?;
    if list.len() > TOKEN_ORIGINS_MAX {
        return Err(Error::bad(format!("at most {TOKEN_ORIGINS_MAX} 'trustedOrigins' are taken")));
    }
    if list.iter().any(|origin| origin.len() > ORIGIN_BYTES_MAX || !is_origin(origin)) {
        return Err(Error::bad("a trusted origin is like https://example.org"));
    }
    Ok(list)
}

fn is_locale(text: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    (1..=LOCALE_BYTES_MAX).contains(&text.len()) && text.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(body: &str) -> Result<TokenParameters, Error> {
        TokenParameters::parse(body.as_bytes())
    }

    #[test]
    fn names_are_matched_whatever_their_case() {
        let documented = parse(
            r#"{"User":{"Id":"dl_1","Name":"Kim"},"TrustedOrigins":["https://a.example"],"x":1}"#,
        );
        let camel =
            parse(r#"{"user":{"id":"dl_1","name":"Kim"},"trustedOrigins":["https://a.example"]}"#);
        assert_eq!(documented, camel);
        let read = camel.unwrap();
        assert_eq!(read.user.unwrap().id, "dl_1");
        assert_eq!(read.trusted_origins, ["https://a.example"]);
    }

    #[test]
    fn nothing_much_is_taken_as_nothing() {
        for body in [
            "",
            "  \r\n",
            "null",
            "{}",
            r#"{"user":{}}"#,
            r#"{"user":null}"#,
            "\u{feff}{}",
            r#"{"user":{"id":""},"locale":{"name":"ko"}}"#,
            r#"{"locale":7,"eTag":"x"}"#,
        ] {
            assert_eq!(parse(body), Ok(TokenParameters::default()), "{body:?}");
        }
        let read = parse(r#"{"user":{"id":"u1"},"locale":"ko-KR"}"#).unwrap();
        assert_eq!(read.locale.as_deref(), Some("ko-KR"));
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let long = format!(r#"{{"user":{{"id":"{}"}}}}"#, "x".repeat(USER_ID_BYTES_MAX + 1));
        for body in [
            "{",
            "[]",
            "7",
            r#"{"user":"u1"}"#,
            r#"{"user":{"id":7}}"#,
            r#"{"trustedOrigins":"https://a.example"}"#,
            r#"{"trustedOrigins":["a.example"]}"#,
            &long,
        ] {
            assert!(matches!(parse(body), Err(Error::BadArgument(_))), "{body:?}");
        }
        let at_most = long.replacen('x', "", 1);
        assert!(parse(&at_most).is_ok());
        assert!(matches!(TokenParameters::parse(b"\xff"), Err(Error::BadArgument(_))));
        let origins = |count: usize| {
            let list = vec!["https://a.example"; count];
            parse(&serde_json::json!({"trustedOrigins":list}).to_string())
        };
        assert!(origins(TOKEN_ORIGINS_MAX).is_ok() && origins(TOKEN_ORIGINS_MAX + 1).is_err());
        let huge = vec![b' '; PARAMETERS_BYTES_MAX + 1];
        assert_eq!(TokenParameters::parse(&huge), Err(Error::TooLarge(PARAMETERS_BYTES_MAX)));
    }

    proptest::proptest! {
        #[test]
        fn no_body_breaks_it(body in ".{0,80}", user in ".{0,20}", id in ".{0,20}") {
            let _ = parse(&body);
            let _ = parse(&format!(r#"{{"user":{user}}}"#));
            let named = serde_json::json!({"USER": {"ID": id}}).to_string();
            let read = parse(&named).map(|read| read.user.map(|user| user.id).unwrap_or_default());
            proptest::prop_assert_eq!(read, Ok(id));
        }
    }
}
