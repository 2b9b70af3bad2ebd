//! A BotKit server: one POST an event.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use maru_accounts::{InstanceKey, Secret};
use maru_activity::{Account, Timestamp};
use maru_egress::{Answer, Call};
use maru_hall::settings::bad;
use maru_hall::{BadSettings, BotRecord, Outcome};

use crate::config::{Authentication, Settings, opened};
use crate::wire::event::{Event, Hook};
use crate::{KIND, Shared, token};

/// A JWT by which the server knows the platform.
const TOKEN: HeaderName = HeaderName::from_static("token");

/// The secret itself, where the server is set up for that.
const API_KEY: HeaderName = HeaderName::from_static("apikey");

/// The server behind a bot's record.
pub(crate) struct Remote {
    pub(crate) record: BotRecord,
    pub(crate) settings: Settings,
    pub(crate) account: Account,
    secret: Secret,
}

impl Remote {
    pub(crate) fn of(record: &BotRecord, key: &InstanceKey) -> Result<Self, BadSettings> {
        let settings = Settings::read(&record.settings)?;
        let secret = settings.secret.as_ref().map(|secret| opened(secret, key)).transpose()?;
        let missing = || bad("secret", "must be given: BotKit's credentials.apikey");
        let secret = secret.ok_or_else(missing)?;
        Ok(Self { record: record.clone(), settings, account: record.account(), secret })
    }

    /// Whether whoever shows this token is this server.
    pub(crate) fn knows(&self, presented: &str, now: Timestamp) -> bool {
        let Settings { app_id, algorithm, .. } = &self.settings;
        token::is_good(presented, app_id, &self.secret, *algorithm, now)
    }

    /// Tells the server of an event. Its answer, if that is a 2xx; else what the attempt came to.
    pub(crate) async fn tell(
        &self,
        shared: &Shared,
        hook: &Hook,
        event: &Event<'_>,
        budget: Duration,
    ) -> Result<Answer, Outcome> {
        let refused = |cause: String| Outcome::Refused { cause, status: None };
        let body = serde_json::to_vec(event).map_err(|error| refused(error.to_string()))?;
        let limit = self.settings.event_bytes_max;
        if body.len() > limit {
            let bytes = body.len();
            let cause = format!(
                "the event has {bytes} bytes; a BotKit server takes {limit} (event_bytes_max)"
            );
            return Err(refused(cause));
        }
        let now = shared.env.now();
        let headers = self.headers(now);
        let headers = headers.ok_or_else(|| refused("the secret makes no token".to_owned()))?;
        let Settings { url, bot_id, .. } = &self.settings;
        let url = format!("{url}/sdk/bots/{bot_id}/{}", hook.path());
        let call = Call {
            headers,
            body: Bytes::from(body),
            body_max: Some(self.settings.answer_bytes_max),
            ..Call::new(KIND, Method::POST, url, maru_courier::deadline(budget))
        };
        let called = shared.egress.call(call).await;
        maru_courier::answer(called, "the BotKit server", || now).map_err(explained)
    }

    fn headers(&self, now: Timestamp) -> Option<HeaderMap> {
        let Settings { app_id, algorithm, authentication, .. } = &self.settings;
        let mut headers = HeaderMap::with_capacity(3);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        let (name, credential) = match authentication {
            Authentication::Jwt => {
                let signed = token::sign(app_id, &self.secret, *algorithm, now)?;
                (TOKEN, HeaderValue::try_from(signed).ok()?)
            }
            Authentication::ApiKey => (API_KEY, HeaderValue::from_str(self.secret.expose()).ok()?),
        };
        headers.insert(name, credential);
        Some(headers)
    }
}

/// What a BotKit server means that refuses the token: 401 with its code 4002.
fn explained(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Refused { cause, status: Some(401) } => {
            let cause = format!(
                "{cause} (code 4002): app_id, secret, algorithm or authentication are not its own"
            );
            Outcome::Refused { cause, status: Some(401) }
        }
        other => other,
    }
}

/// Without the settings, whose secret is sealed but is nobody's business.
impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote")
            .field("bot", &self.record.id)
            .field("url", &self.settings.url)
            .finish_non_exhaustive()
    }
}
