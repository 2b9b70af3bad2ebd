//! What the hall asks of its desk: calls, customers, bots, and deadlines.

use std::sync::Arc;

use async_trait::async_trait;
use maru_activity::{ConversationId, Draft, Limits, RealmId, Role};
use maru_hall::{
    BOT_ENDED, Call, Conversation, CustomerDid, Desk, Dialed, Error, HANDOFF_TIMERS, OnTimer,
    Route, Timer, TimerWrite,
};
use serde_json::{Map, Value};

use crate::floor::{Asked, Customer, Dn, Event, Incoming};
use crate::limits::CONTEXT_BYTES_MAX;
use crate::records::DnRecord;
use crate::service::kept::{AGENT_TIMER, CALL_TIMER, TIMERS};
use crate::service::room::Room;
use crate::{Refusal, Service};

/// The epoch of the route of a conversation that was begun and handed to nobody.
const JUST_BEGUN: u64 = 0;

/// Of how many deadlines of one call or agent that are past at once one is waited for by the next.
const PAST_MAX: usize = 16;

#[async_trait]
impl Desk for Service {
    async fn dial(&self, realm: &RealmId, dn: &str) -> Result<Option<Dialed>, Error> {
        let room = self.room(realm);
        room.refresh().await?;
        let floor = room.floor.read();
        Ok(floor.book.dial(dn).map(|record| Dialed {
            dn: record.dn().into(),
            bot: match &**record {
                DnRecord::Virtual(record) => Some(record.bot.clone()),
                _ => None,
            },
        }))
    }

    async fn admit(&self, conversation: &Arc<Conversation>, call: Call) -> Result<(), Error> {
        let hall = self.hall()?;
        if hall.head(conversation).await?.route_epoch != JUST_BEGUN {
            return Ok(());
        }
        let Call { dn, customer, verified, locale, context } = call;
        let customer = Customer { account: customer, verified, locale, context: capped(context) };
        let incoming = Incoming { call: conversation.id.clone(), dn: (*dn).into(), customer };
        let room = self.room(&conversation.realm);
        let event = Event::Admit(Box::new(incoming));
        match plain(room.order_with(event, Vec::new(), Some(JUST_BEGUN)).await) {
            // Somebody else took it in the same moment.
            Err(Error::Conflict(_)) if hall.head(conversation).await?.route_epoch != JUST_BEGUN => {
                Ok(())
            }
            taken => taken,
        }
    }

    async fn customer(
        &self,
        conversation: &Arc<Conversation>,
        did: CustomerDid,
    ) -> Result<(), Error> {
        let room = self.room(&conversation.realm);
        let call = conversation.id.clone();
        plain(room.order(Event::Customer { call, did }).await)
    }
}

/// Sees to the deadlines of calls and agents.
#[derive(Debug)]
pub(super) struct Deadlines(pub(super) Arc<Service>);

#[async_trait]
impl OnTimer for Deadlines {
    fn scope(&self) -> &'static str {
        TIMERS
    }

    async fn fire(&self, timer: &Timer) -> Result<(), Error> {
        let room = self.0.room(&timer.realm);
        let event = if let Some(call) = timer.key.strip_prefix(CALL_TIMER) {
            Event::CallDue { call: call.into(), spoke: None }
        } else if let Some(agent) = timer.key.strip_prefix(AGENT_TIMER) {
            Event::AgentDue { agent: agent.into() }
        } else {
            return clear(&room, timer).await;
        };
        for _ in 0..PAST_MAX {
            plain(room.order(event.clone()).await)?;
            let now = room.hall()?.env().now();
            let due = {
                let floor = room.floor.read();
                match &event {
                    Event::CallDue { call, .. } => {
                        let chat = floor.chats.get(call);
                        chat.and_then(|chat| chat.deadline(&floor.book.settings))
                    }
                    Event::AgentDue { agent } => {
                        let agent = floor.agents.get(agent);
                        agent.and_then(|agent| floor.agent_deadline(agent, now))
                    }
                    _ => None,
                }
            };
            match due {
                None => return clear(&room, timer).await,
                Some(due) if due <= now => {}
                // The step that moved it has set it; a step that did nothing has not.
                Some(due) => {
                    let moved = TimerWrite {
                        scope: TIMERS.to_owned(),
                        key: timer.key.clone(),
                        expect: Some(timer.due_at),
                        set: Some((due, bytes::Bytes::new())),
                    };
                    return room.hall()?.write(&room.realm, Vec::new(), vec![moved]).await;
                }
            }
        }
        Ok(())
    }
}

