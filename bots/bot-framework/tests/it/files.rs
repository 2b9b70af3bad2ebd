//! Files, from users to bots and from bots to users.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use maru_activity::{Activity, Limits};
use maru_hall::{Meta, Post};
use serde_json::json;

use crate::house::{House, get, realm, refusal, send};

#[tokio::test]
async fn a_bot_fetches_what_a_user_sent_without_its_key() {
    let house = House::open().await;
    let (conversation, _) = house.talk().await;
    let file = Bytes::from_static(b"PNG");
    let blob = house.hall.blobs().put(&realm(), "image/png", "a.png", file.clone()).await.unwrap();
    let body = json!({"type": "message", "from": {"id": "u1"}, "attachments": [
        {"contentType": "image/png", "contentUrl": format!("blob:{blob}"), "name": "a.png"}
    ]});
    let activity = Activity::parse(body.to_string().as_bytes(), &Limits::default()).unwrap();
    let mut post = Post::user(activity);
    post.meta = Meta { blobs: true, ..Meta::default() };
    house.hall.post(&conversation, post).await.unwrap();

    let heard = &house.bot.wait_for(2).await[1];
    let link = heard.body["attachments"][0]["contentUrl"].as_str().unwrap();
    assert_eq!(link, format!("{}/v3/attachments/{blob}/views/original", house.url));
    let fetched = get(link).await;
    assert_eq!((fetched.status, &fetched.body), (200, &file));
    assert_eq!(fetched.headers["content-type"], "image/png");
    assert_eq!(fetched.headers["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn what_a_bot_uploads_can_be_shown_to_users() {
    let house = House::open().await;
    let (conversation, base) = house.talk().await;
    let at = format!("{base}v3/conversations/{}", conversation.id);
    let data = json!({
        "type": "text/html", "name": "../a.html", "originalBase64": "PGI+", "thumbnailBase64": "eA==",
    });
    let kept = send("POST", &format!("{at}/attachments"), data).await;
    assert_eq!(kept.status, 200);
    let id = kept.json()["id"].as_str().unwrap().to_owned();
    // The address that SDKs make of it holds the key; the user gets it without, and it still leads there.
    let link = format!("{base}v3/attachments/{id}/views/original");
    let message = json!({"type": "message", "attachments": [{"contentUrl": link}]});
    assert_eq!(send("POST", &format!("{at}/activities"), message).await.status, 200);
    let seen = house.seen(&conversation).await;
    let shown = seen[0]["attachments"][0]["contentUrl"].as_str().unwrap();
    assert_ne!(shown, link);
    let fetched = get(shown).await;
    assert_eq!((fetched.status, &*fetched.text()), (200, "<b>"));
    assert_eq!(fetched.headers["content-disposition"], "attachment; filename*=UTF-8''a.html");
    assert_eq!(fetched.headers["content-security-policy"], "default-src 'none'; sandbox");

    let info = get(&format!("{base}v3/attachments/{id}")).await.json();
    let views = json!([{"viewId": "original", "size": 3}, {"viewId": "thumbnail", "size": 1}]);
    assert_eq!(info, json!({"name": "a.html", "type": "text/html", "views": views}));
    assert_eq!(
        get(&format!("{}/v3/attachments/{id}/views/thumbnail", house.url)).await.text(),
        "x"
    );
}

#[tokio::test]
async fn files_that_are_not_there_or_too_large_are_refused() {
    let house = House::open().await;
    let (conversation, base) = house.talk().await;
    let nothing = format!("{}.default", "x".repeat(43));
    for path in ["x", "..%2f..%2fkey", &nothing, &format!("{nothing}~{nothing}")] {
        let refused = get(&format!("{}/v3/attachments/{path}", house.url)).await;
        assert_eq!(refusal(&refused).2, "Unknown attachment", "{path}");
        let refused = get(&format!("{}/v3/attachments/{path}/views/original", house.url)).await;
        assert_eq!(refusal(&refused).0, 404, "{path}");
    }
    let at = format!("{base}v3/conversations/{}/attachments", conversation.id);
    for (bytes, status) in [(1_000, 200), (1_001, 413), (9_000, 413)] {
        let data = json!({"originalBase64": STANDARD.encode(vec![0; bytes])});
        assert_eq!(send("POST", &at, data).await.status, status, "{bytes}");
    }
    for bad in [json!({}), json!({"originalBase64": ""}), json!({"originalBase64": "*"}), json!([])]
    {
        assert_eq!(send("POST", &at, bad.clone()).await.status, 400, "{bad}");
    }
}
