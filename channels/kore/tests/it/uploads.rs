//! Files, as each generation of the SDKs sends them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maru_testkit::Answer;
use serde_json::{Value, json};

use crate::house::{House, message, refusal};

/// What the web SDK calls its boundary.
const WEB: &str = "--------MultipartData0.6842";

/// A part of a form as the web SDK writes it by hand.
fn web_part(name: &str, value: &str) -> String {
    format!("--{WEB}\r\nContent-Disposition: form-data; name=\"{name}\";\r\n\r\n{value}\r\n")
}

/// A file's part: base64 text, and a content type that is none.
fn web_file(name: &str, filename: &str, bytes: &[u8]) -> String {
    format!(
        "--{WEB}\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"{filename}\"\r\n\
         Content-Type: UTF-8; charset=ISO-8859-1\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        STANDARD.encode(bytes)
    )
}

/// An ordinary form, as the mobile SDKs send them.
fn mobile(fields: &[(&str, &str)], file: &str, bytes: &[u8]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part =
            format!("--b0b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend(part.into_bytes());
    }
    let part = format!(
        "--b0b\r\nContent-Disposition: form-data; name=\"{file}\"; filename=\"photo.jpg\"\r\n\
         Content-Type: image/jpeg\r\n\r\n"
    );
    body.extend(part.into_bytes());
    body.extend(bytes);
    body.extend(b"\r\n--b0b--\r\n");
    body
}

struct Sender<'a> {
    house: &'a House,
    authorization: String,
}

impl<'a> Sender<'a> {
    async fn of(house: &'a House, user: &str) -> Self {
        Self { house, authorization: format!("bearer {}", house.grant(user).await) }
    }

    async fn send(&self, method: &str, path: &str, content_type: &str, body: Vec<u8>) -> Answer {
        let headers =
            [("authorization", self.authorization.as_str()), ("content-type", content_type)];
        self.house.call(method, path, &headers, body).await
    }

    async fn web(&self, method: &str, path: &str, parts: &[String]) -> Answer {
        let body = format!("{}--{WEB}--\r\n", parts.concat());
        let content_type = format!("multipart/form-data; boundary={WEB}");
        self.send(method, path, &content_type, body.into_bytes()).await
    }

    async fn mobile(&self, method: &str, path: &str, body: Vec<u8>) -> Answer {
        self.send(method, path, "multipart/form-data; boundary=b0b", body).await
    }

