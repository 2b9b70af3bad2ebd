//! What is kept of a user's conversation with a bot, and what follows from it. Pure.

use std::time::Duration;

use maru_activity::{ConversationId, Pos, Timestamp};
use maru_hall::{Head, Route};
use serde::{Deserialize, Serialize};

use crate::ids::hex24_of;
use crate::limits::{PLACES_MAX, RESEND_AGE, RESEND_MAX, YOUNG};

/// How a client wants to be connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ConnectionMode {
    /// It says nothing: a new session, as older SDKs expect it.
    Fresh,
    /// The session that there is, else a new one.
    Default,
    /// A new session.
    StartNew,
    /// A new session, unless an agent is talking with the user.
    StartNewResumeAgent,
    /// The session that there is: what was missed comes again. A client's first connection may be of
    /// this kind too, after a failed attempt; where there is no session it begins one.
    Reconnect,
}

impl ConnectionMode {
    /// From a socket's query. `ConnectionMode` goes before `isReconnect` (kore-rtm.md §3.1).
    pub(crate) fn of_query(query: Option<&str>) -> Self {
        let mut legacy = Self::Fresh;
        let mut mode = None;
        for (name, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match (&*name, &*value) {
                ("ConnectionMode", "Default") => mode = Some(Self::Default),
                ("ConnectionMode", "Start_New") => mode = Some(Self::StartNew),
                ("ConnectionMode", "Start_New_Resume_Agent") => {
                    mode = Some(Self::StartNewResumeAgent);
                }
                ("ConnectionMode", "Reconnect") => mode = Some(Self::Reconnect),
                ("isReconnect", "true") => legacy = Self::Reconnect,
                _ => {}
            }
        }
        mode.unwrap_or(legacy)
    }
}

/// How far one client of the user has come. A client is a grant: a page that was loaded once, an
/// installed app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Place {
    /// The grant's id.
    pub(crate) grant: Box<str>,
    /// Everything below this pos was seen for certain.
    pub(crate) seen: Pos,
    /// When this was written.
    pub(crate) at: Timestamp,
    /// Its socket was closed since.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) left: bool,
}

/// What is kept of a user's conversation with a bot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// The conversation.
    pub(crate) conversation: ConversationId,
    /// The session's id: 24 hexadecimal digits.
    pub(crate) session: String,
    /// When it began.
    pub(crate) started_at: Timestamp,
    /// The first pos that belongs to it.
    pub(crate) first_pos: Pos,
    /// It was closed, by the user or the bot.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) ended: bool,
    /// How far the user's clients have come.
    #[serde(default)]
    pub(crate) places: Vec<Place>,
}

/// What a connection comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// It joins the session.
    Join,
    /// It begins one.
    Begin,
}

impl Kept {
    pub(super) fn new(conversation: ConversationId, first_pos: Pos, now: Timestamp) -> Self {
        let mut kept = Self {
            conversation,
            session: String::new(),
            started_at: now,
            first_pos,
            ended: false,
            places: Vec::new(),
        };
        kept.begin(first_pos, now);
        kept
    }

    /// Begins the next session.
    pub(crate) fn begin(&mut self, first_pos: Pos, now: Timestamp) {
        let at = now.as_micros().to_string();
        self.session = hex24_of(&["session", self.conversation.as_str(), &at]);
        (self.started_at, self.first_pos, self.ended) = (now, first_pos, false);
    }

    /// Whether the session is over, in a conversation in which something last happened at `last_at`.
    pub(crate) fn is_over(&self, last_at: Timestamp, now: Timestamp, idle: Duration) -> bool {
        self.ended || now.since(last_at.max(self.started_at)) >= idle
    }

    pub(super) fn decide(
        &self,
        mode: ConnectionMode,
        head: &Head,
        now: Timestamp,
        idle: Duration,
    ) -> Decision {
        use ConnectionMode as Mode;
        let agent = matches!(head.route, Route::Desk(_) | Route::Agent(_));
        let over = self.is_over(head.last_at, now, idle);
        match mode {
            Mode::StartNewResumeAgent if agent && !over => Decision::Join,
            Mode::StartNew | Mode::StartNewResumeAgent => Decision::Begin,
            _ if over => Decision::Begin,
            Mode::Default | Mode::Reconnect => Decision::Join,
            // A page that connects twice in one breath (kore-rtm.md §3.6) is greeted once.
            Mode::Fresh if now.since(self.started_at) < YOUNG => Decision::Join,
            Mode::Fresh => Decision::Begin,
        }
    }

