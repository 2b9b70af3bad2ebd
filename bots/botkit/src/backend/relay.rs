//! Relays: each follows one conversation with a bot behind, and hands on what that bot answers.
//!
//! A relay is there while answers may come, on the node that was called last. So that a crash leaves no
//! question without its answer, the commit of each question sets a timer, which starts a relay again
//! on any node. Up to where answers were handed on is noted before they are: so each is handed on
//! once, on any number of nodes, and only one that was under way in a crash is lost to the server.

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use maru_activity::{ActivityId, BotId, ConversationId, Role, Timestamp, Viewer};
use maru_hall::{
    Conversation, Error as HallError, Event, Hall, Native, OnTimer, Place, Shown, Timer, TimerWrite,
};
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::KIND;
use crate::error::Error;
use crate::face::{BotKitFace, InTurn};
use crate::heard::Heard;
use crate::ids::TurnId;
use crate::kept::{Standing, hand_on_to, handed_on};
use crate::outbound::Remote;
use crate::wire::call::Setting;

/// The scope of the timers; the key is the id of the conversation with the bot behind.
pub(super) const SCOPE: &str = "botkit/relay";

/// An answer that is older when somebody comes to hand it on is not handed on any more.
const LATE_MAX: Duration = Duration::from_secs(600);

/// The most bytes of an event's setting that a timer keeps.
const KEPT_MAX: usize = 64 * 1024;

/// How many questions a relay has at hand with all that their events need.
const ASKED_MAX: usize = 16;

/// Of how many questions a relay knows which turn they belong to.
const TURNS_MAX: usize = 256;

/// How long a relay waits to be told of a question that it sees answered.
const TELLING: Duration = Duration::from_millis(200);

/// A question, as much of it as its answers need.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Asked {
    /// The bot of the BotKit server.
    bot: BotId,
    /// The turn of the user's conversation, as a request id.
    turn: String,
    /// Which conversation with the bot behind it is.
    pub(super) round: u32,
    pub(super) setting: Setting,
}

impl Asked {
    pub(super) fn of(at: &InTurn, round: u32, setting: Setting) -> Self {
        Self { bot: at.remote.record.id.clone(), turn: at.turn.to_string(), round, setting }
    }

    /// For a timer. What is too large goes without the setting.
    pub(super) fn kept(&self) -> Bytes {
        let kept = serde_json::to_vec(self).unwrap_or_default();
        if kept.len() <= KEPT_MAX {
            return kept.into();
        }
        let bare = Self { setting: Setting::default(), ..self.clone() };
        serde_json::to_vec(&bare).unwrap_or_default().into()
    }
}

/// When another relay is started, should nobody have waited for the answers.
pub(super) fn until(hall: &Hall, remote: &Remote) -> Timestamp {
    hall.env().now().after(linger(remote) * 2)
}

/// Beside a question: the turn that it is asked in.
pub(super) fn note_of(turn: &TurnId) -> Native {
    Native { protocol: KIND.to_owned(), body: turn.to_string().into() }
}

fn linger(remote: &Remote) -> Duration {
    Duration::from_millis(remote.settings.backend_timeout_ms)
}

/// A question whose answers are to be handed on.
pub(super) struct Job {
    pub(super) asked: Asked,
    pub(super) remote: Arc<Remote>,
    /// The user's conversation.
    pub(super) outer: Arc<Conversation>,
    /// When its timer is due.
    pub(super) until: Timestamp,
    /// Its place among the questions whose answers are waited for.
    pub(super) _room: OwnedSemaphorePermit,
}

impl Job {
    fn at(&self, turn: TurnId) -> InTurn {
        InTurn { remote: Arc::clone(&self.remote), conversation: Arc::clone(&self.outer), turn }
    }
}

/// The relays of this node.
pub(crate) struct Relays {
    running: Mutex<HashMap<ConversationId, UnboundedSender<Job>>>,
    pub(super) in_flight: Semaphore,
    room: Arc<Semaphore>,
}

impl Relays {
    pub(crate) fn new(in_flight_max: usize, waiting_max: usize) -> Self {
        Self {
            running: Mutex::default(),
            in_flight: Semaphore::new(in_flight_max.max(1)),
            room: Arc::new(Semaphore::new(waiting_max.max(1))),
        }
    }

    pub(super) fn room(&self) -> Result<OwnedSemaphorePermit, Error> {
        Arc::clone(&self.room).try_acquire_owned().map_err(|_| Error::Busy)
    }

    fn is_running(&self, inner: &ConversationId) -> bool {
        self.running.lock().get(inner).is_some_and(|relay| !relay.is_closed())
    }

    /// Takes a relay off, unless there is another question for it.
    fn take_off(&self, inner: &ConversationId, jobs: &mut UnboundedReceiver<Job>) -> Option<Job> {
        let mut running = self.running.lock();
        let more = jobs.try_recv().ok();
        if more.is_none() {
            running.remove(inner);
        }
        more
    }
}

