//! A user's turn: what they say, and what is answered within the budget.

use std::sync::Arc;
use std::time::Duration;

use maru_activity::{Account, Activity, Draft, Kind, Links, Role};
use maru_content::{Content, Degraded, text};
use maru_hall::{
    Begin, ChannelRecord, Conversation, Delivered, Error, Meta, Post, Shown, StateWrite,
};
use serde_json::Value;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use crate::Kakao;
use crate::config::Manner;
use crate::kept::{Kept, SCOPE};

/// How often the value of a user is read again that somebody else has written meanwhile.
const TRIES_MAX: usize = 4;

/// The longest id of a user, in bytes.
const USER_ID_BYTES_MAX: usize = 256;

/// Who speaks.
#[derive(Clone, Debug)]
pub(crate) struct Who {
    /// The channel they came by.
    pub(crate) record: Arc<ChannelRecord>,
    /// Its name as bots know it.
    pub(crate) channel_kind: &'static str,
    /// The user.
    pub(crate) account: Account,
    /// Whether it is certain that Kakao says so.
    pub(crate) verified: bool,
    /// Their language.
    pub(crate) locale: Option<String>,
}

impl Who {
    /// A user of a channel by their id there. `None` for one that cannot be an id.
    pub(crate) fn new(
        record: &Arc<ChannelRecord>,
        channel_kind: &'static str,
        id: &str,
        verified: bool,
    ) -> Option<Self> {
        let sound =
            (1..=USER_ID_BYTES_MAX).contains(&id.len()) && !id.chars().any(char::is_control);
        let account = Account { id: id.to_owned(), name: None, role: Some("user".to_owned()) };
        let record = Arc::clone(record);
        sound.then_some(Self { record, channel_kind, account, verified, locale: None })
    }

    pub(crate) fn key(&self) -> String {
        format!("{}/{}", self.record.id, self.account.id)
    }
}

/// What a user says.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// The words.
    pub(crate) text: String,
    /// The number of the offer that was pressed.
    pub(crate) offer: Option<u32>,
    /// What the protocol says besides: `channelData`.
    pub(crate) channel_data: Option<Value>,
    /// The user's time zone.
    pub(crate) timezone: Option<String>,
    /// Files.
    pub(crate) attachments: Vec<Value>,
    /// Whether some of them are ours now.
    pub(crate) blobs: bool,
    /// The call's own id, if it has one: said twice, it counts once.
    pub(crate) client_key: Option<Box<str>>,
}

/// A user with their conversation.
#[derive(Clone, Debug)]
pub(crate) struct Met {
    pub(crate) conversation: Arc<Conversation>,
    pub(crate) kept: Kept,
    version: u64,
    /// Whether they were met for the first time.
    pub(crate) fresh: bool,
}

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// There are answers.
    Answered,
    /// The bot is at work still, or says nothing.
    Waiting,
    /// The bot failed.
    Failed,
}

/// A turn. Nobody else answers the user while it is held.
#[derive(Debug)]
pub(crate) struct Turn {
    pub(crate) met: Met,
    pub(crate) answers: Vec<Shown>,
    pub(crate) state: State,
    held: Option<OwnedMutexGuard<()>>,
}

impl Kakao {
    /// Finds a user's conversation, or begins it.
    pub(crate) async fn meet(&self, who: &Who) -> Result<Met, Error> {
        for _ in 0..TRIES_MAX {
            let (known, version) = self.known(who).await?;
            if let Some(met) = known {
                return Ok(met);
            }
            let id = self.hall.new_conversation_id();
            let kept = Kept::new(id.clone());
            let begin = Begin {
                id: Some(id),
                user: Some((who.account.clone(), who.verified)),
                locale: who.locale.as_deref(),
                states: vec![write(&who.key(), &kept)?.at_version(version)],
                ..Begin::by(&who.record, who.channel_kind)
            };
            match self.hall.begin(begin).await {
                Ok(begun) => {
                    let (conversation, version) = (begun.conversation, version + 1);
                    return Ok(Met { conversation, kept, version, fresh: true });
                }
                // Another call of the user was first: theirs is looked at.
                Err(Error::Conflict(_) | Error::UnknownConversation) => {}
                Err(error) => return Err(error),
            }
        }
        Err(Error::Conflict("a user's conversation"))
    }

    /// The user as they were met before, and the version of what is kept of them; 0 for nothing.
    pub(crate) async fn known(&self, who: &Who) -> Result<(Option<Met>, u64), Error> {
        let realm = &who.record.realm;
        let Some(state) = self.hall.state(realm, SCOPE, &who.key()).await? else {
            return Ok((None, 0));
        };
        let version = state.version;
        // What cannot be read is begun anew: the log keeps what was said.
        let Ok(kept) = serde_json::from_slice::<Kept>(&state.value) else {
            return Ok((None, version));
        };
        let conversation = self.hall.conversation(realm, &kept.conversation).await?;
        let met =
            conversation.map(|conversation| Met { conversation, kept, version, fresh: false });
        Ok((met, version))
    }

