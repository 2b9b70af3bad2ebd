//! The partner server behind a bot, and the five calls that it is made
//! (`kakao-naver-chatflow.md` §1.2).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderValue};
use http::{Method, StatusCode};
use maru_activity::Account;
use maru_egress::{Answer as HttpAnswer, Call, Failure};
use maru_hall::settings::bad;
use maru_hall::{BadSettings, BotRecord};
use serde::Serialize;

use crate::config::Settings;
use crate::error::{Code, Rejected};
use crate::get::get;
use crate::limits::USER_KEY_LENGTH;
use crate::read::{self, Reading, Repair};
use crate::reports::Endpoint;
use crate::wire::keyboard::Keyboard;
use crate::wire::message::{Answer, Request};
use crate::wire::user;
use crate::{KIND, Memory, Shared};

/// What the derived users' keys are for, so that no other secret of the instance is like them.
const PURPOSE: &str = "plus-friend/user-key";

/// By how much an answer's time must end before the hall's own, so that the notice is heard.
pub(crate) const MARGIN: Duration = Duration::from_millis(500);

/// The partner server behind a bot's record.
pub(crate) struct Partner {
    pub(crate) record: BotRecord,
    pub(crate) settings: Settings,
    pub(crate) account: Account,
    /// What this node knows of it.
    pub(crate) memory: Arc<Memory>,
    pub(crate) shared: Arc<Shared>,
}

impl Partner {
    pub(crate) fn of(record: &BotRecord, shared: &Arc<Shared>) -> Result<Self, BadSettings> {
        let settings = Settings::read(&record.settings)?;
        if settings.answer_timeout() + MARGIN > record.delivery.attempt_timeout() {
            let problem = "must be at least 500 below delivery.attempt_timeout_ms";
            return Err(bad("answer_timeout_ms", problem));
        }
        Ok(Self {
            settings,
            account: record.account(),
            memory: shared.memory(&record.realm, &record.id),
            shared: Arc::clone(shared),
            record: record.clone(),
        })
    }

    /// A user's key: the same for good, another one for each bot, and without a dot or a slash, which
    /// some partners' routes would take apart. It tells nothing of whose it is.
    pub(crate) fn user_key(&self, channel: &str, user: &str) -> String {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let about = [self.record.realm.as_str(), self.record.id.as_str(), channel, user];
        let secret = self.shared.key.derive(PURPOSE, &about);
        let mut key = URL_SAFE_NO_PAD.encode(secret.as_slice());
        key.truncate(USER_KEY_LENGTH);
        key
    }

    /// `GET /keyboard`.
    pub(crate) async fn keyboard(&self, within: Duration) -> Result<Keyboard, Rejected> {
        let answer = self.call(Endpoint::Keyboard, "", Bytes::new(), within).await;
        let read = answer.map_err(|failure| Rejected::of_failure(&failure)).and_then(|answer| {
            readable(&answer, Code::WrongKeyboardInitialization)?;
            if answer.status != StatusCode::OK {
                return Err(not_ok(answer.status, Code::WrongKeyboardInitialization));
            }
            let mode = self.settings.mode();
            self.take(Endpoint::Keyboard, read::keyboard(&answer.body, content_type(&answer), mode))
        });
        self.note(Endpoint::Keyboard, read.as_ref().err());
        read
    }

    /// `POST /message`. With less time than a partner has, its taking too long is no failure of its.
    pub(crate) async fn message(
        &self,
        request: &Request<'_>,
        within: Duration,
    ) -> Result<Answer, Rejected> {
        let patience = self.settings.answer_timeout();
        let answer = self.call(Endpoint::Message, "", json(request), within.min(patience)).await;
        let read = match answer {
            Ok(answer) => self.read_message(&answer),
            Err(failure @ Failure::TimedOut { .. }) if within < patience => {
                Err(Rejected::of_failure(&failure).uncounted())
            }
            Err(failure) => Err(Rejected::of_failure(&failure)),
        };
        self.note(Endpoint::Message, read.as_ref().err());
        read
    }

    fn read_message(&self, answer: &HttpAnswer) -> Result<Answer, Rejected> {
        readable(answer, Code::WrongMessageFormat)?;
        let (status, mode) = (answer.status, self.settings.mode());
        let is_ok = status == StatusCode::OK;
        if !is_ok && (self.settings.strict || status.is_redirection()) {
            return Err(not_ok(status, Code::WrongMessageFormat));
        }
        let mut reading = read::answer(&answer.body, content_type(answer), mode);
        if !is_ok {
            // Some frameworks answer errors with a message that is meant for the user.
            reading.repairs.push(Repair::Status);
            reading.read = reading.read.map_err(|_| not_ok(status, Code::WrongMessageFormat));
        }
        self.take(Endpoint::Message, reading)
    }

