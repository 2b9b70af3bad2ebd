use serde_json::{Value, json};

use crate::client::{Answer, Request};
use crate::house::{House, Talk};

const BOUNDARY: &str = "----b";

fn form(parts: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (head, body) in parts {
        text.push_str(&format!("--{BOUNDARY}\r\n{head}\r\n\r\n{body}\r\n"));
    }
    text + &format!("--{BOUNDARY}--\r\n")
}

async fn upload(talk: &Talk<'_>, query: &str, parts: &[(&str, &str)]) -> Answer {
    let request = Request::post(&talk.path(&format!("/upload{query}")))
        .bearer(&talk.token)
        .header("Content-Type", &format!("multipart/form-data; boundary={BOUNDARY}"))
        .body(form(parts));
    talk.house.send(request).await
}

fn file(name: &str, content_type: &str) -> String {
    format!(
        "Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         Content-Type: {content_type}"
    )
}

const ACTIVITY: &str = "Content-Disposition: form-data; name=\"activity\"; filename=\"blob\"\r\n\
     Content-Type: application/vnd.microsoft.activity";

/// Fetches what an attachment links to.
async fn fetch(house: &House, attachment: &Value) -> Answer {
    let url = attachment["contentUrl"].as_str().unwrap();
    let path = url.strip_prefix(&format!("http://{}", house.at)).expect("a link to this server");
    house.send(Request::get(path)).await
}

#[tokio::test]
async fn a_form_with_an_activity_makes_one_message() {
    let house = House::new().await;
    let talk = house.talk().await;
    let activity = json!({
        "type":"message","text":"look","channelData":{"clientActivityID":"k"},
        "attachments":[
            {"name":"b.png","contentType":"image/png","thumbnailUrl":"data:,"},
            {"contentType":"image/png","contentUrl":"blob:evil","name":"a.png"},
        ],
    });
    let activity = activity.to_string();
    let (a, b) = (file("a.png", "image/png"), file("b.png", "image/png"));
    // The files may come first.
    let parts =
        [(a.as_str(), "AAAA"), (b.as_str(), "BB"), (a.as_str(), "A2"), (ACTIVITY, &activity)];
    let answer = upload(&talk, "?userId=ignored", &parts).await;
    assert_eq!(answer.json(), json!({"id": format!("{}|0000000", talk.id)}));
    // Sent again it is the same one.
    assert_eq!(upload(&talk, "", &parts).await.json(), answer.json());

    let read = &talk.wait_for(1).await[0];
    assert_eq!((&read["text"], &read["from"]["id"]), (&json!("look"), &json!("u1")));
    let attachments = read["attachments"].as_array().unwrap();
    let names: Vec<_> = attachments.iter().map(|a| a["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["b.png", "a.png", "a (1).png"]);
    assert_eq!(attachments[0]["thumbnailUrl"], "data:,");
    for (attachment, bytes) in attachments.iter().zip(["BB", "AAAA", "A2"]) {
        let file = fetch(&house, attachment).await;
        assert_eq!((file.status, file.body.as_slice()), (200, bytes.as_bytes()));
        assert_eq!(file.header("content-type"), Some("image/png"));
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
        assert!(file.header("content-disposition").unwrap().starts_with("inline;"));
    }
}

#[tokio::test]
async fn a_form_of_files_alone_is_from_the_user_in_its_address() {
    let house = House::new().await;
    let talk = house.token(&json!({})).await;
    let svg = file("../x.svg", "image/svg+xml");
    let parts = [(svg.as_str(), "<svg onload='x()'/>")];
    assert_eq!(upload(&talk, "?userId=u%207", &parts).await.status, 200);
    let read = &talk.wait_for(1).await[0];
    assert_eq!((&read["type"], &read["from"]["id"]), (&json!("message"), &json!("u 7")));
    let attachment = &read["attachments"][0];
    assert_eq!(
        (&attachment["name"], &attachment["contentType"]),
        (&json!("x.svg"), &json!("image/svg+xml"))
    );
    // What may hold a script is never shown in place.
    let file = fetch(&house, attachment).await;
    assert!(file.header("content-disposition").unwrap().starts_with("attachment;"));
    assert!(file.header("content-security-policy").unwrap().contains("sandbox"));
}

#[tokio::test]
async fn a_body_that_is_a_file_is_one_file() {
    let house = House::new().await;
    let talk = house.talk().await;
    let request = Request::post(&talk.path("/upload?userId=u1"))
        .bearer(&talk.token)
        .header("Content-Type", "image/jpeg")
        .header("Content-Disposition", "name=\"file\"; filename=\"x.jpg\"")
        .body([0xff, 0xd8, 0, 1]);
    assert_eq!(house.send(request).await.status, 200);
    let attachment = talk.wait_for(1).await[0]["attachments"][0].clone();
    assert_eq!(
        (&attachment["name"], &attachment["contentType"]),
        (&json!("x.jpg"), &json!("image/jpeg"))
    );
    assert_eq!(fetch(&house, &attachment).await.body, [0xff, 0xd8, 0, 1]);
}

#[tokio::test]
async fn an_upload_is_taken_at_its_limits_and_not_beyond() {
    let house = House::with(
        json!({"upload_bytes_max":4_096,"upload_files_max":2,"activity_bytes_max":1_024}),
    )
    .await;
    let talk = house.talk().await;
    let one = file("a", "text/plain");
    let parts = |count: usize, bytes: usize| vec![(one.clone(), "x".repeat(bytes)); count];
    let send = async |parts: Vec<(String, String)>| {
        let parts: Vec<_> = parts.iter().map(|(h, b)| (h.as_str(), b.as_str())).collect();
        upload(&talk, "", &parts).await
    };
    let empty = form(&[(one.as_str(), "")]).len();
    assert_eq!(send(parts(1, 4_096 - empty)).await.status, 200);
    assert_eq!(send(parts(1, 4_097 - empty)).await.refusal(), (413, "BadArgument".to_owned()));
    assert_eq!(send(parts(2, 1)).await.status, 200);
    let mut three = parts(3, 1);
    three.push((ACTIVITY.to_owned(), "{\"type\":\"message\"}".to_owned()));
    assert_eq!(send(three).await.refusal(), (400, "BadArgument".to_owned()));
    let long = format!("{{\"type\":\"message\",\"text\":\"{}\"}}", "x".repeat(1_024));
    let long = vec![(ACTIVITY.to_owned(), long)];
    assert_eq!(send(long).await.refusal(), (413, "BadArgument".to_owned()));
    assert_eq!(send(Vec::new()).await.refusal(), (400, "MissingProperty".to_owned()));
}
