//! The service itself.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use maru_accounts::Accounts;
use maru_activity::{ChannelId, RealmId, Timestamp};
use maru_egress::Egress;
use maru_hall::{Hall, Whom};
use maru_notify::Notifier;
use maru_scenario::{Context, Input, Patch, ScenarioInfo, UserMessage, patch};
use prometheus_client::registry::Registry;

use crate::limits::{MESSAGE_ID_BYTES_MAX, USER_KEY_BYTES_MAX};
use crate::queue::Queue;
use crate::records::Records;
use crate::turns::{Kept, Told, Turn, Webhooks, channel_of, handle_of, put_state};
use crate::watch::Watch;
use crate::{AppRecord, Error, Namespace, StateView, User};

/// What the service is made of.
#[derive(Debug)]
pub struct Setup {
    /// Where everything is kept and said.
    pub hall: Hall,
    /// The key that seals webhooks' secrets.
    pub accounts: Arc<Accounts>,
    /// By which webhooks are called.
    pub egress: Egress,
    /// Who tells an app's owner of trouble.
    pub notifier: Notifier,
    /// How long things may take.
    pub settings: Settings,
}

/// How long things may take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// A turn, its webhooks included. Kakao gives a bot 5 s, and the bot has work of its own.
    pub budget: Duration,
    /// How long a turn waits for an earlier one of the same user.
    pub patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self { budget: Duration::from_millis(3_500), patience: Duration::from_secs(5) }
    }
}

/// What else there is to a turn.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// By which the same turn is known again for ten minutes.
    pub id: Option<&'a str>,
    /// When it came in. `None`: now.
    pub at: Option<Timestamp>,
    /// Whether there is somebody to hand a user to. If not, they come back at once, unserved.
    pub handoffs: bool,
}

impl Default for Asked<'_> {
    fn default() -> Self {
        Self { id: None, at: None, handoffs: true }
    }
}

/// The ChatFlow service: apps with their scenarios, and their users' places. A cheap clone.
#[derive(Clone)]
pub struct ChatFlow {
    pub(crate) accounts: Arc<Accounts>,
    pub(crate) settings: Settings,
    pub(crate) records: Records,
    pub(crate) watch: Watch,
    pub(crate) webhooks: Webhooks,
    pub(crate) queue: Queue,
}

impl ChatFlow {
    /// Makes it, and registers its numbers.
    pub fn new(setup: Setup, registry: &mut Registry) -> Self {
        let Setup { hall, accounts, egress, notifier, settings } = setup;
        let records = Records::new(hall, Arc::clone(&accounts));
        let watch = Watch::new(notifier, registry);
        let webhooks = Webhooks::new(egress, records.clone(), watch.clone());
        Self { accounts, settings, records, watch, webhooks, queue: Queue::default() }
    }

    /// The hall that it works in.
    pub fn hall(&self) -> &Hall {
        &self.records.hall
    }

    /// The app whose client's and own secret these are: what the API calls `client_id` and `app_id`.
    ///
    /// # Errors
    /// [`Error::UnknownCaller`], whichever of both is wrong.
    pub async fn caller(&self, client_id: &str, app_id: &str) -> Result<Arc<AppRecord>, Error> {
        self.records.caller(client_id, app_id).await
    }

    /// An app by its public handle, as this node knows it: a change made elsewhere may be a second
    /// old.
    ///
    /// # Errors
    /// [`Error::Unknown`]; what the store says.
    pub async fn app(&self, realm: &RealmId, handle: &str) -> Result<Arc<AppRecord>, Error> {
        self.records.app_at_hand(realm, handle).await
    }

    /// A user said something: what the scenario says to it. With a `message_id`, the same id within
    /// ten minutes gets the same answer and does nothing.
    ///
    /// # Errors
    /// As the variants of [`Error`] say. The user is where they were before, and their clock too.
    pub async fn message(
        &self,
        app: &Arc<AppRecord>,
        user: &User,
        message: UserMessage,
        message_id: Option<&str>,
    ) -> Result<Told, Error> {
        let asked = Asked { id: message_id, ..Asked::default() };
        self.turn(app, user, Input::Message(message), asked).await
    }

    /// Begins a session at the entry node; or goes on at a node.
    ///
    /// # Errors
    /// As [`ChatFlow::message`]; [`Error::UnknownNode`].
    pub async fn init(
        &self,
        app: &Arc<AppRecord>,
        user: &User,
        node: Option<&str>,
    ) -> Result<Told, Error> {
        let input = Input::Init { node: node.map(str::to_owned) };
        self.turn(app, user, input, Asked::default()).await
    }

    /// A user comes back from a human, who served them or did not. Their clock begins anew.
    ///
    /// # Errors
    /// As [`ChatFlow::message`]; [`Error::NotHanded`].
    pub async fn come_back(
        &self,
        app: &Arc<AppRecord>,
        user: &User,
        served: bool,
    ) -> Result<Told, Error> {
        self.turn(app, user, Input::HandoffEnded { served }, Asked::default()).await
    }

    /// Takes any turn.
    ///
    /// # Errors
    /// As [`ChatFlow::message`].
    pub async fn turn(
        &self,
        app: &Arc<AppRecord>,
        user: &User,
        input: Input,
        asked: Asked<'_>,
    ) -> Result<Told, Error> {
        check_user(user)?;
        let message_id = asked.id.map(checked_message_id).transpose()?;
        let turn = Turn {
            app: Arc::clone(app),
            user: user.clone(),
            place: self.place(app, user),
            input,
            message_id,
            at: asked.at.unwrap_or_else(|| self.records.hall.env().now()),
            handoffs: asked.handoffs,
        };
        self.take(turn).await
    }

