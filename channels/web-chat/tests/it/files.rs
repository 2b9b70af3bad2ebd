use std::io::Cursor;

use maru_testkit::Answer;
use serde_json::{Value, json};

use crate::client::Client;
use crate::desk::{GROUP, VIRTUAL};
use crate::house::House;

const MID: &str = "0123456789abcdef";

async fn upload(house: &House, token: &str, name: &str, bytes: &[u8]) -> Answer {
    let mut form = format!(
        "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
    )
    .into_bytes();
    form.extend_from_slice(bytes);
    form.extend_from_slice(b"\r\n--b--\r\n");
    let bearer = format!("Bearer {token}");
    let headers =
        [("authorization", &*bearer), ("content-type", "multipart/form-data; boundary=b")];
    maru_testkit::call("POST", &format!("http://{}/nxchat/upload", house.at), &headers, form).await
}

fn token(client: &Client) -> &str {
    assert_eq!(client.welcome["upload"]["url"], "/nxchat/upload");
    client.welcome["upload"]["token"].as_str().unwrap()
}

fn png() -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(640, 480).write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

#[tokio::test]
async fn a_file_is_uploaded_sent_and_fetched_by_the_bot_side_and_the_customer() {
    let house = House::new().await;
    let mut client = house.call(VIRTUAL).await;
    client.until("answer").await;
    let answer = upload(&house, token(&client), "고양이.png", &png()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut entry = answer.json();
    assert_eq!((&entry["name"], &entry["mime_type"]), (&json!("고양이.png"), &json!("image/png")));
    // What a client says of it otherwise is not believed.
    entry["size"] = "1".into();
    entry["mime_type"] = "text/html".into();
    let content = json!({"type": "file", "message": "", "file_data": [entry]});
    assert_eq!(client.say(MID, content).await["t"], "ok");
    let heard = house.hears("message", 1).await;
    let attachment = &heard[0]["attachments"][0];
    assert!(attachment["contentUrl"].as_str().unwrap().starts_with("blob:"));
    assert_eq!(attachment["contentType"], "image/png");
    let mut back = client.resumed(0).await;
    let mut said = back.until("msg").await;
    while said["d"]["content"]["type"] != "file" {
        said = back.until("msg").await;
    }
    let shown = said["d"]["content"]["file_data"][0].clone();
    assert_eq!((&shown["size"], &shown["mime_type"]), (&json!(png().len()), &json!("image/png")));
    let file = maru_testkit::call("GET", shown["url"].as_str().unwrap(), &[], "").await;
    assert_eq!((file.status, &file.body[..]), (200, &png()[..]));
    assert!(file.headers["content-disposition"].to_str().unwrap().starts_with("attachment"));
    assert_eq!(file.headers["x-content-type-options"], "nosniff");
    let preview = maru_testkit::call("GET", shown["preview_url"].as_str().unwrap(), &[], "").await;
    assert_eq!(preview.headers["content-type"], "image/jpeg");
}

#[tokio::test]
async fn another_chats_upload_is_none() {
    let house = House::new().await;
    let (one, mut other) = (house.in_call().await, house.in_call().await);
    let entry = upload(&house, token(&one), "a.txt", b"hello").await.json();
    let content = |entry: &Value| json!({"type": "file", "message": "", "file_data": [entry]});
    let refused = other.say(MID, content(&entry)).await;
    assert_eq!(refused["d"]["code"], "upload_missing");
    let mut forged = entry;
    forged["url"] = format!("http://{}/nxchat/file/AAAA/a.txt", house.at).into();
    let mut one = one;
    assert_eq!(one.say(MID, content(&forged)).await["d"]["code"], "upload_missing");
}

#[tokio::test]
async fn what_is_no_file_of_a_kind_that_is_taken_is_refused() {
    let house = House::with(json!({"file_bytes_max": 2_048}), true).await;
    let client = house.call(GROUP).await;
    let token = token(&client).to_owned();
    for (name, bytes, status, code) in [
        ("a.svg", b"<svg onload='alert(1)'/>" as &[u8], 415, "bad_type"),
        ("a.png", b"<svg/>", 415, "bad_type"),
        ("a.gif", b"GIF89a\x01\0\x01\0<script>alert(1)</script>", 415, "bad_type"),
        ("a.html", b"GIF89a", 415, "bad_type"),
        ("a.txt", &[b'x'; 2_049], 413, "too_long"),
    ] {
        let answer = upload(&house, &token, name, bytes).await;
        assert_eq!(answer.status, status, "{name}: {}", answer.text());
        assert_eq!(answer.json()["error"]["code"], code, "{name}");
    }
    assert_eq!(upload(&house, &token, "a.txt", &[b'x'; 2_048]).await.status, 200);
    house.clock.by_secs(86_401);
    assert_eq!(upload(&house, &token, "a.txt", b"x").await.status, 401);
}

#[tokio::test]
async fn many_files_at_once_are_too_many() {
    let house = House::new().await;
    let client = house.call(GROUP).await;
    let mut last = 200;
    for _ in 0..15 {
        let answer = upload(&house, token(&client), "a.txt", b"x").await;
        last = answer.status;
        if last == 429 {
            assert!(answer.headers.contains_key("retry-after"));
            break;
        }
    }
    assert_eq!(last, 429);
}

#[tokio::test]
async fn whoever_sends_a_large_file_of_another_kind_is_told_so_before_it_has_come() {
    let house = House::new().await;
    let client = house.call(GROUP).await;
    let large = vec![b'x'; 9 << 20];
    for name in ["a.exe", "a.png", "a.html"] {
        let answer = upload(&house, token(&client), name, &large).await;
        assert_eq!(
            (answer.status, answer.json()["error"]["code"].as_str()),
            (415, Some("bad_type"))
        );
    }
    let taken = upload(&house, token(&client), "a.txt", &large).await;
    assert_eq!((taken.status, &taken.json()["size"]), (200, &json!(large.len())));
}
