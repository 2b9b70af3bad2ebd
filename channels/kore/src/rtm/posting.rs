//! What a socket's user says, kept in the log together with what was learned about the session.

use std::time::Duration;

use axum::extract::ws::WebSocket;
use futures_util::future::try_join_all;
use maru_activity::{Activity, ActivityId, Kind};
use maru_hall::{Error as HallError, Meta, Post, Posted, PostedId};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::{Instant, sleep};

use super::inbound::{ClientKey, Frame, What};
use super::outbound::{Ack, Pong, json_text};
use super::socket::{End, Socket, send};
use crate::KIND;
use crate::error::Error;
use crate::limits::{STORE_PATIENCE, STORE_TRY_FIRST, TRIES_MAX};
use crate::map::{Incoming, said};
use crate::session::Note;

/// Something to say.
struct Saying {
    activity: Activity,
    meta: Meta,
    key: Option<ClientKey>,
    /// The session ends with it.
    ends: bool,
}

impl Socket {
    /// Does what a frame asks for, and answers it.
    pub(super) async fn hear(&mut self, socket: &mut WebSocket, text: &[u8]) -> Result<(), End> {
        if text.trim_ascii().is_empty() {
            return Ok(());
        }
        let frame = match Frame::parse(text) {
            Ok(frame) => frame,
            Err(invalid) => {
                let why = invalid.to_string();
                return send(socket, json_text(&Ack::refused(None, 400, &why))).await;
            }
        };
        self.client.learn(&frame);
        let id = frame.id.as_deref();
        let android = frame.is_android();
        match frame.what {
            What::Ping => send(socket, json_text(&Pong::to(id))).await?,
            What::Delivered(next) => {
                if let Some(next) = next {
                    self.seen.acknowledged(next);
                }
            }
            What::Unknown => {}
            What::Noted => self.ack(socket, id, android).await?,
            What::Typing => {
                let activity = self.activity(&Kind::Typing, None)?;
                let typing = Post::user(activity);
                // Lossy: it is no reason to let anybody go.
                drop(self.app.hall.post(&self.session.conversation, typing).await);
                self.ack(socket, id, android).await?;
            }
            What::CloseAgentChat => {
                let activity = self.activity(&Kind::Event, Some("kore.close_agent_chat"))?;
                self.say(socket, Saying::of(activity, frame.key), id, android).await?;
            }
            What::Custom(name) => {
                let activity = self.activity(&Kind::Event, Some(&name))?;
                self.say(socket, Saying::of(activity, frame.key), id, android).await?;
            }
            What::CloseSession => {
                let activity = self.activity(&Kind::EndOfConversation, None)?;
                let saying = Saying { ends: true, ..Saying::of(activity, frame.key) };
                self.say(socket, saying, id, android).await?;
            }
            What::Message(incoming) if incoming.is_empty() => {
                self.ack(socket, id, android).await?;
            }
            What::Message(incoming) => {
                let saying = match self.saying(*incoming, frame.key).await {
                    Ok(saying) => saying,
                    Err(error) => return refuse(socket, id, error).await,
                };
                self.say(socket, saying, id, android).await?;
            }
        }
        Ok(())
    }

    async fn ack(
        &self,
        socket: &mut WebSocket,
        id: Option<&RawValue>,
        android: bool,
    ) -> Result<(), End> {
        send(socket, json_text(&Ack::taken(id, android))).await
    }

    /// An activity of the user with nothing but a name.
    fn activity(&self, kind: &Kind, name: Option<&str>) -> Result<Activity, End> {
        let mut draft = said(kind, &self.account);
        if let Some(name) = name {
            draft.set_text("name", name);
        }
        draft.finish().map_err(|error| self.fail(&error))
    }

    async fn saying(
        &self,
        mut incoming: Incoming,
        key: Option<ClientKey>,
    ) -> Result<Saying, Error> {
        let realm = &self.user.app.channel.realm;
        let looked_up =
            incoming.attachments.iter().map(|attached| self.app.attachment_of(realm, &attached.id));
        let files = try_join_all(looked_up).await?;
        for (attached, file) in incoming.attachments.iter_mut().zip(files) {
            attached.file = file;
        }
        // Tells this client's words from those of the user's other ones.
        incoming.native["grant"] = json!(self.user.grant);
        let (activity, meta) = incoming.activity(&self.account)?;
        Ok(Saying { activity, meta, key, ends: false })
    }

