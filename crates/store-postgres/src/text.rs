//! Text as columns hold it.
//!
//! PostgreSQL's text cannot hold U+0000, and what people, clients and bots name may. So U+0000 is
//! written as U+0001 U+0001 and U+0001 as U+0001 U+0002: any text can be written, no two alike, and
//! texts sort as they did before. All text goes through here, what is only looked for too.

use std::borrow::Cow;
use std::error::Error;

use bytes::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, accepts, to_sql_checked};

const MARK: char = '\u{1}';

/// A text on its way into a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Text<'a>(pub(crate) &'a str);

impl ToSql for Text<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        written(self.0).to_sql(kind, out)
    }

    accepts!(TEXT, VARCHAR);
    to_sql_checked!();
}

/// A text of one's own on its way into a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owned(pub(crate) String);

impl ToSql for Owned {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        Text(&self.0).to_sql(kind, out)
    }

    accepts!(TEXT, VARCHAR);
    to_sql_checked!();
}

/// A text out of a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept(pub(crate) String);

impl<'a> FromSql<'a> for Kept {
    fn from_sql(kind: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let text = <&str>::from_sql(kind, raw)?;
        read(text).map(|text| Self(text.into_owned())).ok_or_else(|| "an unknown escape".into())
    }

    accepts!(TEXT, VARCHAR);
}

/// How many bytes a text has in its column.
pub(crate) fn written_len(text: &str) -> usize {
    text.len() + text.bytes().filter(|byte| *byte <= 1).count()
}

fn written(text: &str) -> Cow<'_, str> {
    if text.bytes().all(|byte| byte > 1) {
        return Cow::Borrowed(text);
    }
    let mut written = String::with_capacity(written_len(text));
    for character in text.chars() {
        match character {
            '\0' => written.extend([MARK, MARK]),
            MARK => written.extend([MARK, '\u{2}']),
            other => written.push(other),
        }
    }
    Cow::Owned(written)
}

fn read(written: &str) -> Option<Cow<'_, str>> {
    if !written.contains(MARK) {
        return Some(Cow::Borrowed(written));
    }
    let mut text = String::with_capacity(written.len());
    let mut characters = written.chars();
    while let Some(character) = characters.next() {
        match character {
            MARK => text.push(match characters.next() {
                Some(MARK) => '\0',
                Some('\u{2}') => MARK,
                _ => return None,
            }),
            other => text.push(other),
        }
    }
    Some(Cow::Owned(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ODD: [&str; 9] =
        ["", "\0", "\0\0", "\0\u{1}", "\u{1}", "\u{1}\0", "\u{2}", "a", "a\0b한"];

    #[test]
    fn every_text_comes_back_and_holds_no_nul_on_its_way() {
        for text in ODD {
            let there = written(text);
            assert!(!there.contains('\0'), "{text:?}");
            assert_eq!(there.len(), written_len(text));
            assert_eq!(read(&there).as_deref(), Some(text));
        }
        assert_eq!(read("\u{1}x"), None);
    }

    #[test]
    fn texts_sort_as_they_did() {
        for one in ODD {
            for two in ODD {
                assert_eq!(one.cmp(two), written(one).cmp(&written(two)), "{one:?} {two:?}");
            }
        }
    }
}
