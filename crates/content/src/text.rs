//! Texts under a limit: measured, cut and split without tearing what a person sees as one character.
//!
//! A Korean syllable may be one code point (NFC) or up to three (NFD), and an emoji a dozen; to a
//! person each is one character, a *grapheme cluster*, and nothing is ever cut inside one unless it
//! alone is over the limit.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;
use unicode_segmentation::GraphemeCursor;

/// What stands behind a text that was cut.
const ELLIPSIS: &str = "…";

/// How long a text is, in UTF-16 code units. The platforms count characters without saying which;
/// their servers and clients are written in languages whose texts are counted so, and no other
/// way of counting gives more, but for bytes.
pub fn length(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The longest beginning of a text that is within `max`, and the rest of it. Never torn inside a
/// grapheme cluster, unless the first one is over the limit itself; then inside no code point. The
/// beginning is empty only for an empty text or where not even one code point is within `max`.
pub fn fit(text: &str, max: usize) -> (&str, &str) {
    let mut used = 0;
    let over = text.char_indices().find(|(_, c)| {
        used += c.len_utf16();
        used > max
    });
    over.map_or((text, ""), |(end, _)| at_boundary(text, head_bytes(text, end).len()))
}

fn at_boundary(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
}

/// The longest beginning of a text that has at most `chars_max` code points, torn as little as [`fit`]
/// tears.
pub fn head(text: &str, chars_max: usize) -> &str {
    // No text has more characters than bytes.
    if text.len() <= chars_max {
        return text;
    }
    let Some((end, _)) = text.char_indices().nth(chars_max) else { return text };
    head_bytes(text, end)
}

/// The longest beginning of a text that has at most `bytes_max` bytes, torn as little as [`fit`] tears.
pub fn head_bytes(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let most = text.floor_char_boundary(bytes_max);
    let mut cursor = GraphemeCursor::new(most, text.len(), true);
    // Only a text in pieces can give an error here.
    let end = match cursor.is_boundary(text, 0) {
        Ok(true) => most,
        _ => cursor.prev_boundary(text, 0).ok().flatten().unwrap_or(0),
    };
    // One endless pile of accents: better a part of it than nothing.
    let end = if end == 0 { most } else { end };
    text.get(..end).unwrap_or_default()
}

/// The text within `max`; one that was cut ends with `…`.
pub fn cut(text: &str, max: usize) -> Cow<'_, str> {
    if length(text) <= max {
        return Cow::Borrowed(text);
    }
    let (head, _) = fit(text, max.saturating_sub(length(ELLIPSIS)));
    let head = head.trim_end();
    if max == 0 { Cow::Borrowed("") } else { Cow::Owned(format!("{head}{ELLIPSIS}")) }
}

/// The text in pieces within `max` each, parted at paragraphs, lines or words where one is near.
/// White space where it is parted is left out, and nothing else.
pub fn split(text: &str, max: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let (mut head, mut tail) = fit(rest, max);
        if !tail.is_empty() {
            let half = head.len() / 2;
            // The rest may begin with the very space that would part it.
            let whole = tail.starts_with(char::is_whitespace);
            let near = ["\n\n", "\n", " "].iter().filter_map(|gap| head.rfind(gap));
            if let Some(at) = near.clone().find(|at| *at > half).filter(|_| !whole) {
                (head, tail) = at_boundary(rest, at);
            }
        }
        if head.is_empty() {
            // Not even one code point is within the limit. It is given as it is, or it would never end.
            let first = rest.chars().next().map_or(rest.len(), char::len_utf8);
            (head, tail) = at_boundary(rest, first);
        }
        pieces.extend(Some(head.trim_end()).filter(|piece| !piece.is_empty()));
        rest = tail.trim_start();
    }
    pieces
}

