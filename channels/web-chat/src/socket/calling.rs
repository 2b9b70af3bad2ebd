//! How a client gets its chat: it calls a number.

use std::sync::Arc;

use axum::extract::ws::WebSocket;
use maru_accounts::{Secret, hex};
use maru_activity::{Timestamp, Viewer};
use maru_hall::{Begin, Conversation, CustomerDid, Dialed, Error, Place, Route, StateWrite};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{Chat, End, Socket};
use crate::channels::Channel;
use crate::identity::customer;
use crate::limits::{
    FRAME_BYTES_MAX, HEARTBEAT, INVITE_TTL, MESSAGES, MESSAGES_A_MINUTE, PAGE_TEXT_MAX,
};
use crate::session::{KeptCall, Opened, Session, SessionId, Unresumed};
use crate::wire::inbound::{Invite, Msg, Page, Wrong};
use crate::wire::outbound::{self, Frame};
use crate::{CHANNEL_KIND, cid};

/// The scope of invites that were answered; the key is a hash of all that makes two invites the same,
/// the value the session's id.
const INVITES: &str = "web-chat/invite";

/// The length of a key that the server makes for an invite without one.
const KEY_LENGTH: usize = 32;

/// The id of the message that an invite opens with: the same each time that the invite comes, so that
/// it is said once, whenever the link broke.
const FIRST_MID: &str = "the-first-of-the-invite";

/// What a call is refused with.
struct Refusal {
    outcome: &'static str,
    code: u16,
    phrase: &'static str,
}

const FORBIDDEN: Refusal = Refusal { outcome: "forbidden", code: 403, phrase: "Forbidden" };
const NOT_FOUND: Refusal = Refusal { outcome: "unknown", code: 404, phrase: "Not Found" };

/// Why a call did not come about.
enum Uncalled {
    Refused(Refusal),
    Failed(Error),
    Ends(End),
}

impl From<Error> for Uncalled {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl Socket {
    /// A customer calls.
    pub(super) async fn invite(
        &mut self,
        socket: &mut WebSocket,
        id: Option<&str>,
        invite: Invite,
    ) -> Result<(), End> {
        if self.chat.is_some() {
            let wrong = Wrong::new("bad_frame", "this socket has a chat");
            return self.refuse(socket, id, &wrong).await;
        }
        if self.is_too_often(socket, id).await? {
            return Ok(());
        }
        let first = invite.first.clone();
        match Box::pin(self.call(invite)).await {
            Ok((opened, fresh)) => {
                self.app.metrics.called(if fresh { "begun" } else { "repeated" });
                self.begin(socket, id, opened, first).await
            }
            Err(Uncalled::Refused(refusal)) => {
                self.app.metrics.called(refusal.outcome);
                self.turn_away(socket, id, &refusal).await
            }
            Err(Uncalled::Ends(end)) => Err(end),
            Err(Uncalled::Failed(error)) => Err(self.fail(&error)),
        }
    }

    /// Finds out whom a call is for, and opens its session: a new one, or that of the same invite
    /// before. Says which.
    async fn call(&mut self, invite: Invite) -> Result<(Opened, bool), Uncalled> {
        let app = Arc::clone(&self.app);
        let directory = app.hall.directory();
        let channel = app.channels.by_name(directory, &invite.realm);
        let channel = channel.ok_or(Uncalled::Refused(NOT_FOUND))?;
        if !channel.admits(self.arrived.origin.as_deref(), &self.arrived.base_url) {
            return Err(Uncalled::Ends(End::Forbidden));
        }
        let now = app.hall.env().now();
        let proof = (channel.settings.identity, &channel.secrets[..]);
        let customer = customer(&invite.tel, invite.token.as_deref(), proof, now);
        let customer = customer.map_err(|_| Uncalled::Refused(FORBIDDEN))?;
        let realm = channel.record.realm.clone();
        let dialed = match app.hall.desk() {
            Some(desk) => desk.dial(&realm, &invite.dn).await?,
            None => None,
        };
        let dialed = dialed.ok_or(Uncalled::Refused(NOT_FOUND))?;
        let call = KeptCall {
            virtual_agent: dialed.bot.as_ref().map_or("", |_| &dialed.dn).to_owned(),
            dn: invite.dn,
            customer: customer.account,
            verified: customer.verified,
            locale: invite.lang,
            context: context(invite.page.unwrap_or_default()),
        };
        let key = invite.key.unwrap_or_else(|| app.hall.env().base62(KEY_LENGTH));
        let key = same_invite(&channel, &call, &key);
        self.open(channel, dialed, call, &key, now).await
    }

