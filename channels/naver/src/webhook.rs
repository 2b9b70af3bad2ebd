//! What TalkTalk calls. It is answered as soon as it is on disk, with nothing: repeated timeouts and
//! errors switch the webhook off until its owner saves it again.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use http::StatusCode;
use maru_activity::{Account, Draft, Kind, Role};
use maru_content::MediaKind;
use maru_courier::attach;
use maru_door::Caller;
use maru_door::body::BodyLimits;
use maru_hall::{
    CallState, CallStatus, Conversation, Error, HANDOFF_STATUS, Handing, Meta, Post, Route, Spoken,
};
use serde_json::Value;

use crate::Naver;
use crate::channels::Channel;
use crate::users::{Met, Who};
use crate::wire::{Answer, Happened, Incoming, Said};

/// The most bytes of an event.
const BODY_BYTES_MAX: usize = 256 * 1024;

pub(crate) async fn not_allowed() -> Answer {
    Answer::Refused(StatusCode::METHOD_NOT_ALLOWED)
}

/// Takes an event.
pub(crate) async fn receive(
    State(app): State<Arc<Naver>>,
    Path(id): Path<String>,
    caller: Caller,
    body: Body,
) -> Answer {
    let channel = app.channels.get(app.hall.directory(), &id);
    let Some(channel) = channel.filter(|channel| channel.admits(caller.peer)) else {
        return Answer::Unknown;
    };
    let body = match maru_door::body::read(body, BodyLimits::bytes(BODY_BYTES_MAX)).await {
        Ok(body) => body,
        Err(error) => return Answer::Refused(error.kind().status()),
    };
    let Some(incoming) = Incoming::read(&body) else { return Answer::Unreadable };
    if incoming.event == Happened::Ignored {
        app.metrics.ignored.inc();
        return Answer::Taken;
    }
    let Some(who) = Who::new(&channel, &incoming.user) else { return Answer::Unreadable };
    app.metrics.events.inc();
    let says = matches!(incoming.event, Happened::Said(_));
    match app.take(&who, incoming, &caller).await {
        Ok(()) => Answer::Taken,
        Err(error) => {
            tracing::warn!(%error, "an event of TalkTalk was not kept");
            // Only who said something waits for an answer.
            if says { Answer::Say(channel.settings.failed_text.clone()) } else { Answer::Taken }
        }
    }
}

impl Naver {
    async fn take(
        self: &Arc<Self>,
        who: &Who,
        incoming: Incoming,
        caller: &Caller,
    ) -> Result<(), Error> {
        let data = incoming.data;
        let met = match incoming.event {
            Happened::Ignored => return Ok(()),
            Happened::Leave => return self.leave(who, &data).await,
            Happened::Friend(false) => {
                if let (Some(met), _) = self.known(who).await? {
                    self.note(&met, relation(who, "remove", &data)).await?;
                }
                return Ok(());
            }
            Happened::Friend(true) => {
                let met = self.meet(who).await?;
                if !met.fresh {
                    self.note(&met, relation(who, "add", &data)).await?;
                }
                met
            }
            // Whoever is met for the first time is greeted for that already.
            Happened::Open => {
                let met = self.meet(who).await?;
                if !met.fresh {
                    self.note(&met, event(who, "open", &data)).await?;
                }
                met
            }
            Happened::Handover { back } => {
                let met = self.meet(who).await?;
                self.note(&met, event(who, "handover", &data)).await?;
                if back && who.channel.settings.handover {
                    self.given_back(&met.conversation).await?;
                }
                met
            }
            Happened::Said(said) => {
                let met = self.meet(who).await?;
                self.say(who, &met, said, &data).await?;
                met
            }
        };
        self.follow(who, &met.conversation, &caller.base_url);
        Ok(())
    }

    async fn note(&self, met: &Met, draft: Draft<'static>) -> Result<(), Error> {
        self.hall.post(&met.conversation, Post::user(draft.finish()?)).await.map(drop)
    }