    async fn token(&self, path: &str) -> String {
        let answer = self.send("POST", path, "", Vec::new()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let expires_on = answer.json()["expiresOn"].as_str().unwrap().to_owned();
        assert!(expires_on.len() == 24 && expires_on.ends_with('Z'), "Android reads it");
        answer.json()["fileToken"].as_str().unwrap().to_owned()
    }

    /// Fetches a file by the address that it is given for.
    async fn fetch(&self, id: &str) -> Answer {
        let bot = &self.house.app.bot_id;
        let mut urls = Vec::new();
        for path in [
            format!("/api/attachment/v2/stream/{bot}/file/{id}/url"),
            format!("/api/1.1/attachment/file/{id}/url"),
        ] {
            let answer = self.send("GET", &path, "", Vec::new()).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            urls.push(answer.json()["fileUrl"].as_str().unwrap().to_owned());
        }
        assert_eq!(urls[0], urls[1], "within a day a file keeps its address");
        // Whoever has the link needs no credential.
        maru_testkit::call("GET", &urls[0], &[], "").await
    }
}

fn id_of(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["fileId"].as_str().unwrap().to_owned()
}

fn header(answer: &Answer, name: &str) -> String {
    answer.headers.get(name).map_or(String::new(), |value| value.to_str().unwrap().to_owned())
}

#[tokio::test]
async fn the_web_sdk_sends_a_small_file_at_once() {
    let house = House::new().await;
    let sender = Sender::of(&house, "kim").await;
    let parts = [
        web_part("fileExtension", "png"),
        web_part("fileContext", "workflows"),
        web_part("thumbnailUpload", "false"),
        web_part("filename", "사진 1.png"),
        web_file("file", "사진 1.png", b"\x89PNG\0pixels"),
        web_file("thumbnail", "사진 1.png_thumb", b"\x89PNG\0pixels"),
    ];
    // Of version 3 the single uploader writes two slashes, and versions 1 and 2 write 1.1.
    for path in ["/api/attachment/file", "/api//attachment/file", "/api/1.1/attachment/file"] {
        let answer = sender.web("POST", path, &parts).await;
        let id = id_of(&answer);
        assert_eq!(answer.json()["hash"].as_str().unwrap().len(), 64);
        let file = sender.fetch(&id).await;
        assert_eq!((file.status, &file.body[..]), (200, &b"\x89PNG\0pixels"[..]));
        assert_eq!(header(&file, "content-type"), "image/png");
        assert_eq!(header(&file, "x-content-type-options"), "nosniff");
        assert!(header(&file, "content-disposition").starts_with("inline; "));
    }
}

/// Two tokens: that in the path is the upload's, the one in the form is of no use.
#[tokio::test]
async fn the_web_sdk_sends_a_large_file_in_chunks() {
    let house = House::new().await;
    let sender = Sender::of(&house, "kim").await;
    for api in ["/api", "/api/1.1"] {
        let token = sender.token(&format!("{api}/attachment/file/token")).await;
        let other = sender.token(&format!("{api}/attachment/file/token")).await;
        assert_ne!(token, other);
        let chunk_path = format!("{api}/attachment/file/{token}/chunk");
        // Out of order, and one of them twice.
        for (number, bytes) in [(1, "-second-"), (0, "gone"), (2, "third"), (0, "first")] {
            let parts = [
                web_part("chunkNo", &number.to_string()),
                web_part("messageToken", &other),
                web_file("chunk", "big.pdf", bytes.as_bytes()),
            ];
            let answer = sender.web("POST", &chunk_path, &parts).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.json()["chunkNo"], number.to_string(), "Android reads a text");
        }
        // A size that is a multiple of the chunks': the web SDK sends one more, of nothing.
        let empty = [web_part("chunkNo", "3"), web_part("chunk", "[object Object]")];
        assert_eq!(sender.web("POST", &chunk_path, &empty).await.status, 200);
        let merge = [
            web_part("totalChunks", "4"),
            web_part("messageToken", &other),
            web_part("fileExtension", "pdf"),
            web_part("filename", "big.pdf"),
        ];
        let path = format!("{api}/attachment/file/{token}");
        let id = id_of(&sender.web("PUT", &path, &merge).await);
        // An answer that got lost is asked for again.
        assert_eq!(id_of(&sender.web("PUT", &path, &merge).await), id);
        let file = sender.fetch(&id).await;
        assert_eq!(file.text(), "first-second-third");
        assert_eq!(header(&file, "content-type"), "application/pdf");
        assert!(
            header(&file, "content-disposition").starts_with("attachment; filename=\"big.pdf\"")
        );
        let late = sender
            .web("POST", &chunk_path, &[web_part("chunkNo", "4"), web_file("chunk", "x", b"x")])
            .await;
        assert_eq!(late.status, 404, "{}", late.text());
    }
}

#[tokio::test]
async fn mobile_sdks_send_ordinary_forms() {
    let house = House::new().await;
    let sender = Sender::of(&house, "kim").await;
    let bytes = b"\xff\xd8\r\n--b0\r\njpeg";
    // iOS: the whole file.
    let fields = [("fileContext", "workflows"), ("fileExtension", "jpg")];
    let answer =
        sender.mobile("POST", "/api/1.1/attachment/file", mobile(&fields, "file", bytes)).await;
    assert_eq!(&sender.fetch(&id_of(&answer)).await.body[..], bytes);
    // Android: in chunks, below the user.
    let token = sender.token("/api/1.1/attachment/file/token").await;
    let files = "/api/1.1/users/u-1/file";
    let fields = [("chunkNo", "0"), ("fileToken", token.as_str())];
    let path = format!("{files}/{token}/chunk");
    let answer = sender.mobile("POST", &path, mobile(&fields, "chunk", bytes)).await;
    assert_eq!(answer.json(), json!({"chunkNo": "0"}));
    let merge = json!({"totalChunks": 1, "fileExtension": "jpg", "filename": "photo"});
    let path = format!("{files}/{token}");
    let answer = sender.send("PUT", &path, "application/json", merge.to_string().into()).await;
    let file = sender.fetch(&id_of(&answer)).await;
    assert_eq!(&file.body[..], bytes);
    assert!(header(&file, "content-disposition").contains("filename=\"photo.jpg\""));
    sender.token(&format!("{files}/token")).await;
}

