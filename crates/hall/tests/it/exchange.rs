//! What was asked and answered elsewhere, kept in one commit.

use std::sync::Arc;

use maru_activity::{Account, Activity, Role, Viewer};
use maru_hall::{Conversation, Error, Exchange, Exchanged, Meta, Outcome, Place};
use maru_store::StateWrite;

use crate::support::{Action, Scene};

fn account(id: &str) -> Account {
    Account { id: id.to_owned(), ..Account::default() }
}

/// A user says something and is answered twice; a small value counts it.
fn exchange(conversation: &Arc<Conversation>, version: u64) -> Exchange {
    let said = |role, id: &str, text: &str| Exchanged {
        role,
        activity: Activity::message(&account(id), text),
        meta: Meta::default(),
    };
    Exchange {
        conversation: Arc::clone(conversation),
        user: account("u"),
        bot: account("api"),
        said: vec![
            said(Role::User, "u", "a"),
            said(Role::Bot, "api", "b"),
            said(Role::Bot, "api", "c"),
        ],
        states: vec![StateWrite::put("test", "k", "v").at_version(version)],
    }
}

#[tokio::test]
async fn an_exchange_opens_its_conversation_keeps_all_or_nothing_and_is_handed_to_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), Arc::new(|_| Action::Be(Outcome::taken()))).await;
    let conversation = Arc::new(Conversation {
        id: "elsewhere".into(),
        realm: scene.channel.realm.clone(),
        channel: "api.shop".into(),
        channel_kind: "api".into(),
        bot: "no-record".into(),
        opened_at: scene.hall.env().now(),
    });
    let hall = &scene.hall;
    hall.exchange(exchange(&conversation, 0)).await.unwrap();
    let stale = hall.exchange(exchange(&conversation, 0)).await;
    assert!(matches!(stale, Err(Error::Conflict(_))), "{stale:?}");
    hall.exchange(exchange(&conversation, 1)).await.unwrap();

    let realm = &scene.channel.realm;
    let read = scene.store.read(realm, &conversation.id, Viewer::Agent, Place::Seq(0), 10).await;
    let turns: Vec<_> = read.unwrap().iter().map(|entry| (entry.role, entry.turn)).collect();
    assert_eq!(
        turns,
        [
            (Role::User, Some(0)),
            (Role::Bot, Some(0)),
            (Role::Bot, Some(0)),
            (Role::User, Some(3)),
            (Role::Bot, Some(3)),
            (Role::Bot, Some(3)),
        ]
    );
    assert_eq!(hall.head(&conversation).await.unwrap().open, 0);
    assert_eq!(hall.state(realm, "test", "k").await.unwrap().unwrap().version, 2);
    let states = hall.states(realm, "test", None, 10).await.unwrap();
    assert_eq!((states.items.len(), states.next), (1, None));
}