/// Whether two labels are the same to whoever reads them: in whatever form their syllables are
/// written, and whatever space stands around them.
pub fn same(one: &str, other: &str) -> bool {
    one.trim().nfc().eq(other.trim().nfc())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use unicode_segmentation::UnicodeSegmentation as _;

    use super::*;

    #[test]
    fn a_syllable_is_never_torn_in_whichever_form_it_is_written() {
        let nfc = "점심 선택";
        let nfd: String = nfc.nfd().collect();
        assert_eq!((length(nfc), length(&nfd)), (5, 13));
        assert_eq!(fit(nfc, 4).0, "점심 선");
        for max in 0..=length(&nfd) {
            let (head, tail) = fit(&nfd, max);
            assert_eq!(format!("{head}{tail}"), nfd);
            let composed: String = head.nfc().collect();
            // Below three units the first syllable is itself over the limit.
            assert!(max < 3 || nfc.starts_with(&composed), "{max}: {composed}");
        }
        assert_eq!(cut(&nfd, 8).nfc().collect::<String>(), "점심…");
    }

    #[test]
    fn emoji_are_whole_and_counted_as_the_platforms_do() {
        let family = "👨‍👩‍👧‍👦";
        assert_eq!(length(family), 11);
        assert_eq!(fit(&format!("a{family}"), 11), ("a", family));
        assert_eq!(cut("가나다라", 3), "가나…");
        assert_eq!(cut("가나다", 3), "가나다");
        assert_eq!(cut("가나다", 1), "…");
        assert_eq!(cut("가나다", 0), "");
    }

    #[test]
    fn long_texts_are_parted_where_a_reader_would() {
        assert_eq!(split("one two three", 8), ["one two", "three"]);
        assert_eq!(split("first line\nsecond line", 14), ["first line", "second line"]);
        assert_eq!(split("가나다라마바사", 3), ["가나다", "라마바", "사"]);
        assert_eq!(split("  ", 3), Vec::<&str>::new());
        assert_eq!(split("abc def", 3), ["abc", "def"]);
    }

    #[test]
    fn labels_are_the_same_in_both_forms() {
        let nfd: String = "#결과 보기".nfd().collect();
        assert!(same(&nfd, "#결과 보기\n"));
        assert!(!same("#결과 보기", "#결과"));
    }

    #[test]
    fn a_head_keeps_whole_what_is_seen_as_one() {
        // A family of four is seven characters and one thing to see.
        let family = "👨‍👩‍👧‍👦";
        assert_eq!(head(&format!("ab{family}c"), 8), "ab");
        assert_eq!(head(&format!("ab{family}c"), 9), format!("ab{family}"));
        let decomposed: String = "각각".nfd().collect();
        assert_eq!(head(&decomposed, 5).chars().count(), 3);
        assert_eq!(head("가나다", 3), "가나다");
        assert_eq!(head("가나다", 2), "가나");
        assert_eq!(head_bytes("가나다", 8), "가나");
        assert_eq!(head("e\u{301}\u{301}\u{301}", 2), "e\u{301}");
    }

    proptest! {
        #[test]
        fn a_head_is_a_beginning_within_its_limit(text in "\\PC{0,60}", max in 0_usize..70) {
            let short = head(&text, max);
            prop_assert!(text.starts_with(short) && short.chars().count() <= max);
            let bytes = head_bytes(&text, max);
            prop_assert!(text.starts_with(bytes) && bytes.len() <= max);
            let first = text.graphemes(true).next().map_or(0, str::len);
            let boundary = text.grapheme_indices(true).any(|(at, _)| at == bytes.len());
            prop_assert!(boundary || bytes.len() == text.len() || first > max);
        }

        #[test]
        fn pieces_are_within_the_limit_and_lose_nothing(text in ".{0,80}", max in 2_usize..20) {
            let pieces = split(&text, max);
            for piece in &pieces {
                prop_assert!(length(piece) <= max);
            }
            let kept: String = pieces.concat().split_whitespace().collect();
            prop_assert_eq!(kept, text.split_whitespace().collect::<String>());
            prop_assert!(length(&cut(&text, max)) <= max);
            let (head, tail) = fit(&text, max);
            prop_assert_eq!(format!("{head}{tail}"), text.clone());
        }
    }
}
