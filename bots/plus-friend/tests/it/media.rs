//! Pictures and files, in both directions.

use maru_hall::{BlobId, Meta};
use serde_json::{Value, json};

use crate::house::{House, realm};
use crate::partner::{MESSAGE, OTHER, Reply};

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n and the rest";

async fn attachment(house: &House, photo: &str) -> (Value, bool) {
    let conversation = house.enter("u1").await;
    let photo = json!({"url": photo, "width": 720, "height": 630});
    house.partner.then(MESSAGE, Reply::json(&json!({"message": {"photo": photo}})));
    house.say(&conversation, "hi").await;
    let shown = house.node.shown(&conversation).await.pop().unwrap();
    let body: Value = serde_json::from_slice(&shown.body).unwrap();
    let native = shown.meta.native.unwrap();
    assert_eq!(
        (native.protocol.as_str(), &native.body["message"]["photo"]),
        ("plus-friend", &photo)
    );
    (body["attachments"][0].clone(), shown.meta.blobs)
}

#[tokio::test]
async fn a_picture_is_copied_once_before_its_link_dies() {
    let house = House::open(json!({})).await;
    house.partner.then(OTHER, Reply::redirect(302, "/moved.png"));
    house.partner.then(OTHER, Reply::new(200, "text/html", PNG));
    let url = format!("{}/p.png", house.partner.url);
    let (attachment, blobs) = attachment(&house, &url).await;
    assert_eq!((&attachment["contentType"], blobs), (&json!("image/png"), true));
    let id = BlobId::of_reference(attachment["contentUrl"].as_str().unwrap()).unwrap();
    let (blob, bytes) = house.node.hall.blobs().get(&id).await.unwrap();
    assert_eq!((&*blob.content_type, &bytes[..]), ("image/png", PNG));
    assert_eq!(house.partner.calls(OTHER).len(), 2);
}

#[tokio::test]
async fn what_is_no_picture_or_too_large_or_elsewhere_stays_a_link() {
    let house = House::open(json!({})).await;
    let here = format!("{}/p.png", house.partner.url);
    let too_large = [PNG, &vec![0; maru_plus_friend::limits::PHOTO_BYTES_MAX]].concat();
    for (reply, url) in [
        (Some(Reply::new(200, "image/png", "<svg onload=alert(1)>")), &*here),
        (Some(Reply::new(200, "image/png", too_large)), &*here),
        (Some(Reply::status(404)), &*here),
        (Some(Reply::redirect(302, "http://169.254.169.254/latest/meta-data")), &*here),
        (None, "http://169.254.169.254/p.png"),
        (None, "http://[::ffff:10.0.0.1]/p.png"),
    ] {
        if let Some(reply) = reply {
            house.partner.then(OTHER, reply);
        }
        let (attachment, blobs) = attachment(&house, url).await;
        assert_eq!((&attachment["contentUrl"], blobs), (&json!(url), false));
    }
}

#[tokio::test]
async fn a_users_files_are_sent_as_links_that_a_partner_can_follow() {
    let house = House::open(json!({})).await;
    house.add_bot("b2", "web2", json!({"send_media_as": "text"})).await;
    let blobs = house.node.hall.blobs();
    let id = blobs.put(&realm(), "image/png", "a.png", PNG.into()).await.unwrap();
    let activity = json!({"type": "message", "from": {"id": "u1"}, "text": "look", "attachments": [
        {"contentType": "image/png", "contentUrl": format!("blob:{id}"), "name": "a.png"},
        {"contentType": "video/mp4", "contentUrl": "https://x/v.mp4"},
    ]});
    let meta = Meta { blobs: true, ..Meta::default() };
    let sent = async |channel: &str| {
        let before = house.partner.calls(MESSAGE).len();
        let conversation = house.node.enter(channel, "u1").await;
        let got = house.node.post(&conversation, activity.clone(), meta.clone()).await;
        assert_eq!(got.len(), 3, "each is answered");
        let calls = house.partner.calls(MESSAGE).split_off(before);
        let said = |body: &Value| [body["type"].clone(), body["content"].clone()];
        calls.iter().map(|call| said(&call.body)).collect::<Vec<_>>()
    };
    let link = format!("http://maru.example:8080/v3/attachments/{id}/views/original");
    assert_eq!(
        sent("web").await,
        [
            [json!("text"), json!("look")],
            [json!("photo"), json!(link)],
            [json!("video"), json!("https://x/v.mp4")],
        ]
    );
    assert_eq!(sent("web2").await[2], [json!("text"), json!("https://x/v.mp4")]);
}

#[tokio::test]
async fn a_reference_that_a_user_wrote_is_no_link() {
    let house = House::open(json!({})).await;
    let id = house.node.hall.blobs().put(&realm(), "image/png", "a", PNG.into()).await.unwrap();
    let conversation = house.enter("u1").await;
    let activity = json!({"type": "message", "from": {"id": "u1"}, "attachments": [
        {"contentType": "image/png", "contentUrl": format!("blob:{id}")}]});
    assert_eq!(house.node.post(&conversation, activity, Meta::default()).await, []);
    assert!(house.partner.calls(MESSAGE).is_empty());
}