    /// `POST /friend`. Whatever comes is good: many partners serve this not at all.
    pub(crate) async fn add_friend(&self, user_key: &str, within: Duration) {
        self.tell(Endpoint::AddFriend, "", json(&user::Request { user_key }), within).await;
    }

    /// `DELETE /friend/{user_key}`. Likewise.
    pub(crate) async fn block(&self, user_key: &str, within: Duration) {
        self.tell(Endpoint::Block, user_key, Bytes::new(), within).await;
    }

    /// `DELETE /chat_room/{user_key}`. Likewise.
    pub(crate) async fn leave(&self, user_key: &str, within: Duration) {
        self.tell(Endpoint::Leave, user_key, Bytes::new(), within).await;
    }

    async fn tell(&self, endpoint: Endpoint, user_key: &str, body: Bytes, within: Duration) {
        let within = within.min(self.settings.answer_timeout());
        let failed = match self.call(endpoint, user_key, body, within).await {
            Ok(answer) if answer.status.is_success() => None,
            Ok(answer) => Some(not_ok(answer.status, Code::BadRequest)),
            Err(failure) => Some(Rejected::of_failure(&failure)),
        };
        self.note(endpoint, failed.as_ref());
    }

    /// One call, to the letter. Only a GET's redirects are followed.
    pub(crate) async fn call(
        &self,
        endpoint: Endpoint,
        user_key: &str,
        body: Bytes,
        within: Duration,
    ) -> Result<HttpAnswer, Failure> {
        let (method, path) = match endpoint {
            Endpoint::Keyboard => (Method::GET, "/keyboard".to_owned()),
            Endpoint::Message => (Method::POST, "/message".to_owned()),
            Endpoint::AddFriend => (Method::POST, "/friend".to_owned()),
            Endpoint::Block => (Method::DELETE, format!("/friend/{user_key}")),
            Endpoint::Leave => (Method::DELETE, format!("/chat_room/{user_key}")),
        };
        let is_get = method == Method::GET;
        let mut headers = HeaderMap::with_capacity(1);
        // On all five, as the platform sent it: servers answer 415 without it.
        let json = HeaderValue::from_static("application/json; charset=utf-8");
        headers.insert(CONTENT_TYPE, json);
        let call = Call {
            headers,
            body,
            body_max: Some(self.settings.answer_bytes_max),
            ..Call::new(KIND, method, self.settings.endpoint(&path), within)
        };
        let egress = &self.shared.egress;
        if is_get { get(egress, call).await } else { egress.call(call).await }
    }

    /// Lists what was put right, and gives what was read.
    fn take<T>(&self, endpoint: Endpoint, reading: Reading<T>) -> Result<T, Rejected> {
        if reading.read.is_ok() {
            self.shared.metrics.repaired(&reading.repairs);
            let now = self.shared.env.now();
            for repair in &reading.repairs {
                self.memory.reports.note(now, endpoint, None, repair.about().into());
            }
        }
        reading.read
    }

    fn note(&self, endpoint: Endpoint, failed: Option<&Rejected>) {
        self.shared.metrics.called(endpoint, failed);
        let Some(failed) = failed else { return };
        let now = self.shared.env.now();
        self.memory.reports.note(now, endpoint, Some(failed.code), failed.detail.clone());
        tracing::debug!(
            realm.id = %self.record.realm, bot.id = %self.record.id, call = endpoint.word(),
            cause = %failed, "a partner's answer was not taken"
        );
    }
}

/// Without the texts.
impl fmt::Debug for Partner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Partner")
            .field("bot", &self.record.id)
            .field("url", &self.settings.url)
            .finish_non_exhaustive()
    }
}

/// No encoding was asked for, so none is undone: what is compressed may be anything.
fn readable(answer: &HttpAnswer, code: Code) -> Result<(), Rejected> {
    let plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    match answer.headers.get(CONTENT_ENCODING) {
        Some(encoding) if !plain(encoding) => {
            Err(Rejected::new(code, "the answer is compressed, which was not asked for"))
        }
        _ => Ok(()),
    }
}

fn not_ok(status: StatusCode, code: Code) -> Rejected {
    Rejected::new(code, format!("response is not OK(200) : {}", status.as_u16()))
}

fn content_type(answer: &HttpAnswer) -> Option<&str> {
    answer.headers.get(CONTENT_TYPE)?.to_str().ok()
}

fn json(request: &impl Serialize) -> Bytes {
    // Texts alone: this cannot fail.
    serde_json::to_vec(request).unwrap_or_default().into()
}
