//! Handing a conversation from one who answers to another.

use std::sync::Arc;

use bytes::Bytes;
use maru_activity::{Account, Activity, Audience, BotId, DeliveryId, Kind, Role};
use maru_hints::{Hint, Signal};
use maru_store::{
    Change, Conversation, DeliveryTo, Meta, NewEntry, Op, Route, StateWrite, TimerWrite, Turn,
};

use crate::posting::audience;
use crate::{Error, Hall};

/// One step of a conversation's way from one who answers to another: what is said of it, who answers
/// from now on, and what the desk keeps of it, in one commit.
#[derive(Debug, Default)]
pub struct Handing {
    /// What is said, in order.
    pub said: Vec<Spoken>,
    /// Who answers from now on.
    pub route: Option<Route>,
    /// The route's epoch that must hold.
    pub expect_epoch: Option<u64>,
    /// Tells the bot that answers from now on who is there, by a conversationUpdate, as when a
    /// conversation begins; the user's language.
    pub greet: Option<Greet>,
    /// Small values to write.
    pub states: Vec<StateWrite>,
    /// Timers to set, move or clear.
    pub timers: Vec<TimerWrite>,
}

/// Whom a bot is told of.
#[derive(Clone, Debug)]
pub struct Greet {
    /// The user.
    pub user: Account,
    /// Their language, as a BCP 47 tag.
    pub locale: Option<Box<str>>,
}

/// Something that is said in a handing.
#[derive(Clone, Debug)]
pub struct Spoken {
    /// On which side its sender stands.
    pub role: Role,
    /// What is said. Its `from.id` is the sender.
    pub activity: Activity,
    /// Who may see it; `None`: whoever may see activities of its kind.
    pub audience: Option<Audience>,
    /// What stands beside it.
    pub meta: Meta,
    /// The bot that is told of it, whoever answers.
    pub tell: Option<BotId>,
}

impl Hall {
    /// Takes one step. Gives the route's epoch after it.
    ///
    /// # Errors
    /// [`Error::Conflict`] if the route's epoch, a value or a timer is not as it was expected; then
    /// nothing has happened. What the store says.
    pub async fn hand(
        &self,
        conversation: &Arc<Conversation>,
        handing: Handing,
    ) -> Result<u64, Error> {
        let known = self.known(&conversation.realm, &conversation.id).await?;
        let known = known.ok_or(Error::UnknownConversation)?;
        let mut change = Change::to(conversation.id.clone());
        change.expect.route_epoch = handing.expect_epoch;
        for spoken in handing.said {
            self.add_spoken(&mut change, spoken);
        }
        if let (Some(Greet { user, locale }), Some(Route::Bot(bot))) =
            (&handing.greet, &handing.route)
            && let Some(bot) = self.inner.directory.bot(&conversation.realm, bot)
        {
            self.add_update(&mut change, conversation, &bot, Some(user), locale.as_deref());
        }
        change.route = handing.route;
        let mut commit = self.commit_of(&conversation.realm, change);
        (commit.states, commit.timers) = (handing.states, handing.timers);
        let receipt = self.apply_commit(&known, commit, std::time::Duration::ZERO).await?;
        Ok(receipt.route_epoch)
    }

    fn add_spoken(&self, change: &mut Change, spoken: Spoken) {
        let Spoken { role, activity, audience: seen_by, meta, tell } = spoken;
        change.entries.push(NewEntry {
            audience: seen_by.unwrap_or_else(|| audience(&activity.kind)),
            kind: activity.kind.clone(),
            role,
            sender: activity.from.id.as_str().into(),
            turn: if tell.is_some() { Turn::Begins } else { Turn::None },
            op: Op::Say,
            body: activity.body,
            meta,
        });
        if let Some(bot) = tell {
            let once = activity.kind == Kind::Typing;
            self.add_delivery(change, DeliveryId(self.inner.env.uuid()), once);
            if let Some(delivery) = change.deliveries.last_mut() {
                delivery.to = DeliveryTo::Bot(bot);
            }
        }
    }

    /// Tells whoever follows a conversation now of something lossy. No bot is handed it, and nothing
    /// is logged.
    pub fn tell(
        &self,
        conversation: &Conversation,
        role: Role,
        sender: impl Into<Arc<str>>,
        body: Bytes,
    ) {
        let signal = Signal {
            id: format!("{}|t{}", conversation.id, self.inner.env.base62(11)).into(),
            at: self.inner.env.now(),
            role,
            sender: sender.into(),
            body,
        };
        self.inner.metrics.signals.inc();
        let hint = Hint::Signal(Arc::new(signal));
        self.inner.hints.tell(&conversation.realm, &conversation.id, hint);
    }
}
