//! A server with one site, on a real port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use maru_accounts::IssuedSecret;
use maru_activity::{Account, Activity, Draft, Kind};
use maru_direct_line::{CHANNEL_KIND, DirectLine, KIND, check_settings, new_site_settings};
use maru_door::{Context, Faces, Metrics, RouteSpec, Sockets};
use maru_hall::{Bot, ChannelRecord, Conversation, Hall, Handed, Meta, Outcome, Said};
use maru_testhouse::{Ground, TestKind, add_bot, add_channel, served};
use maru_testkit::{ClockAhead, env_ahead};
use prometheus_client::registry::Registry;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use crate::client::{Answer, Request};

/// A bot that does what it is told: `fail`, `hang`, or else says the text again.
#[derive(Clone, Debug)]
struct TestBot;

#[async_trait]
impl Bot for TestBot {
    async fn deliver(&self, handed: Handed) -> Outcome {
        let body: Value = serde_json::from_slice(&handed.body).unwrap();
        match (&handed.kind, body["text"].as_str()) {
            (Kind::Message, Some("fail")) => {
                Outcome::Failed { cause: "as told".to_owned(), status: Some(500) }
            }
            (Kind::Message, Some("hang")) => std::future::pending().await,
            (Kind::Message, Some(text)) => {
                let activity = Activity::message(&bot(), &format!("You said {text}"));
                let answers = vec![Said { activity, meta: Meta::default() }];
                Outcome::Taken { answers, result: None }
            }
            _ => Outcome::taken(),
        }
    }
}

pub(crate) fn bot() -> Account {
    Account { id: "bot".to_owned(), name: Some("Bot".to_owned()), role: Some("bot".to_owned()) }
}

/// The house. It is taken down when it is dropped.
pub(crate) struct House {
    pub(crate) at: SocketAddr,
    pub(crate) clock: Arc<ClockAhead>,
    pub(crate) hall: Hall,
    pub(crate) routes: Vec<RouteSpec>,
    pub(crate) stop: CancellationToken,
    /// The two secrets of the site `web`.
    pub(crate) secrets: [IssuedSecret; 2],
    ground: Ground,
}

impl House {
    /// With a site of these settings, over its defaults.
    pub(crate) async fn with(settings: Value) -> Self {
        let (env, clock) = env_ahead();
        let ground = Ground::new(env.clone()).await;
        let kinds = vec![Arc::new(TestKind(TestBot)) as _];
        let hall = ground.hall(kinds, vec![(KIND, check_settings)]).await;
        hall.start();
        add_bot(&hall, &ground.realm, "bot", "test", Map::new()).await;

        let (metrics, stop) = (Metrics::default(), CancellationToken::new());
        let sockets = Sockets::new(metrics.clone(), stop.clone());
        let accounts = Arc::clone(&ground.accounts);
        let face = DirectLine::new(hall.clone(), accounts, sockets, &mut Registry::default());
        let faces = Faces::mount(vec![face]).unwrap();
        let routes = faces.routes().to_vec();
        let context = Arc::new(Context::new(env.clone(), metrics));
        let at = served(context.around(faces.into_router()), &stop).await;

        let (_, none) = new_site_settings(&env);
        let mut house = Self { at, clock, hall, routes, stop, secrets: none, ground };
        house.secrets = house.add_site("web", settings).await;
        house
    }

    pub(crate) async fn new() -> Self {
        Self::with(json!({})).await
    }

    /// Adds a site, and gives its secrets.
    pub(crate) async fn add_site(&self, id: &str, settings: Value) -> [IssuedSecret; 2] {
        let (mut whole, secrets) = new_site_settings(&self.ground.env);
        whole.extend(settings.as_object().unwrap().clone());
        add_channel(&self.hall, &self.ground.realm, (id, KIND), "bot", whole).await;
        secrets
    }

    /// Puts a new secret in the place of one of the site `web`'s.
    pub(crate) async fn rotate(&self, which: usize) -> IssuedSecret {
        let directory = self.hall.directory();
        let record = directory.channel(&self.ground.realm, &"web".into()).unwrap();
        let mut record = ChannelRecord::clone(&record);
        let issued =
            maru_direct_line::rotate(&mut record.settings, which, &self.ground.env).unwrap();
        directory.put_channel(record, false).await.unwrap();
        issued
    }

