//! Turns: what a user says, and what the scenario says to it, in one commit.

mod circuit;
mod kept;
mod play;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use maru_activity::{Account, ChannelId, ConversationId, Role, Timestamp};
use maru_hall::{Conversation, Exchange, Exchanged, Finishing, Meta};
use maru_scenario::{Context, Input, Scenario, State};
use tokio::time::Instant;

pub use kept::{ConsentGiven, HandedTo, Told};
pub(crate) use kept::{Kept, Left, put_state, users};
pub(crate) use play::{Played, Stage};
pub(crate) use webhooks::{Hooks, Webhooks};
pub use webhooks::{Mock, WebhookCall};

use crate::users::message_place;
use crate::{AppRecord, ChatFlow, Error, Namespace, User, said};
use kept::put_answer;

/// How soon a turn is tried again that another node was faster with.
const AGAIN: Duration = Duration::from_millis(5);

/// A turn to take.
#[derive(Clone, Debug)]
pub(crate) struct Turn {
    pub(crate) app: Arc<AppRecord>,
    pub(crate) user: User,
    pub(crate) place: String,
    pub(crate) input: Input,
    /// By which it is known again.
    pub(crate) message_id: Option<String>,
    /// When it came in.
    pub(crate) at: Timestamp,
    pub(crate) handoffs: bool,
}

impl ChatFlow {
    /// Takes a turn, to its end: a caller who hangs up has still said what they said, and gets the
    /// answer when they ask again.
    pub(crate) async fn take(&self, turn: Turn) -> Result<Told, Error> {
        let this = self.clone();
        Finishing::new(async move { this.wait_and_take(&turn).await }).await
    }

    async fn wait_and_take(&self, turn: &Turn) -> Result<Told, Error> {
        let came = Instant::now();
        let until = came + self.settings.patience;
        let queued = tokio::time::timeout_at(until, self.queue.enter(&turn.place)).await;
        let Ok(_right) = queued else {
            self.watch.failed(&turn.app, &Error::Busy, came.elapsed());
            return Err(Error::Busy);
        };
        let begun = Instant::now();
        let deadline = begun + self.settings.budget;
        loop {
            match self.take_now(turn, begun, deadline).await {
                // Another node took a turn of this user in the same moment. This one comes after it.
                Err(Error::Conflict) if Instant::now() < until => tokio::time::sleep(AGAIN).await,
                Err(error) => {
                    let error = if error == Error::Conflict { Error::Busy } else { error };
                    self.watch.failed(&turn.app, &error, begun.elapsed());
                    return Err(error);
                }
                told => return told,
            }
        }
    }

    async fn take_now(
        &self,
        turn: &Turn,
        begun: Instant,
        deadline: Instant,
    ) -> Result<Told, Error> {
        let Turn { app, user, place, at, .. } = turn;
        let message = turn.message_id.as_deref();
        let message = message.map(|id| message_place(place, id, self.accounts.instance_key()));
        if let Some(message) = &message
            && let Some(told) = self.records.answered(app, place, message, *at).await?
        {
            self.watch.repeated();
            return Ok(told);
        }
        let Kept { state, version } = self.records.kept(app, place).await?;
        let scenario = self.scenario_for(app, state.as_ref(), &turn.input, *at).await?;
        let stage = Stage {
            app,
            scenario: &scenario,
            webhooks: &self.webhooks,
            hooks: &Hooks::Live,
            handoffs: turn.handoffs,
            deadline,
        };
        let context = Context { app: &app.handle, user_key: &user.shown, now: *at, trace: false };
        let played = stage.play(state, turn.input.clone(), &context).await?;
        let told = Told::of(&played.turn, &played.effects)?;
        let left = put_state(app, user, place, &played.state, version);
        let kept = left.value.clone().unwrap_or_default();
        let mut states = vec![left];
        if let Some(message) = &message {
            // What waited before it was handed over is not forgotten earlier for that.
            states.push(put_answer(user, place, message, &told, self.records.hall.env().now())?);
        }
        if user.namespace == Namespace::Api {
            let exchange = exchange(turn, &played, &told, states);
            self.records.hall.exchange(exchange).await?;
        } else {
            self.records.hall.write(&app.realm, states, Vec::new()).await?;
        }
        self.watch.played(app, &played, begun.elapsed());
        self.records.left.put(place, kept, played.state);
        Ok(told)
    }

