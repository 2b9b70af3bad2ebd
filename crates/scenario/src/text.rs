//! Comparing text as people see it.

use std::borrow::Cow;

use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

pub use maru_content::text::{head as cut, head_bytes as cut_bytes};

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

/// How many characters the text has, as Kakao and Naver count them.
pub fn length(text: &str) -> usize {
    text.chars().count()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    proptest! {
        #[test]
        fn what_was_folded_stays_as_it_is(text in "\\PC{0,60}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
        }
    }
}
