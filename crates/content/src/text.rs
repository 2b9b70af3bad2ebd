//! Texts under a limit: measured, cut and split without tearing what a person sees as one character.
//!
//! A Korean syllable may be one code point (NFC) or up to three (NFD), and an emoji a dozen; to a
//! person each is one character, a *grapheme cluster*, and nothing is ever cut inside one unless it
//! alone is over the limit.

use std::borrow::Cow;

use unicode_normalization::UnicodeNormalization as _;
use unicode_segmentation::UnicodeSegmentation as _;

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
    for (at, cluster) in text.grapheme_indices(true) {
        used += length(cluster);
        if used > max {
            return at_boundary(text, if at == 0 { fit_code_points(text, max) } else { at });
        }
    }
    (text, "")
}

fn fit_code_points(text: &str, max: usize) -> usize {
    let mut used = 0;
    for (at, c) in text.char_indices() {
        used += c.len_utf16();
        if used > max {
            return at;
        }
    }
    text.len()
}

fn at_boundary(text: &str, at: usize) -> (&str, &str) {
    text.split_at_checked(at).unwrap_or((text, ""))
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

    proptest! {
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
