//! Records: what may be written, and what may not.

use maru_hall::{BotRecord, ChannelRecord, DeliverySettings, Error, RecordError};

use crate::support::{Scene, silent};

fn bot(id: &str, kind: &str) -> BotRecord {
    BotRecord {
        id: id.into(),
        realm: "default".into(),
        kind: kind.into(),
        name: id.into(),
        delivery: DeliverySettings::default(),
        settings: serde_json::Map::new(),
    }
}

#[tokio::test]
async fn unsound_records_are_refused_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let scene = Scene::open(folder.path(), silent()).await;
    let directory = scene.hall.directory();
    let refusal = |result: Result<(), Error>| match result.unwrap_err() {
        Error::Record(error) => error,
        other => unreachable!("{other}"),
    };
    assert!(matches!(
        refusal(directory.put_bot(bot("bot", "scripted"), true).await),
        RecordError::Exists { what: "bot", .. }
    ));
    assert!(matches!(
        refusal(directory.put_bot(bot("other", "scripted"), false).await),
        RecordError::Unknown { what: "bot", .. }
    ));
    let RecordError::UnknownKind { known, .. } =
        refusal(directory.put_bot(bot("other", "nonsense"), true).await)
    else {
        unreachable!("the kind is unknown");
    };
    assert_eq!(known, "scripted");
    assert!(matches!(
        refusal(directory.put_bot(bot("a/b", "scripted"), true).await),
        RecordError::BadId(_)
    ));
    let mut greedy = bot("other", "scripted");
    greedy.delivery.in_flight_max = 0;
    assert!(matches!(
        refusal(directory.put_bot(greedy, true).await),
        RecordError::Settings(error) if error.setting == "delivery.in_flight_max"
    ));
    assert!(matches!(
        refusal(directory.remove_bot(&"default".into(), &"bot".into()).await),
        RecordError::Used { .. }
    ));
    let orphan = ChannelRecord { bot: "gone".into(), id: "c".into(), ..scene.channel.clone() };
    assert!(matches!(
        refusal(directory.put_channel(orphan, true).await),
        RecordError::Unknown { what: "bot", .. }
    ));
}

#[tokio::test]
async fn records_survive_and_may_be_changed_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    {
        let scene = Scene::open(folder.path(), silent()).await;
        let mut changed = bot("bot", "scripted");
        changed.name = "Renamed".into();
        scene.hall.directory().put_bot(changed, false).await.unwrap();
        scene.hall.stop(std::time::Duration::ZERO).await;
    }
    let scene = Scene::open(folder.path(), silent()).await;
    let directory = scene.hall.directory();
    let (realm, id) = ("default".into(), "bot".into());
    assert_eq!(directory.bot(&realm, &id).unwrap().name, "Renamed");
    directory.remove_channel(&realm, &scene.channel.id).await.unwrap();
    directory.remove_bot(&realm, &id).await.unwrap();
    assert!(directory.bot(&realm, &id).is_none());
}
