//! Files as they come in: in pieces, refused as soon as it is clear that they will be, and gone without a
//! trace if they do not come to their end.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt as _};
use maru_door::Kind;
use maru_files::Refused;

use crate::house::{House, form, png};

const MIB: usize = 1024 * 1024;
const PIECE: usize = 16 * 1024;

/// A body in pieces, which counts those that were read; after the last one comes `end`, or nothing ever.
fn body(form: &[u8], end: Option<io::Error>, read: &Arc<AtomicUsize>, stays: bool) -> Body {
    let read = Arc::clone(read);
    let pieces: Vec<Bytes> = form.chunks(PIECE).map(Bytes::copy_from_slice).collect();
    let pieces = stream::iter(pieces.into_iter().map(Ok)).inspect(move |_| {
        read.fetch_add(1, Ordering::Relaxed);
    });
    let whole = pieces.chain(stream::iter(end.map(Err)));
    if stays { Body::from_stream(whole.chain(stream::pending())) } else { Body::from_stream(whole) }
}

fn named(name: &str) -> Vec<u8> {
    format!("name=\"file\"; filename=\"{name}\"").into_bytes()
}

/// That nothing was left: no file, no record, and nothing beside the file that is coming in.
async fn is_empty(house: &House) {
    let files: Vec<_> =
        house.tree().into_iter().filter(|path| path.components().count() > 1).collect();
    assert_eq!((files, house.records().await), (Vec::new(), 0));
}

#[tokio::test]
async fn a_large_file_comes_out_as_it_went_in() {
    let house = House::new().await;
    let conversation = house.conversation().await;
    // Above what is copied in one part, and not a whole number of anything.
    let text: Vec<u8> = (0..11 * MIB + 77).map(|n| b'a' + (n % 23) as u8).collect();
    let read = Arc::new(AtomicUsize::new(0));
    let coming = body(&form(&named("a.txt"), &text), None, &read, false);
    let taken = house.take_body(&conversation, coming, 12 * MIB).await.unwrap();
    assert_eq!((taken.size, taken.mime_type), (text.len() as u64, "text/plain"));
    let (_, _, body) = house.fetch(&taken.url).await.unwrap();
    assert!(body == text, "it is another file");
    assert_eq!(house.records().await, 1);
}

#[tokio::test]
async fn a_file_that_breaks_off_leaves_nothing() {
    let house = House::new().await;
    let conversation = house.conversation().await;
    let text = form(&named("a.txt"), &vec![b'x'; 2 * MIB]);
    let read = Arc::new(AtomicUsize::new(0));
    // The link is cut.
    let cut = io::Error::new(io::ErrorKind::ConnectionReset, "cut");
    let coming = body(&text[..MIB], Some(cut), &read, false);
    let refused = house.take_body(&conversation, coming, 4 * MIB).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Invalid, "{refused}");
    is_empty(&house).await;
    // Whoever waits for the answer waits no more.
    read.store(0, Ordering::Relaxed);
    let coming = body(&text[..MIB], None, &read, true);
    let taking = house.take_body(&conversation, coming, 4 * MIB);
    let all_read = async {
        while read.load(Ordering::Relaxed) < MIB / PIECE {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::select! {
        _ = taking => unreachable!("it never ends"),
        () = all_read => {}
    }
    is_empty(&house).await;
    // The form does not end.
    let coming = body(&text[..text.len() - 7], None, &read, false);
    let refused = house.take_body(&conversation, coming, 4 * MIB).await.unwrap_err();
    assert_eq!(refused.kind(), Kind::Invalid, "{refused}");
    is_empty(&house).await;
}

#[tokio::test]
async fn what_is_refused_is_not_read_to_its_end_and_leaves_nothing() {
    let house = House::new().await;
    let conversation = house.conversation().await;
    let page = [b"<html>" as &[u8], &vec![b' '; 3 * MIB]].concat();
    let late = [vec![b'x'; MIB], vec![0; 2 * MIB]].concat();
    let mut damaged = png();
    damaged.truncate(100);
    for (name, bytes, max, most) in [
        ("a.exe", &page, 4 * MIB, 8),
        ("a.png", &page, 4 * MIB, 8),
        ("a.txt", &page, 4 * MIB, 8),
        ("a.txt", &late, 4 * MIB, MIB / PIECE + 8),
        ("a.log", &late, MIB / 2, MIB / 2 / PIECE + 8),
        ("a.png", &damaged, MIB, 8),
    ] {
        let read = Arc::new(AtomicUsize::new(0));
        let coming = body(&form(&named(name), bytes), None, &read, false);
        let refused = house.take_body(&conversation, coming, max).await.unwrap_err();
        assert!(!matches!(refused, Refused::Files(_) | Refused::Disk(_)), "{name}: {refused}");
        let read = read.load(Ordering::Relaxed);
        assert!(read <= most, "{name}: {read} pieces were read, of {most} at most");
        is_empty(&house).await;
    }
}
