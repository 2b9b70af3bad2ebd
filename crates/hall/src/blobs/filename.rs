//! Names of files that strangers give.

/// The longest name that is kept, in bytes: what file systems take.
const LENGTH_MAX: usize = 255;

/// An extension up to this length, in bytes, is kept when a name is cut.
const EXTENSION_MAX: usize = 16;

/// A file's name without what could do harm: no folders of either kind, no control characters, no
/// characters that turn the direction of the text (`gpj.exe` shown as `exe.jpg`), no dots or
/// spaces around it, at most 255 bytes. Everything else is as it was given, in the same
/// normalization. `None` when nothing is left.
pub fn clean_filename(given: &str) -> Option<String> {
    let name = given.rsplit(['/', '\\']).next()?;
    let name: String = name.chars().filter(|c| !c.is_control() && !turns_text(*c)).collect();
    let name = name.trim().trim_end_matches(['.', ' ']);
    let name = cut(name);
    (!name.is_empty() && name.chars().any(|c| c != '.')).then_some(name)
}

/// The characters of Unicode's bidirectional algorithm that are only there to steer it.
fn turns_text(c: char) -> bool {
    matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn cut(name: &str) -> String {
    if name.len() <= LENGTH_MAX {
        return name.to_owned();
    }
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= EXTENSION_MAX => (stem, extension),
        _ => (name, ""),
    };
    let dot = usize::from(!extension.is_empty());
    let room = LENGTH_MAX - extension.len() - dot;
    let mut kept = String::with_capacity(LENGTH_MAX);
    for c in stem.chars() {
        if kept.len() + c.len_utf8() > room {
            break;
        }
        kept.push(c);
    }
    if dot == 1 {
        kept.push('.');
        kept.push_str(extension);
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_its_letters_and_loses_what_could_do_harm() {
        for (given, kept) in [
            ("a.png", Some("a.png")),
            ("한글 파일 (1).png", Some("한글 파일 (1).png")),
            ("e\u{301}.txt", Some("e\u{301}.txt")),
            ("C:\\Users\\me\\a.png", Some("a.png")),
            ("../../etc/passwd", Some("passwd")),
            ("/etc/", None),
            ("..", None),
            ("...", None),
            ("", None),
            (" \t\r\n", None),
            ("a\r\nSet-Cookie: x\0.png", Some("aSet-Cookie: x.png")),
            ("gpj\u{202e}exe.jpg", Some("gpjexe.jpg")),
            (".env", Some(".env")),
            ("name. . ", Some("name")),
        ] {
            assert_eq!(clean_filename(given).as_deref(), kept, "{given:?}");
        }
    }

    #[test]
    fn a_long_name_is_cut_between_letters_and_keeps_its_extension() {
        let name = clean_filename(&format!("{}.png", "한".repeat(200))).unwrap();
        assert!(name.len() <= 255 && name.len() > 250, "{}", name.len());
        assert!(name.ends_with("한.png"));
        assert_eq!(clean_filename(&"x".repeat(255)).unwrap().len(), 255);
        assert_eq!(clean_filename(&"x".repeat(256)).unwrap().len(), 255);
        assert_eq!(clean_filename(&format!("a.{}", "x".repeat(300))).unwrap().len(), 255);
    }
}
