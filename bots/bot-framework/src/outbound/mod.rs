//! Handing an activity to a bot: one POST to its messaging endpoint (direct-line.md §3.1).

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use maru_activity::env::Env;
use maru_activity::{Account, Envelope, Kind, Limits, Links, render};
use maru_egress::{Answer, Call, Egress};
use maru_hall::{BadSettings, Bot, BotKind, BotRecord, Handed, Meta, Outcome, Said};

use crate::KIND;
use crate::callback::Callback;
use crate::config::Settings;
use crate::map::{Speaker, expects_replies};

/// The conversation, for whoever routes requests before the bot reads them.
const CONVERSATION_HEADER: HeaderName = HeaderName::from_static("x-ms-conversation-id");

/// The delivery: the same in every attempt and replay, so that a bot can tell a repetition.
const DELIVERY_HEADER: HeaderName = HeaderName::from_static("x-maru-delivery-id");

/// Which attempt this is, from 1.
const ATTEMPT_HEADER: HeaderName = HeaderName::from_static("x-maru-attempt");

/// There, and `true`, when an operator set a dead letter going again: it comes out of order.
const REPLAY_HEADER: HeaderName = HeaderName::from_static("x-maru-replay");

/// The kind `bot-framework`: bots that the Bot Framework SDKs or the Microsoft 365 Agents SDKs
/// made, run without an app id.
#[derive(Clone)]
pub struct BotFrameworkKind {
    egress: Egress,
    callback: Callback,
    env: Env,
    limits: Limits,
}

impl BotFrameworkKind {
    /// `egress` calls the bots; they call back at `callback`. `limits` are those of an activity in
    /// a bot's own HTTP answer.
    pub fn new(egress: Egress, callback: Callback, env: Env, limits: Limits) -> Self {
        Self { egress, callback, env, limits }
    }
}

impl std::fmt::Debug for BotFrameworkKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BotFrameworkKind").field("callback", &self.callback).finish_non_exhaustive()
    }
}

impl BotKind for BotFrameworkKind {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn make(&self, record: &BotRecord) -> Result<Arc<dyn Bot>, BadSettings> {
        let settings = Settings::read(&record.settings)?;
        if let Err(refused) = self.egress.check(&settings.endpoint) {
            // No error: were the record refused for this, a server started with a stricter policy
            // would have lost the bot. Its deliveries say the same.
            tracing::warn!(
                realm.id = %record.realm, bot.id = %record.id, cause = %refused,
                "the bot's endpoint may not be called"
            );
        }
        let capability =
            self.callback.capability(&record.realm, &record.id, settings.callback_version);
        let service_url = self.callback.service_url(&capability);
        let account = record.account();
        Ok(Arc::new(RemoteBot {
            egress: self.egress.clone(),
            env: self.env.clone(),
            limits: self.limits,
            callback: self.callback.clone(),
            service_url,
            recipient: Account { role: None, ..account.clone() },
            speaker: Speaker { account, capability },
            settings,
        }))
    }
}

/// A bot behind an endpoint.
struct RemoteBot {
    egress: Egress,
    env: Env,
    limits: Limits,
    callback: Callback,
    /// Holds the bot's capability.
    service_url: String,
    /// The bot as the cloud names it there: id and name.
    recipient: Account,
    speaker: Speaker,
    settings: Settings,
}

/// Without the service URL, which is a secret.
impl std::fmt::Debug for RemoteBot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RemoteBot")
            .field("recipient", &self.recipient)
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Bot for RemoteBot {
    async fn deliver(&self, handed: Handed) -> Outcome {
        let called = self.egress.call(self.call(&handed)).await;
        match maru_courier::answer(called, "the bot", || self.env.now()) {
            Ok(answer) => self.taken(&handed, &answer),
            Err(failed) => failed,
        }
    }
}

impl RemoteBot {
    fn call(&self, handed: &Handed) -> Call {
        let deadline = maru_courier::deadline(handed.budget);
        Call {
            headers: headers(handed),
            body: self.envelope(handed),
            body_max: Some(self.settings.answer_bytes_max),
            ..Call::new(KIND, Method::POST, Arc::clone(&self.settings.endpoint), deadline)
        }
    }

    /// The activity as the bot gets it.
    fn envelope(&self, handed: &Handed) -> Bytes {
        let envelope = Envelope {
            id: Some(&handed.id),
            timestamp: handed.at,
            channel_id: &handed.conversation.channel_kind,
            conversation: handed.conversation.id.as_str(),
            service_url: Some(&self.service_url),
            recipient: Some(&self.recipient),
        };
        // Only what Maru itself put there is a reference; of anyone else `blob:` is just a text.
        let links: Option<&dyn Links> = if handed.meta.blobs { Some(&self.callback) } else { None };
        let mut body = Vec::new();
        render(&mut body, &envelope, &handed.body, links);
        body.into()
    }

    /// What a 2xx says. For anything but an invoke a body without activities says nothing.
    fn taken(&self, handed: &Handed, answer: &Answer) -> Outcome {
        let invoke = handed.kind == Kind::Invoke;
        if invoke && !expects_replies(&handed.body) {
            let result = Some(answer.body.clone()).filter(|body| !body.is_empty());
            return Outcome::Taken { answers: Vec::new(), result };
        }
        let Some(replies) = self.speaker.replies(&answer.body, &self.limits) else {
            return Outcome::taken();
        };
        if replies.unreadable > 0 {
            tracing::warn!(
                conversation.id = %handed.conversation.id, count = replies.unreadable,
                "a bot's answer held what are no activities; they are passed over"
            );
        }
        let said = |activity| Said { activity, meta: Meta::default() };
        let answers = replies.activities.into_iter().map(said).collect();
        Outcome::Taken { answers, result: replies.result.filter(|_| invoke).map(Bytes::from) }
    }
}

fn headers(handed: &Handed) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(6);
    // botbuilder for Python answers 415 to any other spelling than this media type.
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
    headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::from_str(handed.conversation.id.as_str()) {
        headers.insert(CONVERSATION_HEADER, id);
    }
    if let Some(delivery) = handed.delivery
        && let Ok(id) = HeaderValue::from_str(&delivery.to_string())
    {
        headers.insert(DELIVERY_HEADER, id);
        headers.insert(ATTEMPT_HEADER, handed.attempt.into());
    }
    if handed.replay {
        headers.insert(REPLAY_HEADER, HeaderValue::from_static("true"));
    }
    headers
}

#[cfg(test)]
mod tests;