    async fn open(
        &mut self,
        channel: Arc<Channel>,
        dialed: Dialed,
        call: KeptCall,
        key: &str,
        now: Timestamp,
    ) -> Result<(Opened, bool), Uncalled> {
        let app = Arc::clone(&self.app);
        let (realm, channel_id) = (&channel.record.realm, &channel.record.id);
        let answered = app.hall.state(realm, INVITES, key).await?;
        let version = answered.as_ref().map_or(0, |state| state.version);
        let recent = answered.filter(|state| now.since(state.at) <= INVITE_TTL);
        if let Some(before) = recent
            && let Some(opened) = self.same_call(&channel, &before.value).await?
        {
            return Ok((opened, false));
        }
        let conversation = cid::new(app.hall.env());
        let (user, locale) = ((call.customer.clone(), call.verified), call.locale.clone());
        let (opened, write) = app.new_session(realm, channel_id, &conversation, call)?;
        let answer = StateWrite::put(INVITES, key, opened.session.id.to_string());
        let answer = answer.at_version(version).about(&conversation);
        let answer = StateWrite { until: Some(now.after(INVITE_TTL)), ..answer };
        let begin = Begin {
            id: Some(conversation),
            bot: dialed.bot,
            route: Some(Route::Nobody),
            user: Some(user),
            locale: locale.as_deref(),
            states: vec![write, answer],
            ..Begin::by(&channel.record, CHANNEL_KIND)
        };
        match app.hall.begin(begin).await {
            Ok(begun) => {
                self.seat(channel, opened.session.clone(), begun.conversation, 0);
                Ok((opened, true))
            }
            // The same invite came twice in one moment.
            Err(Error::Conflict(what)) => {
                let before = app.hall.state(realm, INVITES, key).await?;
                let before = before.ok_or(Error::Conflict(what))?;
                let opened = self.same_call(&channel, &before.value).await?;
                let opened = opened.ok_or(Error::Conflict(what))?;
                Ok((opened, false))
            }
            // The virtual agent's bot is gone.
            Err(Error::UnknownBot) => Err(Uncalled::Refused(NOT_FOUND)),
            Err(error) => Err(error.into()),
        }
    }

    /// The chat that the same invite has begun before.
    async fn same_call(
        &mut self,
        channel: &Arc<Channel>,
        session: &[u8],
    ) -> Result<Option<Opened>, Uncalled> {
        let id = std::str::from_utf8(session).ok().and_then(SessionId::parse);
        let Some(id) = id else { return Ok(None) };
        match self.app.resume_session(&id, None).await {
            Ok((opened, conversation)) => {
                self.seat(Arc::clone(channel), opened.session.clone(), conversation, 0);
                self.tell_older();
                Ok(Some(opened))
            }
            Err(Unresumed::Unknown | Unresumed::BadSecret) => Ok(None),
            Err(Unresumed::Failed(error)) => Err(error.into()),
        }
    }

    /// Welcomes a client that has called, and gives the call to the desk.
    async fn begin(
        &mut self,
        socket: &mut WebSocket,
        id: Option<&str>,
        opened: Opened,
        first: Option<Value>,
    ) -> Result<(), End> {
        self.welcome(socket, id, &opened.secret, (false, 0)).await?;
        self.admit().await?;
        self.tell_back().await?;
        let Some(content) = first else { return Ok(()) };
        let mid = FIRST_MID.to_owned();
        self.say_first(socket, id, Msg { mid, send: None, content }).await
    }

    /// Gives the call to the desk, if it has not been taken. Of no effect on one that was.
    pub(super) async fn admit(&mut self) -> Result<(), End> {
        let Some(chat) = &self.chat else { return Ok(()) };
        let Some(desk) = self.app.hall.desk() else { return Ok(()) };
        let admitted = desk.admit(&chat.conversation, chat.session.kept.call.call()).await;
        admitted.map_err(|error| self.fail(&error))
    }

    /// Tells the desk that the customer is there, by this link.
    pub(super) async fn tell_back(&self) -> Result<(), End> {
        let Some(chat) = &self.chat else { return Ok(()) };
        let Some(desk) = self.app.hall.desk() else { return Ok(()) };
        let back = CustomerDid::Back { link: chat.session.kept.link };
        let told = desk.customer(&chat.conversation, back).await;
        told.map_err(|error| self.fail(&error))
    }