impl BotKitFace {
    /// Hands on what is answered to a question, and what comes after it.
    pub(super) fn relay(self: &Arc<Self>, inner: &Arc<Conversation>, job: Job) {
        let mut running = self.relays.running.lock();
        let job = match running.get(&inner.id) {
            Some(relay) => match relay.send(job) {
                Ok(()) => return,
                // It is no more: it panicked.
                Err(unsent) => unsent.0,
            },
            None => job,
        };
        let (sender, jobs) = unbounded_channel();
        if sender.send(job).is_ok() {
            running.insert(inner.id.clone(), sender);
            tokio::spawn(Relay::run(Arc::clone(self), Arc::clone(inner), jobs));
        }
    }

    /// Of these answers those that nobody handed on yet; from now on they are.
    async fn claim(
        &self,
        inner: &Conversation,
        job: &Job,
        mut answers: Vec<Shown>,
    ) -> Result<Vec<Shown>, HallError> {
        let Some(last) = answers.iter().filter_map(|shown| shown.pos).max() else {
            return Ok(Vec::new());
        };
        let Some(from) = hand_on_to(&self.hall, inner, last + 1).await? else {
            return Ok(Vec::new());
        };
        if Standing::of(&self.hall, &job.outer).await?.round != job.asked.round {
            // After a reset nobody waits for them any more.
            return Ok(Vec::new());
        }
        let oldest = self.hall.env().now().before(LATE_MAX);
        answers.retain(|shown| shown.pos >= Some(from) && shown.at >= oldest);
        Ok(answers)
    }
}

/// A relay at work.
struct Relay {
    face: Arc<BotKitFace>,
    inner: Arc<Conversation>,
    jobs: UnboundedReceiver<Job>,
    /// The latest questions, oldest first. There is always one.
    asked: Vec<Job>,
    /// Where in the log the latest questions stand, and in which turn they are asked.
    turns: VecDeque<(ActivityId, TurnId)>,
}

impl Relay {
    async fn run(
        face: Arc<BotKitFace>,
        inner: Arc<Conversation>,
        mut jobs: UnboundedReceiver<Job>,
    ) {
        let Some(first) = jobs.recv().await else { return };
        let mut relay = Self { face, inner, jobs, asked: vec![first], turns: VecDeque::new() };
        loop {
            if let Err(error) = relay.follow().await {
                // The question's timer starts another.
                tracing::warn!(conversation.id = %relay.inner.id, %error, "a relay broke off");
            }
            match relay.face.relays.take_off(&relay.inner.id, &mut relay.jobs) {
                Some(job) => relay.asked.push(job),
                None => return,
            }
        }
    }

    /// Until nothing was asked or answered for a while.
    async fn follow(&mut self) -> Result<(), HallError> {
        let hall = &self.face.hall;
        let from = handed_on(hall, &self.inner).await?;
        let mut listening = hall.subscribe(&self.inner, Viewer::Customer, Place::Pos(from));
        let mut end = self.end();
        loop {
            tokio::select! {
                event = listening.next() => {
                    if let Event::Shown { shown, .. } = event? {
                        self.hand_on(shown).await?;
                        end = self.end();
                    }
                }
                Some(job) = self.jobs.recv() => {
                    self.add(job);
                    end = self.end();
                }
                () = tokio::time::sleep_until(end) => return self.clear().await,
            }
        }
    }

    fn add(&mut self, job: Job) {
        self.asked.push(job);
        let surplus = self.asked.len().saturating_sub(ASKED_MAX);
        self.asked.drain(..surplus);
    }

    fn end(&self) -> Instant {
        let linger = self.asked.last().map(|job| linger(&job.remote));
        Instant::now() + linger.unwrap_or_default()
    }

    async fn hand_on(&mut self, shown: Vec<Shown>) -> Result<(), HallError> {
        let mut answers = Vec::with_capacity(shown.len());
        for shown in shown {
            match shown.role {
                Role::User => self.note(&shown),
                Role::Bot | Role::Agent => answers.push(shown),
            }
        }
        let Some(last) = self.asked.last() else { return Ok(()) };
        for answer in self.face.claim(&self.inner, last, answers).await? {
            let turn = self.turn_of(&answer).await?;
            self.wait_for(turn.as_ref()).await;
            let named = turn.as_ref().map(TurnId::to_string);
            let job = self.asked.iter().rfind(|job| Some(&job.asked.turn) == named.as_ref());
            let Some(job) = job.or(self.asked.last()) else { return Ok(()) };
            let Some(turn) = turn.or_else(|| TurnId::parse(&job.asked.turn)) else { continue };
            let handed_on = self.face.hand_on(&job.at(turn), &job.asked, &answer).await;
            if let Err(error) = handed_on {
                tracing::error!(
                    conversation.id = %job.outer.id, cause = %error, "an answer was not handed on"
                );
            }
        }
        Ok(())
    }

