//! Which turn a bot's words belong to.

use std::sync::Arc;

use maru_activity::{Seq, Viewer};
use maru_hall::{Conversation, Place, Post};
use maru_store::Store;

use crate::support::{Scene, said_by, say, silent};

/// The turns of the log's entries, in order.
pub(crate) async fn turns(store: &Arc<dyn Store>, conversation: &Conversation) -> Vec<Option<Seq>> {
    let (realm, id) = (&conversation.realm, &conversation.id);
    let entries = store.read(realm, id, Viewer::Operator, Place::Seq(0), 100).await.unwrap();
    entries.into_iter().map(|entry| entry.turn).collect()
}

#[tokio::test]
async fn words_without_a_reply_to_id_belong_to_the_turn_handed_over_last_also_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let conversation = {
        let scene = Scene::open(folder.path(), silent()).await;
        let conversation = scene.begin().await;
        for words in ["a", "b"] {
            scene.hall.post(&conversation, say(words)).await.unwrap();
        }
        scene.settled(&conversation).await;
        scene.hall.post(&conversation, Post::bot(said_by("bot", "to b"))).await.unwrap();
        scene.hall.stop(std::time::Duration::from_secs(5)).await;
        conversation
    };
    let scene = Scene::open(folder.path(), silent()).await;
    for words in ["late", "later"] {
        scene.hall.post(&conversation, Post::bot(said_by("bot", words))).await.unwrap();
    }
    let answer = || Post::bot(said_by("bot", "to c"));
    scene.hall.post(&conversation, say("c")).await.unwrap();
    scene.settled(&conversation).await;
    scene.hall.post(&conversation, answer()).await.unwrap();
    let all = turns(&scene.store, &conversation).await;
    assert_eq!(all, [0, 1, 2, 2, 2, 2, 6, 6].map(Some));
}
