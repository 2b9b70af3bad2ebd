//! A server with one TalkTalk channel, on a real port.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use maru_accounts::Secret;
use maru_activity::env::Env;
use maru_activity::{Account, Activity, Kind};
use maru_door::{Context, Faces, Metrics, TrustedProxies};
use maru_hall::{Bot, ChannelRecord, Conversation, Hall, Handed, Meta, Outcome, Post, Said};
use maru_naver::{KIND, Naver, check_settings, import_secret, new_settings};
use maru_testhouse::{
    Ground, TestKind, activity, add_bot, add_channel, egress, only_conversation, served,
};
use maru_testkit::{Answer, Reply, ScriptedBot};
use prometheus_client::registry::Registry;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

/// What the bot was handed, as JSON.
type Heard = Arc<parking_lot::Mutex<Vec<Value>>>;

/// A bot that says each text again, or the activities of a JSON list.
#[derive(Clone, Debug, Default)]
struct TestBot {
    heard: Heard,
}

#[async_trait]
impl Bot for TestBot {
    async fn deliver(&self, handed: Handed) -> Outcome {
        let mut body: Value = serde_json::from_slice(&handed.body).unwrap();
        body["_shown"] = handed.meta.shown.clone().into();
        self.heard.lock().push(body.clone());
        let words = body["text"].as_str().unwrap_or_default();
        let answers = match (&handed.kind, words) {
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

/// The user of the documents.
pub(crate) const USER: &str = "al-2eGuGr5WQOnco1_V-FQ";

/// The house. It is taken down when it is dropped.
pub(crate) struct House {
    at: SocketAddr,
    pub(crate) hall: Hall,
    stop: CancellationToken,
    bot: TestBot,
    ground: Ground,
    /// TalkTalk's own side.
    pub(crate) talktalk: ScriptedBot,
    /// The channel's public id.
    pub(crate) id: String,
    /// Another face on the same store: a second node.
    pub(crate) other_at: SocketAddr,
}

impl House {
    pub(crate) async fn new() -> Self {
        Self::with(json!({})).await
    }

    /// With these settings of the channel, over its defaults.
    pub(crate) async fn with(settings: Value) -> Self {
        let ground = Ground::new(Env::system()).await;
        let bot = TestBot::default();
        let kinds = vec![Arc::new(TestKind(bot.clone())) as _];
        let hall = ground.hall(kinds, vec![(KIND, check_settings)]).await;
        hall.start();
        add_bot(&hall, &ground.realm, "bot", "test", Map::new()).await;

        let (egress, stop) = (egress(), CancellationToken::new());
        let (mut at, mut registry) = (Vec::new(), Registry::default());
        for _ in 0..2 {
            let accounts = Arc::clone(&ground.accounts);
            let (hall, egress) = (hall.clone(), egress.clone());
            let face = Naver::new(hall, accounts, egress, stop.clone(), &mut registry);
            let faces = Faces::mount(vec![face]).unwrap();
            let mut context = Context::new(ground.env.clone(), Metrics::default());
            context.trusted_proxies = TrustedProxies::parse(&["127.0.0.1"]).unwrap();
            at.push(served(Arc::new(context).around(faces.into_router()), &stop).await);
        }

        let talktalk = ScriptedBot::start().await;
        talktalk.otherwise(Reply::json(&json!({"success": true, "resultCode": "00"})));
        let origin = talktalk.url().strip_suffix("/api/messages").unwrap().to_owned();
        let mut whole = new_settings(&ground.env);
        let key = Secret::new("ct_wc8bd0");
        import_secret(&mut whole, &key, &ground.env, ground.accounts.instance_key()).unwrap();
        whole.insert("api_url".to_owned(), origin.as_str().into());
        whole.insert("media_hosts".to_owned(), json!([origin]));
        whole.extend(settings.as_object().unwrap().clone());
        let id = whole["id"].as_str().unwrap().to_owned();
        add_channel(&hall, &ground.realm, ("talktalk", KIND), "bot", whole).await;
        let (at, other_at) = (at[0], at[1]);
        Self { at, hall, stop, bot, ground, talktalk, id, other_at }
    }

    /// Gives the channel another key of the send API.
    pub(crate) async fn mend_key(&self, key: &str) {
        let directory = self.hall.directory();
        let record = directory.channel(&self.ground.realm, &"talktalk".into()).unwrap();
        let mut record = ChannelRecord::clone(&record);
        let (key, instance) = (Secret::new(key), self.ground.accounts.instance_key());
        import_secret(&mut record.settings, &key, self.hall.env(), instance).unwrap();
        directory.put_channel(record, false).await.unwrap();
    }

    /// TalkTalk's address, for pictures.
    pub(crate) fn origin(&self) -> &str {
        self.talktalk.url().strip_suffix("/api/messages").unwrap()
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

    /// Calls the webhook with an event.
    pub(crate) async fn hook(&self, event: &Value) -> Answer {
        let headers = [("content-type", "application/json;charset=UTF-8")];
        self.call("POST", &format!("/naver/{}", self.id), &headers, event.to_string()).await
    }

    /// Calls the webhook with an event of the user, which is taken without a word.
    pub(crate) async fn happens(&self, mut event: Value) {
        event["user"] = USER.into();
        let answer = self.hook(&event).await;
        assert_eq!((answer.status, &*answer.text()), (200, ""), "{event}");
    }

    /// The user says something.
    pub(crate) async fn says(&self, text: &str) {
        let content = json!({"text": text, "inputType": "typing"});
        self.happens(
            json!({"event": "send", "textContent": content, "options": {"mobile": false}}),
        )
        .await;
    }

    /// What the user was sent, once there are so many of them.
    pub(crate) async fn sent(&self, count: usize) -> Vec<Value> {
        self.talktalk.wait_for(count).await.into_iter().map(|heard| heard.body).collect()
    }

    /// What the user was sent so far.
    pub(crate) fn sent_so_far(&self) -> usize {
        self.talktalk.heard().len()
    }

    /// What the bot was handed of this type.
    pub(crate) fn heard(&self, kind: &str) -> Vec<Value> {
        self.bot.heard.lock().iter().filter(|heard| heard["type"] == kind).cloned().collect()
    }

    /// The last message that the bot was handed, once it is so many: the webhook's call has been answered
    /// before.
    pub(crate) async fn hears(&self, count: usize) -> Value {
        let heard = async || self.heard("message").get(count - 1).cloned();
        maru_testkit::eventually("what the bot is handed", heard).await
    }

    /// The only conversation that there is.
    pub(crate) async fn conversation(&self) -> Arc<Conversation> {
        only_conversation(&self.hall, &self.ground.realm).await
    }

    /// Says something in the bot's name, unasked.
    pub(crate) async fn bot_says(&self, body: &Value) {
        let conversation = self.conversation().await;
        self.hall.post(&conversation, Post::bot(of_bot(body))).await.unwrap();
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
