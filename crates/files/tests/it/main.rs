//! Files over a real store: taken, linked to, given out.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, header};
use maru_accounts::{Accounts, InstanceKey};
use maru_door::Kind;
use maru_files::{FileData, Files, LINK_DAYS, LinkOf, Refused};
use maru_hall::{
    BadSettings, Begin, Bot, BotKind, BotRecord, ChannelRecord, Conversation, DeliverySettings,
    Hall, Handed, Outcome, Setup,
};
use maru_hints::LocalHints;
use maru_store::Store;
use maru_store_sqlite::{Options, SqliteStore};
use maru_testkit::FakeClock;
use object_store::memory::InMemory;
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

struct House {
    files: Files,
    clock: Arc<FakeClock>,
    hall: Hall,
    _folder: tempfile::TempDir,
}

impl House {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (env, clock) = maru_testkit::fake_env(1);
        let store = SqliteStore::open(folder.path(), Options::new(env.clone())).unwrap();
        let store: Arc<dyn Store> = Arc::new(store);
        let key = InstanceKey::load_or_create(&folder.path().join("instance.key"), &env).unwrap();
        let accounts = Accounts::open(Arc::clone(&store), env.clone(), key).await.unwrap();
        let realm = accounts.ensure_default().await.unwrap().id.clone();
        let setup = Setup {
            store,
            hints: Arc::new(LocalHints::new()),
            blobs: Arc::new(InMemory::new()),
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
        Self {
            files: Files::new(hall.clone(), accounts.instance_key()),
            clock,
            hall,
            _folder: folder,
        }
    }

    async fn conversation(&self) -> Arc<Conversation> {
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

    async fn take(
        &self,
        conversation: &Conversation,
        field: &str,
        name: &str,
        bytes: &[u8],
    ) -> Result<FileData, Refused> {
        let mut body = format!(
            "--b\r\nContent-Disposition: form-data; name=\"{field}\"; filename=\"{name}\"\r\n\
             Content-Type: text/html\r\n\r\n"
        );
        let mut form = std::mem::take(&mut body).into_bytes();
        form.extend_from_slice(bytes);
        form.extend_from_slice(b"\r\n--b--\r\n");
        let mut headers = HeaderMap::new();
        let content_type = HeaderValue::from_static("multipart/form-data; boundary=b");
        headers.insert(header::CONTENT_TYPE, content_type);
        self.files.take(conversation, "http://h", (&headers, Body::from(form)), 65_536).await
    }

    /// What is answered at an address: two headers, and the body.
    async fn fetch(&self, url: &str) -> Option<(String, String, Bytes)> {
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

fn png() -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(640, 480).write_to(&mut out, image::ImageFormat::Png).unwrap();
    out.into_inner()
}

#[tokio::test]
async fn a_picture_is_saved_and_its_preview_shown() {
    let house = House::new().await;
    let conversation = house.conversation().await;
    let taken = house.take(&conversation, "file", "고양이 사진.png", &png()).await.unwrap();
    assert_eq!((taken.name.as_str(), taken.mime_type), ("고양이 사진.png", "image/png"));
    assert_eq!(taken.size, png().len() as u64);
    let (content_type, how, body) = house.fetch(&taken.url).await.unwrap();
    assert_eq!((content_type.as_str(), &body[..]), ("image/png", &png()[..]));
    assert!(how.starts_with("attachment; filename="), "{how}");
    let (content_type, how, body) = house.fetch(&taken.preview_url.unwrap()).await.unwrap();
    assert_eq!(content_type, "image/jpeg");
    assert!(how.starts_with("inline"), "{how}");
    assert_eq!(image::load_from_memory(&body).unwrap().width(), 320);
}

#[tokio::test]
async fn a_link_is_of_one_conversation_and_ends() {
    let house = House::new().await;
    let conversation = house.conversation().await;
    let taken = house.take(&conversation, "file", "a.txt", b"hello").await.unwrap();
    let linked = house.files.linked(&taken.url).unwrap();
    assert_eq!((&linked.conversation, linked.of), (&conversation.id, LinkOf::File));
    assert!(!taken.url.contains(linked.blob.as_str().split('.').next().unwrap()));
    assert_eq!(taken.preview_url, None);
    // The same on the same day, and by any name of this server.
    let again = house.files.link("http://h", &conversation, &linked.blob, LinkOf::File, "a.txt");
    assert_eq!(again, taken.url);
    assert_eq!(house.files.linked(&taken.url.replace("http://h", "https://x")), Some(linked));
    for foreign in
        ["", "http://h/nxchat/file/", "http://h/nxchat/file/AAAA/a.txt", "http://h/a.txt"]
    {
        assert_eq!(house.files.linked(foreign), None, "{foreign}");
    }
    let at = taken.url.char_indices().nth(25).unwrap();
    let mut changed = taken.url.clone();
    changed.replace_range(at.0..=at.0, if at.1 == 'A' { "B" } else { "A" });
    assert_eq!(house.files.linked(&changed), None);
    house.clock.advance(Duration::from_secs(86_400 * (LINK_DAYS as u64 + 1)));
    assert_eq!(house.files.linked(&taken.url), None);
    assert!(house.fetch(&taken.url).await.is_none());
}

#[tokio::test]
async fn what_is_refused_is_refused_for_its_reason() {
    let house = House::new().await;
    let conversation = house.conversation().await;
    let take = async |field, name, bytes: &[u8]| {
        house.take(&conversation, field, name, bytes).await.unwrap_err()
    };
    assert!(matches!(take("file", "a.svg", b"<svg/>").await, Refused::NotTaken));
    assert!(matches!(take("file", "a.gif", b"GIF89a/*<script>*/").await, Refused::Undrawn(_)));
    assert!(matches!(take("other", "a.txt", b"x").await, Refused::NoFile));
    assert_eq!(take("file", "a.txt", &[b'x'; 65_537]).await.kind(), Kind::TooLarge);
    assert!(house.take(&conversation, "file", "a.txt", &[b'x'; 65_536]).await.is_ok());
}
