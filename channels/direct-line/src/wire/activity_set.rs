//! `{"activities":[…],"watermark":"…"}`: the answer to a poll, and a frame of the stream.

use maru_activity::Watermark;

/// Writes an activity set straight into its bytes.
#[derive(Debug)]
pub(crate) struct ActivitySet {
    out: Vec<u8>,
    count: usize,
}

impl Default for ActivitySet {
    fn default() -> Self {
        Self::new()
    }
}

impl ActivitySet {
    /// With nothing in it yet.
    pub(crate) fn new() -> Self {
        Self { out: b"{\"activities\":[".to_vec(), count: 0 }
    }

    /// Adds an activity, which `write` writes.
    pub(crate) fn push(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        if self.count > 0 {
            self.out.push(b',');
        }
        write(&mut self.out);
        self.count += 1;
    }

    /// How many activities are in it.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// How many bytes it has by now.
    pub(crate) fn bytes(&self) -> usize {
        self.out.len()
    }

    /// Its text. The watermark is always a text: numbers break clients that add it to an address,
    /// and `null` those that keep what they are given.
    pub(crate) fn finish(mut self, watermark: Watermark) -> Vec<u8> {
        self.out.extend_from_slice(b"],\"watermark\":\"");
        // Nothing in a watermark would be escaped.
        self.out.extend_from_slice(watermark.to_string().as_bytes());
        self.out.extend_from_slice(b"\"}");
        self.out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_watermark_is_a_text_even_when_there_is_none() {
        let text = |set: ActivitySet, mark| String::from_utf8(set.finish(mark)).unwrap();
        assert_eq!(
            text(ActivitySet::new(), Watermark::START),
            r#"{"activities":[],"watermark":""}"#
        );
        let mut set = ActivitySet::new();
        set.push(|out| out.extend_from_slice(b"{}"));
        set.push(|out| out.extend_from_slice(b"{}"));
        let mark = Watermark { epoch: 0, seen: Some(4) };
        assert_eq!(text(set, mark), r#"{"activities":[{},{}],"watermark":"4"}"#);
    }
}
