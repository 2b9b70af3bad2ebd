//! What a client saw for certain.

use maru_activity::Pos;

/// How far a socket's client has come, each as the pos below which everything was …
///
/// What was acknowledged was seen. So was what a client sent something after, unless the two crossed
/// on the way: that is found out by a ping of the WebSocket itself, whose pong every client's
/// machinery sends only after it has taken in what came before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Seen {
    /// … written to the socket.
    sent: Pos,
    /// … acknowledged by the client.
    acknowledged: Pos,
    /// … sent before the client said something itself.
    claimed: Pos,
    /// … sent before the last ping.
    asked: Pos,
    /// … received, as a pong proves.
    received: Pos,
}

impl Seen {
    /// Of a client that has seen everything below `from`.
    pub(super) fn from(from: Pos) -> Self {
        Self { sent: from, acknowledged: from, claimed: from, asked: from, received: from }
    }

    /// Everything below `next` was sent.
    pub(super) fn sent(&mut self, next: Pos) {
        self.sent = self.sent.max(next);
    }

    /// The client acknowledges everything below `next`, as far as that was sent.
    pub(super) fn acknowledged(&mut self, next: Pos) {
        self.acknowledged = self.acknowledged.max(next.min(self.sent));
    }

    /// The client says something. Gives what to put into a ping, if that is needed.
    pub(super) fn spoke(&mut self) -> Option<[u8; 8]> {
        self.claimed = self.sent;
        let known = self.acknowledged.max(self.received).max(self.asked);
        (self.claimed > known).then(|| {
            self.asked = self.claimed;
            self.claimed.to_be_bytes()
        })
    }

    /// A pong came, with what was in a ping.
    pub(super) fn received(&mut self, pong: &[u8]) {
        // Pongs that nobody asked for, or of other pings, are none of these.
        if let Ok(bytes) = pong.try_into() {
            let next = Pos::from_be_bytes(bytes);
            self.received = self.received.max(next.min(self.asked));
        }
    }

    /// The pos below which everything was written.
    pub(super) fn next(&self) -> Pos {
        self.sent
    }

    /// The pos below which everything was seen.
    pub(super) fn for_certain(&self) -> Pos {
        self.acknowledged.max(self.claimed.min(self.received))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_acknowledged_or_answered_was_seen() {
        let mut seen = Seen::from(3);
        seen.sent(7);
        assert_eq!(seen.for_certain(), 3);
        seen.acknowledged(5);
        assert_eq!(seen.for_certain(), 5);
        // Nobody has seen what was not sent.
        seen.acknowledged(90);
        assert_eq!(seen.for_certain(), 7);
    }

    #[test]
    fn what_crosses_with_a_clients_words_was_not_seen_before_the_pong() {
        let mut seen = Seen::from(0);
        seen.sent(4);
        let ping = seen.spoke().unwrap();
        assert_eq!(seen.for_certain(), 0);
        seen.sent(6);
        seen.received(&ping);
        assert_eq!(seen.for_certain(), 4);
        // A second word asks again, and only about what is new.
        let ping = seen.spoke().unwrap();
        assert_eq!(seen.spoke(), None);
        seen.received(b"other");
        seen.received(&99_u64.to_be_bytes());
        assert_eq!(seen.for_certain(), 6);
        seen.received(&ping);
        assert_eq!((seen.for_certain(), seen.next()), (6, 6));
    }
}
