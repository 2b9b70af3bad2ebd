//! The bot behind a BotKit server: `sendBotMessage` asks it, and its answers go to `on_bot_message`.
//!
//! What is said to it, and what it answers, is a conversation of its own, which nobody sees but the
//! server: with the same user on the same channel, so that it is kept and erased with theirs. A
//! question is asked once: the same message of the same turn again is known by its client key. Its
//! answers are handed on by a relay ([`relay`]).

mod relay;

use std::sync::Arc;
use std::time::Duration;

use maru_activity::{
    Account, Activity, ActivityId, BotId, ConversationId, Draft, Invalid, Kind, Pos, Role, Viewer,
};
use maru_hall::{
    Begin, ChannelRecord, Conversation, Member, Meta, Outcome, Place, Post, Shown, TimerWrite,
};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::config::AgentTransfer;
use crate::error::Error;
use crate::face::{BotKitFace, InTurn};
use crate::heard::Heard;
use crate::ids::derived;
use crate::kept::Standing;
use crate::map::{plain, read_text};
use crate::outbound::next_event;
use crate::wire::call::{Call, Setting};
use crate::wire::event::{Event, Hook};
use crate::{KIND, NATIVE};
use relay::{Asked, Job};
pub(crate) use relay::{OnRelay, Relays};

/// What the conversations with the bots behind are derived for.
const PURPOSE: &str = "botkit/backend";

/// How long one try to hand an answer on may take.
const HAND_ON_BUDGET: Duration = Duration::from_secs(15);

/// How long to wait before each try after the first, if the server cannot be reached.
const TRY_AGAIN: [Duration; 5] = [
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_secs(2),
    Duration::from_secs(5),
    Duration::from_secs(10),
];

/// The event by which a bot asks for an agent.
const HANDOFF: &str = "handoff.initiate";

/// Which answer an event is about. It goes with the event, and comes back when BotKit code passes the
/// answer on as it is: then the user gets all of it, and not only its text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    round: u32,
    pos: Pos,
}

impl Answered {
    pub(crate) fn of(call: &Call) -> Option<Self> {
        if call.override_message_payload.is_some() {
            return None;
        }
        let answer = call.message_object.get("answer")?;
        let round = u32::try_from(answer.get("round")?.as_u64()?).ok()?;
        Some(Self { round, pos: answer.get("pos")?.as_u64()? })
    }

    fn to_value(self) -> Value {
        json!({"answer": {"round": self.round, "pos": self.pos}})
    }
}

impl BotKitFace {
    /// Asks the bot behind: done when that is on disk. Its answers are handed on from then on.
    ///
    /// # Errors
    /// [`Error::Busy`] if too much is waited for.
    pub(crate) async fn ask(self: &Arc<Self>, at: InTurn, call: Call) -> Result<(), Error> {
        let room = self.relays.room()?;
        let Some(backend) = self.backend_of(&at) else {
            let face = Arc::clone(self);
            tokio::spawn(async move {
                let _room = room;
                face.hand_on_text(&at, &call.setting).await;
            });
            return Ok(());
        };
        let standing = Standing::of(&self.hall, &at.conversation).await?;
        let (user, mut post) = self.question(&at, &call).await?;
        let inner = self.begin_inner(&at, backend, standing.round, user).await?;
        let asked = Asked::of(&at, standing.round, call.setting);
        let until = relay::until(&self.hall, &at.remote);
        post.meta.native = Some(relay::note_of(&at.turn));
        post.timers.push(TimerWrite {
            scope: relay::SCOPE.to_owned(),
            key: inner.id.to_string(),
            expect: None,
            set: Some((until, asked.kept())),
        });
        let posted = self.hall.post(&inner, post).await?;
        if !posted.repeated {
            let job = Job { asked, remote: at.remote, outer: at.conversation, until, _room: room };
            self.relay(&inner, job);
        }
        Ok(())
    }

