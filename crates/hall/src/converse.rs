//! Question and answer in one call, for protocols that know nothing else.

use std::sync::Arc;
use std::time::Duration;

use maru_activity::{Kind, Pos, Role, Timestamp, Viewer};
use maru_store::{Commit, Conversation, Place, StateWrite};
use tokio::time::Instant;

use crate::delivery::Watched;
use crate::{Delivered, Error, Event, Hall, Post, Posted, Shown};

/// How long it must be quiet after an answer before the call ends.
const QUIET: Duration = Duration::from_millis(300);

/// What came too late for one call is handed to the user's next one for this long.
const LATE_MAX: Duration = Duration::from_secs(600);

/// Where the place is kept up to which answers were handed out.
const SCOPE: &str = "hall/converse";

/// What a call came to.
#[derive(Debug)]
pub struct Conversed {
    /// What the user said, as it was posted.
    pub posted: Posted,
    /// What was answered, in order; first what came too late for the call before.
    pub answers: Vec<Shown>,
    /// What came of the delivery; `None` if the budget ended first.
    pub delivered: Option<Delivered>,
}

impl Hall {
    /// Says something and waits for the answers: until the delivery is settled, at least one
    /// answer has come and 300 ms were quiet, or until `budget` is over.
    ///
    /// # Errors
    /// As [`Hall::post`].
    pub async fn converse(
        &self,
        conversation: &Arc<Conversation>,
        mut post: Post,
        budget: Duration,
    ) -> Result<Conversed, Error> {
        let deadline = Instant::now() + budget;
        let handed_out = self.handed_out(conversation).await?;
        let mut listening = self.subscribe(conversation, Viewer::Customer, Place::Pos(handed_out));
        let mut answers: Vec<Shown> = Vec::new();
        let mut next_pos = handed_out;
        post.wait = None;
        let (posted, settled) = self.post_watched(conversation, post, true).await?;
        let mut settled = settled.unwrap_or_else(|| Watched::known(Delivered::Nobody));
        let mut delivered = None;
        let mut quiet_from = Instant::now();
        loop {
            let has_answer = answers.iter().any(|shown| shown.at >= posted.at);
            let nothing_comes =
                matches!(delivered, Some(ref d) if !matches!(d, Delivered::Taken(_)));
            let end = if delivered.is_some() && (has_answer || nothing_comes) {
                deadline.min(quiet_from + QUIET)
            } else {
                deadline
            };
            tokio::select! {
                event = listening.next() => {
                    if let Event::Shown { shown, next_pos: next } = event? {
                        next_pos = next;
                        let oldest = self.inner.env.now().before(LATE_MAX);
                        answers.extend(shown.into_iter().filter(|s| is_answer(s, oldest)));
                        quiet_from = Instant::now();
                    }
                }
                outcome = &mut settled, if delivered.is_none() => {
                    delivered = Some(outcome);
                    quiet_from = Instant::now();
                }
                () = tokio::time::sleep_until(end) => break,
            }
        }
        self.note_handed_out(conversation, next_pos).await?;
        Ok(Conversed { posted, answers, delivered })
    }

    /// Waits for answers without saying anything: until one has come and 300 ms were quiet, or until
    /// `budget` is over. What is given here is given by no later call.
    ///
    /// # Errors
    /// What the store says.
    pub async fn hear(
        &self,
        conversation: &Arc<Conversation>,
        budget: Duration,
    ) -> Result<Vec<Shown>, Error> {
        let handed_out = self.handed_out(conversation).await?;
        let mut listening = self.subscribe(conversation, Viewer::Customer, Place::Pos(handed_out));
        let mut answers: Vec<Shown> = Vec::new();
        let mut next_pos = handed_out;
        let deadline = Instant::now() + budget;
        let mut end = deadline;
        loop {
            tokio::select! {
                // What is there already is heard however small the budget is.
                biased;
                event = listening.next() => {
                    if let Event::Shown { shown, next_pos: next } = event? {
                        next_pos = next;
                        let oldest = self.inner.env.now().before(LATE_MAX);
                        answers.extend(shown.into_iter().filter(|s| is_answer(s, oldest)));
                        if !answers.is_empty() {
                            end = deadline.min(Instant::now() + QUIET);
                        }
                    }
                    if Instant::now() >= deadline {
                        break;
                    }
                }
                () = tokio::time::sleep_until(end) => break,
            }
        }
        if next_pos > handed_out {
            self.note_handed_out(conversation, next_pos).await?;
        }
        Ok(answers)
    }

    /// Takes back that answers were given, from this pos on: they could not be shown. The next call
    /// gives them.
    ///
    /// # Errors
    /// What the store says.
    pub async fn hear_again(&self, conversation: &Conversation, from: Pos) -> Result<(), Error> {
        let handed_out = self.handed_out(conversation).await?;
        self.note_handed_out(conversation, handed_out.min(from)).await
    }

    /// The pos up to which this user's answers were handed out. A conversation that was never
    /// conversed with begins at its end.
    async fn handed_out(&self, conversation: &Conversation) -> Result<Pos, Error> {
        let key = conversation.id.as_str();
        let state = self.inner.store.state(&conversation.realm, SCOPE, key).await?;
        let noted = state.and_then(|s| std::str::from_utf8(&s.value).ok()?.parse().ok());
        Ok(noted.unwrap_or(0))
    }

    async fn note_handed_out(&self, conversation: &Conversation, pos: Pos) -> Result<(), Error> {
        let env = &self.inner.env;
        let id = maru_activity::CommitId(env.uuid());
        let mut commit = Commit::new(id, conversation.realm.clone(), env.now());
        commit.states.push(StateWrite::put(SCOPE, conversation.id.as_str(), pos.to_string()));
        self.inner.store.commit(commit).await?;
        Ok(())
    }
}

/// Typing is none: a bot that says that it is about to answer has not yet.
fn is_answer(shown: &Shown, oldest: Timestamp) -> bool {
    shown.role != Role::User && shown.kind != Kind::Typing && shown.at >= oldest
}