#[tokio::test]
async fn in_webhook_mode_the_assertion_itself_is_the_credential() {
    let house = House::new().await;
    let sender =
        Sender { house: &house, authorization: format!("bearer {}", house.assertion("kim")) };
    let bot = &house.app.bot_id;
    let parts = [web_part("filename", "a.txt"), web_file("file", "a.txt", b"hello")];
    id_of(&sender.web("POST", &format!("/api/attachments/file/{bot}/ivr"), &parts).await);
    for files in [format!("/api/attachments/{bot}/ivr"), format!("/api/attachments/file/{bot}/ivr")]
    {
        for merge in ["", "/chunk"] {
            let token = sender.token(&format!("/api/attachments/{bot}/ivr/token")).await;
            let upload = format!("{files}/token/{token}");
            let chunk = [web_part("chunkNo", "0"), web_file("chunk", "a.txt", b"hello")];
            assert_eq!(sender.web("POST", &format!("{upload}/chunk"), &chunk).await.status, 200);
            let answer = sender
                .web("PUT", &format!("{upload}{merge}"), &[web_part("filename", "a.txt")])
                .await;
            assert_eq!(sender.fetch(&id_of(&answer)).await.text(), "hello");
        }
    }
}

#[tokio::test]
async fn an_upload_is_its_users_alone_and_ends_after_an_hour() {
    let house = House::new().await;
    let (kim, lee) = (Sender::of(&house, "kim").await, Sender::of(&house, "lee").await);
    let token = kim.token("/api/attachment/file/token").await;
    let path = format!("/api/attachment/file/{token}");
    let chunk = [web_part("chunkNo", "0"), web_file("chunk", "a.txt", b"hello")];
    for (sender, upload) in [(&lee, path.as_str()), (&kim, "/api/attachment/file/nonsense")] {
        let answer = sender.web("POST", &format!("{upload}/chunk"), &chunk).await;
        assert_eq!(refusal(&answer), (404, json!(404)), "{upload}");
        assert_eq!(refusal(&sender.web("PUT", upload, &[]).await), (404, json!(404)));
    }
    assert_eq!(kim.web("POST", &format!("{path}/chunk"), &chunk).await.status, 200);
    house.clock.by_secs(3_600);
    assert_eq!(refusal(&kim.web("PUT", &path, &[]).await), (404, json!(404)));
}

#[tokio::test]
async fn what_is_too_much_or_not_whole_is_refused() {
    let house = House::with(json!({"upload_bytes_max": 3_000})).await;
    let sender = Sender::of(&house, "kim").await;
    let whole = |length: usize| [web_file("file", "a.bin", &vec![b'x'; length])];
    id_of(&sender.web("POST", "/api/attachment/file", &whole(3_000)).await);
    let answer = sender.web("POST", "/api/attachment/file", &whole(3_001)).await;
    assert_eq!(refusal(&answer), (413, json!(413)));
    assert_eq!(answer.json()["errors"][0]["httpStatus"], "413");
    let answer = sender.web("POST", "/api/attachment/file", &whole(300_000)).await;
    assert_eq!(refusal(&answer), (413, json!(413)));

    let token = sender.token("/api/attachment/file/token").await;
    let path = format!("/api/attachment/file/{token}");
    let chunk = async |number: &str, length: usize| {
        let parts = [web_part("chunkNo", number), web_file("chunk", "a.bin", &vec![b'x'; length])];
        sender.web("POST", &format!("{path}/chunk"), &parts).await
    };
    assert_eq!(message(&sender.web("PUT", &path, &[]).await), "chunks are missing");
    assert_eq!(chunk("0", 1_500).await.status, 200);
    assert_eq!(chunk("2", 1_500).await.status, 200);
    assert_eq!(refusal(&chunk("3", 1).await), (413, json!(413)));
    assert_eq!(refusal(&chunk("one", 1).await), (400, json!(400)));
    assert_eq!(message(&sender.web("PUT", &path, &[]).await), "chunks are missing");
    assert_eq!(chunk("2", 1_000).await.status, 200);
    assert_eq!(chunk("1", 500).await.status, 200);
    let short = sender.web("PUT", &path, &[web_part("totalChunks", "2")]).await;
    assert_eq!(message(&short), "chunks are missing");
    id_of(&sender.web("PUT", &path, &[]).await);

    for (content_type, body) in
        [("multipart/form-data", &b"nothing"[..]), ("application/json", b"{"), ("", b"{}")]
    {
        let answer = sender.send("POST", "/api/attachment/file", content_type, body.to_vec()).await;
        assert_eq!(refusal(&answer), (400, json!(400)), "{content_type}");
    }
}