    /// Says something, and answers once it is on disk. While the store does not answer it is tried
    /// again for a while, and then the socket is closed: the client will try again itself.
    async fn say(
        &mut self,
        socket: &mut WebSocket,
        mut saying: Saying,
        id: Option<&RawValue>,
        android: bool,
    ) -> Result<(), End> {
        // What is tried again must not be said twice, whether the client has a key for it or not.
        let env = self.app.hall.env();
        saying.key.get_or_insert_with(|| format!("~{}", env.base62(22)).into());
        let until = Instant::now() + STORE_PATIENCE;
        let mut wait = STORE_TRY_FIRST;
        let mut tries = 0;
        let (posted, renewed) = loop {
            match self.post(&saying, tries < TRIES_MAX).await {
                Ok(posted) => break posted,
                Err(Error::Conflict) if tries < TRIES_MAX => {
                    tries += 1;
                    let refreshed = self.app.refresh(&self.user, &mut self.session).await;
                    refreshed.or_else(|error| match error {
                        Error::Unavailable(_) => Ok(()),
                        other => Err(self.fail(&other.parts().2)),
                    })?;
                }
                Err(Error::Unavailable(_)) if Instant::now() + wait < until => {
                    sleep(wait).await;
                    wait = (wait * 2).min(Duration::from_secs(2));
                }
                Err(error @ (Error::Unavailable(_) | Error::Internal(_))) => {
                    error.note();
                    return Err(End::Failed);
                }
                Err(error) => return refuse(socket, id, error).await,
            }
        };
        if let PostedId::Entry(ActivityId::Pos(pos)) = posted.id
            && pos >= self.seen.next()
        {
            self.own.push(pos);
        }
        self.last_at = self.last_at.max(posted.at);
        if renewed {
            let started = self.framing().status("Session_Start", json!({}));
            send(socket, started).await?;
        }
        self.ack(socket, id, android).await?;
        if saying.ends {
            let ended = self.framing().status("Session_End", json!({}));
            send(socket, ended).await?;
        }
        Ok(())
    }

    /// Commits what is said, and with it how far the client has come. Says also whether a new session
    /// has begun with it, since the one before was over.
    async fn post(&mut self, saying: &Saying, noting: bool) -> Result<(Posted, bool), Error> {
        let now = self.app.hall.env().now();
        let note = Note {
            seen: Some((&self.user.grant, self.seen.for_certain())),
            over: self.over.as_deref(),
            ends: saying.ends,
            goes_on: Some(self.last_at).filter(|_| !saying.ends),
            left: false,
        };
        let idle = self.user.app.idle();
        let kept = self.session.noted(note, self.seen.next(), now, idle).filter(|_| noting);
        let states = kept.as_ref().map(|kept| self.session.write(kept)).transpose()?;
        let post = Post {
            verified: self.user.is_verified(),
            meta: saying.meta.clone(),
            client_key: saying.key.clone().map(|key| (KIND, key)),
            states: states.into_iter().collect(),
            ..Post::user(saying.activity.clone())
        };
        let posted = self.app.hall.post(&self.session.conversation, post).await;
        let posted = posted.map_err(|error| match error {
            HallError::Conflict(_) => Error::Conflict,
            other => other.into(),
        })?;
        let mut renewed = false;
        // What was said before was not said again, and nothing was noted with it.
        if let Some(kept) = kept.filter(|_| !posted.repeated) {
            renewed = kept.session != self.session.kept.session;
            self.session.written(kept);
        }
        Ok((posted, renewed))
    }
}

impl Saying {
    fn of(activity: Activity, key: Option<ClientKey>) -> Self {
        Self { activity, meta: Meta::default(), key, ends: false }
    }
}

/// Tells a client that what it sent was not taken.
async fn refuse(socket: &mut WebSocket, id: Option<&RawValue>, error: Error) -> Result<(), End> {
    error.note();
    let (status, _, message) = error.parts();
    send(socket, json_text(&Ack::refused(id, status.as_u16(), &message))).await
}