    /// Tells the bot that the human to whom it gave the user is done, as the desk tells of its own.
    async fn given_back(&self, conversation: &Arc<Conversation>) -> Result<(), Error> {
        let Route::Bot(bot) = self.hall.head(conversation).await?.route else { return Ok(()) };
        let human = Account {
            id: "talktalk".to_owned(),
            name: Some("TalkTalk".to_owned()),
            role: Some(Role::Agent.as_str().to_owned()),
        };
        let status = CallStatus {
            state: CallState::Completed,
            code: 200,
            message: "Given back by TalkTalk".into(),
            party: None,
            virtual_agent: None,
            by: None,
        };
        let mut draft = Draft::new(&Kind::Event);
        draft.set_text("name", HANDOFF_STATUS);
        draft.set_value("from", &human);
        draft.set_value("value", &status);
        let spoken = Spoken {
            role: Role::Agent,
            activity: draft.finish()?,
            audience: None,
            meta: Meta::default(),
            tell: Some(bot),
        };
        let handing = Handing { said: vec![spoken], ..Handing::default() };
        self.hall.hand(conversation, handing).await.map(drop)
    }

    async fn leave(&self, who: &Who, data: &Value) -> Result<(), Error> {
        let (Some(met), _) = self.known(who).await? else { return Ok(()) };
        let mut draft = who.activity(&Kind::EndOfConversation);
        draft.set_text("code", "userCancelled");
        draft.set_value("channelData", data);
        let mut post = Post::user(draft.finish()?);
        post.states.push(who.forget());
        self.hall.post(&met.conversation, post).await.map(drop)
    }

    async fn say(&self, who: &Who, met: &Met, said: Said, data: &Value) -> Result<(), Error> {
        let mut draft = who.activity(&Kind::Message);
        draft.set_value("channelData", data);
        let mut meta = Meta::default();
        match &said.image {
            Some(url) => {
                let Channel { record, settings, .. } = &*who.channel;
                let (from, kind) = (settings.pictures(), MediaKind::Image);
                let urls = std::slice::from_ref(url);
                let brought =
                    attach(&self.hall, &self.egress, &record.realm, from, kind, urls).await;
                draft.set_value("attachments", &brought.attachments);
                meta.blobs = brought.blobs;
            }
            None => {
                let offer = met.offers.meaning(&said.text, None);
                // A button's code is what it was made to say, however long ago that was.
                let offer = offer.filter(|o| said.code.as_ref().is_none_or(|code| *code == o.text));
                let words = offer.map(|offer| offer.text.as_str()).or(said.code.as_deref());
                let value = offer.and_then(|offer| offer.value.clone());
                let value = value.or_else(|| said.code.as_deref().and_then(object));
                let words = words.unwrap_or(&said.text);
                draft.set_text("text", words);
                draft.set_text("textFormat", "plain");
                if let Some(value) = value {
                    draft.set_value("value", &value);
                }
                meta.shown = (words != said.text).then(|| said.text.clone());
            }
        }
        let mut post = Post::user(draft.finish()?);
        post.meta = meta;
        self.hall.post(&met.conversation, post).await.map(drop)
    }
}

/// The object that a code is, if it is one: bots look for it in `value`.
fn object(code: &str) -> Option<Value> {
    serde_json::from_str::<Value>(code).ok().filter(Value::is_object)
}

/// The Activity schema's own word for a bot in a user's contacts: `add` or `remove`.
fn relation(who: &Who, action: &str, data: &Value) -> Draft<'static> {
    let mut draft = who.activity(&Kind::from("contactRelationUpdate"));
    draft.set_text("action", action);
    draft.set_value("channelData", data);
    draft
}

fn event(who: &Who, name: &str, data: &Value) -> Draft<'static> {
    let mut draft = who.activity(&Kind::Event);
    draft.set_text("name", name);
    if let Some(options) = data["naver"].get("options") {
        draft.set_value("value", options);
    }
    draft.set_value("channelData", data);
    draft
}