    /// From where on a client is sent what is said, and whose place it goes on from, if it is not its
    /// own: a client that had its assertion renewed has another grant.
    ///
    /// Rather twice than never: clients drop what they have by its id.
    pub(super) fn place_for(
        &self,
        grant: &str,
        mode: ConnectionMode,
        joins: bool,
        head: &Head,
    ) -> (Pos, Option<Box<str>>) {
        let oldest = head.next_pos.saturating_sub(RESEND_MAX);
        let within = |pos: Pos| pos.clamp(oldest, head.next_pos);
        if let Some(own) = self.places.iter().find(|place| &*place.grant == grant) {
            return (within(own.seen), None);
        }
        if mode == ConnectionMode::Reconnect {
            let left = self.places.iter().filter(|place| place.left);
            return match left.min_by_key(|place| place.seen) {
                Some(place) => (within(place.seen), Some(place.grant.clone())),
                // A server that was killed could not note that anybody left.
                None if self.places.is_empty() => (head.next_pos, None),
                None => (oldest, None),
            };
        }
        // Whoever joins a session that has just begun is to see its greeting too.
        (
            if joins && mode == ConnectionMode::Fresh {
                within(self.first_pos)
            } else {
                head.next_pos
            },
            None,
        )
    }

    /// Notes how far a client has come. Says whether that is new.
    pub(super) fn note(&mut self, grant: &str, seen: Pos, left: bool, now: Timestamp) -> bool {
        match self.places.iter_mut().find(|place| &*place.grant == grant) {
            Some(place) => {
                let newer = seen > place.seen || left != place.left;
                if newer {
                    (place.seen, place.at, place.left) = (place.seen.max(seen), now, left);
                }
                newer
            }
            None => {
                self.forget(now);
                self.places.push(Place { grant: grant.into(), seen, at: now, left });
                true
            }
        }
    }

