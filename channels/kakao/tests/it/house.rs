//! A server with one Plus Friend channel and one skill, on a real port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use maru_accounts::Secret;
use maru_activity::{Account, Activity, Kind};
use maru_door::{Context, Faces, Metrics, TrustedProxies};
use maru_hall::{Bot, Conversation, Hall, Handed, Meta, Outcome, Post, PostOp, Said};
use maru_kakao::{Kakao, plus_friend, skill};
use maru_testhouse::{
    Ground, TestKind, activity, add_bot, add_channel, egress, only_conversation, served,
};
use maru_testkit::{Answer, FakeClock, fake_env};
use prometheus_client::registry::Registry;
use serde_json::{Map, Value, json};
use tokio::sync::Mutex as Gate;
use tokio_util::sync::CancellationToken;

/// What the bot was handed, as JSON.
type Heard = Arc<parking_lot::Mutex<Vec<Value>>>;

/// A bot that says each text again, greets whoever is new, and does what it is told: `fail`, `hang`,
/// `wait` for the gate, or to say the activities of a JSON list.
#[derive(Clone, Debug, Default)]
struct TestBot {
    heard: Heard,
    gate: Arc<Gate<()>>,
}

#[async_trait]
impl Bot for TestBot {
    async fn deliver(&self, handed: Handed) -> Outcome {
        let mut body: Value = serde_json::from_slice(&handed.body).unwrap();
        body["_shown"] = handed.meta.shown.clone().into();
        self.heard.lock().push(body.clone());
        let words = body["text"].as_str().unwrap_or_default();
        let answers = match (&handed.kind, words) {
            (Kind::Message, "fail") => {
                return Outcome::Refused { cause: "as told".to_owned(), status: Some(400) };
            }
            (Kind::Message, "wait") => {
                drop(self.gate.lock().await);
                vec![json!({"type": "message", "text": "At last"})]
            }
            (Kind::Message, text) => match serde_json::from_str::<Value>(text) {
                Ok(Value::Array(answers)) => answers,
                _ => vec![json!({"type": "message", "text": format!("You said {text}")})],
            },
            _ => Vec::new(),
        };
        let said = |answer: &Value| Said { activity: of_bot(answer), meta: Meta::default() };
        Outcome::Taken { answers: answers.iter().map(said).collect(), result: None }
    }
}

fn of_bot(body: &Value) -> Activity {
    activity(&Account { id: "bot".to_owned(), name: Some("Bot".to_owned()), role: None }, body)
}

