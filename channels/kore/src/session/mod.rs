//! Sessions: a user's conversation with a bot is one for good; a session is a stretch of it, begun by
//! a connection and over after some idle minutes (kore-rtm.md §3.1).
//!
//! All that is to be known of it is one small value in the store, which is written only at the
//! version that was read. So a session begins once, on any number of nodes, and its `ON_CONNECT` is
//! in the very commit that begins it.

mod kept;

use std::sync::Arc;
use std::time::Duration;

use maru_activity::{Kind, Pos, Timestamp};
use maru_hall::{Begin, Conversation, Error as HallError, Meta, Post, StateWrite};

use self::kept::Decision;
pub(crate) use self::kept::{ConnectionMode, Kept};
use crate::config::AppBot;
use crate::error::Error;
use crate::limits::TRIES_MAX;
use crate::map::said;
use crate::user::User;
use crate::{CHANNEL_KIND, Kore};

/// The scope of sessions; the key names the channel, the user and the bot.
const SCOPE: &str = "kore/session";

/// A session, as a client is connected to it.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    /// The conversation.
    pub(crate) conversation: Arc<Conversation>,
    /// What is kept of it.
    pub(crate) kept: Kept,
    /// At which version it was read or written.
    version: u64,
    key: String,
    /// Whether it was begun by this very call, with an `ON_CONNECT`.
    pub(crate) fresh: bool,
    /// Whether another session was live before.
    pub(crate) recent: Option<String>,
    /// From where on the client is sent what was said.
    pub(crate) from: Pos,
    /// What is said from here on is new; what is before was missed.
    pub(crate) live_from: Pos,
}

/// What is to be written into a session's value.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Note<'a> {
    /// How far a client (a grant) has come.
    pub(crate) seen: Option<(&'a str, Pos)>,
    /// Its socket is closed.
    pub(crate) left: bool,
    /// This session is over, as the bot has said.
    pub(crate) over: Option<&'a str>,
    /// The user ends the session.
    pub(crate) ends: bool,
    /// A new session begins, if the one there is is over: when something last happened.
    pub(crate) goes_on: Option<Timestamp>,
}

impl Session {
    /// The value as it should be, if it has to be written.
    pub(crate) fn noted(
        &self,
        note: Note<'_>,
        next_pos: Pos,
        now: Timestamp,
        idle: Duration,
    ) -> Option<Kept> {
        let mut kept = self.kept.clone();
        kept.ended |= note.over == Some(&*kept.session);
        if note.goes_on.is_some_and(|last_at| kept.is_over(last_at, now, idle)) {
            kept.begin(next_pos, now);
        }
        kept.ended |= note.ends;
        if let Some((grant, seen)) = note.seen {
            kept.note(grant, seen, note.left, now);
        }
        (kept != self.kept).then_some(kept)
    }

    /// The write that puts `kept` in the place of what is known here.
    pub(crate) fn write(&self, kept: &Kept) -> Result<StateWrite, Error> {
        write(&self.key, kept, self.version)
    }

    /// Notes that it was written.
    pub(crate) fn written(&mut self, kept: Kept) {
        self.kept = kept;
        self.version += 1;
    }
}

fn write(key: &str, kept: &Kept, version: u64) -> Result<StateWrite, Error> {
    let value = serde_json::to_vec(kept).map_err(|error| Error::internal(error.to_string()))?;
    Ok(StateWrite::put(SCOPE, key, value).at_version(version).about(&kept.conversation))
}

/// The key of a user's session with a bot.
pub(crate) fn key_of(user: &User, bot: &AppBot) -> String {
    format!("{}/{}/{}", user.app.channel.id, user.id(), bot.id)
}

impl Kore {
    /// What is kept of a user's conversation with a bot, and at which version. `None`: they never
    /// talked.
    pub(crate) async fn kept(&self, user: &User, key: &str) -> Result<Option<(Kept, u64)>, Error> {
        let realm = &user.app.channel.realm;
        let Some(state) = self.hall.state(realm, SCOPE, key).await? else { return Ok(None) };
        let kept = serde_json::from_slice(&state.value);
        Ok(Some((kept.map_err(|_| Error::internal("a damaged session"))?, state.version)))
    }

    /// Connects a user to a bot: begins the conversation, begins a session in it, or joins the one
    /// that there is.
    pub(crate) async fn session(
        &self,
        user: &User,
        bot: &AppBot,
        mode: ConnectionMode,
        locale: Option<&str>,
    ) -> Result<Session, Error> {
        let key = key_of(user, bot);
        for _ in 0..TRIES_MAX {
            let known = self.kept(user, &key).await?;
            let version = known.as_ref().map_or(0, |(_, version)| *version);
            let connected = match self.known(user, known, &key).await? {
                None => self.first_session(user, bot, &key, version, locale).await,
                Some(session) => self.next_session(user, session, mode, locale).await,
            };
            match connected {
                // Someone else was first: it is looked at again.
                Err(Error::Conflict) => {}
                settled => return settled,
            }
        }
        Err(Error::Conflict)
    }

