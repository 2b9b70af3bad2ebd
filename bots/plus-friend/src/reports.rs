//! What a bot's owner should know of its partner server: what was put right, and what failed.

use std::borrow::Cow;
use std::collections::VecDeque;

use maru_activity::Timestamp;
use parking_lot::Mutex;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;
use serde::Serialize;

use crate::error::{Code, Rejected};
use crate::read::Repair;

/// How many different things are remembered of a bot. The one that was seen longest ago goes first.
const KEPT: usize = 64;

/// A call that partners are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Endpoint {
    /// `GET /keyboard`.
    Keyboard,
    /// `POST /message`.
    Message,
    /// `POST /friend`.
    AddFriend,
    /// `DELETE /friend/{user_key}`.
    Block,
    /// `DELETE /chat_room/{user_key}`.
    Leave,
}

impl Endpoint {
    /// It in a word, for counting.
    pub fn word(self) -> &'static str {
        match self {
            Self::Keyboard => "keyboard",
            Self::Message => "message",
            Self::AddFriend => "add_friend",
            Self::Block => "block",
            Self::Leave => "leave",
        }
    }
}

/// One thing that was wrong, once or many times. It repeats nothing that anybody said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// When it was seen first.
    pub first_at: Timestamp,
    /// When it was seen last.
    pub last_at: Timestamp,
    /// How often it was seen.
    pub times: u64,
    /// The call whose answer it was in.
    pub call: Endpoint,
    /// The platform's code, where the answer was not taken; `None`: it was put right.
    pub code: Option<Code>,
    /// What is wrong.
    pub problem: Cow<'static, str>,
}

/// One bot's reports, on this node.
#[derive(Debug, Default)]
pub(crate) struct Reports(Mutex<VecDeque<Report>>);

impl Reports {
    /// The newest first.
    pub(crate) fn list(&self) -> Vec<Report> {
        self.0.lock().iter().rev().cloned().collect()
    }

    pub(crate) fn note(
        &self,
        now: Timestamp,
        call: Endpoint,
        code: Option<Code>,
        problem: Cow<'static, str>,
    ) {
        let mut reports = self.0.lock();
        let same = |r: &Report| r.call == call && r.code == code && r.problem == problem;
        let known = reports.iter().position(same).and_then(|place| reports.remove(place));
        let report = match known {
            Some(known) => Report { last_at: now, times: known.times + 1, ..known },
            None => Report { first_at: now, last_at: now, times: 1, call, code, problem },
        };
        if reports.len() == KEPT {
            reports.pop_front();
        }
        reports.push_back(report);
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Made {
    call: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Put {
    repair: &'static str,
}

/// The kind's numbers, over all its bots.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    calls: Family<Made, Counter>,
    repairs: Family<Put, Counter>,
}

impl Metrics {
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "plus_friend_calls",
            "Calls to Plus Friend partners by endpoint and outcome",
            metrics.calls.clone(),
        );
        registry.register(
            "plus_friend_repairs",
            "What was put right in their answers",
            metrics.repairs.clone(),
        );
        metrics
    }

    /// `failed` says why, if the call came to nothing.
    pub(crate) fn called(&self, call: Endpoint, failed: Option<&Rejected>) {
        let outcome = match failed.map(|rejected| rejected.code) {
            None => "answered",
            Some(Code::RequestTimeout) => "timed_out",
            Some(Code::WrongBotUrl) => "unreachable",
            Some(_) => "refused",
        };
        self.calls.get_or_create(&Made { call: call.word(), outcome }).inc();
    }

    pub(crate) fn repaired(&self, repairs: &[Repair]) {
        for repair in repairs {
            self.repairs.get_or_create(&Put { repair: repair.word() }).inc();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_thing_is_counted_and_the_oldest_goes() {
        let reports = Reports::default();
        let note = |secs, problem: &str| {
            let now = Timestamp::from_secs(secs);
            reports.note(now, Endpoint::Message, None, problem.to_owned().into());
        };
        for (secs, problem) in [(1, "a"), (2, "b"), (3, "a")] {
            note(secs, problem);
        }
        let list = reports.list();
        let a = &list[0];
        assert_eq!((list.len(), &*a.problem, a.times), (2, "a", 2));
        assert_eq!((a.first_at.as_secs(), a.last_at.as_secs()), (1, 3));
        for number in 0..KEPT {
            note(10, &number.to_string());
        }
        assert_eq!(reports.list().len(), KEPT);
        assert!(reports.list().iter().all(|report| &*report.problem != "a"));
    }
}
