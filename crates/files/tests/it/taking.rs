//! Files are taken, linked to, and given out.

use std::time::Duration;

use maru_door::Kind;
use maru_files::{LINK_DAYS, LinkOf, Refused};

use crate::house::{House, png};

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
