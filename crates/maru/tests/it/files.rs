//! Files in a bucket, against a real S3 server, and in a folder of their own.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use maru_testkit::{Answer, TestServer, call};
use s3s::auth::SimpleAuth;
use s3s::service::{S3Service, S3ServiceBuilder};
use s3s_fs::FileSystem;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::AbortHandle;

use crate::MARU;

const KEY: &str = "the-key";
const SECRET: &str = "hunter2hunter2";

/// An S3 server with one bucket, `files`, that asks for a signature.
struct S3 {
    address: SocketAddr,
    service: S3Service,
    folder: tempfile::TempDir,
    running: Option<AbortHandle>,
}

impl S3 {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("files")).unwrap();
        let mut builder = S3ServiceBuilder::new(FileSystem::new(folder.path()).unwrap());
        builder.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = builder.build();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut s3 = Self { address, service, folder, running: None };
        s3.up().await;
        s3
    }

    /// Starts it, again on its port.
    async fn up(&mut self) {
        let listener = TcpListener::bind(self.address).await.unwrap();
        self.address = listener.local_addr().unwrap();
        let service = self.service.clone();
        let serve = async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let service = service.clone();
                connections.spawn(async move {
                    let http = auto::Builder::new(TokioExecutor::new());
                    let _ = http.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        };
        self.running = Some(tokio::spawn(serve).abort_handle());
    }

    /// Stops it, and cuts its connections.
    fn down(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
        }
    }

    /// The files in the bucket.
    fn files(&self) -> Vec<PathBuf> {
        files_in(&self.folder.path().join("files"))
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_in(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// Sends a file as the user `u`.
async fn upload(server: &TestServer, path: &str, bytes: &str) -> Answer {
    let url = format!("{}/v3/directline{path}/upload?userId=u", server.url());
    let authorization = format!("Bearer {}", server.secret());
    let headers = [
        ("authorization", &*authorization),
        ("content-type", "text/plain"),
        ("content-disposition", "name=\"file\"; filename=\"a.txt\""),
    ];
    call("POST", &url, &headers, bytes.to_owned()).await
}

/// Begins a conversation and sends a file. Gives the conversation's path, and the file's address.
async fn send(server: &TestServer, bytes: &str) -> (String, String) {
    let begun = server.direct_line(server.secret(), "POST", "/conversations", "").await;
    let path = format!("/conversations/{}", begun.json()["conversationId"].as_str().unwrap());
    let sent = upload(server, &path, bytes).await;
    assert_eq!(sent.status, 200, "{}", sent.text());
    let read =
        server.direct_line(server.secret(), "GET", &format!("{path}/activities"), "").await.json();
    let activities = read["activities"].as_array().unwrap();
    let link =
        activities.iter().find_map(|activity| activity["attachments"][0]["contentUrl"].as_str());
    (path, link.unwrap().to_owned())
}

#[tokio::test]
async fn files_are_kept_in_a_bucket() {
    let mut s3 = S3::start().await;
    let options = format!(
        "endpoint=http://{},region=somewhere,allow_http=true,access_key_id={KEY},secret_access_key=env:S3_SECRET",
        s3.address
    );
    let mut server = TestServer::start_in(
        MARU,
        &[],
        &[
            ("MARU_BLOBS__URL", "s3://files/site/one"),
            ("MARU_BLOBS__OPTIONS", &options),
            ("S3_SECRET", SECRET),
        ],
    )
    .await;
    let (path, link) = send(&server, "what was sent").await;
    assert_eq!(call("GET", &link, &[], "").await.text(), "what was sent");
    let found: Vec<PathBuf> = s3.files();
    assert!(
        found.iter().any(|file| file.to_string_lossy().contains("/files/site/one/default/")),
        "{found:?}"
    );
    assert!(!server.data().join("blobs").exists());

    // The bucket is away: everything but files goes on, and files come back with it.
    s3.down();
    let ready = call("GET", &format!("{}/readyz", server.url()), &[], "").await;
    assert_eq!(ready.status, 200);
    let text = r#"{"type":"message","from":{"id":"u"},"text":"x"}"#;
    let posted = format!("{path}/activities");
    let posted = server.direct_line(server.secret(), "POST", &posted, text).await;
    assert_eq!(posted.status, 200, "{}", posted.text());
    assert_eq!(upload(&server, &path, "later").await.status, 503);
    s3.up().await;
    assert_eq!(upload(&server, &path, "later").await.status, 200);
    assert_eq!(call("GET", &link, &[], "").await.text(), "what was sent");

    server.json(&["erase", "--channel", "web", "--user", "u", "--yes"]).await;
    assert_eq!(call("GET", &link, &[], "").await.status, 404);
    let left: Vec<PathBuf> = s3.files();
    assert!(!left.iter().any(|file| std::fs::read(file).unwrap() == b"what was sent"), "{left:?}");
    let told = server.run(&["config", "print"], "").await;
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(told.contains("access_key_id=(not shown)") && told.contains("env:S3_SECRET"), "{told}");
    server.stop().await;
    assert!(!server.log().contains(SECRET) && !server.log().contains("what was sent"));
}

#[tokio::test]
async fn files_are_kept_in_a_folder_of_their_own() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}/files", folder.path().display());
    let server = TestServer::start_with(MARU, &["--blobs", &url]).await;
    let (_, link) = send(&server, "what was sent").await;
    assert_eq!(call("GET", &link, &[], "").await.text(), "what was sent");
    assert_eq!(files_in(&folder.path().join("files")).len(), 1);
    let file = server.folder().join("backup.tar");
    let backup = ["backup", file.to_str().unwrap()];
    let answer: Value = server.json(&[&backup[..], &["--blobs", &url]].concat()).await;
    assert!(answer["files"].as_str().unwrap().contains(&url), "{answer}");
}