/// Sees to bots that ask for a human, or end a call.
#[derive(Debug)]
pub(super) struct Bots(pub(super) Arc<Service>);

#[async_trait]
impl OnTimer for Bots {
    fn scope(&self) -> &'static str {
        HANDOFF_TIMERS
    }

    async fn fire(&self, timer: &Timer) -> Result<(), Error> {
        let room = self.0.room(&timer.realm);
        let event = match timer.key.strip_suffix(BOT_ENDED) {
            Some(call) => Some(Event::BotEnded { call: call.into() }),
            None => asked(&room, timer).await?.map(|asked| Event::Handoff(Box::new(asked))),
        };
        let Some(event) = event else {
            return clear(&room, timer).await;
        };
        plain(room.order_with(event, vec![cleared(timer)], None).await)
    }
}

/// What a bot asks for; `None` if it cannot be given: the conversation is not the bot's any more.
async fn asked(room: &Room, timer: &Timer) -> Result<Option<Asked>, Error> {
    let hall = room.hall()?;
    let call = ConversationId::from(timer.key.as_str());
    let Some(conversation) = hall.conversation(&timer.realm, &call).await? else {
        return Ok(None);
    };
    let Route::Bot(bot) = hall.head(&conversation).await?.route else {
        return Ok(None);
    };
    let members = hall.members(&conversation).await?;
    let user = members.into_iter().rfind(|member| member.role == Role::User);
    let verified = user.as_ref().is_some_and(|user| user.verified);
    let account = user.map(|user| user.account).unwrap_or_default();
    let draft = Draft::parse(&timer.value, &Limits::default())?;
    let value = draft.read::<Value>("value").unwrap_or_default();
    let locale = draft.text("locale").map(|locale| locale.into_owned().into());
    let wanted = ["group", "to", "skill"].iter().filter_map(|name| value.get(name)?.as_str());
    let wanted: Vec<Dn> = wanted.map(Into::into).collect();
    let context = match value {
        Value::Object(members) => capped(members),
        Value::Null => Map::new(),
        other => capped(Map::from_iter([("value".to_owned(), other)])),
    };
    let customer = Customer { account, verified, locale, context };
    Ok(Some(Asked { call, bot, customer, wanted }))
}

/// As much of what is known of a customer as agents are shown.
fn capped(context: Map<String, Value>) -> Map<String, Value> {
    let mut left = CONTEXT_BYTES_MAX;
    let fits = |(name, value): &(String, Value)| {
        let size = name.len() + value.to_string().len();
        let fits = size <= left;
        left = left.saturating_sub(size);
        fits
    };
    context.into_iter().filter(fits).collect()
}

fn cleared(timer: &Timer) -> TimerWrite {
    TimerWrite {
        scope: timer.scope.clone(),
        key: timer.key.clone(),
        expect: Some(timer.due_at),
        set: None,
    }
}

async fn clear(room: &Room, timer: &Timer) -> Result<(), Error> {
    room.hall()?.write(&timer.realm, Vec::new(), vec![cleared(timer)]).await
}

fn plain<T>(done: Result<T, Refusal>) -> Result<(), Error> {
    match done {
        Ok(_) => Ok(()),
        Err(Refusal::Hall(error)) => Err(error),
        Err(refusal) => Err(Error::Internal(refusal.to_string())),
    }
}
