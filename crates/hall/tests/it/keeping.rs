//! What is taken away, and what stays.

use bytes::Bytes;
use maru_activity::{Activity, Limits, Viewer};
use maru_hall::{BlobError, Meta, Place, Post, Whom};

use crate::support::{Scene, echo, say, text};

#[tokio::test]
async fn what_is_older_than_its_channels_days_goes_and_places_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut scene = Scene::open(folder.path(), echo()).await;
    let conversation = scene.begin().await;
    scene.hall.post(&conversation, say("old")).await.unwrap();
    scene.settled(&conversation).await;
    assert_eq!(scene.hall.keep_house().await.unwrap(), 0, "by default everything is kept");

    scene.channel.keep_days = Some(0);
    scene.hall.directory().put_channel(scene.channel.clone(), false).await.unwrap();
    assert_eq!(scene.hall.keep_house().await.unwrap(), 3);
    let posted = scene.hall.post(&conversation, say("new")).await.unwrap();
    assert!(posted.id.in_conversation(&conversation.id).ends_with("|0000002"));
    let read = scene.hall.read(&conversation, Viewer::Customer, Place::Pos(0), 100).await.unwrap();
    assert_eq!(text(&read.shown[0].body), "new");
}

#[tokio::test]
async fn an_erased_person_leaves_empty_places_and_no_files() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), echo()).await;
    let conversation = scene.begin().await;
    let blobs = scene.hall.blobs();
    let realm = &conversation.realm;
    let file =
        blobs.put(realm, "text/plain", "a.txt", Bytes::from_static(b"secret")).await.unwrap();
    let body = format!(
        r#"{{"type":"message","from":{{"id":"u"}},"text":"mine","attachments":[{{"contentType":"text/plain","contentUrl":"blob:{file}","name":"a.txt"}}]}}"#
    );
    let activity = Activity::parse(body.as_bytes(), &Limits::default()).unwrap();
    let meta = Meta { blobs: true, ..Meta::default() };
    scene.hall.post(&conversation, Post { meta, ..Post::user(activity) }).await.unwrap();
    scene.settled(&conversation).await;
    assert_eq!(blobs.get(&file).await.unwrap().1, "secret");

    let whom = Whom::Participant(scene.channel.id.clone(), "u".into());
    let erased = scene.hall.erase(realm, &whom).await.unwrap();
    assert_eq!((erased.conversations, erased.files), (1, 1));
    let read = scene.hall.read(&conversation, Viewer::Customer, Place::Pos(0), 100).await.unwrap();
    assert!(read.shown.is_empty(), "{:?}", read.shown);
    assert_eq!(read.next_pos, 2, "the places stay");
    assert!(matches!(blobs.get(&file).await, Err(BlobError::Unknown)));
}
