//! A hall over a real store, with its files on a disk.

use std::collections::BTreeSet;
use std::io::Cursor;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use maru_accounts::{Accounts, InstanceKey};
use maru_files::{FileData, Files, Refused};
use maru_hall::{
    BadSettings, Begin, Bot, BotKind, BotRecord, ChannelRecord, Conversation, DeliverySettings,
    Hall, Handed, Outcome, Setup,
};
use maru_hints::LocalHints;
use maru_store::Store;
use maru_store_sqlite::{Options, SqliteStore};
use maru_testkit::FakeClock;
use object_store::local::LocalFileSystem;
use prometheus_client::registry::Registry;
use serde_json::Map;

#[derive(Debug)]
struct Silent;

#[async_trait]
impl Bot for Silent {
    async fn deliver(&self, _: Handed) -> Outcome {
        Outcome::Taken { answers: Vec::new(), result: None }
    }
}

impl BotKind for Silent {
    fn kind(&self) -> &'static str {
        "silent"
    }

    fn make(&self, _: &BotRecord) -> Result<Arc<dyn Bot>, BadSettings> {
        Ok(Arc::new(Self))
    }
}

/// A hall with its files in a folder of its own, beside which is the folder for files that come in.
pub(crate) struct House {
    pub(crate) files: Files,
    pub(crate) clock: Arc<FakeClock>,
    pub(crate) hall: Hall,
    pub(crate) store: Arc<dyn Store>,
    folder: tempfile::TempDir,
}

impl House {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [blobs, spool] = ["blobs", "spool"].map(|name| folder.path().join(name));
        for folder in [&blobs, &spool] {
            std::fs::create_dir(folder).unwrap();
        }
        let blobs = LocalFileSystem::new_with_prefix(blobs).unwrap();
        let (env, clock) = maru_testkit::fake_env(1);
        let store = SqliteStore::open(folder.path(), Options::new(env.clone())).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let key = InstanceKey::load_or_create(&folder.path().join("instance.key"), &env).unwrap();
        let accounts = Accounts::open(Arc::clone(&store), env.clone(), key).await.unwrap();
        let realm = accounts.ensure_default().await.unwrap().id.clone();
        let setup = Setup {
            store: Arc::clone(&store),
            hints: Arc::new(LocalHints::new()),
            blobs: Arc::new(blobs),
            env,
            bot_kinds: vec![Arc::new(Silent)],
            channel_kinds: vec![("chat", |_| Ok(()))],
            settings: maru_hall::Settings::default(),
        };
        let hall = Hall::open(setup, &mut Registry::default()).await.unwrap();
        let bot = BotRecord {
            id: "bot".into(),
            realm,
            kind: "silent".to_owned(),
            name: "Bot".to_owned(),
            delivery: DeliverySettings::default(),
            settings: Map::new(),
        };
        hall.directory().put_bot(bot, true).await.unwrap();
        let files = Files::new(hall.clone(), accounts.instance_key()).spooled_in(spool);
        Self { files, clock, hall, store, folder }
    }

    pub(crate) async fn conversation(&self) -> Arc<Conversation> {
        let channel = ChannelRecord {
            id: "chat".into(),
            realm: "default".into(),
            kind: "chat".to_owned(),
            bot: "bot".into(),
            keep_days: None,
            settings: Map::new(),
        };
        self.hall.begin(Begin::by(&channel, "chat")).await.unwrap().conversation
    }

    pub(crate) async fn take(
        &self,
        conversation: &Conversation,
        field: &str,
        name: &str,
        bytes: &[u8],
    ) -> Result<FileData, Refused> {
        let named = format!("name=\"{field}\"; filename=\"{name}\"");
        self.take_body(conversation, Body::from(form(named.as_bytes(), bytes)), 65_536).await
    }

    /// Takes the file of a form whose boundary is `b`.
    pub(crate) async fn take_body(
        &self,
        conversation: &Conversation,
        body: Body,
        bytes_max: usize,
    ) -> Result<FileData, Refused> {
        let mut headers = HeaderMap::new();
        let content_type = HeaderValue::from_static("multipart/form-data; boundary=b");
        headers.insert(header::CONTENT_TYPE, content_type);
        self.files.take(conversation, "http://h", (&headers, body), bytes_max).await
    }

    /// The paths of all files that there are, from this house's folder on, but those of the database.
    pub(crate) fn tree(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let mut folders = vec![self.folder.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path());
                } else if !entry.file_name().to_string_lossy().starts_with("maru.") {
                    found.insert(entry.path().strip_prefix(self.folder.path()).unwrap().to_owned());
                }
            }
        }
        found
    }

    /// How many files have a record.
    pub(crate) async fn records(&self) -> usize {
        let realm = "default".into();
        self.store.states(&realm, "hall/blob", None, 1_000).await.unwrap().items.len()
    }

    /// What is answered at an address: two headers, and the body.
    pub(crate) async fn fetch(&self, url: &str) -> Option<(String, String, Bytes)> {
        let ticket = url.split('/').nth(5).unwrap();
        let response = self.files.serve(ticket).await.unwrap()?;
        let header = |name| response.headers()[name].to_str().unwrap().to_owned();
        let (content_type, how) = (header("content-type"), header("content-disposition"));
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(header("content-security-policy").contains("sandbox"));
        let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        Some((content_type, how, body))
    }
}

/// A form of one part: what its header says of it, and its contents.
pub(crate) fn form(named: &[u8], bytes: &[u8]) -> Vec<u8> {
    let parts: [&[u8]; 5] = [
        b"--b\r\nContent-Disposition: form-data; ",
        named,
        b"\r\nContent-Type: text/html\r\n\r\n",
        bytes,
        b"\r\n--b--\r\n",
    ];
    parts.concat()
}

pub(crate) fn png() -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(640, 480).write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}
