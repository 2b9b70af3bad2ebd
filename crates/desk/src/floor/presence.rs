//! Agents: their links, whether they want calls, and their deadlines.

use maru_activity::Timestamp;

use crate::Refusal;
use crate::floor::{Agent, Floor, SlotKind, Step};
use crate::limits::LINKS_MAX;

impl Floor {
    pub(super) fn linked(
        &self,
        now: Timestamp,
        agent: &str,
        link: Box<str>,
        until: Timestamp,
    ) -> Result<Step, Refusal> {
        if self.book.agent(agent).is_none() {
            return Err(Refusal::NoSuchAgent);
        }
        let mut changed = self.agent_or_new(agent, now);
        if !changed.is_linked(now) && self.signed_out_at(&changed) <= now {
            self.sign_out(&mut changed, now);
        }
        changed.links.retain(|_, until| *until > now);
        changed.links.insert(link, until);
        while changed.links.len() > LINKS_MAX {
            let oldest = changed.links.iter().min_by_key(|(_, until)| **until);
            let oldest = oldest.map(|(link, _)| link.clone()).unwrap_or_default();
            changed.links.remove(&oldest);
        }
        changed.lost_at = None;
        Ok(Step { agents: vec![changed], ..Step::default() })
    }

    pub(super) fn unlinked(
        &self,
        now: Timestamp,
        agent: &str,
        link: &str,
    ) -> Result<Step, Refusal> {
        let known = self.agents.get(agent).ok_or(Refusal::NoSuchAgent)?;
        let mut changed = Agent::clone(known);
        if changed.links.remove(link).is_none() {
            return Ok(Step::default());
        }
        if changed.links.is_empty() {
            changed.lost_at = Some(now);
        }
        Ok(Step { agents: vec![changed], ..Step::default() })
    }

    pub(super) fn ready(
        &self,
        now: Timestamp,
        agent: &str,
        on: bool,
        reason: Option<Box<str>>,
    ) -> Result<Step, Refusal> {
        let mut changed = self.agent_or_new(agent, now);
        let reason = reason.filter(|_| !on);
        if (changed.ready, &changed.reason) == (on, &reason) && self.agents.contains_key(agent) {
            return Ok(Step::default());
        }
        if on && !changed.ready {
            (changed.idle_since, changed.missed) = (now, 0);
        }
        (changed.ready, changed.reason, changed.since) = (on, reason, now);
        Ok(Step { agents: vec![changed], ..Step::default() })
    }

    /// Whoever has gone is signed out, and what is written up is done with.
    pub(super) fn agent_due(&self, now: Timestamp, agent: &str) -> Step {
        let Some(known) = self.agents.get(agent) else { return Step::default() };
        let mut changed = Agent::clone(known);
        let written = changed.slots.len();
        changed.slots.retain(|slot| slot.until.is_none_or(|until| until > now));
        if changed.slots.len() != written {
            changed.idle_since = now;
        }
        if !changed.is_linked(now) {
            changed.lost_at = Some(changed.gone_since());
            changed.links.clear();
            if self.signed_out_at(&changed) <= now {
                self.sign_out(&mut changed, now);
            }
        }
        if changed == **known {
            return Step::default();
        }
        Step { agents: vec![changed], ..Step::default() }
    }

    /// Signing in again begins with saying that one is ready.
    fn sign_out(&self, agent: &mut Agent, now: Timestamp) {
        if agent.ready || agent.reason.is_some() {
            (agent.ready, agent.reason, agent.since) = (false, None, now);
        }
        agent.missed = 0;
    }

    fn agent_or_new(&self, dn: &str, now: Timestamp) -> Agent {
        let known = self.agents.get(dn).map(|agent| Agent::clone(agent));
        known.unwrap_or_else(|| Agent { since: now, idle_since: now, ..Agent::new(dn) })
    }

    /// When something is to be done about an agent, if nothing happens before.
    pub fn agent_deadline(&self, agent: &Agent, now: Timestamp) -> Option<Timestamp> {
        let written = agent.slots.iter().filter_map(|slot| slot.until).min();
        let link = if agent.is_linked(now) {
            agent.links.values().max().copied()
        } else {
            let busy = agent.slots.iter().any(|slot| slot.kind != SlotKind::Wrapup);
            let unsettled = !agent.links.is_empty() || agent.ready || busy;
            unsettled.then(|| self.signed_out_at(agent).max(now))
        };
        written.into_iter().chain(link).min()
    }
}
