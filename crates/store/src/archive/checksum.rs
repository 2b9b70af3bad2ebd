//! A checksum over records that does not mind their order.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// How many records there are, and the sum of their SHA-256 modulo 2²⁵⁶.
///
/// Two stores list the same records in orders of their own; a sum is the same all the same, and a
/// record that is missing, there twice, or altered changes it. It finds what went wrong by
/// accident. It is no signature: whoever may write an export may write its checksum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checksum {
    records: u64,
    /// The lowest limb first.
    sum: [u64; 4],
}

impl Checksum {
    /// Adds a record, as its JSON line without the line's end.
    pub fn add(&mut self, line: &[u8]) {
        let hash = Sha256::digest(line);
        let mut carry = false;
        for (limb, bytes) in self.sum.iter_mut().zip(hash.chunks_exact(8)) {
            let mut part = [0; 8];
            part.copy_from_slice(bytes);
            let (sum, over) = limb.overflowing_add(u64::from_le_bytes(part));
            let (sum, over_again) = sum.overflowing_add(u64::from(carry));
            (*limb, carry) = (sum, over || over_again);
        }
        self.records += 1;
    }

    /// How many records were added.
    pub fn records(&self) -> u64 {
        self.records
    }
}

/// The number of records, a colon, and the sum in hexadecimal.
impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d] = self.sum;
        write!(f, "{}:{d:016x}{c:016x}{b:016x}{a:016x}", self.records)
    }
}

/// A text that is no checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no checksum: a number of records, a colon, 64 hexadecimal digits")]
pub struct BadChecksum;

impl FromStr for Checksum {
    type Err = BadChecksum;

    fn from_str(text: &str) -> Result<Self, BadChecksum> {
        let (records, digits) = text.split_once(':').ok_or(BadChecksum)?;
        if digits.len() != 64 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(BadChecksum);
        }
        let mut sum = [0; 4];
        let mut rest = digits;
        // The highest limb is written first.
        for limb in sum.iter_mut().rev() {
            let (first, others) = rest.split_at_checked(16).ok_or(BadChecksum)?;
            *limb = u64::from_str_radix(first, 16).map_err(|_| BadChecksum)?;
            rest = others;
        }
        Ok(Self { records: records.parse().map_err(|_| BadChecksum)?, sum })
    }
}

impl Serialize for Checksum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Checksum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Checksum {
        let mut checksum = Checksum::default();
        lines.iter().for_each(|line| checksum.add(line.as_bytes()));
        checksum
    }

    #[test]
    fn it_minds_what_is_there_and_not_in_which_order() {
        assert_eq!(of(&["a", "b", "c"]), of(&["c", "a", "b"]));
        for other in [&["a", "b"][..], &["a", "b", "c", "c"], &["a", "b", "d"], &["a", "a", "c"]] {
            assert_ne!(of(&["a", "b", "c"]), of(other), "{other:?}");
        }
    }

    #[test]
    fn it_can_be_written_down_and_gone_on_with() {
        let mut begun: Checksum = of(&["a", "b"]).to_string().parse().expect("as it was written");
        begun.add(b"c");
        assert_eq!(begun, of(&["a", "b", "c"]));
        assert_eq!(Checksum::default().to_string(), format!("0:{}", "0".repeat(64)));
        for bad in
            ["", "1", "x:0", &format!("1:{}", "g".repeat(64)), &format!("1:{}", "0".repeat(63))]
        {
            assert_eq!(bad.parse::<Checksum>(), Err(BadChecksum), "{bad:?}");
        }
    }
}
