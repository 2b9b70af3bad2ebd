//! A server with one app, on a real port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use maru_activity::{Account, Activity, Kind};
use maru_door::{Context, Faces, Metrics, RouteSpec, Sockets};
use maru_hall::{
    BadSettings, Bot, BotKind, BotRecord, ChannelRecord, Conversation, Hall, Handed, Meta, Outcome,
    Post, Posted, Said,
};
use maru_kore::{KIND, Kore, NewApp, check_settings, new_app_settings};
use maru_testhouse::{Ground, activity, add_bot, add_channel, only_conversation, served};
use maru_testkit::{Answer, ClockAhead, env_ahead};
use parking_lot::Mutex;
use prometheus_client::registry::Registry;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

/// What the bot was handed, as JSON.
pub(crate) type Heard = Arc<Mutex<Vec<Value>>>;

/// A bot that greets, says each text again, and does what it is told: `hang`, `silent`, `cards`.
#[derive(Debug)]
struct TestBot {
    heard: Heard,
    /// How long it thinks about a greeting.
    greets_after: Duration,
}

#[async_trait]
impl Bot for TestBot {
    async fn deliver(&self, handed: Handed) -> Outcome {
        let mut body: Value = serde_json::from_slice(&handed.body).unwrap();
        body["_signal"] = handed.delivery.is_none().into();
        self.heard.lock().push(body.clone());
        let answers = match (&handed.kind, body["text"].as_str()) {
            (Kind::ConversationUpdate, _) => {
                tokio::time::sleep(self.greets_after).await;
                vec![Activity::message(&bot(), "Welcome")]
            }
            (Kind::Message, Some("hang")) => std::future::pending().await,
            (Kind::Message, Some("silent")) => Vec::new(),
            (Kind::Message, Some("slow")) => {
                tokio::time::sleep(Duration::from_millis(1_500)).await;
                vec![Activity::message(&bot(), "At last")]
            }
            (Kind::Message, Some("choose")) => vec![of_bot(&json!({
                "type": "message", "text": "Which one?",
                "suggestedActions": {"actions": [{"type": "imBack", "title": "One", "value": "1"}]},
            }))],
            (Kind::Message, Some(text)) => {
                vec![Activity::message(&bot(), &format!("You said {text}"))]
            }
            _ => Vec::new(),
        };
        let answers = answers.into_iter().map(|a| Said { activity: a, meta: Meta::default() });
        Outcome::Taken { answers: answers.collect(), result: None }
    }
}

#[derive(Debug)]
struct TestBotKind(Heard);

impl BotKind for TestBotKind {
    fn kind(&self) -> &'static str {
        "test"
    }

    fn make(&self, record: &BotRecord) -> Result<Arc<dyn Bot>, BadSettings> {
        let greets_after = record.settings.get("greets_after_ms").and_then(Value::as_u64);
        let greets_after = Duration::from_millis(greets_after.unwrap_or(0));
        Ok(Arc::new(TestBot { heard: Arc::clone(&self.0), greets_after }))
    }
}

pub(crate) fn bot() -> Account {
    Account { id: "bot".to_owned(), name: Some("Bot".to_owned()), role: Some("bot".to_owned()) }
}

/// An activity of the bot.
pub(crate) fn of_bot(body: &Value) -> Activity {
    activity(&bot(), body)
}

