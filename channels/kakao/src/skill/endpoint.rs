//! The one endpoint of a skill.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use http::{HeaderMap, StatusCode};
use maru_content::limits::KAKAO_SKILL;
use maru_content::{Capabilities, Content, MediaKind, degrade};
use maru_door::body::BodyLimits;
use maru_door::{Caller, Routes};
use maru_hall::Shown;
use serde_json::Value;
use tokio::time::Instant;

use super::map::{callback_response, response_of, text_response};
use super::{CHANNEL_KIND, Native, Payload};
use crate::Kakao;
use crate::channels::Skill;
use crate::files::FileLinks;
use crate::plus_friend::respond;
use crate::talk::{Met, Said, State as Talked, Turn, Who, content_of, standing};

/// The most bytes of a call's body.
const BODY_BYTES_MAX: usize = 256 * 1024;

/// The longest id of a call, in bytes.
const REQUEST_ID_MAX: usize = 128;

pub(crate) fn routes(routes: Routes<Arc<Kakao>>) -> Routes<Arc<Kakao>> {
    routes.post("/kakao/skill/{id}", skill).any("/kakao/skill/{id}", not_allowed)
}

/// Why a call is not answered; said as a skill's answer, which nobody is shown beside such a status.
fn refused(status: StatusCode, words: &str) -> Response {
    respond(status, &text_response(words, &[]))
}

async fn not_allowed() -> Response {
    refused(StatusCode::METHOD_NOT_ALLOWED, "a skill is called by POST")
}

/// A user's word, and the answer to it.
async fn skill(
    State(app): State<Arc<Kakao>>,
    Path(id): Path<String>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let arrived = Instant::now();
    let skill = app.channels.skill(app.hall.directory(), &id);
    // Who may not call is not told that there is something.
    let Some(skill) = skill.filter(|skill| skill.admits(caller.peer)) else {
        return refused(StatusCode::NOT_FOUND, "there is no such skill");
    };
    let shown = headers.get(&skill.settings.secret_header).and_then(|value| value.to_str().ok());
    if !skill.settings.accepts(shown) {
        return refused(StatusCode::UNAUTHORIZED, "the secret header is missing or wrong");
    }
    let body = match maru_door::body::read(body, BodyLimits::bytes(BODY_BYTES_MAX)).await {
        Ok(body) => body,
        Err(error) => return refused(error.kind().status(), "the body cannot be read"),
    };
    let payload = Payload::read(&body);
    let who = payload.as_ref().and_then(|payload| who_of(&skill, payload));
    let (Some(payload), Some(who)) = (payload, who) else {
        return refused(StatusCode::BAD_REQUEST, "this is no skill payload");
    };
    let answer = app.answer(&skill, &who, payload, &caller, client_key(&headers), arrived).await;
    respond(StatusCode::OK, &answer)
}

fn who_of(skill: &Skill, payload: &Payload) -> Option<Who> {
    let vouched = !skill.settings.secrets.is_empty();
    let mut who = Who::new(&skill.record, CHANNEL_KIND, &payload.user, vouched)?;
    who.locale.clone_from(&payload.locale);
    Some(who)
}

/// Each call has an id of its own; a proxy that sends one again is not to say it twice.
fn client_key(headers: &HeaderMap) -> Option<Box<str>> {
    let id = headers.get("x-request-id")?.to_str().ok()?;
    (1..=REQUEST_ID_MAX).contains(&id.len()).then(|| id.into())
}

impl Kakao {
    async fn answer(
        self: &Arc<Self>,
        skill: &Arc<Skill>,
        who: &Who,
        payload: Payload,
        caller: &Caller,
        client_key: Option<Box<str>>,
        arrived: Instant,
    ) -> Value {
        let settings = &skill.settings;
        let images =
            self.attach(&skill.record, &skill.manner, MediaKind::Image, &payload.images).await;
        if payload.utterance.is_empty() && images.attachments.is_empty() {
            return text_response(&settings.unreadable_text, &[]);
        }
        let callback_url = payload.callback_url;
        let said = Said {
            text: payload.utterance,
            offer: payload.offer,
            channel_data: Some(payload.data),
            timezone: payload.timezone,
            attachments: images.attachments,
            blobs: images.blobs,
            client_key,
        };
        let deadline = arrived + skill.manner.budget;
        let turn = match self.turn(who, said, &skill.manner, deadline).await {
            Ok(turn) => turn,
            Err(error) => {
                tracing::warn!(%error, "a skill was not answered");
                return text_response(&settings.failed_text, &[]);
            }
        };
        let answer = self.answer_of_turn(skill, who, &turn, &caller.base_url).await;
        let answer = match answer {
            Some(answer) => answer,
            None => {
                self.metrics.late.inc();
                let allowed = callback_url.filter(|url| settings.may_call_back(url));
                let calls_back = allowed
                    .is_some_and(|url| self.call_back(skill, who, &turn.met, url, caller, arrived));
                if calls_back {
                    callback_response(&settings.waiting_text)
                } else {
                    text_response(&settings.waiting_text, &[&settings.waiting_button])
                }
            }
        };
        self.follow_for_events(skill, who, &turn.met, caller);
        answer
    }

    /// What a turn is answered with; `None` if there is nothing yet.
    async fn answer_of_turn(
        &self,
        skill: &Skill,
        who: &Who,
        turn: &Turn,
        base_url: &str,
    ) -> Option<Value> {
        match turn.state {
            Talked::Answered => {
                let mut met = turn.met.clone();
                Some(self.render(who, &mut met, &turn.answers, base_url).await)
            }
            Talked::Failed => Some(text_response(&skill.settings.failed_text, &[])),
            Talked::Waiting => None,
        }
    }

    /// Answers in Kakao's words; what they offer is kept.
    pub(super) async fn render(
        &self,
        who: &Who,
        met: &mut Met,
        answers: &[Shown],
        base_url: &str,
    ) -> Value {
        let mut native = Native::default();
        let mut content = Content::default();
        let links = FileLinks(base_url);
        for shown in standing(answers) {
            let own = Native::of(&shown.body);
            if own.outputs.is_empty() {
                content.then(content_of(std::slice::from_ref(shown), &links));
            }
            native.then(own);
        }
        if !content.is_empty() {
            // Room is left for what was said in the portable way.
            native.outputs.truncate(KAKAO_SKILL.bubbles_max - 1);
        }
        let bubbles_max = KAKAO_SKILL.bubbles_max - native.outputs.len();
        let made = degrade(content, &Capabilities { bubbles_max, ..KAKAO_SKILL });
        let ids = self.remember(who, met, &made).await;
        response_of(&made, &ids, native)
    }
}
