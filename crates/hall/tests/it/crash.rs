//! What a process that dies leaves to the next one.

use std::sync::Arc;
use std::time::Duration;

use crate::support::{Action, Scene, echo, say, text};

#[tokio::test]
async fn an_unsettled_delivery_is_handed_over_again_under_its_id_in_its_order() {
    let folder = tempfile::tempdir().unwrap();
    let (conversation, first) = {
        let hang = Arc::new(|_: &_| Action::Wait(Duration::from_secs(3_600)));
        let scene = Scene::open(folder.path(), hang).await;
        let conversation = scene.begin().await;
        let first = scene.handed().await.delivery;
        for words in ["a", "b"] {
            scene.hall.post(&conversation, say(words)).await.unwrap();
        }
        // It stops without settling anything.
        scene.hall.stop(Duration::ZERO).await;
        (conversation, first)
    };
    let scene = Scene::open(folder.path(), echo()).await;
    assert_eq!(scene.handed().await.delivery, first);
    assert_eq!(text(&scene.handed().await.body), "a");
    assert_eq!(text(&scene.handed().await.body), "b");
    scene.settled(&conversation).await;
}
