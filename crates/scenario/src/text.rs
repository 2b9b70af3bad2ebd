//! Comparing and cutting text as people see it.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};
use unicode_segmentation::GraphemeCursor;

/// The text in Unicode's composed form (NFC). Korean typed on a Mac often comes decomposed, letter
/// by letter, and looks the same.
pub fn nfc(text: &str) -> Cow<'_, str> {
    match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => Cow::Borrowed(text),
        _ => Cow::Owned(text.nfc().collect()),
    }
}

/// The text as it is compared with what an author wrote: without white space around it, composed,
/// and without regard to upper and lower case.
pub fn fold(text: &str) -> String {
    // Going through upper case first also makes ß equal ss, and both small sigmas one: what
    // Unicode's case folding does, without its table.
    let folded: String = nfc(text.trim())
        .chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect();
    match nfc(&folded) {
        Cow::Borrowed(_) => folded,
        Cow::Owned(composed) => composed,
    }
}

/// The longest beginning of `text` that has at most `chars_max` characters and does not end within
/// what a reader sees as one.
pub fn cut(text: &str, chars_max: usize) -> &str {
    // No text has more characters than bytes.
    if text.len() <= chars_max {
        return text;
    }
    let Some((end, _)) = text.char_indices().nth(chars_max) else { return text };
    cut_bytes(text, end)
}

/// The longest beginning of `text` that has at most `bytes_max` bytes and does not end within what
/// a reader sees as one character.
pub fn cut_bytes(text: &str, bytes_max: usize) -> &str {
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

/// How many characters the text has, as Kakao and Naver count them.
pub fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use unicode_segmentation::UnicodeSegmentation;

    use super::*;

    #[test]
    fn korean_composed_and_decomposed_compare_equal() {
        let composed = "처음으로";
        let decomposed: String = composed.nfd().collect();
        assert_ne!(composed, decomposed);
        assert_eq!(fold(composed), fold(&format!("  {decomposed}\n")));
    }

    #[test]
    fn case_is_folded_beyond_ascii() {
        for (one, other) in
            [("Straße", "STRASSE"), ("ΣΟΦΟΣ", "σοφος"), ("Ｌａｔｔｅ", "ｌＡＴＴＥ")]
        {
            assert_eq!(fold(one), fold(other));
        }
        assert_ne!(fold("라떼"), fold("라테"));
    }

    #[test]
    fn a_cut_keeps_whole_what_is_seen_as_one() {
        // A family of four is seven characters and one thing to see.
        let family = "👨‍👩‍👧‍👦";
        assert_eq!(cut(&format!("ab{family}c"), 8), "ab");
        assert_eq!(cut(&format!("ab{family}c"), 9), format!("ab{family}"));
        let decomposed: String = "각각".nfd().collect();
        assert_eq!(length(cut(&decomposed, 5)), 3);
        assert_eq!(cut("가나다", 3), "가나다");
        assert_eq!(cut("가나다", 2), "가나");
        assert_eq!(cut_bytes("가나다", 8), "가나");
        assert_eq!(cut("e\u{301}\u{301}\u{301}", 2), "e\u{301}");
    }

    proptest! {
        #[test]
        fn a_cut_is_a_beginning_within_its_limit(text in "\\PC{0,60}", max in 0_usize..70) {
            let short = cut(&text, max);
            prop_assert!(text.starts_with(short));
            prop_assert!(length(short) <= max);
            let bytes = cut_bytes(&text, max);
            prop_assert!(bytes.len() <= max);
            let first = text.graphemes(true).next().map_or(0, str::len);
            let boundary = text.grapheme_indices(true).any(|(at, _)| at == bytes.len());
            prop_assert!(boundary || bytes.len() == text.len() || first > max);
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }
    }
}
