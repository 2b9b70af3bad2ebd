//! Handing what users say and do to a BotKit server.

mod described;
mod remote;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use maru_activity::Kind;
use maru_egress::Answer;
use maru_hall::{BadSettings, Bot, BotKind, BotRecord, Error, Hall, Handed, Outcome, WeakHall};

pub(crate) use described::{OWN_VARIABLES, next_event};
pub(crate) use remote::Remote;

use crate::config::AgentTransfer;
use crate::heard::Heard;
use crate::ids::TurnId;
use crate::kept::{Session, Standing};
use crate::wire::call::Hooked;
use crate::wire::event::Hook;
use crate::{KIND, Shared};
use described::Scene;

/// The kind `botkit`.
#[derive(Clone)]
pub(crate) struct BotKitKind(Arc<Shared>);

impl BotKitKind {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }
}

impl fmt::Debug for BotKitKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("BotKitKind").field(&self.0).finish()
    }
}

impl BotKind for BotKitKind {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn make(&self, record: &BotRecord) -> Result<Arc<dyn Bot>, BadSettings> {
        let remote = Remote::of(record, &self.0.key)?;
        if let Err(refused) = self.0.egress.check(&remote.settings.url) {
            // No error: were the record refused for this, a server started with a stricter policy
            // would have lost the bot. Its deliveries say the same.
            tracing::warn!(
                realm.id = %record.realm, bot.id = %record.id, cause = %refused,
                "the BotKit server may not be called"
            );
        }
        Ok(Arc::new(RemoteBot { shared: Arc::clone(&self.0), remote }))
    }
}

/// A BotKit server as a bot.
#[derive(Debug)]
struct RemoteBot {
    shared: Arc<Shared>,
    remote: Remote,
}

#[async_trait]
impl Bot for RemoteBot {
    async fn deliver(&self, handed: Handed) -> Outcome {
        let heard = Heard::read(&handed.body);
        let hook = self.hook(&handed, &heard);
        // That it is over is noted also where the server is not told.
        if hook.is_none() && handed.kind != Kind::EndOfConversation {
            return Outcome::taken();
        }
        let Some(turn) = TurnId::of(&handed.conversation.id, &handed.id) else {
            return Outcome::taken();
        };
        // Deliveries begin after the faces were made.
        let Some(hall) = self.shared.hall.get().and_then(WeakHall::upgrade) else {
            return not_now("the server is starting");
        };
        let (session, agent) = match self.kept(&hall, &handed).await {
            Ok(kept) => kept,
            Err(error) => return not_now(&error.to_string()),
        };
        let Some(hook) = hook else { return Outcome::taken() };
        let scene = Scene {
            remote: &self.remote,
            addresses: &self.shared.addresses,
            turn: &turn,
            session,
            agent,
        };
        let event = scene.event(&handed, &heard, &hook);
        match self.remote.tell(&self.shared, &hook, &event, handed.budget).await {
            Ok(answer) => taken(&hook, &answer),
            Err(failed) if hook == Hook::Event && is_unheard(&failed) => {
                tracing::debug!(
                    conversation.id = %handed.conversation.id, cause = failed.cause(),
                    "an event was not handled"
                );
                Outcome::taken()
            }
            Err(failed) => failed,
        }
    }
}

impl RemoteBot {
    /// Which of the server's functions an activity is for. `None`: it is told nothing of it.
    fn hook(&self, handed: &Handed, heard: &Heard) -> Option<Hook> {
        let events = self.remote.settings.events;
        match handed.kind {
            Kind::Message => Some(Hook::UserMessage),
            Kind::Invoke => {
                let name = heard.text("name").unwrap_or("default");
                Some(Hook::Webhook(name.into()))
            }
            Kind::ConversationUpdate if events => {
                heard.newcomer(&self.remote.account.id).map(|_| Hook::Event)
            }
            Kind::Event | Kind::EndOfConversation if events => Some(Hook::Event),
            _ => None,
        }
    }

    /// The session's variables, and whether an agent answers. The end of a conversation ends both.
    async fn kept(&self, hall: &Hall, handed: &Handed) -> Result<(Session, bool), Error> {
        let conversation = &handed.conversation;
        let session = Session::of(hall, conversation).await?;
        let agent = match self.remote.settings.agent_transfer {
            AgentTransfer::None => false,
            AgentTransfer::BotKit => Standing::of(hall, conversation).await?.agent_since.is_some(),
        };
        if handed.kind == Kind::EndOfConversation {
            end(hall, conversation).await?;
        }
        Ok((session, agent))
    }
}

/// Ends what was kept of a session: its variables, an agent's being there, and the conversation with
/// the bot behind.
pub(crate) async fn end(hall: &Hall, of: &maru_hall::Conversation) -> Result<(), Error> {
    let begin_anew = |standing: &mut Standing| {
        *standing = Standing { round: standing.round.wrapping_add(1), ..Standing::default() };
        true
    };
    let write = |write| hall.write(&of.realm, vec![write], Vec::new());
    Standing::change(hall, of, begin_anew, write).await?;
    Session::forget(hall, of).await
}

/// What a 2xx says. Only a webhook's answer holds anything. One that is announced for later
/// (`ASYNC_RESPONSE`) comes by a call.
fn taken(hook: &Hook, answer: &Answer) -> Outcome {
    let result = match hook {
        Hook::Webhook(_) => serde_json::from_slice::<Hooked>(&answer.body).ok(),
        _ => None,
    };
    let result = result.filter(|hooked| hooked.custom_code.is_none());
    Outcome::Taken { answers: Vec::new(), result: result.map(|hooked| hooked.value().into()) }
}

/// BotKit answers 500 for a function that the bot's code does not have, and 404 for one that it does
/// not know itself. Nobody waits for an event's answer, so nothing is gained by repeating it.
fn is_unheard(failed: &Outcome) -> bool {
    matches!(failed.status(), Some(404 | 500))
}

fn not_now(cause: &str) -> Outcome {
    Outcome::Later { after: Some(Duration::from_secs(1)), cause: cause.to_owned() }
}
