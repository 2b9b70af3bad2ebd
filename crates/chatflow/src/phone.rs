//! The number that monitoring messages go to.

/// A phone number without its dashes, blanks and brackets, if it is one: in the international form
/// (E.164: `+` and 8 to 15 digits), or in the Korean one, which begins with 0 and has 9 to 11 digits.
pub fn phone(text: &str) -> Option<String> {
    let bare: String =
        text.trim().chars().filter(|c| !matches!(c, '-' | ' ' | '(' | ')' | '.')).collect();
    let digits = bare.strip_prefix('+').unwrap_or(&bare);
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let is_right = if bare.starts_with('+') {
        (8..=15).contains(&digits.len()) && !digits.starts_with('0')
    } else {
        // An area code or 010, never a service number.
        (9..=11).contains(&digits.len()) && digits.starts_with('0') && !digits.starts_with("00")
    };
    is_right.then_some(bare)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_international_or_korean() {
        for (text, number) in [
            ("+821012345678", "+821012345678"),
            (" +82 (10) 1234-5678 ", "+821012345678"),
            ("010-1234-5678", "01012345678"),
            ("02-123-4567", "021234567"),
            ("+14155550100", "+14155550100"),
        ] {
            assert_eq!(phone(text).as_deref(), Some(number), "{text}");
        }
        for text in [
            "",
            "+",
            "112",
            "1588-1234",
            "0082101234567",
            "+0101234567",
            "+1234567",
            "+1234567890123456",
            "010-1234-567x",
            "01012345678901",
            "８２１０",
            "+82-10-1234-5678;ls",
        ] {
            assert_eq!(phone(text), None, "{text}");
        }
    }
}