    /// A user's turn: says it, unless it asks for an answer that was late, and waits for the answers
    /// until the deadline.
    pub(crate) async fn turn(
        &self,
        who: &Who,
        said: Said,
        manner: &Manner,
        deadline: Instant,
    ) -> Result<Turn, Error> {
        let held = self.turns.take(&who.record.realm, &who.key(), deadline).await;
        let met = self.meet(who).await?;
        self.metrics.messages.inc();
        let asks = said.attachments.is_empty() && text::same(&said.text, &manner.waiting_button);
        let (answers, delivered) = if asks {
            (self.hall.hear(&met.conversation, left(deadline)).await?, None)
        } else {
            let post = post_of(who, &met.kept, said)?;
            if held.is_none() {
                // The user's last call is still being answered. What they say is not lost for that.
                self.hall.post(&met.conversation, post).await?;
                (Vec::new(), None)
            } else {
                let conversed = self.hall.converse(&met.conversation, post, left(deadline)).await?;
                (conversed.answers, conversed.delivered)
            }
        };
        let failed = matches!(delivered, Some(Delivered::Failed(_) | Delivered::TimedOut));
        let mut turn = Turn { met, answers, state: State::Answered, held };
        while !failed && turn.held.is_some() && !turn.says_something() && !left(deadline).is_zero()
        {
            // What came is for no eyes: an event, or a trace.
            let more = self.hall.hear(&turn.met.conversation, left(deadline)).await?;
            turn.answers.extend(more);
        }
        turn.state = match turn.says_something() {
            true => State::Answered,
            false if failed => State::Failed,
            false => State::Waiting,
        };
        Ok(turn)
    }

    /// Keeps what an answer offers, and gives the offers' numbers. That it cannot be kept is logged:
    /// a press then says its label.
    pub(crate) async fn remember(
        &self,
        who: &Who,
        met: &mut Met,
        made: &Degraded,
    ) -> Vec<Option<u32>> {
        self.metrics.dropped.inc_by(made.dropped.len() as u64);
        let mut kept = met.kept.clone();
        let ids = kept.offers.add(made);
        if kept == met.kept {
            return ids;
        }
        let written = match write(&who.key(), &kept) {
            Ok(write) => {
                let states = vec![write.at_version(met.version)];
                self.hall.write(&who.record.realm, states, Vec::new()).await
            }
            Err(error) => Err(error),
        };
        if let Err(error) = written {
            tracing::warn!(%error, "what a user was offered was not kept");
            return vec![None; ids.len()];
        }
        met.version += 1;
        met.kept = kept;
        ids
    }

    /// Says that a user did something that is no message, in their conversation. `leaves` forgets the
    /// conversation with it: the next word begins another.
    pub(crate) async fn note(
        &self,
        who: &Who,
        met: &Met,
        activity: Activity,
        leaves: bool,
    ) -> Result<(), Error> {
        let mut post = Post::user(activity);
        post.verified = who.verified;
        if leaves {
            post.states.push(StateWrite::delete(SCOPE, who.key()));
        }
        self.hall.post(&met.conversation, post).await.map(drop)
    }
}

impl Turn {
    fn says_something(&self) -> bool {
        standing(&self.answers).any(|shown| !Content::of(&shown.body).is_empty())
    }
}

/// Answers as they stand in the end: nothing that is shown here can be changed or taken back, so what
/// the bot has changed meanwhile is said once, as it is now, and what it has taken back is not said.
pub(crate) fn standing(answers: &[Shown]) -> impl Iterator<Item = &Shown> {
    let is_first = |(index, shown): &(usize, &Shown)| {
        !answers.iter().take(*index).any(|earlier| earlier.id == shown.id)
    };
    let firsts = answers.iter().enumerate().filter(is_first).map(|(_, first)| first);
    let last = |first: &'_ Shown| answers.iter().rfind(|shown| shown.id == first.id);
    firsts.filter_map(last).filter(|shown| shown.kind != Kind::MessageDelete)
}

/// All that answers show.
pub(crate) fn content_of(answers: &[Shown], links: &dyn Links) -> Content {
    let mut content = Content::default();
    for shown in standing(answers) {
        let mut next = Content::of(&shown.body);
        if shown.meta.blobs {
            next.link_files(links);
        }
        content.then(next);
    }
    content
}

/// An activity of a user, to be completed.
pub(crate) fn activity_of(kind: &Kind, who: &Who) -> Draft<'static> {
    let mut draft = Draft::new(kind);
    draft.set_value("from", &who.account);
    draft.set_from(Some(&who.account.id), None, Some(Role::User));
    if let Some(locale) = &who.locale {
        draft.set_text("locale", locale);
    }
    draft
}

fn post_of(who: &Who, kept: &Kept, said: Said) -> Result<Post, Error> {
    let mut draft = activity_of(&Kind::Message, who);
    let offer = kept.offers.meaning(&said.text, said.offer);
    let words = offer.map_or(&*said.text, |offer| &*offer.text);
    draft.set_text("text", words);
    draft.set_text("textFormat", "plain");
    if let Some(timezone) = &said.timezone {
        draft.set_text("localTimezone", timezone);
    }
    if let Some(value) = offer.and_then(|offer| offer.value.as_ref()) {
        draft.set_value("value", value);
    }
    if !said.attachments.is_empty() {
        draft.set_value("attachments", &said.attachments);
    }
    if let Some(data) = &said.channel_data {
        draft.set_value("channelData", data);
    }
    let shown = offer.filter(|offer| offer.text != said.text).map(|_| said.text.clone());
    let mut post = Post::user(draft.finish()?);
    post.verified = who.verified;
    post.meta = Meta { shown, blobs: said.blobs, ..Meta::default() };
    post.client_key = said.client_key.map(|key| (who.channel_kind, key));
    Ok(post)
}

fn write(key: &str, kept: &Kept) -> Result<StateWrite, Error> {
    let value = serde_json::to_vec(kept).map_err(|error| Error::Internal(error.to_string()))?;
    Ok(StateWrite::put(SCOPE, key, value).about(&kept.conversation))
}

pub(crate) fn left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}
