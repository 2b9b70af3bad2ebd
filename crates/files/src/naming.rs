//! Names within what a message may say.

use unicode_normalization::UnicodeNormalization as _;

use crate::NAME_MAX;

/// An extension up to this length, in Unicode scalar values, is kept when a name is cut.
const EXTENSION_MAX: usize = 8;

/// A file's name as a message may say it: in NFC, of at most [`NAME_MAX`] scalar values. A longer one
/// is cut before its extension.
pub fn short_name(name: &str) -> String {
    let name: String = name.nfc().collect();
    if name.chars().count() <= NAME_MAX {
        return name;
    }
    let parts = name.rsplit_once('.').filter(|(_, ext)| ext.chars().count() <= EXTENSION_MAX);
    let (stem, extension) =
        parts.map_or((&*name, String::new()), |(stem, ext)| (stem, format!(".{ext}")));
    let room = NAME_MAX - extension.chars().count() - 1;
    let stem: String = stem.chars().take(room).collect();
    format!("{}…{extension}", stem.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_28_letters_stays_and_a_longer_one_keeps_its_extension() {
        let exact = format!("{}.png", "한".repeat(24));
        assert_eq!(short_name(&exact), exact);
        let cut = short_name(&format!("{}.jpeg", "한".repeat(24)));
        assert_eq!((cut.chars().count(), cut.ends_with("한….jpeg")), (28, true), "{cut}");
        assert_eq!(short_name(&"x".repeat(40)), format!("{}…", "x".repeat(27)));
        assert_eq!(short_name(&"가.txt".nfd().collect::<String>()), "가.txt");
        assert_eq!(short_name(&format!("a.{}", "x".repeat(40))).chars().count(), 28);
    }
}