/// The house. It is taken down when it is dropped.
pub(crate) struct House {
    at: SocketAddr,
    pub(crate) hall: Hall,
    stop: CancellationToken,
    bot: TestBot,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) ground: Ground,
    /// The public id of both channels, and the skill's secret.
    pub(crate) friend: String,
    pub(crate) skill: String,
    pub(crate) secret: String,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(json!({}), json!({})).await
    }

    /// With these settings of the Plus Friend channel and the skill, over their defaults.
    pub(crate) async fn with(friend: Value, skill: Value) -> Self {
        let (env, clock) = fake_env(9);
        let ground = Ground::new(env.clone()).await;
        let bot = TestBot::default();
        let channels = vec![
            (plus_friend::KIND, plus_friend::check_settings as _),
            (skill::KIND, skill::check_settings as _),
        ];
        let hall = ground.hall(vec![Arc::new(TestKind(bot.clone()))], channels).await;
        hall.start();
        add_bot(&hall, &ground.realm, "bot", "test", Map::new()).await;

        let (accounts, stop) = (Arc::clone(&ground.accounts), CancellationToken::new());
        let mut registry = Registry::default();
        let face = Kakao::new(hall.clone(), accounts, egress(), stop.clone(), &mut registry);
        let faces = Faces::mount(vec![face]).unwrap();
        let mut context = Context::new(env.clone(), Metrics::default());
        context.trusted_proxies = TrustedProxies::parse(&["127.0.0.1"]).unwrap();
        let at = served(Arc::new(context).around(faces.into_router()), &stop).await;

        let mut of_friend = plus_friend::new_settings(&env);
        of_friend.insert("budget_ms".to_owned(), 1_000.into());
        of_friend.extend(friend.as_object().unwrap().clone());
        let (mut of_skill, issued) = skill::new_settings(&env);
        of_skill.insert("budget_ms".to_owned(), 1_000.into());
        let rest_key = Secret::new("rest-key");
        let key = ground.accounts.instance_key();
        skill::import_secret(&mut of_skill, &rest_key, &env, key).unwrap();
        of_skill.extend(skill.as_object().unwrap().clone());
        let id_of = |settings: &Map<String, Value>| settings["id"].as_str().unwrap().to_owned();
        let house = Self {
            at,
            hall,
            stop,
            bot,
            clock,
            friend: id_of(&of_friend),
            skill: id_of(&of_skill),
            secret: issued.text.expose().to_owned(),
            ground,
        };
        for (channel, settings) in
            [(("friend", plus_friend::KIND), of_friend), (("skill", skill::KIND), of_skill)]
        {
            add_channel(&house.hall, &house.ground.realm, channel, "bot", settings).await;
        }
        house
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

    /// Calls the partner's server.
    pub(crate) async fn partner(&self, method: &str, path: &str, body: &str) -> Answer {
        let path = format!("/kakao/plus-friend/{}{path}", self.friend);
        self.call(method, &path, &[("content-type", "application/json")], body.to_owned()).await
    }

    /// A user of Plus Friend says something, and is answered.
    pub(crate) async fn says(&self, text: &str) -> Value {
        let body = json!({"user_key": "Czs7H_QxuB00", "type": "text", "content": text});
        let answer = self.partner("POST", "/message", &body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Calls the skill with a payload.
    pub(crate) async fn ask(&self, payload: &Value) -> Answer {
        let path = format!("/kakao/skill/{}", self.skill);
        let headers = [
            ("content-type", "application/json;charset=UTF-8"),
            (skill::SECRET_HEADER, self.secret.as_str()),
        ];
        self.call("POST", &path, &headers, payload.to_string()).await
    }

    /// Calls the skill, and gives what it answers.
    pub(crate) async fn asked(&self, payload: &Value) -> Value {
        let answer = self.ask(payload).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Keeps the bot from answering `wait` until what is given is dropped.
    pub(crate) async fn keep_waiting(&self) -> tokio::sync::OwnedMutexGuard<()> {
        Arc::clone(&self.bot.gate).lock_owned().await
    }

    /// What the bot was handed of this type.
    pub(crate) fn heard(&self, kind: &str) -> Vec<Value> {
        self.bot.heard.lock().iter().filter(|heard| heard["type"] == kind).cloned().collect()
    }

    /// The last message that the bot was handed.
    pub(crate) fn last_heard(&self) -> Value {
        self.heard("message").pop().unwrap()
    }

    /// The only conversation that there is.
    pub(crate) async fn conversation(&self) -> Arc<Conversation> {
        only_conversation(&self.hall, &self.ground.realm).await
    }

    /// Says something in the bot's name, unasked.
    pub(crate) async fn bot_says(&self, body: &Value) {
        self.bot_does(PostOp::Say, body).await;
    }

    /// Says something in the bot's name, or changes or takes back what it said.
    pub(crate) async fn bot_does(&self, op: PostOp, body: &Value) {
        let conversation = self.conversation().await;
        let post = Post { op, ..Post::bot(of_bot(body)) };
        self.hall.post(&conversation, post).await.unwrap();
    }

    /// Waits until the bot has said so many things in the only conversation.
    pub(crate) async fn bot_said(&self, count: usize) {
        maru_testkit::eventually("the bot's words", async || {
            (self.bots_words().await >= count).then_some(())
        })
        .await;
    }

    /// How many things the bot has said in the only conversation.
    pub(crate) async fn bots_words(&self) -> usize {
        let conversation = self.conversation().await;
        let (from, viewer) = (maru_hall::Place::Pos(0), maru_activity::Viewer::Customer);
        let reading = self.hall.read(&conversation, viewer, from, 100).await.unwrap();
        reading.shown.iter().filter(|shown| shown.role == maru_activity::Role::Bot).count()
    }
}

impl Drop for House {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// Long enough for whatever is not to happen to have happened.
pub(crate) async fn a_while() {
    tokio::time::sleep(Duration::from_millis(300)).await;
}

/// The texts of a skill's outputs.
pub(crate) fn texts(answer: &Value) -> Vec<&str> {
    let outputs = answer["template"]["outputs"].as_array().unwrap();
    outputs.iter().filter_map(|output| output["simpleText"]["text"].as_str()).collect()
}