    async fn begin_inner(
        &self,
        at: &InTurn,
        backend: BotId,
        round: u32,
        user: Member,
    ) -> Result<Arc<Conversation>, Error> {
        let inner = self.inner(&at.conversation, &backend, round);
        let channel = ChannelRecord {
            id: at.conversation.channel.clone(),
            realm: at.conversation.realm.clone(),
            kind: KIND.to_owned(),
            bot: backend,
            keep_days: None,
            settings: Map::new(),
        };
        let begin = Begin {
            id: Some(inner),
            user: Some((user.account, user.verified)),
            ..Begin::by(&channel, KIND)
        };
        Ok(self.hall.begin(begin).await?.conversation)
    }

    /// The bot that is asked. A conversation of that kind itself asks nobody: two servers may be
    /// behind each other.
    fn backend_of(&self, at: &InTurn) -> Option<BotId> {
        let backend = at.remote.settings.backend.as_deref().map(BotId::from)?;
        if &*at.conversation.channel_kind == KIND {
            return None;
        }
        let known = self.hall.directory().bot(&at.conversation.realm, &backend).is_some();
        if !known {
            tracing::warn!(bot.id = %at.remote.record.id, %backend, "the backend is no bot");
        }
        known.then_some(backend)
    }

    /// The conversation with the bot behind. Its id cannot be guessed, and is stored nowhere.
    fn inner(&self, outer: &Conversation, backend: &BotId, round: u32) -> ConversationId {
        let (realm, id) = (outer.realm.as_str(), outer.id.as_str());
        let about = [realm, id, backend.as_str(), &round.to_string()];
        let secret = self.shared.key.derive(PURPOSE, &about);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&secret[..16]);
        ConversationId::from(Uuid::from_bytes(bytes).simple().to_string())
    }

    /// Who asks, and what: what the user said, with the text that BotKit code made of it.
    async fn question(&self, at: &InTurn, call: &Call) -> Result<(Member, Post), Error> {
        let text = read_text(&call.message);
        let said = self.entry(&at.conversation, at.turn.place).await?;
        let said = said.filter(|shown| shown.role == Role::User && shown.kind == Kind::Message);
        let sender = said.as_ref().map(|shown| Heard::read(&shown.body).from().id);
        let members = self.hall.members(&at.conversation).await?;
        let mut users: Vec<Member> =
            members.into_iter().filter(|member| member.role == Role::User).collect();
        if users.is_empty() {
            return Err(Error::Unreadable("nobody is there to ask for".into()));
        }
        let who = users.iter().position(|user| sender.as_ref() == Some(&user.account.id));
        let user = users.swap_remove(who.unwrap_or(0));
        let (activity, meta) = asked(said, &user.account, &text)?;
        let mut post = Post::user(activity);
        post.meta = meta;
        post.verified = user.verified;
        let key = derived("", &[&at.turn.to_string(), &text]);
        post.client_key = Some((KIND, key.into()));
        Ok((user, post))
    }

    async fn entry(
        &self,
        of: &Conversation,
        place: ActivityId,
    ) -> Result<Option<Shown>, maru_hall::Error> {
        let (viewer, from) = match place {
            ActivityId::Pos(pos) => (Viewer::Customer, Place::Pos(pos)),
            ActivityId::Hidden(seq) => (Viewer::Operator, Place::Seq(seq)),
        };
        let page = self.hall.read(of, viewer, from, 1).await?;
        Ok(page.shown.into_iter().find(|shown| shown.id == place))
    }

    /// Tells the server of one answer.
    async fn hand_on(&self, at: &InTurn, asked: &Asked, shown: &Shown) -> Result<(), Error> {
        let heard = Heard::read(&shown.body);
        let to_agent = at.remote.settings.agent_transfer == AgentTransfer::BotKit;
        let hook = match shown.kind {
            Kind::Message => Hook::BotMessage,
            Kind::Event if to_agent && heard.text("name") == Some(HANDOFF) => Hook::AgentTransfer,
            _ => return Ok(()),
        };
        if hook == Hook::BotMessage && !at.remote.settings.bot_messages {
            return self.repeat(at, shown).await;
        }
        let native = shown.meta.native.as_ref().filter(|native| native.protocol == NATIVE);
        let message = native.map_or_else(|| plain(&heard), |native| native.body.to_string());
        let addresses = &self.shared.addresses;
        let mut event = next_event(&at.remote, addresses, &at.turn, &asked.setting, message);
        if to_agent {
            let standing = Standing::of(&self.hall, &at.conversation).await?;
            event.agent_transfer = standing.agent_since.is_some();
        }
        if let Some(pos) = shown.pos {
            event.message_object = Answered { round: asked.round, pos }.to_value();
        }
        self.tell(at, &hook, &event).await;
        Ok(())
    }

    /// Tells the server what is said where nobody is behind it.
    async fn hand_on_text(&self, at: &InTurn, setting: &Setting) {
        let text = &at.remote.settings.no_backend_text;
        if !text.is_empty() {
            let addresses = &self.shared.addresses;
            let event = next_event(&at.remote, addresses, &at.turn, setting, text.clone());
            self.tell(at, &Hook::BotMessage, &event).await;
        }
    }

    /// Tries for a while what cannot have arrived. An answer that is given up stays in the log of the
    /// conversation with the bot behind: it is not said past the server, which may be there to change it.
    async fn tell(&self, at: &InTurn, hook: &Hook, event: &Event<'_>) {
        // Closed by nobody.
        let Ok(_seat) = self.relays.in_flight.acquire().await else { return };
        let mut waits = TRY_AGAIN.iter();
        loop {
            let told = at.remote.tell(&self.shared, hook, event, HAND_ON_BUDGET).await;
            let Err(failed) = told else { return };
            let again = matches!(failed, Outcome::Unreachable { .. } | Outcome::Later { .. });
            match waits.next().filter(|_| again) {
                Some(wait) => tokio::time::sleep(*wait).await,
                None => {
                    tracing::warn!(
                        conversation.id = %at.conversation.id, bot.id = %at.remote.record.id,
                        cause = failed.cause(), "an answer was not handed on"
                    );
                    return;
                }
            }
        }
    }

    /// Says an answer of the bot behind to the user as it is, if what the call says is still that.
    /// Whether it did.
    pub(crate) async fn say_again(
        &self,
        at: &InTurn,
        call: &Call,
        answered: Answered,
    ) -> Result<bool, Error> {
        let Some(backend) = at.remote.settings.backend.as_deref().map(BotId::from) else {
            return Ok(false);
        };
        let inner = self.inner(&at.conversation, &backend, answered.round);
        let Some(inner) = self.hall.conversation(&at.conversation.realm, &inner).await? else {
            return Ok(false);
        };
        let shown = self.entry(&inner, ActivityId::Pos(answered.pos)).await?;
        let Some(shown) = shown.filter(|shown| shown.role != Role::User) else { return Ok(false) };
        if shown.meta.native.is_some() || call.message != plain(&Heard::read(&shown.body)) {
            return Ok(false);
        }
        self.repeat(at, &shown).await.map(|()| true)
    }

    /// Says in the user's conversation what the bot behind said in its own.
    async fn repeat(&self, at: &InTurn, shown: &Shown) -> Result<(), Error> {
        let (role, account) = self.speaker(at).await?;
        let limits = maru_activity::Limits { bytes_max: usize::MAX, ..Default::default() };
        let mut draft = Draft::parse(&shown.body, &limits)?;
        draft.set_value("from", &account);
        draft.remove("replyToId");
        if let Some(id) = at.turn.reply_to() {
            draft.set_text("replyToId", &id);
        }
        let meta = Meta { system: false, ..shown.meta.clone() };
        let post = Post { role, meta, ..Post::bot(draft.finish()?) };
        self.hall.post(&at.conversation, post).await?;
        Ok(())
    }
}

/// What the bot behind is asked: the user's own activity with this text. Files and the rest stay.
fn asked(said: Option<Shown>, user: &Account, text: &str) -> Result<(Activity, Meta), Invalid> {
    let Some(said) = said else { return Ok((Activity::message(user, text), Meta::default())) };
    let limits = maru_activity::Limits { bytes_max: usize::MAX, ..Default::default() };
    let mut draft = Draft::parse(&said.body, &limits)?;
    draft.remove("replyToId");
    let mut meta = Meta { blobs: said.meta.blobs, ..Meta::default() };
    if Heard::read(&said.body).said() == text {
        meta = said.meta;
    } else {
        draft.set_text("text", text);
        draft.remove("value");
    }
    Ok((draft.finish()?, meta))
}
