//! Where the entries of a commit stand, in little room.

use maru_activity::{Audience, Timestamp};

use crate::Placed;

/// Where the entries of one commit stand, as stores keep it beside commit ids and client keys: so that the
/// answer can be given again when retention took the entries away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// The first one's seq.
    pub seq: u64,
    /// How many entries before it a customer may see.
    pub pos: u64,
    /// How many there are.
    pub count: u64,
    /// When they were committed.
    pub at: Timestamp,
    /// A byte for each entry (1: it has no pos), if some of them have none.
    pub hidden: Option<Vec<u8>>,
}

impl Places {
    /// Places for entries of these audiences, from a head on.
    pub fn new(
        (seq, pos): (u64, u64),
        at: Timestamp,
        audiences: impl Iterator<Item = Audience>,
    ) -> Self {
        let hidden: Vec<u8> = audiences.map(|audience| u8::from(!audience.has_pos())).collect();
        let count = hidden.len() as u64;
        let hidden = hidden.contains(&1).then_some(hidden);
        Self { seq, pos, count, at, hidden }
    }

    /// Each one's place.
    pub fn placed(&self) -> Vec<Placed> {
        let hidden = self.hidden.as_deref().unwrap_or_default();
        let mut pos = self.pos;
        let flags = hidden.iter().copied().chain(std::iter::repeat(0));
        (self.seq..self.seq + self.count)
            .zip(flags)
            .map(|(seq, hidden)| {
                let visible = hidden == 0;
                let placed = Placed { seq, pos: visible.then_some(pos), at: self.at };
                pos += u64::from(visible);
                placed
            })
            .collect()
    }

    /// The seq and the pos that come after.
    pub fn next(&self) -> (u64, u64) {
        let hidden = self.hidden.as_deref().unwrap_or_default();
        let hidden = hidden.iter().filter(|flag| **flag != 0).count() as u64;
        (self.seq + self.count, self.pos + self.count - hidden)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_can_be_written_down_and_given_again() {
        let at = Timestamp::from_secs(7);
        let audiences = [Audience::Agents, Audience::All, Audience::Agents, Audience::Customer];
        let places = Places::new((10, 4), at, audiences.into_iter());
        let given: Vec<_> = places.placed().iter().map(|p| (p.seq, p.pos)).collect();
        assert_eq!(given, [(10, None), (11, Some(4)), (12, None), (13, Some(5))]);
        assert_eq!(places.next(), (14, 6));

        let visible = Places::new((0, 0), at, [Audience::All; 3].into_iter());
        assert_eq!(visible.hidden, None, "the usual case costs nothing");
        assert_eq!(visible.placed().last().and_then(|p| p.pos), Some(2));
        assert_eq!(visible.next(), (3, 3));
    }
}