    /// A user's place.
    ///
    /// # Errors
    /// [`Error::NoState`] if nothing is known of them.
    pub async fn state(&self, app: &Arc<AppRecord>, user: &User) -> Result<StateView, Error> {
        check_user(user)?;
        let Kept { state, .. } = self.records.kept(app, &self.place(app, user)).await?;
        let state = state.ok_or(Error::NoState)?;
        let version = state.session().scenario_version;
        let scenario = self.records.scenario(app, version).await.ok();
        Ok(StateView::of(&user.shown, &state, scenario.as_deref()))
    }

    /// Changes a user's place without a turn. Their clock is not touched.
    ///
    /// # Errors
    /// [`Error::NoState`], [`Error::UnknownNode`], [`Error::Values`]: then nothing was changed.
    pub async fn patch(
        &self,
        app: &Arc<AppRecord>,
        user: &User,
        change: Patch,
    ) -> Result<StateView, Error> {
        check_user(user)?;
        let place = self.place(app, user);
        let wait = self.queue.enter(&place);
        let right = tokio::time::timeout(self.settings.patience, wait).await;
        let _right = right.map_err(|_| Error::Busy)?;
        let Kept { state, version } = self.records.kept(app, &place).await?;
        let state = state.ok_or(Error::NoState)?;
        let now = self.records.hall.env().now();
        let scenario = self.pinned(app, &state).await?;
        let context = Context { app: &app.handle, user_key: &user.shown, now, trace: false };
        let state = patch(&scenario, state, change, &context)?;
        let write = put_state(app, user, &place, &state, version);
        match self
            .records
            .hall
            .write(&app.realm, vec![write], Vec::new())
            .await
            .map_err(Error::from)
        {
            Err(Error::Conflict) => Err(Error::Busy),
            Err(error) => Err(error),
            Ok(()) => Ok(StateView::of(&user.shown, &state, Some(&scenario))),
        }
    }

    /// Forgets a user: their place, the answers they were given, and of a user of the API also what
    /// the log says of them.
    ///
    /// # Errors
    /// [`Error::NoState`] if nothing is known of them; what the store says.
    pub async fn forget(&self, app: &Arc<AppRecord>, user: &User) -> Result<(), Error> {
        check_user(user)?;
        let place = self.place(app, user);
        let wait = self.queue.enter(&place);
        let right = tokio::time::timeout(self.settings.patience, wait).await;
        let _right = right.map_err(|_| Error::Busy)?;
        if !self.records.is_kept(app, &place).await? {
            return Err(Error::NoState);
        }
        // The log first: should that fail, the place is still there to ask again.
        if user.namespace == Namespace::Api {
            let whom = Whom::Participant(channel_of(app), user.key.clone());
            self.records.hall.erase(&app.realm, &whom).await?;
        }
        match self.records.forget_user(app, &place).await {
            Err(Error::Conflict) => Err(Error::Busy),
            forgotten => forgotten,
        }
    }

    /// Forgets a user of the API whom an operator erases by what they are in the log: a participant
    /// of the app's own channel, [`ChatFlow::channel`]. Anybody else is none of this service's.
    ///
    /// # Errors
    /// As [`ChatFlow::forget`], but for one of whom nothing is known.
    pub async fn erased(&self, realm: &RealmId, whom: &Whom) -> Result<(), Error> {
        let Whom::Participant(channel, external) = whom else { return Ok(()) };
        let Some(handle) = handle_of(channel) else { return Ok(()) };
        let app = match self.app(realm, handle).await {
            Err(Error::Unknown { .. }) => return Ok(()),
            app => app?,
        };
        match self.forget(&app, &User::api(external)).await {
            Ok(()) | Err(Error::NoState) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The channel by which the log knows an app's users of the API.
    pub fn channel(app: &AppRecord) -> ChannelId {
        channel_of(app)
    }

    /// What the live version is.
    ///
    /// # Errors
    /// [`Error::NotPublished`], [`Error::Unloadable`].
    pub async fn scenario_info(&self, app: &Arc<AppRecord>) -> Result<ScenarioInfo, Error> {
        let number = app.live.ok_or(Error::NotPublished)?;
        Ok(self.records.scenario(app, number).await?.info())
    }

    pub(crate) fn place(&self, app: &AppRecord, user: &User) -> String {
        user.place(app, self.accounts.instance_key())
    }
}

impl fmt::Debug for ChatFlow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatFlow").field("settings", &self.settings).finish_non_exhaustive()
    }
}

pub(crate) fn check_user(user: &User) -> Result<(), Error> {
    let is_sound = |key: &str| !key.is_empty() && !key.chars().any(char::is_control);
    if is_sound(&user.key) && user.key.len() <= USER_KEY_BYTES_MAX {
        return Ok(());
    }
    let problem = format!("must have 1 to {USER_KEY_BYTES_MAX} bytes, and no control characters");
    Err(Error::field("user_key", problem))
}

fn checked_message_id(id: &str) -> Result<String, Error> {
    if (1..=MESSAGE_ID_BYTES_MAX).contains(&id.len()) {
        return Ok(id.to_owned());
    }
    Err(Error::field("message_id", format!("must have 1 to {MESSAGE_ID_BYTES_MAX} bytes")))
}