    /// The version that the turn is played with: the one that its session began with, as long as it
    /// is there; the newest, if it begins one.
    async fn scenario_for(
        &self,
        app: &Arc<AppRecord>,
        state: Option<&State>,
        input: &Input,
        now: Timestamp,
    ) -> Result<Arc<Scenario>, Error> {
        let begins = match input {
            Input::Init { node: None } => true,
            Input::Message(_) | Input::Init { node: Some(_) } => {
                state.is_none_or(|state| state.restart_due(now).is_some())
            }
            Input::WebhookResult { .. } | Input::HandoffEnded { .. } => state.is_none(),
        };
        match state.filter(|_| !begins) {
            Some(state) => self.pinned(app, state).await,
            None => self.newest(app).await,
        }
    }

    /// The version that a session began with; the newest, if that is gone.
    pub(crate) async fn pinned(
        &self,
        app: &Arc<AppRecord>,
        state: &State,
    ) -> Result<Arc<Scenario>, Error> {
        let pinned = state.session().scenario_version;
        let mut app = Arc::clone(app);
        if pinned > app.last_version {
            // Another node published it just now.
            app = Arc::new(self.records.app(&app.realm, &app.handle).await?.0);
        }
        if app.has_version(pinned) {
            return self.records.scenario(&app, pinned).await;
        }
        self.newest(&app).await
    }

    async fn newest(&self, app: &AppRecord) -> Result<Arc<Scenario>, Error> {
        self.records.scenario(app, app.live.ok_or(Error::NotPublished)?).await
    }
}

/// What the log keeps of a turn that came by the API.
fn exchange(
    turn: &Turn,
    played: &Played,
    told: &Told,
    states: Vec<maru_hall::StateWrite>,
) -> Exchange {
    let Turn { app, user, place, at, .. } = turn;
    let account = Account { id: user.key.clone(), ..Account::default() };
    let bot = Account {
        id: app.handle.clone(),
        name: Some(app.name.clone()),
        role: Some("bot".to_owned()),
    };
    let mut said = Vec::with_capacity(played.turn.messages.len() + 2);
    let mut say = |role: Role, activity| {
        said.push(Exchanged { role, activity, meta: Meta::default() });
    };
    if let Input::Message(message) = &turn.input
        && let Some(heard) = said::heard(&account, message.kind, &message.content, played.sensitive)
    {
        say(Role::User, heard);
    }
    for consent in &told.consents {
        let traced =
            said::consent(&account, &consent.name, &consent.version, consent.at, consent.agreed);
        traced.into_iter().for_each(|traced| say(Role::User, traced));
    }
    let bubbles = said::messages(&bot, &played.turn.messages, &played.turn.keyboard, None);
    bubbles.into_iter().for_each(|bubble| say(Role::Bot, bubble));
    if let Some(HandedTo { node, group }) = &told.handoff {
        let handed = said::handoff(&bot, &app.handle, node, group.as_deref());
        handed.into_iter().for_each(|handed| say(Role::Bot, handed));
    }
    let conversation = Conversation {
        id: ConversationId::from(place.as_str()),
        realm: app.realm.clone(),
        channel: channel_of(app),
        channel_kind: CHANNEL_KIND.into(),
        bot: app.handle.as_str().into(),
        opened_at: *at,
    };
    Exchange { conversation: Arc::new(conversation), user: account, bot, said, states }
}

/// The name by which the log knows the channel.
pub(crate) const CHANNEL_KIND: &str = "chatflow";

/// What the names of apps' channels begin with.
const CHANNEL_PREFIX: &str = "chatflow.";

/// The channel of an app's API: it has no record, and each app has one of its own, since a
/// `user_key` means something in one app alone.
pub(crate) fn channel_of(app: &AppRecord) -> ChannelId {
    format!("{CHANNEL_PREFIX}{}", app.handle).into()
}

/// The handle of the app whose channel this is, if it is one's.
pub(crate) fn handle_of(channel: &ChannelId) -> Option<&str> {
    channel.as_str().strip_prefix(CHANNEL_PREFIX)
}
