//! Late answers by callback (kakao-naver-chatflow.md §2.5): once, within the minute.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, header};
use maru_activity::{Role, Viewer};
use maru_content::Content;
use maru_content::limits::SKILL_CALLBACK_AFTER_MS;
use maru_door::{Caller, Following};
use maru_egress::Call;
use maru_hall::{Event, Place, Shown, Subscription};
use serde_json::Value;
use tokio::time::{Instant, timeout_at};

use super::map::text_response;
use super::{Native, Settings};
use crate::Kakao;
use crate::channels::Skill;
use crate::talk::{Met, Who, left, standing};

/// How long to wait with an answer between acknowledging and calling back.
const AFTER: Duration = Duration::from_millis(SKILL_CALLBACK_AFTER_MS);

/// How long one call may take.
const CALL_MAX: Duration = Duration::from_secs(5);

/// How long to listen for what is there already, and for what comes right behind it. The user's next
/// call waits for that long.
const HEAR: Duration = Duration::from_millis(500);

/// How long to wait before the store is asked again that did not answer.
const STORE_AGAIN: Duration = Duration::from_secs(1);

/// How long to wait at most for a call of the user's that is being answered.
const TURN_MAX: Duration = Duration::from_secs(6);

impl Settings {
    /// Whether this address may be called back.
    pub(super) fn may_call_back(&self, url: &str) -> bool {
        self.callback && maru_courier::belongs(url, &self.callback_hosts, false)
    }
}

/// What a late answer is waited for with.
pub(super) struct Late {
    pub(super) skill: Arc<Skill>,
    pub(super) who: Who,
    pub(super) met: Met,
    pub(super) base_url: Arc<str>,
}

impl Kakao {
    /// Begins to wait for a late answer, to call back with it. Says whether it does: there is one
    /// such wait for a user at a time.
    pub(super) fn call_back(
        self: &Arc<Self>,
        skill: &Arc<Skill>,
        who: &Who,
        met: &Met,
        url: String,
        caller: &Caller,
        arrived: Instant,
    ) -> bool {
        let span = Duration::from_secs(skill.settings.callback_wait_secs);
        let late = Late {
            skill: Arc::clone(skill),
            who: who.clone(),
            met: met.clone(),
            base_url: Arc::clone(&caller.base_url),
        };
        let (app, end) = (Arc::clone(self), arrived + span);
        let mut waits = false;
        self.callbacks.follow(&met.conversation.id, left(end), |following| {
            waits = true;
            async move { app.wait_and_call_back(late, &url, end, following).await }
        });
        waits
    }

    async fn wait_and_call_back(&self, late: Late, url: &str, end: Instant, following: Following) {
        let earliest = Instant::now() + AFTER;
        let Some(answers) = self.late_answers(&late, end, &following).await else { return };
        tokio::time::sleep_until(earliest).await;
        let Late { skill, who, mut met, base_url } = late;
        let answer = if answers.is_empty() {
            let settings = &skill.settings;
            text_response(&settings.waiting_text, &[&settings.waiting_button])
        } else {
            // What was offered may have been written by a call since.
            if let Ok((Some(now), _)) = self.known(&who).await {
                met = now;
            }
            self.render(&who, &mut met, &answers, &base_url).await
        };
        match self.post_callback(url, &answer).await {
            Ok(()) => _ = self.metrics.callbacks.inc(),
            Err(problem) => {
                self.metrics.failed.inc();
                tracing::warn!(channel.id = %skill.record.id, problem, "a callback was not taken");
                self.give_back(&met, &answers).await;
            }
        }
    }