/// The SDK fetches a new token if `httpStatus` says so, as a text.
#[tokio::test]
async fn without_a_good_token_nothing_is_taken_or_told() {
    let house = House::new().await;
    for authorization in ["", "bearer nonsense", "basic x"] {
        let sender = Sender { house: &house, authorization: authorization.to_owned() };
        for (method, path) in [
            ("POST", "/api/attachment/file/token"),
            ("POST", "/api/attachment/file"),
            ("POST", "/api/attachment/file/x/chunk"),
            ("PUT", "/api/attachment/file/x"),
            ("GET", "/api/attachment/file/x/url"),
        ] {
            let answer = sender.web(method, path, &[]).await;
            assert_eq!(answer.status, 401, "{path}");
            let error =
                json!({"msg": "token expired", "code": "TOKEN_EXPIRED", "httpStatus": "401"});
            assert_eq!(answer.json(), json!({"errors": [error]}), "{path}");
        }
    }
}

#[tokio::test]
async fn a_link_ends_after_a_week_and_is_nobodys_to_make() {
    let house = House::new().await;
    let sender = Sender::of(&house, "kim").await;
    let id = id_of(
        &sender
            .web("POST", "/api/attachment/file", &[web_file("file", "a.html", b"<script>")])
            .await,
    );
    let file = sender.fetch(&id).await;
    assert_eq!(header(&file, "content-type"), "application/octet-stream");
    assert!(header(&file, "content-disposition").starts_with("attachment; "));

    let path = format!("/api/attachment/file/{id}/url");
    let answer = sender.send("GET", &path, "", Vec::new()).await;
    let url = answer.json()["fileUrl"].as_str().unwrap().to_owned();
    let (start, name) = url.rsplit_once('/').unwrap();
    assert_eq!(name, "a.html");
    let get = async |url: &str| maru_testkit::call("GET", url, &[], "").await;
    assert_eq!(get(&format!("{start}/whatever")).await.status, 200, "the name is for people");
    for bad in [
        format!("{start}x/a.html"),
        format!("http://{}/api/attachment/content/{id}/a.html", house.at),
    ] {
        assert_eq!(refusal(&get(&bad).await), (404, json!(404)), "{bad}");
    }
    house.clock.by_secs(7 * 86_400 - 60);
    assert_eq!(get(&url).await.status, 200);
    house.clock.by_secs(86_400 + 60);
    assert_eq!(refusal(&get(&url).await), (404, json!(404)));

    // Another realm's file is none.
    let foreign = format!("{}.other", "a".repeat(43));
    for id in [foreign.as_str(), "nonsense", "..%2F..%2Fetc%2Fpasswd"] {
        let sender = Sender::of(&house, "kim").await;
        let path = format!("/api/attachment/file/{id}/url");
        assert_eq!(
            refusal(&sender.send("GET", &path, "", Vec::new()).await),
            (404, json!(404)),
            "{id}"
        );
    }
}

/// Names that lead out of a folder are names like any other: nothing of them reaches a path.
#[tokio::test]
async fn a_name_cannot_lead_anywhere() {
    let house = House::new().await;
    let sender = Sender::of(&house, "kim").await;
    for (name, kept) in [
        ("../../etc/passwd", "passwd"),
        ("C:\\\\x\\\\..\\\\boot.ini", "boot.ini"),
        ("a\0b.png", "ab.png"),
        ("gpj\u{202e}exe.jpg", "gpjexe.jpg"),
        ("", "file"),
    ] {
        let parts = [web_part("filename", name), web_file("file", name, b"x")];
        let id = id_of(&sender.web("POST", "/api/attachment/file", &parts).await);
        let file = sender.fetch(&id).await;
        let disposition = header(&file, "content-disposition");
        assert!(disposition.contains(&format!("filename=\"{kept}\"")), "{name:?}: {disposition}");
    }
}

#[tokio::test]
async fn a_files_link_is_what_a_message_can_refer_to() {
    let house = House::new().await;
    let sender = Sender::of(&house, "kim").await;
    let id = id_of(
        &sender.web("POST", "/api/attachment/file", &[web_file("file", "a.png", b"x")]).await,
    );
    let described = house.hall.blobs().describe(&maru_hall::BlobId::parse(&id).unwrap()).await;
    let described = described.unwrap();
    let seen: Value =
        json!({"name": described.name, "type": described.content_type, "bytes": described.bytes});
    assert_eq!(seen, json!({"name": "a.png", "type": "image/png", "bytes": 1}));
}
