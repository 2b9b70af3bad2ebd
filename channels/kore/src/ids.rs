//! Kore's ids, all of them derived from what Maru knows already: none needs a table.

pub(crate) use maru_accounts::hex;
use maru_activity::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// A UUID of version 5's form that follows from these parts. BotKit and some SDKs look at the
/// version (kore-rtm.md §5.1), and nobody can tell which hash made it; ours is SHA-256.
pub(crate) fn uuid_of(parts: &[&str]) -> Uuid {
    let digest = digest(parts);
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    uuid::Builder::from_sha1_bytes(bytes).into_uuid()
}

/// 24 hexadecimal digits that follow from these parts: the form of account and session ids.
pub(crate) fn hex24_of(parts: &[&str]) -> String {
    hex(&digest(parts)[..12])
}

/// A digest of parts, each with its length in front, so that no two lists of parts are the same.
pub(crate) fn digest(parts: &[&str]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().into()
}

/// A time as Kore writes it: `2019-02-28T06:52:23.160Z`. Android drops a message whose time has
/// not exactly three digits behind the point (kore-rtm.md §3.4).
pub(crate) fn iso_millis(at: Timestamp) -> String {
    let mut text = at.to_string();
    // Behind the point stand seven digits and the Z.
    text.truncate(text.len().saturating_sub(5));
    text.push('Z');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_the_form_that_botkit_and_the_sdks_look_for() {
        let id = uuid_of(&["cs-1", "kim@example.org"]);
        assert_eq!(id, uuid_of(&["cs-1", "kim@example.org"]));
        assert_ne!(id, uuid_of(&["cs-1kim@example.or", "g"]));
        let text = id.to_string();
        let groups: Vec<&str> = text.split('-').collect();
        assert!(groups[2].starts_with('5') && groups[3].starts_with(['8', '9', 'a', 'b']), "{id}");
        let hex = hex24_of(&["cs-1"]);
        assert!(hex.len() == 24 && hex.bytes().all(|b| b.is_ascii_hexdigit()), "{hex}");
    }

    #[test]
    fn times_have_three_digits_behind_the_point() {
        assert_eq!(
            iso_millis(Timestamp::from_micros(1_551_336_743_160_999)),
            "2019-02-28T06:52:23.160Z"
        );
        assert_eq!(iso_millis(Timestamp::from_secs(0)), "1970-01-01T00:00:00.000Z");
    }
}
