//! Marked-up texts as plain ones, for where markup would be shown as it stands.

use crate::{Text, TextFormat, is_address};

/// The words as a person would read them where no markup is shown. Careful rather than thorough:
/// what might be meant as it stands (`5 * 3`, `snake_case`, `#점심 선택`) stays.
pub(crate) fn plain(text: Text) -> String {
    match text.format {
        TextFormat::Plain => text.words,
        TextFormat::Markdown => without_pairs(&with_links(&text.words)),
        TextFormat::Xml => without_elements(&text.words),
    }
}

/// `[words](address)` → `words (address)`, and a picture's likewise.
fn with_links(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    let mut rest = words;
    while let Some((before, after)) = rest.split_once('[') {
        let parts = after.split_once("](").and_then(|(label, tail)| {
            let (address, tail) = tail.split_once(')')?;
            let sound = is_address(address) && !label.contains(['[', '\n']);
            sound.then_some((label, address, tail))
        });
        match parts {
            Some((label, address, tail)) => {
                out.push_str(before.strip_suffix('!').unwrap_or(before));
                if label.is_empty() || label == address {
                    out.push_str(address);
                } else {
                    out.extend([label, " (", address, ")"]);
                }
                rest = tail;
            }
            None => {
                out.extend([before, "["]);
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// `**strong**` → `strong`: only pairs on one line, with words right inside them.
fn without_pairs(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    let mut rest = words;
    while let Some((before, after)) = rest.split_once("**") {
        out.push_str(before);
        let inside = after.split_once("**").filter(|(inside, _)| {
            !inside.is_empty() && inside.trim() == *inside && !inside.contains('\n')
        });
        match inside {
            Some((inside, tail)) => {
                out.push_str(inside);
                rest = tail;
            }
            None => {
                out.push_str("**");
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

/// Leaves elements out, line breaks excepted, and writes the five entities as their characters.
fn without_elements(words: &str) -> String {
    let mut out = String::with_capacity(words.len());
    let mut rest = words;
    while let Some((before, after)) = rest.split_once('<') {
        out.push_str(before);
        // Only what looks like an element is one: `1 < 2` is not.
        let element = after.split_once('>').filter(|(name, _)| {
            name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/') && name.len() <= 200
        });
        match element {
            Some((name, tail)) => {
                let name = name.trim_matches('/').trim();
                if name.eq_ignore_ascii_case("br") {
                    out.push('\n');
                }
                rest = tail;
            }
            None => {
                out.push('<');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    // The ampersand last, so that nothing is read twice.
    [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")]
        .iter()
        .fold(out, |text, (entity, c)| text.replace(entity, c))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_goes_and_what_may_be_meant_stays() {
        let plain_of = |words: &str, format| plain(Text { words: words.to_owned(), format });
        for (words, shown) in [
            ("a **b** c", "a b c"),
            ("5 ** 3 ** 2", "5 ** 3 ** 2"),
            ("snake_case and 5 * 3", "snake_case and 5 * 3"),
            ("#점심 선택", "#점심 선택"),
            ("see [this](https://x.example/a) now", "see this (https://x.example/a) now"),
            ("![cat](https://x.example/c.png)", "cat (https://x.example/c.png)"),
            ("[no](javascript:x) [", "[no](javascript:x) ["),
            ("[[a](https://x.example)", "[a (https://x.example)"),
        ] {
            assert_eq!(plain_of(words, TextFormat::Markdown), shown);
        }
        let xml = "<b>Hi</b> &amp;lt; 1 < 2<br/>there";
        assert_eq!(plain_of(xml, TextFormat::Xml), "Hi &lt; 1 < 2\nthere");
        assert_eq!(plain_of("**as it is**", TextFormat::Plain), "**as it is**");
    }
}
