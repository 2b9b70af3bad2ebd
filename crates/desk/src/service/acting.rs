//! One step: read what it needs, decide, commit, take over, tell.

use std::sync::Arc;

use maru_activity::{ConversationId, Kind, Role, Timestamp, Viewer};
use maru_hall::{Conversation, Error, Greet, Hall, Handing, Place, Shown, TimerWrite};
use maru_notify::Alert;

use crate::floor::{Chat, Event, Phase, Spoke, Step, Trouble};
use crate::limits::{LOOKED_AT, TRIES};
use crate::service::kept::{timers, writes, written};
use crate::service::room::Keeper;
use crate::service::speaking::spoken;
use crate::{Changed, Done, Refusal, Why};

impl Keeper {
    /// Takes a step, anew each time that another node was faster.
    pub(super) async fn act(
        &mut self,
        event: Event,
        cleared: Vec<TimerWrite>,
        route_epoch: Option<u64>,
    ) -> Result<Done, Refusal> {
        let (mut tried, mut looked) = (0, false);
        loop {
            let hall = self.room.hall()?;
            let now = hall.env().now();
            let event = self.prepared(&hall, now, event.clone(), tried > 0).await?;
            let decided = self.room.floor.read().step(now, event);
            let step = match decided {
                // It may be refused for what has changed on another node meanwhile.
                Err(_) if hall.is_shared() && !looked => {
                    looked = true;
                    self.follow(&hall).await?;
                    continue;
                }
                decided => decided?,
            };
            match self.keep(&hall, now, &step, cleared.clone(), route_epoch).await {
                Ok(()) => return Ok(self.done(&step)),
                Err(Error::Conflict(_)) if tried < TRIES => {
                    self.metrics.conflicts.inc();
                    tried += 1;
                    self.follow(&hall).await?;
                }
                Err(error) => {
                    // Whether it took place may not be known: all is read anew before the next.
                    self.doubtful = true;
                    return Err(error.into());
                }
            }
        }
    }

    /// Reads what the machine wants to know for this event and does not: the call, and who spoke last.
    async fn prepared(
        &mut self,
        hall: &Hall,
        now: Timestamp,
        event: Event,
        anew: bool,
    ) -> Result<Event, Error> {
        let Some(call) = event.call().cloned() else { return Ok(event) };
        if anew || !self.room.floor.read().chats.contains_key(&call) {
            self.load_chat(hall, &call).await?;
        }
        let chat = self.room.floor.read().chats.get(&call).cloned();
        match (event, chat) {
            (Event::CallDue { call, .. }, Some(chat)) if wants_to_know(&chat, now) => {
                let spoke = self.spoke(hall, &call).await?;
                Ok(Event::CallDue { call, spoke })
            }
            (event, _) => Ok(event),
        }
    }

    /// When each side last said something, as far back as the log's last entries tell.
    async fn spoke(&self, hall: &Hall, call: &ConversationId) -> Result<Option<Spoke>, Error> {
        let Some(conversation) = hall.conversation(&self.room.realm, call).await? else {
            return Ok(None);
        };
        let next = hall.head(&conversation).await?.next_seq;
        let from = Place::Seq(next.saturating_sub(LOOKED_AT));
        let most = usize::try_from(LOOKED_AT).unwrap_or(usize::MAX);
        let reading = hall.read(&conversation, Viewer::Operator, from, most).await?;
        let said = |shown: &&Shown| shown.kind == Kind::Message && !shown.meta.system;
        let mut spoke = Spoke::default();
        for shown in reading.shown.iter().filter(said) {
            match shown.role {
                Role::User => spoke.customer = Some(shown.at),
                // Notes for agents are no answer.
                Role::Bot | Role::Agent if shown.pos.is_some() => spoke.answerer = Some(shown.at),
                Role::Bot | Role::Agent => {}
            }
        }
        Ok(Some(spoke))
    }

    /// Commits a step that nothing asked for, and takes it over.
    pub(super) async fn keep_all(
        &mut self,
        hall: &Hall,
        now: Timestamp,
        step: &Step,
    ) -> Result<(), Error> {
        let kept = self.keep(hall, now, step, Vec::new(), None).await;
        if kept.is_err() {
            self.doubtful = true;
        }
        kept?;
        self.done(step);
        Ok(())
    }