    pub(crate) async fn remove_site(&self, id: &str) {
        self.hall.directory().remove_channel(&self.ground.realm, &id.into()).await.unwrap();
    }

    pub(crate) fn secret(&self) -> &str {
        self.secrets[0].text.expose()
    }

    pub(crate) async fn send(&self, request: Request) -> Answer {
        request.send(self.at).await
    }

    /// Generates a token for a user, or for nobody.
    pub(crate) async fn token(&self, parameters: &Value) -> Talk<'_> {
        let request = Request::post("/v3/directline/tokens/generate").bearer(self.secret());
        let answer = self.send(request.json(parameters)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.json().get("streamUrl").is_none());
        Talk::of(self, &answer)
    }

    /// Starts a conversation with a fresh token.
    pub(crate) async fn talk(&self) -> Talk<'_> {
        let talk = self.token(&json!({"user":{"id":"u1"}})).await;
        let answer = talk.start().await;
        assert_eq!(answer.status, 201, "{answer:?}");
        Talk::of(self, &answer)
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// A conversation as a client holds it.
pub(crate) struct Talk<'a> {
    pub(crate) house: &'a House,
    pub(crate) id: String,
    pub(crate) token: String,
    pub(crate) stream_url: Option<String>,
}

impl<'a> Talk<'a> {
    pub(crate) fn of(house: &'a House, answer: &Answer) -> Self {
        let body = answer.json();
        assert_eq!(body["expires_in"], 1_800);
        Self {
            house,
            id: body["conversationId"].as_str().unwrap().to_owned(),
            token: body["token"].as_str().unwrap().to_owned(),
            stream_url: body["streamUrl"].as_str().map(str::to_owned),
        }
    }

    pub(crate) fn path(&self, rest: &str) -> String {
        format!("/v3/directline/conversations/{}{rest}", self.id)
    }

    pub(crate) async fn start(&self) -> Answer {
        let request = Request::post("/v3/directline/conversations").bearer(&self.token);
        self.house.send(request).await
    }

    pub(crate) async fn post(&self, activity: &Value) -> Answer {
        let request = Request::post(&self.path("/activities")).bearer(&self.token);
        self.house.send(request.json(activity)).await
    }

    /// Posts a message, and gives its id.
    pub(crate) async fn say(&self, text: &str) -> String {
        let activity = json!({"type":"message","from":{"id":"u1"},"text":text});
        let answer = self.post(&activity).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn poll(&self, watermark: &str) -> Value {
        let path = self.path(&format!("/activities?watermark={watermark}"));
        let answer = self.house.send(Request::get(&path).bearer(&self.token)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()
    }

    pub(crate) async fn reconnect(&self, watermark: &str) -> Answer {
        let path = self.path(&format!("?watermark={watermark}"));
        self.house.send(Request::get(&path).bearer(&self.token)).await
    }

    /// Polls from the start until there are so many activities.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Value> {
        let waiting = async {
            loop {
                let set = self.poll("").await;
                let activities = set["activities"].as_array().unwrap();
                if activities.len() >= count {
                    return activities.clone();
                }
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("they come")
    }

    pub(crate) async fn conversation(&self) -> Arc<Conversation> {
        let realm = self.house.ground.realm.clone();
        let found = self.house.hall.conversation(&realm, &self.id.as_str().into()).await;
        let found = found.unwrap().unwrap();
        assert_eq!(&*found.channel_kind, CHANNEL_KIND);
        found
    }
}

/// An activity of the bot.
pub(crate) fn of_bot(kind: &str, text: &str) -> Activity {
    let mut draft = Draft::new(&Kind::from(kind));
    draft.set_value("from", &bot());
    draft.set_text("text", text);
    draft.finish().unwrap()
}

/// The texts of a list of activities.
pub(crate) fn texts(activities: &[Value]) -> Vec<&str> {
    activities.iter().map(|activity| activity["text"].as_str().unwrap_or("")).collect()
}
