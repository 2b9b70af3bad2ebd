//! What the fuzz targets, and the replay of their corpora, call.
#![doc(hidden)]

use crate::read::{self, Mode, Reading};

const JSON: Option<&str> = Some("application/json; charset=utf-8");

/// Reads an answer in each way, as a message and as a keyboard; its first line is the content type. What
/// was read must be read again as it is, with nothing to put right, and strictly too.
pub fn answer(data: &[u8]) {
    let (content_type, body) = data.split_at(data.iter().position(|b| *b == b'\n').unwrap_or(0));
    let content_type = String::from_utf8_lossy(content_type);
    let content_type = Some(&*content_type).filter(|text| !text.is_empty());
    for mode in [Mode::Lenient, Mode::Strict] {
        if let Ok(answer) = read::answer(body, content_type, mode).read {
            let text = serde_json::to_vec(&answer).unwrap_or_default();
            let again = Reading { read: Ok(answer), repairs: Vec::new() };
            assert_eq!(read::answer(&text, JSON, Mode::Strict), again);
        }
        if let Ok(keyboard) = read::keyboard(body, content_type, mode).read {
            let text = serde_json::to_vec(&keyboard).unwrap_or_default();
            let again = Reading { read: Ok(keyboard), repairs: Vec::new() };
            assert_eq!(read::keyboard(&text, JSON, Mode::Strict), again);
        }
    }
}
