//! What readers and subscribers see.

use std::sync::Arc;

use maru_activity::{ActivityId, Kind, Viewer};
use maru_hall::{Event, Place, Post, PostOp};

use crate::support::{Scene, echo, say, silent, text};

fn bot_says(words: &str) -> Post {
    let account = maru_activity::Account { id: "bot".into(), ..Default::default() };
    Post::bot(maru_activity::Activity::message(&account, words))
}

#[tokio::test]
async fn a_subscriber_sees_each_entry_once_and_in_order_however_fast_they_come() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Arc::new(Scene::open(folder.path(), silent()).await);
    let conversation = scene.begin().await;
    scene.hall.post(&conversation, say("before")).await.unwrap();
    let mut listening = scene.hall.subscribe(&conversation, Viewer::Customer, Place::Pos(0));
    let posting = {
        let (scene, conversation) = (Arc::clone(&scene), Arc::clone(&conversation));
        tokio::spawn(async move {
            let posts = (0..300).map(|n| {
                let (scene, conversation) = (Arc::clone(&scene), Arc::clone(&conversation));
                tokio::spawn(async move {
                    scene.hall.post(&conversation, say(&n.to_string())).await.unwrap();
                })
            });
            for post in posts.collect::<Vec<_>>() {
                post.await.unwrap();
            }
        })
    };
    let mut places = Vec::new();
    while places.len() < 301 {
        if let Event::Shown { shown, next_pos } = listening.next().await.unwrap() {
            places.extend(shown.iter().map(|shown| shown.pos.unwrap()));
            assert_eq!(next_pos, places.last().unwrap() + 1);
        }
    }
    posting.await.unwrap();
    assert!(places.iter().copied().eq(0..301), "{places:?}");
}

#[tokio::test]
async fn updates_and_deletes_fold_for_who_begins_before_and_are_told_to_who_begins_after() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), silent()).await;
    let conversation = scene.begin().await;
    let hall = &scene.hall;
    for words in ["one", "two", "three"] {
        hall.post(&conversation, bot_says(words)).await.unwrap();
    }
    let mut update = bot_says("TWO");
    update.op = PostOp::Update(ActivityId::Pos(1));
    let updated = hall.post(&conversation, update).await.unwrap();
    assert_eq!(
        updated.id.in_conversation(&conversation.id),
        format!("{}|0000001", conversation.id)
    );
    let mut delete = bot_says("");
    delete.op = PostOp::Delete(ActivityId::Pos(0));
    hall.post(&conversation, delete).await.unwrap();

    let from = |pos| hall.read(&conversation, Viewer::Customer, Place::Pos(pos), 100);
    let all = from(0).await.unwrap();
    let seen: Vec<_> = all.shown.iter().map(|s| (s.id, text(&s.body))).collect();
    assert_eq!(
        seen,
        [(ActivityId::Pos(1), "TWO".to_owned()), (ActivityId::Pos(2), "three".to_owned())]
    );
    assert_eq!(all.next_pos, 5);

    let later = from(3).await.unwrap();
    let seen: Vec<_> = later.shown.iter().map(|s| (s.id, s.kind.clone())).collect();
    assert_eq!(
        seen,
        [(ActivityId::Pos(1), Kind::Message), (ActivityId::Pos(0), Kind::MessageDelete)]
    );

    let mut again = bot_says("x");
    again.op = PostOp::Update(ActivityId::Pos(0));
    assert_eq!(
        hall.post(&conversation, again).await.unwrap_err(),
        maru_hall::Error::UnknownActivity,
        "what was taken back cannot be changed"
    );
}

#[tokio::test]
async fn traces_stay_hidden_and_take_no_pos() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), silent()).await;
    let conversation = scene.begin().await;
    let trace = maru_activity::Activity::parse(
        br#"{"type":"trace","from":{"id":"bot"},"name":"x"}"#,
        &maru_activity::Limits::default(),
    );
    let posted = scene.hall.post(&conversation, Post::bot(trace.unwrap())).await.unwrap();
    assert!(posted.id.in_conversation(&conversation.id).contains("|h"));
    scene.hall.post(&conversation, bot_says("seen")).await.unwrap();
    let read = |viewer| scene.hall.read(&conversation, viewer, Place::Seq(0), 100);
    let customer = read(Viewer::Customer).await.unwrap().shown;
    assert_eq!(customer.iter().map(|s| s.id).collect::<Vec<_>>(), [ActivityId::Pos(0)]);
    assert_eq!(read(Viewer::Operator).await.unwrap().shown.len(), 3);
}

#[tokio::test]
async fn a_users_typing_is_told_to_listeners_and_the_bot_and_kept_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), echo()).await;
    let conversation = scene.begin().await;
    scene.settled(&conversation).await;
    scene.handed().await;
    let mut listening = scene.hall.subscribe(&conversation, Viewer::Customer, Place::Pos(0));
    let typing = maru_activity::Activity::parse(
        br#"{"type":"typing","from":{"id":"u"}}"#,
        &maru_activity::Limits::default(),
    );
    let typing = typing.unwrap();
    let (posted, event) = tokio::join!(
        async {
            tokio::task::yield_now().await;
            scene.hall.post(&conversation, Post::user(typing)).await.unwrap()
        },
        listening.next()
    );
    let Event::Signal(signal) = event.unwrap() else {
        unreachable!("a signal was sent");
    };
    assert_eq!(*signal.id, *posted.id.in_conversation(&conversation.id));
    let handed = scene.handed().await;
    assert_eq!((handed.kind, handed.delivery), (Kind::Typing, None));
    assert_eq!(scene.hall.head(&conversation).await.unwrap().next_pos, 0);
}