    /// Notes where a question stands.
    fn note(&mut self, question: &Shown) {
        if let Some(turn) = noted(question) {
            self.turns.push_back((question.id, turn));
            let surplus = self.turns.len().saturating_sub(TURNS_MAX);
            self.turns.drain(..surplus);
        }
    }

    /// The turn that an answer belongs to: of the question that it names, else of the last one.
    async fn turn_of(&self, answer: &Shown) -> Result<Option<TurnId>, HallError> {
        let last = self.turns.back().map(|(_, turn)| turn.clone());
        let heard = Heard::read(&answer.body);
        let named = heard.text("replyToId");
        let named = named.and_then(|id| ActivityId::parse(self.inner.id.as_str(), id));
        let Some(named) = named else { return Ok(last) };
        if let Some((_, turn)) = self.turns.iter().find(|(id, _)| *id == named) {
            return Ok(Some(turn.clone()));
        }
        // It was asked before this relay began.
        let question = self.face.entry(&self.inner, named).await?;
        Ok(question.as_ref().and_then(noted).or(last))
    }

    /// A quick bot may have answered before the call that asked it has come to tell of it; one that
    /// another node was called for tells of nothing here.
    async fn wait_for(&mut self, turn: Option<&TurnId>) {
        let Some(turn) = turn.map(TurnId::to_string) else { return };
        let until = Instant::now() + TELLING;
        while !self.asked.iter().any(|job| job.asked.turn == turn) {
            match tokio::time::timeout_at(until, self.jobs.recv()).await {
                Ok(Some(job)) => self.add(job),
                Ok(None) | Err(_) => return,
            }
        }
    }

    /// Clears the timer of the last question: all was waited for. One that was asked elsewhere
    /// meanwhile has set it anew.
    async fn clear(&self) -> Result<(), HallError> {
        let Some(last) = self.asked.last() else { return Ok(()) };
        let clear = TimerWrite {
            scope: SCOPE.to_owned(),
            key: self.inner.id.to_string(),
            expect: Some(last.until),
            set: None,
        };
        match self.face.hall.write(&self.inner.realm, Vec::new(), vec![clear]).await {
            Err(HallError::Conflict(_)) => Ok(()),
            done => done,
        }
    }
}

/// The turn that stands beside a question.
fn noted(question: &Shown) -> Option<TurnId> {
    let note = question.meta.native.as_ref().filter(|native| native.protocol == KIND)?;
    TurnId::parse(note.body.as_str()?)
}

/// Starts relays again whose node is gone.
pub(crate) struct OnRelay(Weak<BotKitFace>);

impl OnRelay {
    pub(crate) fn of(face: &Arc<BotKitFace>) -> Self {
        Self(Arc::downgrade(face))
    }
}

impl fmt::Debug for OnRelay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnRelay")
    }
}

#[async_trait]
impl OnTimer for OnRelay {
    fn scope(&self) -> &'static str {
        SCOPE
    }

    /// Starts a relay, which clears the timer when all was waited for. One that runs here is left alone.
    async fn fire(&self, timer: &Timer) -> Result<(), HallError> {
        let Some(face) = self.0.upgrade() else { return Ok(()) };
        let inner = ConversationId::from(timer.key.as_str());
        if face.relays.is_running(&inner) {
            return Ok(());
        }
        let Some((inner, job)) = face.found(timer, &inner).await? else {
            // The bot is gone, or the conversation: there is nobody to tell.
            let (scope, key) = (SCOPE.to_owned(), timer.key.clone());
            let clear = TimerWrite { scope, key, expect: Some(timer.due_at), set: None };
            return face.hall.write(&timer.realm, Vec::new(), vec![clear]).await;
        };
        face.relay(&inner, job);
        Ok(())
    }
}

impl BotKitFace {
    /// What a timer is about, as far as it is still there.
    async fn found(
        &self,
        timer: &Timer,
        inner: &ConversationId,
    ) -> Result<Option<(Arc<Conversation>, Job)>, HallError> {
        let Ok(asked) = serde_json::from_slice::<Asked>(&timer.value) else { return Ok(None) };
        let record = self.hall.directory().bot(&timer.realm, &asked.bot);
        let remote = record.and_then(|record| Remote::of(&record, &self.shared.key).ok());
        let Some((remote, turn)) = remote.zip(TurnId::parse(&asked.turn)) else { return Ok(None) };
        let outer = self.hall.conversation(&timer.realm, &turn.conversation).await?;
        let inner = self.hall.conversation(&timer.realm, inner).await?;
        let Some((outer, inner)) = outer.zip(inner) else { return Ok(None) };
        let room = self.relays.room().map_err(|error| HallError::Unavailable(error.to_string()))?;
        let job = Job { asked, remote: Arc::new(remote), outer, until: timer.due_at, _room: room };
        Ok(Some((inner, job)))
    }
}
