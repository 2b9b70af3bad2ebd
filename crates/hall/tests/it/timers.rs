//! Things to do at a time.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use maru_activity::{RealmId, Timestamp, Viewer};
use maru_hall::{Conversation, Error, Hall, OnTimer, Place, Post, Timer, TimerWrite};
use tokio::sync::mpsc;

use crate::support::{Scene, said_by, silent, text};

/// Says the timer's value in a conversation, and clears the timer in the same commit.
#[derive(Debug)]
pub(crate) struct Saying {
    pub(crate) hall: Hall,
    pub(crate) conversation: Arc<Conversation>,
    pub(crate) fired: mpsc::UnboundedSender<Timer>,
}

#[async_trait]
impl OnTimer for Saying {
    fn scope(&self) -> &'static str {
        "test/say"
    }

    async fn fire(&self, timer: &Timer) -> Result<(), Error> {
        self.fired.send(timer.clone()).unwrap();
        match timer.key.as_str() {
            "panics" => std::panic::resume_unwind(Box::new("as it was told")),
            "fails" if timer.value == "first" => Err(Error::Unavailable("as it was told".into())),
            _ => {
                let words = String::from_utf8_lossy(&timer.value);
                let mut post = Post::bot(said_by("bot", &words));
                post.timers.push(TimerWrite {
                    expect: Some(timer.due_at),
                    ..set("test/say", &timer.key, None)
                });
                self.hall.post(&self.conversation, post).await.map(drop)
            }
        }
    }
}

pub(crate) fn set(scope: &str, key: &str, to: Option<(Timestamp, &'static str)>) -> TimerWrite {
    TimerWrite {
        scope: scope.to_owned(),
        key: key.to_owned(),
        expect: None,
        set: to.map(|(due, value)| (due, value.into())),
    }
}

pub(crate) async fn said(scene: &Scene, conversation: &Conversation) -> Vec<String> {
    let read = scene.hall.read(conversation, Viewer::Customer, Place::Pos(0), 100).await.unwrap();
    read.shown.iter().map(|shown| text(&shown.body)).collect()
}

#[tokio::test]
async fn a_timer_is_acted_on_when_it_is_due_and_once() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), silent()).await;
    let conversation = scene.begin().await;
    let (tx, mut fired) = mpsc::unbounded_channel();
    let handler =
        Saying { hall: scene.hall.clone(), conversation: Arc::clone(&conversation), fired: tx };
    let handler = Arc::new(handler);
    scene.hall.on_timer(Arc::clone(&handler) as _);
    let (realm, now) = (RealmId::from("default"), scene.hall.env().now());
    let soon = now.after(Duration::from_millis(50));
    let hour = now.after(Duration::from_secs(3_600));
    // Those of others, however many and however old, keep nobody from his own.
    let strange = (0..300).map(|n| set("other", &n.to_string(), Some((Timestamp::default(), ""))));
    scene.hall.write(&realm, Vec::new(), strange.collect()).await.unwrap();
    let mine = vec![
        set("test/say", "panics", Some((now, ""))),
        set("test/say", "fails", Some((now, "first"))),
        set("test/say", "soon", Some((soon, "soon"))),
        set("test/say", "later", Some((hour, "later"))),
    ];
    scene.hall.write(&realm, Vec::new(), mine).await.unwrap();
    let mut keys = Vec::new();
    let mut soon_timer = None;
    for _ in 0..3 {
        let timer = tokio::time::timeout(Duration::from_secs(20), fired.recv()).await;
        let timer = timer.expect("a timer is acted on").unwrap();
        keys.push(timer.key.clone());
        if timer.key == "soon" {
            assert!(scene.hall.env().now() >= timer.due_at);
            soon_timer = Some(timer);
        }
    }
    keys.sort();
    assert_eq!(keys, ["fails", "panics", "soon"]);

    // Set to another time it is another timer.
    let again = vec![set("test/say", "fails", Some((soon, "second")))];
    scene.hall.write(&realm, Vec::new(), again).await.unwrap();
    let timer = tokio::time::timeout(Duration::from_secs(20), fired.recv()).await;
    assert_eq!(timer.expect("it is acted on").unwrap().value, "second");

    // Another node that was given the same timer comes too late, and nothing is said twice.
    let late = handler.fire(&soon_timer.expect("it came")).await;
    assert!(matches!(late, Err(Error::Conflict(_))), "{late:?}");
    for _ in 0..200 {
        if said(&scene, &conversation).await.len() == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let mut words = said(&scene, &conversation).await;
    words.sort();
    assert_eq!(words, ["second", "soon"]);
}
