//! Deadlines of calls.

use maru_activity::Timestamp;
use maru_hall::By;

use crate::DeskSettings;
use crate::Why;
use crate::floor::work::Work;
use crate::floor::{CallKind, Chat, Count, Phase, Trouble, What, secs};
use crate::status::{TERMINATED, TRANSPORT_ERROR, phrase};

/// When each side last said something; what the server itself said does not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Spoke {
    /// The customer.
    pub customer: Option<Timestamp>,
    /// Whoever answers.
    pub answerer: Option<Timestamp>,
}

impl Chat {
    /// When something is to be done about it, if nobody does anything before.
    pub fn deadline(&self, settings: &DeskSettings) -> Option<Timestamp> {
        if let Phase::Wrapup { until, .. } = self.phase {
            return Some(until);
        }
        let (phase, cooled) = match &self.phase {
            Phase::Queued { until, .. } => {
                (*until, self.cooling.iter().map(|(_, until)| *until).min())
            }
            Phase::Ringing { queue_until, until, .. } => (*queue_until, Some(*until)),
            Phase::Bot { .. } | Phase::Agent { .. } | Phase::Wrapup { .. } => (self.look_at, None),
        };
        [phase, cooled, self.customer_gone_at(settings), self.total_at(settings)]
            .into_iter()
            .flatten()
            .min()
    }

    fn customer_gone_at(&self, settings: &DeskSettings) -> Option<Timestamp> {
        self.lost_at.map(|lost| lost.after(secs(settings.customer_secs)))
    }

    fn total_at(&self, settings: &DeskSettings) -> Option<Timestamp> {
        let waits = self.kind == CallKind::Call && !self.answered;
        waits.then(|| self.began_at.after(secs(settings.total_secs)))
    }
}

impl Work<'_> {
    /// Does what is due, the gravest first. One thing a step: the next deadline may be past as well.
    pub(super) fn due(&mut self, spoke: Option<Spoke>) {
        let now = self.now;
        let is_past = |at: Option<Timestamp>| at.is_some_and(|at| at <= now);
        let settings = &self.floor.book.settings;
        if let Phase::Wrapup { until, .. } = self.chat.phase {
            if until <= now {
                self.written_up();
            }
        } else if is_past(self.chat.customer_gone_at(settings)) {
            let answered = self.chat.answered;
            if !answered {
                self.count(Count::Abandoned);
            }
            let (code, why) = if answered { (503, TRANSPORT_ERROR) } else { (487, phrase(487)) };
            self.end(code, why, By::System);
        } else if is_past(self.chat.total_at(settings)) {
            self.end(408, phrase(408), By::System);
        } else {
            self.phase_due(spoke);
        }
    }

    fn phase_due(&mut self, spoke: Option<Spoke>) {
        let now = self.now;
        match self.chat.phase.clone() {
            // Whoever did not answer has missed it, even if the time in the queue is up as well.
            Phase::Ringing { until, queue_until, .. }
                if until <= now && queue_until.is_none_or(|queue_until| until <= queue_until) =>
            {
                self.missed();
            }
            Phase::Queued { until: Some(until), .. }
            | Phase::Ringing { queue_until: Some(until), .. }
                if until <= now =>
            {
                self.why = Some(Why::Withdrawn);
                self.overflow(408);
            }
            Phase::Queued { .. } => self.chat.cooling.retain(|(_, until)| *until > now),
            Phase::Agent { held: true, .. } if self.is_look_due() => {
                self.look_in(self.floor.book.settings.idle_agent_secs);
            }
            Phase::Agent { agent, .. } if self.is_look_due() => self.look(spoke, Some(&agent)),
            Phase::Bot { .. } if self.is_look_due() => self.look(spoke, None),
            Phase::Agent { .. }
            | Phase::Bot { .. }
            | Phase::Ringing { .. }
            | Phase::Wrapup { .. } => {}
        }
    }

    fn is_look_due(&self) -> bool {
        self.chat.look_at.is_some_and(|at| at <= self.now)
    }

    fn look_in(&mut self, wait_secs: u32) {
        self.chat.look_at = Some(self.now.after(secs(wait_secs)));
    }

    /// Whoever was asked did not answer in time.
    fn missed(&mut self) {
        let Phase::Ringing { queue, agent, .. } = self.chat.phase.clone() else { return };
        self.count(Count::Missed);
        let most = self.floor.book.settings.misses;
        let now = self.now;
        let asked = self.agent_mut(&agent);
        asked.missed += 1;
        if asked.missed >= most && asked.ready {
            (asked.ready, asked.reason, asked.since) = (false, Some("missed".into()), now);
            let calls = std::mem::take(&mut asked.missed);
            self.alert(Trouble::Missed { agent: agent.clone(), calls });
        }
        self.why = Some(Why::Missed);
        self.not_taken(&queue, &agent, 480);
    }

    /// Whoever was asked did not take it: in a group others are asked, and they again after a while.
    pub(super) fn not_taken(&mut self, queue: &str, agent: &str, code: u16) {
        if self.floor.book.group(queue).is_none() {
            return self.overflow(code);
        }
        let until = self.now.after(secs(self.floor.book.settings.cooldown_secs));
        self.chat.cooling.retain(|(dn, _)| **dn != *agent);
        self.chat.cooling.push((agent.into(), until));
        self.wait_on();
        self.offer();
    }

    /// Looks whose silence it is, and for how long it has been.
    fn look(&mut self, spoke: Option<Spoke>, agent: Option<&str>) {
        let Spoke { customer, answerer } = spoke.unwrap_or_default();
        let settings = &self.floor.book.settings;
        let customer = customer.filter(|at| *at > self.chat.since);
        let answerer = answerer.filter(|at| *at > self.chat.since);
        let waits =
            agent.filter(|_| customer.unwrap_or(self.chat.since) >= answerer.unwrap_or_default());
        let silent_since = customer.max(answerer).unwrap_or(self.chat.since);
        if let Some(agent) = waits {
            let first = answerer.is_none();
            let patience =
                if first { settings.idle_agent_first_secs } else { settings.idle_agent_secs };
            let late = silent_since.after(secs(patience));
            if late > self.now {
                self.chat.look_at = Some(late);
                return;
            }
            if self.chat.silence != Some(silent_since) {
                self.chat.silence = Some(silent_since);
                self.alert(Trouble::Silent { agent: agent.into() });
            }
            return self.look_in(settings.idle_agent_secs);
        }
        let (warn, over) = (
            silent_since.after(secs(settings.idle_warning_secs)),
            silent_since.after(secs(settings.idle_secs)),
        );
        if over <= self.now {
            return self.end(200, TERMINATED, By::System);
        }
        if warn > self.now {
            self.chat.look_at = Some(warn);
            return;
        }
        if self.chat.silence != Some(silent_since) {
            self.chat.silence = Some(silent_since);
            let text = settings.texts(self.chat.customer.locale.as_deref()).idle_warning;
            let from =
                agent.or(self.chat.virtual_agent.as_deref()).unwrap_or(&self.chat.dn).to_owned();
            self.write(&from, What::Text(text), None);
        }
        self.chat.look_at = Some(over);
    }
}
