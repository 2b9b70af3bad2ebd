//! The id of a chat, `Cid`, in the form of the vendor's sample (web-chat-desk.md §0, fact 4):
//! `NX_`, eight hexadecimal digits, eight more that are the time, an underscore, the time in ten
//! decimal digits, and sixteen hexadecimal digits. 96 bits of it are random.

use maru_activity::ConversationId;
use maru_activity::env::Env;

/// A new one.
pub(crate) fn new(env: &Env) -> ConversationId {
    let mut random = [0; 12];
    env.random.fill(&mut random);
    let (front, back) = random.split_at(4);
    let number = |bytes: &[u8]| bytes.iter().fold(0_u64, |n, byte| (n << 8) | u64::from(*byte));
    // Ten digits last until the year 2286; the eight hexadecimal ones begin anew in 2106.
    let now = env.now().as_secs().clamp(0, 9_999_999_999);
    let (front, back) = (number(front), number(back));
    let short = now & 0xFFFF_FFFF;
    ConversationId::from(format!("NX_{front:08X}{short:08X}_{now:010}{back:016x}"))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// Whether a text can be one.
    fn is_sound(text: &str) -> bool {
        let upper = |b: u8| b.is_ascii_digit() || (b'A'..=b'F').contains(&b);
        let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
        let bytes = text.as_bytes();
        bytes.len() == 46
            && bytes.iter().enumerate().all(|(place, byte)| match place {
                0..3 => *byte == b"NX_"[place],
                3..19 => upper(*byte),
                19 => *byte == b'_',
                20..30 => byte.is_ascii_digit(),
                _ => lower(*byte),
            })
    }

    #[test]
    fn ids_have_the_samples_form_and_none_is_given_twice() {
        assert!(is_sound("NX_00020009605BF4A6_161656744744efb1441f283b70"));
        assert!(!is_sound("NX_00020009605bf4a6_161656744744efb1441f283b70"));
        assert!(!is_sound("NX_00020009605BF4A6_161656744744efb1441f283b7"));
        let env = Env::system();
        let mut seen = HashSet::new();
        for _ in 0..1_000_000 {
            let id = new(&env);
            assert!(is_sound(id.as_str()), "{id}");
            assert!(seen.insert(id));
        }
    }
}