/// The house. It is taken down when it is dropped.
pub(crate) struct House {
    pub(crate) at: SocketAddr,
    pub(crate) clock: Arc<ClockAhead>,
    pub(crate) hall: Hall,
    pub(crate) face: Arc<Kore>,
    pub(crate) routes: Vec<RouteSpec>,
    pub(crate) stop: CancellationToken,
    /// The app `shop`.
    pub(crate) app: NewApp,
    /// What the bot was handed.
    pub(crate) heard: Heard,
    pub(crate) ground: Ground,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(json!({})).await
    }

    /// With an app of these settings, over its defaults.
    pub(crate) async fn with(settings: Value) -> Self {
        let (env, clock) = env_ahead();
        let ground = Ground::new(env.clone()).await;
        let heard = Heard::default();
        let kinds = vec![Arc::new(TestBotKind(Arc::clone(&heard))) as _];
        let hall = ground.hall(kinds, vec![(KIND, check_settings)]).await;
        hall.start();
        add_bot(&hall, &ground.realm, "bot", "test", Map::new()).await;

        let (metrics, stop) = (Metrics::default(), CancellationToken::new());
        let sockets = Sockets::new(metrics.clone(), stop.clone());
        let accounts = Arc::clone(&ground.accounts);
        let face = Kore::new(hall.clone(), accounts, sockets, &mut Registry::default());
        let faces = Faces::mount(vec![Arc::<Kore>::clone(&face)]).unwrap();
        let routes = faces.routes().to_vec();
        let context = Arc::new(Context::new(env.clone(), metrics));
        let at = served(context.around(faces.into_router()), &stop).await;

        let (_, none) = new_app_settings(&env, ground.accounts.instance_key(), "Bot");
        let mut house = Self { at, clock, hall, face, routes, stop, app: none, heard, ground };
        house.app = house.add_app("shop", settings).await;
        house
    }

    /// Adds an app, and gives what its owner has to know.
    pub(crate) async fn add_app(&self, id: &str, settings: Value) -> NewApp {
        let key = self.ground.accounts.instance_key();
        let (mut whole, app) = new_app_settings(&self.ground.env, key, "Bot");
        whole.extend(settings.as_object().unwrap().clone());
        add_channel(&self.hall, &self.ground.realm, (id, KIND), "bot", whole).await;
        app
    }

    /// Changes the settings of the app `shop`.
    pub(crate) async fn change(&self, change: impl FnOnce(&mut Map<String, Value>)) {
        let directory = self.hall.directory();
        let record = directory.channel(&self.ground.realm, &"shop".into()).unwrap();
        let mut record = ChannelRecord::clone(&record);
        change(&mut record.settings);
        directory.put_channel(record, false).await.unwrap();
    }

    /// Makes the bot think so long about each greeting.
    pub(crate) async fn greet_after_ms(&self, delay: u64) {
        let directory = self.hall.directory();
        let record = directory.bot(&self.ground.realm, &"bot".into()).unwrap();
        let mut record = BotRecord::clone(&record);
        record.settings.insert("greets_after_ms".to_owned(), delay.into());
        directory.put_bot(record, false).await.unwrap();
    }

    /// Calls the server.
    pub(crate) async fn call(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<bytes::Bytes>,
    ) -> Answer {
        maru_testkit::call(method, &format!("http://{}{path}", self.at), headers, body).await
    }

    async fn send(
        &self,
        (method, path): (&str, &str),
        bearer: Option<&str>,
        content_type: &str,
        body: String,
    ) -> Answer {
        let bearer = bearer.map(|bearer| format!("bearer {bearer}"));
        let mut headers = vec![("content-type", content_type)];
        headers.extend(bearer.as_deref().map(|bearer| ("authorization", bearer)));
        self.call(method, path, &headers, body).await
    }

    /// Posts JSON.
    pub(crate) async fn post(&self, path: &str, bearer: Option<&str>, body: &Value) -> Answer {
        self.send(("POST", path), bearer, "application/json", body.to_string()).await
    }

    /// Posts a form.
    pub(crate) async fn post_form(&self, path: &str, bearer: Option<&str>, body: &str) -> Answer {
        let form = "application/x-www-form-urlencoded; charset=utf-8";
        self.send(("POST", path), bearer, form, body.to_owned()).await
    }

    /// Gets what is there.
    pub(crate) async fn get(&self, path: &str, bearer: Option<&str>) -> Answer {
        self.send(("GET", path), bearer, "application/json", String::new()).await
    }

    /// The time, in seconds.
    pub(crate) fn now(&self) -> i64 {
        self.ground.env.now().as_secs()
    }

    /// An assertion of the app `shop` with these claims.
    pub(crate) fn assertion_of(&self, claims: &Value) -> String {
        sign(self.app.client_secret.expose(), claims)
    }

    /// An assertion of the app `shop` for a user.
    pub(crate) fn assertion(&self, subject: &str) -> String {
        let now = self.now();
        let client_id = &self.app.client_id;
        self.assertion_of(&json!({"iss": client_id, "sub": subject, "iat": now, "exp": now + 600}))
    }

    /// `botInfo` as web SDKs send it.
    pub(crate) fn bot_info(&self) -> Value {
        json!({"chatBot": "Kit", "taskBotId": self.app.bot_id})
    }

    /// An access token of a user.
    pub(crate) async fn grant(&self, subject: &str) -> String {
        let body = json!({"assertion": self.assertion(subject), "botInfo": self.bot_info()});
        let answer = self.post("/api/oAuth/token/jwtgrant", None, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["authorization"]["accessToken"].as_str().unwrap().to_owned()
    }

    /// The address of a socket.
    pub(crate) async fn start(&self, token: &str) -> String {
        self.start_as(token, &json!({"botInfo": self.bot_info()})).await
    }

    /// The address of a socket, for a client that says this.
    pub(crate) async fn start_as(&self, token: &str, body: &Value) -> String {
        let answer = self.post("/api/rtm/start", Some(token), body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()["url"].as_str().unwrap().to_owned()
    }

    /// The only conversation that there is.
    pub(crate) async fn conversation(&self) -> Arc<Conversation> {
        only_conversation(&self.hall, &self.ground.realm).await
    }

    /// Says something in the bot's name, unasked.
    pub(crate) async fn bot_says(&self, body: &Value) -> Posted {
        let conversation = self.conversation().await;
        self.hall.post(&conversation, Post::bot(of_bot(body))).await.unwrap()
    }

    /// Says a text in the bot's name.
    pub(crate) async fn bot_writes(&self, text: &str) -> Posted {
        self.bot_says(&json!({"type": "message", "text": text})).await
    }

    /// What the bot is handed of this type, once it is so many: turns are handed over one after the
    /// other, and after they were acknowledged.
    pub(crate) async fn hears(&self, kind: &str, count: usize) -> Vec<Value> {
        let heard = async || Some(self.heard(kind)).filter(|heard| heard.len() >= count);
        let heard = maru_testkit::eventually(kind, heard).await;
        assert_eq!(heard.len(), count, "{heard:?}");
        heard
    }

    /// What the bot was handed of this type.
    pub(crate) fn heard(&self, kind: &str) -> Vec<Value> {
        self.heard.lock().iter().filter(|heard| heard["type"] == kind).cloned().collect()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A JWT, signed with HMAC over SHA-256.
pub(crate) fn sign(secret: &str, claims: &Value) -> String {
    let header = json!({"alg": "HS256", "typ": "JWT"});
    sign_with(hmac::HMAC_SHA256, &header, secret.as_bytes(), claims)
}

/// A JWT with this header, whatever it says, signed with HMAC.
pub(crate) fn sign_with(
    algorithm: hmac::Algorithm,
    header: &Value,
    secret: &[u8],
    claims: &Value,
) -> String {
    let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let text = format!("{}.{}", encode(header), encode(claims));
    let key = hmac::Key::new(algorithm, secret);
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(hmac::sign(&key, text.as_bytes())))
}

/// The status, and the first error's code, in the one shape that errors have.
pub(crate) fn refusal(answer: &Answer) -> (u16, Value) {
    (answer.status, answer.json()["errors"][0]["code"].clone())
}

/// The first error's message.
pub(crate) fn message(answer: &Answer) -> String {
    let body = answer.json();
    let message = body["errors"][0]["msg"].as_str();
    message.unwrap_or_else(|| panic!("no error: {body}")).to_owned()
}