    /// Commits a step. If it is about a call, together with what is said in its conversation.
    async fn keep(
        &mut self,
        hall: &Hall,
        now: Timestamp,
        step: &Step,
        cleared: Vec<TimerWrite>,
        route_epoch: Option<u64>,
    ) -> Result<(), Error> {
        let states = writes(step, &self.versions)?;
        let mut timers = timers(step, &self.room.floor.read(), now);
        timers.extend(cleared);
        if states.is_empty() && timers.is_empty() && step.said.is_empty() {
            return Ok(());
        }
        match self.conversation(hall, step).await? {
            Some((conversation, chat)) => {
                let greet = chat.filter(|_| step.greet).map(|chat| Greet {
                    user: chat.customer.account.clone(),
                    locale: chat.customer.locale.clone(),
                });
                let handing = Handing {
                    said: step.said.iter().map(spoken).collect::<Result<_, _>>()?,
                    route: step.route.clone(),
                    expect_epoch: route_epoch,
                    greet,
                    states,
                    timers,
                };
                hall.hand(&conversation, handing).await?;
            }
            None => hall.write(&self.room.realm, states, timers).await?,
        }
        written(step, &mut self.versions);
        Ok(())
    }

    /// The conversation that a step says something in, or routes.
    async fn conversation<'a>(
        &self,
        hall: &Hall,
        step: &'a Step,
    ) -> Result<Option<(Arc<Conversation>, Option<&'a Chat>)>, Error> {
        let Some((call, chat)) = &step.chat else { return Ok(None) };
        if step.said.is_empty() && step.route.is_none() {
            return Ok(None);
        }
        let conversation = hall.conversation(&self.room.realm, call).await?;
        let conversation = conversation.ok_or(Error::UnknownConversation)?;
        Ok(Some((conversation, chat.as_ref())))
    }

    /// Takes a step over that is kept, and tells whoever wants to know.
    fn done(&mut self, step: &Step) -> Done {
        self.room.floor.write().apply(step);
        for count in &step.counts {
            self.metrics.count(*count);
        }
        if let Some((call, chat)) = &step.chat {
            let why = step.why.unwrap_or(Why::Withdrawn);
            self.room.tell(Changed::Chat { call: call.clone(), why });
            if chat.as_ref().is_none_or(|chat| chat.queue().is_none()) {
                self.places.told.remove(call);
            }
        }
        for agent in &step.agents {
            self.room.tell(Changed::Agent(agent.dn.clone()));
        }
        for queue in &step.queues {
            self.room.tell(Changed::Group(queue.dn.clone()));
            self.place_due(&queue.dn);
        }
        if let Some(trouble) = &step.alert {
            self.alert(trouble);
        }
        let chat = step.chat.as_ref().and_then(|(_, chat)| chat.as_ref());
        Done { epoch: chat.map(|chat| chat.epoch) }
    }

    fn alert(&self, trouble: &Trouble) {
        let Some(notifier) = &self.notifier else { return };
        let alert = match trouble {
            Trouble::Missed { agent, calls } => Alert {
                cause: format!("desk/{agent}/missed"),
                title: format!("Agent {agent} does not answer"),
                text: format!(
                    "{calls} calls in a row were not answered. The agent was set not ready."
                ),
                to: None,
            },
            Trouble::Silent { agent } => Alert {
                cause: format!("desk/{agent}/silent"),
                title: format!("Agent {agent} leaves a customer waiting"),
                text: "A customer in a chat has been waiting for an answer.".to_owned(),
                to: None,
            },
        };
        notifier.raise(&self.room.realm, alert);
    }
}

/// Whether the machine wants to know who spoke last.
fn wants_to_know(chat: &Chat, now: Timestamp) -> bool {
    let talks = matches!(chat.phase, Phase::Bot { .. } | Phase::Agent { .. });
    talks && chat.look_at.is_some_and(|at| at <= now)
}
