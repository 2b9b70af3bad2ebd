//! The wall clock was put: what is due is due after as long a time as before.

use std::fmt;
use std::time::Duration;

use maru_activity::Timestamp;

use crate::floor::{Agent, Chat, Floor, Phase, Queue, Step};

/// By how much a wall clock is set right without a word: less than any deadline here.
const TRIFLE: Duration = Duration::from_secs(5);

/// One look at both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// The wall clock.
    pub now: Timestamp,
    /// The steady one.
    pub steady: Duration,
}

/// By how much the wall clock was put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jump {
    /// It was put forward.
    Forward(Duration),
    /// It was put back.
    Back(Duration),
}

impl Jump {
    /// What the wall clock did between two looks beside the time that passed, if it is worth a word. A
    /// machine that slept is the same: to it no time has passed.
    pub fn between(before: Look, after: Look) -> Option<Self> {
        let passed = after.steady.saturating_sub(before.steady);
        let expected = before.now.after(passed);
        // A span between the wrong way round is none.
        let jump = match after.now >= expected {
            true => Self::Forward(after.now.since(expected)),
            false => Self::Back(expected.since(after.now)),
        };
        let (Self::Forward(by) | Self::Back(by)) = jump;
        (by > TRIFLE).then_some(jump)
    }

    fn moves(self, at: &mut Timestamp) {
        *at = match self {
            Self::Forward(by) => at.after(by),
            Self::Back(by) => at.before(by),
        };
    }

    fn moves_all<'a>(self, all: impl IntoIterator<Item = &'a mut Timestamp>) {
        for at in all {
            self.moves(at);
        }
    }
}

impl fmt::Display for Jump {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forward(by) => write!(f, "{} s forward", by.as_secs()),
            Self::Back(by) => write!(f, "{} s back", by.as_secs()),
        }
    }
}

impl Floor {
    /// Moves all that is due with the clock. Gives the steps by which that is kept; they are not taken
    /// over yet.
    pub fn jumped(&mut self, now: Timestamp, jump: Jump) -> Vec<Step> {
        jump.moves(&mut self.open_since);
        let chats = self.chats.values().map(|chat| {
            let mut chat = Chat::clone(chat);
            move_chat(&mut chat, now, jump);
            Step { chat: Some((chat.call.clone(), Some(chat))), ..Step::default() }
        });
        let agents = self.agents.values().map(|agent| {
            let mut agent = Agent::clone(agent);
            move_agent(&mut agent, jump);
            Step { agents: vec![agent], ..Step::default() }
        });
        let queues = self.queues.values().filter(|queue| !queue.waiting.is_empty()).map(|queue| {
            let mut queue = Queue::clone(queue);
            jump.moves_all(queue.waiting.iter_mut().map(|waiting| &mut waiting.since));
            Step { queues: vec![queue], ..Step::default() }
        });
        chats.chain(agents).chain(queues).collect()
    }
}

fn move_chat(chat: &mut Chat, now: Timestamp, jump: Jump) {
    jump.moves_all([&mut chat.since, &mut chat.began_at]);
    jump.moves_all(chat.lost_at.as_mut().into_iter().chain(chat.look_at.as_mut()));
    jump.moves_all(chat.cooling.iter_mut().map(|(_, until)| until));
    match &mut chat.phase {
        Phase::Queued { until, .. } => jump.moves_all(until.as_mut()),
        Phase::Ringing { queue_until, until, .. } => {
            jump.moves_all(queue_until.as_mut().into_iter().chain([until]));
        }
        // The log has its times from before, which tell nothing of a silence any more.
        Phase::Bot { .. } | Phase::Agent { .. } => chat.since = now,
        Phase::Wrapup { until, .. } => jump.moves(until),
    }
}

fn move_agent(agent: &mut Agent, jump: Jump) {
    jump.moves_all([&mut agent.since, &mut agent.idle_since]);
    jump.moves_all(agent.links.values_mut().chain(agent.lost_at.as_mut()));
    jump.moves_all(agent.slots.iter_mut().filter_map(|slot| slot.until.as_mut()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_put_is_told_from_time_that_passed() {
        let secs = Duration::from_secs;
        let at = |now, steady| Look { now: Timestamp::from_secs(now), steady: secs(steady) };
        let between = |now, steady| Jump::between(at(1_000, 7), at(now, steady));
        assert_eq!(between(1_000, 7), None);
        assert_eq!(between(4_600, 3_607), None);
        assert_eq!(between(1_007, 9), None);
        assert_eq!(between(4_601, 8), Some(Jump::Forward(secs(3_600))));
        assert_eq!(between(990, 8), Some(Jump::Back(secs(11))));
    }
}