    /// Lets go of clients that nothing would be sent to again, and of the oldest of too many.
    fn forget(&mut self, now: Timestamp) {
        self.places.retain(|place| !place.left || now.since(place.at) < RESEND_AGE);
        while self.places.len() >= PLACES_MAX {
            let oldest = (0..self.places.len()).min_by_key(|index| self.places[*index].at);
            self.places.remove(oldest.unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_goes_before_the_older_flag() {
        use ConnectionMode as Mode;
        for (query, mode) in [
            (None, Mode::Fresh),
            (Some("sid=x"), Mode::Fresh),
            (Some("sid=x&isReconnect=true"), Mode::Reconnect),
            (Some("sid=x&isReconnect=false"), Mode::Fresh),
            (Some("sid=x&isReconnect=true&ConnectionMode=Default"), Mode::Default),
            (Some("sid=x&ConnectionMode=Start_New&isReconnect=true"), Mode::StartNew),
            (Some("ConnectionMode=Start_New_Resume_Agent"), Mode::StartNewResumeAgent),
            (Some("ConnectionMode=Reconnect&isDebugging=true"), Mode::Reconnect),
            (Some("ConnectionMode=nonsense&isReconnect=true"), Mode::Reconnect),
        ] {
            assert_eq!(ConnectionMode::of_query(query), mode, "{query:?}");
        }
    }

    const IDLE: Duration = Duration::from_secs(900);

    fn head(next_pos: Pos, last_at: i64, route: Route) -> Head {
        let last_at = Timestamp::from_secs(last_at);
        Head { next_seq: next_pos + 1, next_pos, last_at, route, route_epoch: 0, open: 0 }
    }

    fn at(secs: i64) -> Timestamp {
        Timestamp::from_secs(secs)
    }

    #[test]
    fn a_session_is_joined_or_begun_as_the_mode_says() {
        use ConnectionMode as Mode;
        let kept = Kept::new("c".into(), 0, at(1_000));
        let bot = || Route::Bot("b".into());
        let decide = |mode, now, route| kept.decide(mode, &head(3, 1_100, route), at(now), IDLE);
        for (mode, live, idle) in [
            (Mode::Fresh, Decision::Begin, Decision::Begin),
            (Mode::Default, Decision::Join, Decision::Begin),
            (Mode::Reconnect, Decision::Join, Decision::Begin),
            (Mode::StartNew, Decision::Begin, Decision::Begin),
            (Mode::StartNewResumeAgent, Decision::Begin, Decision::Begin),
        ] {
            assert_eq!(decide(mode, 1_999, bot()), live, "{mode:?}");
            assert_eq!(decide(mode, 2_000, bot()), idle, "{mode:?}");
        }
        let agent = Route::Agent("a".into());
        assert_eq!(decide(Mode::StartNewResumeAgent, 1_999, agent), Decision::Join);
        // A page that connects twice is greeted once.
        let young = |mode| kept.decide(mode, &head(0, 1_000, bot()), at(1_001), IDLE);
        assert_eq!(young(Mode::Fresh), Decision::Join);
        assert_eq!(young(Mode::StartNew), Decision::Begin);
        let ended = Kept { ended: true, ..kept.clone() };
        let reconnect = ended.decide(Mode::Reconnect, &head(3, 1_100, bot()), at(1_101), IDLE);
        assert_eq!(reconnect, Decision::Begin);
    }

    #[test]
    fn what_was_missed_comes_again_and_rather_twice_than_never() {
        use ConnectionMode as Mode;
        let mut kept = Kept::new("c".into(), 5, at(0));
        let now = head(50, 0, Route::Nobody);
        assert_eq!(kept.place_for("g1", Mode::Reconnect, true, &now), (50, None));
        kept.note("g1", 10, false, at(1));
        kept.note("g2", 20, false, at(1));
        // Its own place, whatever the mode.
        assert_eq!(kept.place_for("g1", Mode::Reconnect, true, &now), (10, None));
        assert_eq!(kept.place_for("g1", Mode::StartNew, false, &now), (10, None));
        // Another grant: nobody has left as far as is known, so all that is recent.
        assert_eq!(kept.place_for("g3", Mode::Reconnect, true, &now), (0, None));
        kept.note("g2", 30, true, at(2));
        assert_eq!(kept.place_for("g3", Mode::Reconnect, true, &now), (30, Some("g2".into())));
        // A new page has the history for what was before, and joins a young session at its start.
        assert_eq!(kept.place_for("g3", Mode::Default, true, &now), (50, None));
        assert_eq!(kept.place_for("g3", Mode::Fresh, true, &now), (5, None));
        assert_eq!(kept.place_for("g3", Mode::Fresh, false, &now), (50, None));
        // Never more than so many, and never from ahead of the log.
        let long = head(1_000, 0, Route::Nobody);
        assert_eq!(kept.place_for("g1", Mode::Reconnect, true, &long).0, 1_000 - RESEND_MAX);
        let restored = head(3, 0, Route::Nobody);
        assert_eq!(kept.place_for("g1", Mode::Reconnect, true, &restored).0, 3);
    }

    #[test]
    fn places_only_advance_and_old_ones_are_let_go() {
        let mut kept = Kept::new("c".into(), 0, at(0));
        assert!(kept.note("g", 5, false, at(1)));
        assert!(!kept.note("g", 4, false, at(2)));
        assert!(kept.note("g", 4, true, at(3)));
        assert_eq!((kept.places[0].seen, kept.places[0].left), (5, true));
        kept.note("later", 1, false, at(3).after(RESEND_AGE));
        assert_eq!(kept.places.len(), 1, "{:?}", kept.places);
        for number in 0..PLACES_MAX * 2 {
            kept.note(&format!("g{number}"), 0, false, at(10_000 + number as i64));
        }
        assert_eq!(kept.places.len(), PLACES_MAX);
        assert_eq!(&*kept.places[PLACES_MAX - 1].grant, "g31");
    }

    #[test]
    fn each_session_has_an_id_of_its_own() {
        let mut kept = Kept::new("c".into(), 0, at(0));
        let first = kept.session.clone();
        kept.begin(7, at(1));
        assert_ne!(kept.session, first);
        assert_eq!((kept.session.len(), kept.first_pos), (24, 7));
    }
}
