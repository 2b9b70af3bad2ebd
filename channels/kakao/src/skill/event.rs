//! What the bot says later, pushed by the Event API (kakao-naver-chatflow.md §2.6).

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use maru_accounts::Secret;
use maru_activity::{Pos, Viewer};
use maru_content::degrade;
use maru_content::limits::KAKAO_EVENT;
use maru_door::{Caller, Following};
use maru_hall::{Error, Place, Shown, StateWrite};
use serde_json::{Value, json};

use super::Settings;
use super::callback::{Late, shortened, something_shown};
use crate::Kakao;
use crate::channels::Skill;
use crate::files::FileLinks;
use crate::talk::{Met, Who, content_of};

/// How long a conversation is followed after a user's word.
const FOLLOWED: Duration = Duration::from_secs(600);

/// How long one call may take.
const CALL_MAX: Duration = Duration::from_secs(10);

/// The scope of what was pushed; the key names the conversation. An event costs money: of several
/// nodes that follow one conversation, one pushes.
const SCOPE: &str = "kakao/pushed";

impl Settings {
    /// Whether what the bot says later can be pushed.
    fn pushes(&self) -> bool {
        self.event_key.is_some() && !self.event_bot_id.is_empty() && !self.event_name.is_empty()
    }
}

impl Kakao {
    /// Follows a conversation for ten minutes, where events are configured.
    pub(super) fn follow_for_events(
        self: &Arc<Self>,
        skill: &Arc<Skill>,
        who: &Who,
        met: &Met,
        caller: &Caller,
    ) {
        if !skill.settings.pushes() {
            return;
        }
        let late = Late {
            skill: Arc::clone(skill),
            who: who.clone(),
            met: met.clone(),
            base_url: Arc::clone(&caller.base_url),
        };
        let app = Arc::clone(self);
        self.events.follow(&met.conversation.id, FOLLOWED, |following| async move {
            app.push_events(&late, &following).await;
        });
    }

    async fn push_events(&self, late: &Late, following: &Following) {
        let Ok(head) = self.hall.head(&late.met.conversation).await else { return };
        let from = Place::Pos(head.next_pos);
        let mut listening = self.hall.subscribe(&late.met.conversation, Viewer::Customer, from);
        // A call that is being answered, on whichever node, takes what comes for itself.
        let patience = late.skill.manner.budget + Duration::from_secs(1);
        loop {
            // Only waiting is broken off: what was heard is pushed, or given back.
            tokio::select! {
                () = tokio::time::sleep(patience) => {}
                () = following.over() => return,
            }
            // A callback does so too, while one is waited for.
            if self.callbacks.is_following(&late.met.conversation.id) {
                continue;
            }
            let answers = self.hear_in_turn(&late.who, &late.met).await;
            // What could not be pushed goes out with the user's next word, and until that so does the
            // rest.
            let goes_on = answers.is_empty() || self.push(late, answers).await;
            let waiting = async { while !(something_shown(&mut listening).await || goes_on) {} };
            tokio::select! {
                () = waiting => {}
                () = following.over() => return,
            }
        }
    }

    /// Pushes answers. Says whether there may be more to push.
    async fn push(&self, late: &Late, answers: Vec<Shown>) -> bool {
        let Some(last) = answers.iter().filter_map(|shown| shown.pos).max() else { return true };
        match self.claim(late, last).await {
            Ok(true) => {}
            Ok(false) => return true,
            Err(error) => {
                tracing::warn!(%error, "a late answer was not pushed");
                self.give_back(&late.met, &answers).await;
                return false;
            }
        }
        let content = content_of(&answers, &FileLinks(&late.base_url));
        let made = degrade(content, &KAKAO_EVENT);
        let mut met = late.met.clone();
        if let Ok((Some(now), _)) = self.known(&late.who).await {
            met = now;
        }
        self.remember(&late.who, &mut met, &made).await;
        let words: Vec<String> = made.bubbles.iter().map(maru_content::Bubble::words).collect();
        match self.send_event(late, &words.join("\n")).await {
            Ok(()) => {
                self.metrics.events.inc();
                true
            }
            Err(problem) => {
                self.metrics.failed.inc();
                let channel = &late.skill.record.id;
                tracing::warn!(channel.id = %channel, problem, "an event was not taken");
                self.give_back(&late.met, &answers).await;
                false
            }
        }
    }

    /// Notes that this node pushes everything up to here. `false`: another one does.
    async fn claim(&self, late: &Late, last: Pos) -> Result<bool, Error> {
        let (realm, of) = (&late.who.record.realm, &late.met.conversation.id);
        let key = of.as_str();
        let state = self.hall.state(realm, SCOPE, key).await?;
        let version = state.as_ref().map_or(0, |state| state.version);
        let pushed = state.and_then(|s| std::str::from_utf8(&s.value).ok()?.parse::<Pos>().ok());
        if pushed.is_some_and(|pushed| pushed >= last) {
            return Ok(false);
        }
        let claim = StateWrite::put(SCOPE, key, last.to_string()).at_version(version).about(of);
        match self.hall.write(realm, vec![claim], Vec::new()).await {
            Ok(()) => Ok(true),
            Err(Error::Conflict(_)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn send_event(&self, late: &Late, words: &str) -> Result<(), String> {
        // As it stands now: a key may have been mended since the user spoke.
        let skill = self.channels.skill(self.hall.directory(), &late.skill.settings.id);
        let skill = skill.filter(|skill| skill.settings.pushes());
        let skill = skill.ok_or_else(|| "the skill pushes no more".to_owned())?;
        let settings = &skill.settings;
        let key = skill.event_key.as_ref().map_or("", Secret::expose);
        let mut authorization = HeaderValue::try_from(format!("KakaoAK {key}"))
            .map_err(|_| "the key cannot stand in a header".to_owned())?;
        authorization.set_sensitive(true);
        let base = settings.event_url.trim_end_matches('/');
        let url = format!("{base}/v2/bots/{}/talk", settings.event_bot_id);
        let body = json!({
            "event": {"name": settings.event_name, "data": {"text": words}},
            "user": [{"type": "botUserKey", "id": late.who.account.id}],
        });
        let answer =
            self.post_to_kakao("kakao-event", &url, &body, Some(authorization), CALL_MAX).await?;
        match answer.get("status").and_then(Value::as_str) {
            None | Some("SUCCESS") => Ok(()),
            Some(status) => Err(format!("it was answered with {:?}", shortened(status))),
        }
    }
}
