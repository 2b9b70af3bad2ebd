//! The face that BotKit servers call back (`kore-rtm.md` §5.1, direction B).

mod agents;
mod caller;
mod files;
mod history;
mod messages;
mod sessions;
mod variables;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Json;
use axum::body::Body;
use maru_activity::{Activity, ConversationId};
use maru_door::body::{self, BodyLimits};
use maru_door::{Face, RouteSet, Routes};
use maru_hall::{Conversation, Hall, Meta, Post, Route, Snapshot};
use serde::Deserialize as _;
use serde_json::{Map, Value, json};

use crate::addresses::{FILES, STREAM};
use crate::backend::Relays;
use crate::error::Error;
use crate::outbound::Remote;
use crate::wire::call::Call;
use crate::{KIND, Shared};
pub(crate) use caller::InTurn;

/// How much BotKit servers may send, and how much may wait for the bots behind them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most bytes of a call: it holds the event again. 1 MiB by default.
    pub call_bytes_max: usize,
    /// The most bytes of one thing that is said. 262,144 by default, as Direct Line has it.
    pub activity_bytes_max: usize,
    /// The most answers of bots behind that are handed on at once, on this node. 64 by default.
    pub backend_in_flight_max: usize,
    /// The most questions whose answers are waited for, on this node. 10,000 by default; then
    /// `sendBotMessage` is answered 503.
    pub backend_waiting_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call_bytes_max: 1024 * 1024,
            activity_bytes_max: 262_144,
            backend_in_flight_max: 64,
            backend_waiting_max: 10_000,
        }
    }
}

/// The face that BotKit servers call back.
pub(crate) struct BotKitFace {
    pub(crate) shared: Arc<Shared>,
    pub(crate) hall: Hall,
    pub(crate) limits: Limits,
    pub(crate) relays: Relays,
    index: ArcSwap<Index>,
}

/// The servers by the bot's id there. Two records may have the same; their secrets tell them apart.
#[derive(Debug, Default)]
struct Index {
    /// Of the snapshot it was made from.
    version: u64,
    bots: HashMap<String, Vec<Arc<Remote>>>,
}

impl BotKitFace {
    pub(crate) fn new(shared: Arc<Shared>, hall: Hall, limits: Limits) -> Self {
        let relays = Relays::new(limits.backend_in_flight_max, limits.backend_waiting_max);
        Self { shared, hall, limits, relays, index: ArcSwap::default() }
    }

    /// The server that shows this token for the bot of this id.
    fn called_by(&self, bot_id: &str, token: &str) -> Option<Arc<Remote>> {
        let records = self.hall.directory().snapshot();
        let mut index = self.index.load_full();
        if index.version != records.version {
            index = Arc::new(self.index_of(&records));
            self.index.store(Arc::clone(&index));
        }
        let now = self.hall.env().now();
        let remotes = index.bots.get(bot_id)?;
        remotes.iter().find(|remote| remote.knows(token, now)).cloned()
    }

    fn index_of(&self, records: &Snapshot) -> Index {
        let mut bots: HashMap<String, Vec<Arc<Remote>>> = HashMap::new();
        for record in records.bots().filter(|record| record.kind == KIND) {
            // A record whose settings are wrong is in no snapshot: its bot could not be made.
            if let Ok(remote) = Remote::of(record, &self.shared.key) {
                bots.entry(remote.settings.bot_id.clone()).or_default().push(Arc::new(remote));
            }
        }
        Index { version: records.version, bots }
    }

    /// A conversation that this bot may speak in: it was opened with the bot, or is routed to it.
    pub(crate) async fn conversation(
        &self,
        remote: &Remote,
        id: &ConversationId,
    ) -> Result<Arc<Conversation>, Error> {
        let bot = &remote.record;
        let conversation = self.hall.conversation(&bot.realm, id).await?;
        let conversation = conversation.ok_or(Error::UnknownRequest)?;
        let its_own = conversation.bot == bot.id
            || self.hall.head(&conversation).await?.route == Route::Bot(bot.id.clone());
        if its_own { Ok(conversation) } else { Err(Error::UnknownRequest) }
    }

    /// Says something in the bot's name.
    pub(crate) async fn post(
        &self,
        conversation: &Arc<Conversation>,
        (activity, meta): (Activity, Meta),
    ) -> Result<(), Error> {
        let mut post = Post::bot(activity);
        post.meta = meta;
        self.hall.post(conversation, post).await?;
        Ok(())
    }

    async fn read(&self, body: Body) -> Result<Call, Error> {
        let body = body::read(body, BodyLimits::bytes(self.limits.call_bytes_max)).await?;
        let unreadable = |error: serde_json::Error| Error::Unreadable(error.to_string().into());
        // An object: a structure by itself would be read from a list too.
        let body: Map<String, Value> = serde_json::from_slice(&body).map_err(unreadable)?;
        Call::deserialize(Value::Object(body)).map_err(unreadable)
    }
}

impl fmt::Debug for BotKitFace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BotKitFace").field("limits", &self.limits).finish_non_exhaustive()
    }
}

impl Face for BotKitFace {
    fn name(&self) -> &'static str {
        KIND
    }

    fn routes(self: Arc<Self>) -> RouteSet {
        let at = |call: &str| format!("{STREAM}/{{bot}}/{call}");
        let in_turn = |call: &str| format!("{STREAM}/{{bot}}/{call}/{{request}}");
        Routes::of(self)
            .post(in_turn("sendUserMessage"), messages::to_user)
            .post(in_turn("sendBotMessage"), messages::to_bot)
            .post(in_turn("skipUserMessage"), sessions::nothing)
            .post(in_turn("skipBotMessage"), sessions::nothing)
            .post(in_turn("extendcallid"), sessions::nothing)
            .post(in_turn("startAgentSession"), agents::start)
            .post(in_turn("clearAgentSession"), agents::clear)
            .post(in_turn("resetBot"), sessions::reset)
            .post(in_turn("clearConversationSession"), sessions::clear)
            .post(in_turn("sendFeedbackMessage"), messages::feedback)
            .post(in_turn("respondToHook"), messages::hooked)
            .get(at("getMessages"), history::messages)
            .get(at("getBotVariable"), variables::all)
            .any(at("{*rest}"), unknown_path)
            .get(format!("{FILES}/{{blob}}"), files::file)
            .not_allowed(method_not_allowed)
            .done()
    }
}

async fn unknown_path() -> Error {
    Error::UnknownPath
}

async fn method_not_allowed() -> Error {
    Error::MethodNotAllowed
}

/// What a call is answered that was done. BotKit looks at the status alone.
type Done = Result<Json<Value>, Error>;

fn done() -> Done {
    Ok(Json(json!({"status": "ok"})))
}
