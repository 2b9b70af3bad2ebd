//! The face that bots call back: the Bot Connector REST API v3 (direct-line.md §3.3).

mod activities;
mod attachments;
mod caller;
mod conversations;
mod members;
mod openapi;

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use maru_activity::{Activity, ConversationId, Limits};
use maru_door::body::{self, BodyLimits};
use maru_door::{Face, RouteSet, Routes};
use maru_hall::{Conversation, Hall, Post, PostOp, Route};

pub use openapi::openapi;

use crate::KIND;
use crate::callback::{Callback, Registered, Registry};
use crate::error::Error;
use crate::wire::ResourceResponse;

/// botbuilder for JavaScript repeats a send up to three times, under one value of this header.
const REQUEST_ID_HEADER: HeaderName = HeaderName::from_static("x-ms-client-request-id");

/// A longer request id is none: it would be kept with the entry.
const REQUEST_ID_MAX: usize = 128;

/// The longest conversation id that is looked for.
const CONVERSATION_ID_MAX: usize = 128;

/// How much a bot may send at once.
#[derive(Clone, Copy, Debug)]
pub struct ConnectorLimits {
    /// Of one activity.
    pub activity: Limits,
    /// The most bytes of a transcript. 4 MiB by default.
    pub transcript_bytes_max: usize,
    /// The most activities of a transcript. 100 by default.
    pub transcript_length_max: usize,
    /// The most bytes of a file, before base64. 4 MB by default.
    pub attachment_bytes_max: usize,
}

impl Default for ConnectorLimits {
    fn default() -> Self {
        Self {
            activity: Limits::default(),
            transcript_bytes_max: 4 * 1024 * 1024,
            transcript_length_max: 100,
            attachment_bytes_max: 4_000_000,
        }
    }
}

/// The face that bots call back.
#[derive(Debug)]
pub struct Connector {
    hall: Hall,
    registry: Registry,
    limits: ConnectorLimits,
}

impl Connector {
    /// `callback` is the same that the bots' kind was given.
    pub fn new(hall: Hall, callback: Callback, limits: ConnectorLimits) -> Self {
        Self { hall, registry: Registry::new(callback), limits }
    }

    /// A conversation that this bot may speak in: it was opened with the bot, or is routed to it.
    async fn conversation(&self, bot: &Registered, id: &str) -> Result<Arc<Conversation>, Error> {
        if id.len() > CONVERSATION_ID_MAX {
            return Err(Error::UnknownConversation);
        }
        let id = ConversationId::from(id);
        let conversation = self.hall.conversation(&bot.record.realm, &id).await?;
        let conversation = conversation.ok_or(Error::UnknownConversation)?;
        let its_own = conversation.bot == bot.record.id
            || self.hall.head(&conversation).await?.route == Route::Bot(bot.record.id.clone());
        if its_own { Ok(conversation) } else { Err(Error::UnknownConversation) }
    }

    /// Says something in the bot's name. An answer follows only once it is on disk, and nothing
    /// after that can fail.
    async fn post(
        &self,
        conversation: &Arc<Conversation>,
        activity: Activity,
        op: PostOp,
        request_id: Option<Box<str>>,
    ) -> Result<ResourceResponse, Error> {
        let mut post = Post::bot(activity);
        post.op = op;
        post.client_key = request_id.map(|id| (KIND, id));
        let posted = self.hall.post(conversation, post).await?;
        Ok(ResourceResponse { id: posted.id.in_conversation(&conversation.id) })
    }
}

impl Face for Connector {
    fn name(&self) -> &'static str {
        "bot-connector"
    }

    fn routes(self: Arc<Self>) -> RouteSet {
        const CONVERSATION: &str = "/b/{key}/v3/conversations/{conversation}";
        let under = |rest: &str| format!("{CONVERSATION}{rest}");
        Routes::of(self)
            .post("/b/{key}/v3/conversations", conversations::create)
            .get("/b/{key}/v3/conversations", conversations::list)
            .post(under("/activities"), activities::send)
            .post(under("/activities/history"), activities::history)
            .post(under("/activities/{activity}"), activities::reply)
            .put(under("/activities/{activity}"), activities::update)
            .delete(under("/activities/{activity}"), activities::delete)
            .get(under("/activities/{activity}/members"), members::of_activity)
            .get(under("/members"), members::list)
            .get(under("/members/{member}"), members::one)
            .delete(under("/members/{member}"), members::delete)
            .get(under("/pagedmembers"), members::page)
            .post(under("/attachments"), attachments::upload)
            // Files need no key: a bot shows their addresses to users, with its key masked.
            .get("/b/{key}/v3/attachments/{attachment}", attachments::info)
            .get("/b/{key}/v3/attachments/{attachment}/views/{view}", attachments::view)
            .get("/v3/attachments/{attachment}", attachments::info)
            .get("/v3/attachments/{attachment}/views/{view}", attachments::view)
            .any("/b/{key}/v3/botstate/{*rest}", retired)
            .any("/b/{key}/{*rest}", unknown_path)
            .any("/v3/botstate/{*rest}", retired)
            .any("/v3/conversations", unauthorized)
            .any("/v3/conversations/{*rest}", unauthorized)
            .not_allowed(method_not_allowed)
            .done()
    }
}

async fn retired() -> Error {
    Error::Retired
}

async fn unknown_path() -> Error {
    Error::UnknownPath
}

async fn unauthorized() -> Error {
    Error::Unauthorized
}

async fn method_not_allowed() -> Error {
    Error::MethodNotAllowed
}

async fn read(body: Body, bytes_max: usize) -> Result<Bytes, Error> {
    Ok(body::read(body, BodyLimits::bytes(bytes_max)).await?)
}

/// What makes a repeated call known as such.
fn request_id(headers: &HeaderMap) -> Option<Box<str>> {
    let id = headers.get(REQUEST_ID_HEADER)?.to_str().ok()?;
    (1..=REQUEST_ID_MAX).contains(&id.len()).then(|| id.into())
}