    /// The session that a user has with a bot, over or not. `None`: they never talked.
    pub(crate) async fn known_session(
        &self,
        user: &User,
        bot: &AppBot,
    ) -> Result<Option<Session>, Error> {
        let key = key_of(user, bot);
        let known = self.kept(user, &key).await?;
        self.known(user, known, &key).await
    }

    async fn known(
        &self,
        user: &User,
        kept: Option<(Kept, u64)>,
        key: &str,
    ) -> Result<Option<Session>, Error> {
        let Some((kept, version)) = kept else { return Ok(None) };
        let realm = &user.app.channel.realm;
        let conversation = self.hall.conversation(realm, &kept.conversation).await?;
        Ok(conversation.map(|conversation| Session {
            conversation,
            kept,
            version,
            key: key.to_owned(),
            fresh: false,
            recent: None,
            from: 0,
            live_from: 0,
        }))
    }

    /// Begins the conversation itself, with its first session.
    async fn first_session(
        &self,
        user: &User,
        bot: &AppBot,
        key: &str,
        version: u64,
        locale: Option<&str>,
    ) -> Result<Session, Error> {
        let id = self.hall.new_conversation_id();
        let now = self.hall.env().now();
        let mut kept = Kept::new(id.clone(), 0, now);
        kept.note(&user.grant, 0, false, now);
        let channel = user.app.record_for(bot);
        let begin = Begin {
            id: Some(id),
            user: Some((user.account(), user.is_verified())),
            locale,
            states: vec![write(key, &kept, version)?],
            ..Begin::by(&channel, CHANNEL_KIND)
        };
        let begun = match self.hall.begin(begin).await {
            // The conversation is new, so it is the session that somebody else has begun.
            Err(HallError::Conflict(_)) => return Err(Error::Conflict),
            begun => begun?,
        };
        Ok(Session {
            conversation: begun.conversation,
            kept,
            version: version + 1,
            key: key.to_owned(),
            fresh: true,
            recent: None,
            from: 0,
            live_from: 0,
        })
    }

    /// Joins the session that there is, or begins the next.
    async fn next_session(
        &self,
        user: &User,
        mut session: Session,
        mode: ConnectionMode,
        locale: Option<&str>,
    ) -> Result<Session, Error> {
        // Before anything is said: the greeting is part of what the client is sent.
        let head = self.hall.head(&session.conversation).await?;
        let now = self.hall.env().now();
        let idle = user.app.idle();
        let decision = session.kept.decide(mode, &head, now, idle);
        let joins = decision == Decision::Join;
        let (from, takes_over) = session.kept.place_for(&user.grant, mode, joins, &head);
        (session.from, session.live_from) = (from, head.next_pos);
        let mut kept = session.kept.clone();
        kept.places.retain(|place| takes_over.as_ref() != Some(&place.grant));
        kept.note(&user.grant, from, false, now);
        if joins {
            if kept != session.kept {
                let states = vec![session.write(&kept)?];
                self.hall.write(&user.app.channel.realm, states, Vec::new()).await?;
                session.written(kept);
            }
            return Ok(session);
        }
        let over = session.kept.is_over(head.last_at, now, idle);
        session.recent = (!over).then(|| session.kept.session.clone());
        kept.begin(head.next_pos, now);
        let post = self.on_connect(user, session.write(&kept)?, locale)?;
        self.hall.post(&session.conversation, post).await?;
        session.written(kept);
        session.fresh = true;
        Ok(session)
    }

    /// The activity by which the bot learns that a user has come again: the conversationUpdate that
    /// begins a conversation, for a new session of it.
    fn on_connect(
        &self,
        user: &User,
        state: StateWrite,
        locale: Option<&str>,
    ) -> Result<Post, Error> {
        let account = user.account();
        let mut draft = said(&Kind::ConversationUpdate, &account);
        draft.set_value("membersAdded", &[&account]);
        if let Some(locale) = locale {
            draft.set_text("locale", locale);
        }
        Ok(Post {
            verified: user.is_verified(),
            meta: Meta { system: true, ..Meta::default() },
            states: vec![state],
            ..Post::user(draft.finish()?)
        })
    }

    /// Reads a session's value again, after somebody else has written it.
    pub(crate) async fn refresh(&self, user: &User, session: &mut Session) -> Result<(), Error> {
        if let Some((kept, version)) = self.kept(user, &session.key).await? {
            // Another conversation has begun in its place only where this one was taken away.
            if kept.conversation == session.conversation.id {
                (session.kept, session.version) = (kept, version);
            }
        }
        Ok(())
    }
}