    /// Waits for answers that no other call was given. Empty: the time is over. `None`: it is, and the
    /// user has spoken since and was answered by other calls, so there is nothing to say.
    async fn late_answers(
        &self,
        late: &Late,
        end: Instant,
        following: &Following,
    ) -> Option<Vec<Shown>> {
        let Late { who, met, .. } = late;
        let head = self.hall.head(&met.conversation).await.ok()?;
        let from = Place::Pos(head.next_pos);
        let mut listening = self.hall.subscribe(&met.conversation, Viewer::Customer, from);
        let mut spoken = false;
        loop {
            let heard = self.hear_in_turn(who, met).await;
            if !heard.is_empty() {
                return Some(heard);
            }
            // Only waiting is broken off: what was heard counts as handed out.
            tokio::select! {
                by_user = something_shown(&mut listening) => spoken |= by_user,
                () = following.over() => break,
                () = tokio::time::sleep_until(end) => break,
            }
        }
        (!spoken).then(Vec::new)
    }

    /// What was not handed out yet, when no call of the user's is being answered.
    pub(super) async fn hear_in_turn(&self, who: &Who, met: &Met) -> Vec<Shown> {
        let (realm, until) = (&who.record.realm, Instant::now() + TURN_MAX);
        let Some(_held) = self.turns.take(realm, &who.key(), until).await else {
            return Vec::new();
        };
        let heard = self.hall.hear(&met.conversation, HEAR).await;
        let heard = heard.inspect_err(|error| tracing::warn!(%error, "late answers were not read"));
        let shows = |shown: &Shown| {
            !Content::of(&shown.body).is_empty() || !Native::of(&shown.body).outputs.is_empty()
        };
        let heard = heard.unwrap_or_default();
        if standing(&heard).any(shows) { heard } else { Vec::new() }
    }

    /// What was taken and could not be shown goes out with the user's next word.
    pub(super) async fn give_back(&self, met: &Met, answers: &[Shown]) {
        let Some(first) = answers.iter().filter_map(|shown| shown.pos).min() else { return };
        if let Err(error) = self.hall.hear_again(&met.conversation, first).await {
            tracing::warn!(%error, "a late answer was not given back");
        }
    }

    async fn post_callback(&self, url: &str, answer: &Value) -> Result<(), String> {
        let answer = self.post_to_kakao("kakao-callback", url, answer, None, CALL_MAX).await?;
        // Known failures are answered 200 too (§2.5).
        let status = answer.get("status").and_then(Value::as_str);
        match status {
            None | Some("SUCCESS") => Ok(()),
            Some(status) => Err(format!("it was answered with {:?}", shortened(status))),
        }
    }

    /// Posts JSON to Kakao, and gives the JSON that is answered.
    ///
    /// # Errors
    /// In words for the log, without the address: it is a capability.
    pub(super) async fn post_to_kakao(
        &self,
        purpose: &'static str,
        url: &str,
        body: &Value,
        authorization: Option<HeaderValue>,
        within: Duration,
    ) -> Result<Value, String> {
        let mut call = Call::new(purpose, Method::POST, url, within);
        let json = HeaderValue::from_static("application/json;charset=UTF-8");
        call.headers.insert(header::CONTENT_TYPE, json);
        if let Some(authorization) = authorization {
            call.headers.insert(header::AUTHORIZATION, authorization);
        }
        call.body = body.to_string().into();
        let end = Instant::now() + within;
        let answer = timeout_at(end, self.egress.call(call)).await;
        let answer =
            answer.map_err(|_| "timed out".to_owned())?.map_err(|error| error.to_string())?;
        if !answer.status.is_success() {
            return Err(format!("it was answered with the status {}", answer.status.as_u16()));
        }
        Ok(serde_json::from_slice(&answer.body).unwrap_or_default())
    }
}

/// A foreign word, as far as it belongs into a log.
pub(super) fn shortened(word: &str) -> String {
    word.chars().filter(char::is_ascii_graphic).take(24).collect()
}

/// Waits until something new is shown. Says whether the user said any of it.
pub(super) async fn something_shown(listening: &mut Subscription) -> bool {
    loop {
        match listening.next().await {
            Ok(Event::Shown { shown, .. }) => {
                return shown.iter().any(|shown| shown.role == Role::User);
            }
            Ok(Event::Signal(_)) => {}
            // The store is away: it is asked again, not at once.
            Err(_) => tokio::time::sleep(STORE_AGAIN).await,
        }
    }
}