    /// Tells a client that its call is refused. Nothing is kept of it.
    async fn turn_away(
        &mut self,
        socket: &mut WebSocket,
        id: Option<&str>,
        refusal: &Refusal,
    ) -> Result<(), End> {
        let env = self.app.hall.env();
        let welcome = json!({
            "sid": env.base62(22), "secret": env.base62(43), "cid": cid::new(env).as_str(),
            "resumed": false, "from": 1, "head": 0, "hb": HEARTBEAT.as_secs(),
            "now": env.now().to_string(),
        });
        self.send(socket, Frame::new("welcome", welcome).to(id)).await?;
        let trying = json!({"code": 100, "phrase": "Trying"});
        self.send(socket, Frame::new("prog", trying).at(1)).await?;
        let Refusal { code, phrase, .. } = refusal;
        let clear = json!({"code": code, "phrase": phrase, "by": "system", "csat": false});
        self.send(socket, Frame::new("clear", clear).at(2)).await?;
        Err(End::Over)
    }

    /// Takes the socket's seat in a chat. All before `from` was seen.
    pub(super) fn seat(
        &mut self,
        channel: Arc<Channel>,
        session: Session,
        conversation: Arc<Conversation>,
        from: u64,
    ) {
        let hall = &self.app.hall;
        let subscription = hall.subscribe(&conversation, Viewer::Customer, Place::Pos(from));
        self.closes = None;
        self.chat = Some(Chat {
            channel,
            session,
            conversation,
            subscription,
            next: from,
            answered_at: None,
            cleared: false,
            over: false,
            confirmed: false,
            typing_at: None,
            read_at: None,
        });
    }

    /// Whether so many calls have come from this address that this one is not looked at.
    pub(super) async fn is_too_often(
        &self,
        socket: &mut WebSocket,
        id: Option<&str>,
    ) -> Result<bool, End> {
        let Err(wait) = self.app.paces.calls.check(&self.arrived.peer) else { return Ok(false) };
        let wrong = Wrong::new("rate", "too many calls from this address");
        self.app.metrics.refused(wrong.code);
        let frame = outbound::refusal(&wrong, Some(wait.as_secs() + 1));
        self.send(socket, frame.to(id)).await?;
        Ok(true)
    }

    pub(super) async fn welcome(
        &mut self,
        socket: &mut WebSocket,
        id: Option<&str>,
        secret: &Secret,
        (resumed, last): (bool, u64),
    ) -> Result<(), End> {
        let Some(chat) = &self.chat else { return Ok(()) };
        let head = self.app.hall.head(&chat.conversation).await;
        let head = head.map_err(|error| self.fail(&error))?;
        let settings = &chat.channel.settings;
        let realm = &chat.conversation.realm;
        let mut d = json!({
            "sid": chat.session.id.to_string(),
            "secret": secret.expose(),
            "cid": chat.conversation.id.as_str(),
            "dn": chat.session.kept.call.dn,
            "resumed": resumed,
            "from": last + 1,
            "head": head.next_pos,
            "hb": HEARTBEAT.as_secs(),
            "now": self.app.hall.env().now().to_string(),
            "status_space": settings.status_space,
            "limits": {
                "msg": settings.text_max,
                "file": settings.file_bytes_max,
                "files": maru_files::FILES_MAX,
                "frame": FRAME_BYTES_MAX,
                "rate": {
                    "per_second": MESSAGES.0, "burst": MESSAGES.1, "per_minute": MESSAGES_A_MINUTE,
                },
            },
        });
        if let Some((token, expires)) = self.app.upload_token(realm, &chat.conversation.id) {
            let expires = Timestamp::from_secs(expires).to_string();
            d["upload"] = json!({"url": "/nxchat/upload", "token": token, "expires": expires});
        }
        self.send(socket, Frame::new("welcome", d).to(id)).await
    }
}

/// What makes two invites the same: the customer's own key, and all that they say of the call.
fn same_invite(channel: &Channel, call: &KeptCall, key: &str) -> String {
    let mut hash = Sha256::new();
    let channel = &channel.record;
    let parts = [channel.realm.as_str(), channel.id.as_str(), &call.dn, &call.customer.id, key];
    for part in parts {
        // Each part has its length in front, so that no two lists of parts read the same.
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())
}

/// What agents are shown of the page that a customer is on.
fn context(page: Page) -> Map<String, Value> {
    let texts = [("url", page.url), ("title", page.title), ("ua", page.ua)];
    let texts = texts.into_iter().filter_map(|(name, text)| {
        let text: String = text?.chars().take(PAGE_TEXT_MAX).collect();
        Some((name.to_owned(), Value::from(text)))
    });
    let page: Map<String, Value> = texts.collect();
    if page.is_empty() { page } else { Map::from_iter([("page".to_owned(), page.into())]) }
}
