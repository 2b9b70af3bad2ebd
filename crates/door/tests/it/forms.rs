//! Multipart forms.

use std::convert::Infallible;

use axum::body::{Body, Bytes};
use axum::http::HeaderMap;
use futures_util::stream;
use maru_door::body::{BodyError, BodyLimits};
use maru_door::multipart::{Multipart, MultipartError, MultipartLimits, Part};

const LIMITS: MultipartLimits = MultipartLimits {
    body: BodyLimits::bytes(300_000),
    max_parts: 3,
    max_part_bytes: 200_000,
    max_header_bytes: 1000,
};

fn headers(content_type: &str) -> HeaderMap {
    HeaderMap::from_iter([("content-type".parse().unwrap(), content_type.parse().unwrap())])
}

fn part(head: &str, body: &str) -> String {
    format!("--B\r\n{head}\r\n\r\n{body}\r\n")
}

fn file(name: &str, body: &str) -> String {
    let head = format!("Content-Disposition: form-data; name=\"file\"; filename=\"{name}\"");
    part(&format!("{head}\r\nContent-Type: image/png"), body)
}

/// Reads a form that comes in pieces of the given size.
async fn read(text: &str, size: usize) -> Result<Vec<Part>, MultipartError> {
    let pieces: Vec<_> = text
        .as_bytes()
        .chunks(size)
        .map(|piece| Ok::<_, Infallible>(Bytes::copy_from_slice(piece)))
        .collect();
    let body = Body::from_stream(stream::iter(pieces));
    let mut form = Multipart::new(&headers("multipart/form-data; boundary=B"), body, LIMITS)?;
    let mut parts = Vec::new();
    while let Some(part) = form.next().await? {
        parts.push(part);
    }
    Ok(parts)
}

#[tokio::test]
async fn parts_come_out_as_they_went_in_however_they_were_cut() {
    let activity = "Content-Disposition: form-data; name=\"activity\"; filename=\"blob\"\r\n\
        Content-Type: application/vnd.microsoft.activity";
    // A body that looks like the boundary, almost.
    let tricky = format!("\r\n--\r\n--A\r\n\r\n--{}", "\r".repeat(40_000));
    let text = [
        "what stands before counts for nothing\r\n".to_owned(),
        part(activity, r#"{"type":"message"}"#),
        file("../../한글.png", &tricky),
        part("Content-Disposition: form-data; name=empty", ""),
        "--B--\r\nnor does what stands after".to_owned(),
    ]
    .concat();
    let mut seen = Vec::new();
    for size in [1, 2, 7, 1000, 16 * 1024, 1 << 20] {
        let parts = read(&text, size).await.unwrap();
        assert_eq!(parts.len(), 3, "{size}");
        seen.push(parts);
    }
    let [activity, image, empty] = &seen[0][..] else { panic!("three parts") };
    assert_eq!(activity.content_type.as_deref(), Some("application/vnd.microsoft.activity"));
    assert_eq!(activity.bytes, r#"{"type":"message"}"#);
    assert_eq!(image.filename.as_deref(), Some("한글.png"));
    assert_eq!((image.name.as_str(), image.bytes.as_ref()), ("file", tricky.as_bytes()));
    assert_eq!((empty.name.as_str(), empty.filename.as_deref()), ("empty", None));
    assert!(empty.bytes.is_empty());
    assert!(seen.iter().all(|parts| *parts == seen[0]));
}

#[tokio::test]
async fn every_cap_holds_at_its_last_byte() {
    let form = |parts: &[String]| format!("{}--B--\r\n", parts.concat());
    for size in [100, 1 << 20] {
        let many = |n: usize| form(&vec![file("a", "x"); n]);
        assert_eq!(read(&many(3), size).await.unwrap().len(), 3);
        assert_eq!(read(&many(4), size).await, Err(MultipartError::TooManyParts { max_parts: 3 }));

        let large = |n: usize| form(&[file("a", &"x".repeat(n))]);
        assert_eq!(read(&large(200_000), size).await.unwrap()[0].bytes.len(), 200_000);
        assert_eq!(
            read(&large(200_001), size).await,
            Err(MultipartError::PartTooLarge { max_part_bytes: 200_000 })
        );

        let head = |n: usize| form(&[part(&format!("x: {}", "y".repeat(n - 1)), "")]);
        assert_eq!(read(&head(1000), size).await.unwrap().len(), 1);
        let refused = Err(MultipartError::HeaderTooLarge { max_header_bytes: 1000 });
        assert_eq!(read(&head(1001), size).await, refused);
        // One that does not end is not gathered until the body's cap is reached.
        assert_eq!(read(&head(150_000), size).await, refused);
        assert_eq!(read(&"y".repeat(150_000), size).await, refused, "nor is what stands before");

        let two = |n: usize| form(&[file("a", &"x".repeat(150_000)), file("b", &"x".repeat(n))]);
        let room = 300_000 - two(0).len();
        assert_eq!(read(&two(room), size).await.unwrap().len(), 2);
        let too_large = BodyError::TooLarge { max_bytes: 300_000 };
        assert_eq!(read(&two(room + 1), size).await, Err(too_large.into()));
    }
}

#[tokio::test]
async fn what_is_no_form_is_refused() {
    for content_type in [
        "application/json",
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "multipart/mixed; boundary=B",
        &format!("multipart/form-data; boundary={}", "B".repeat(71)),
    ] {
        let refused = Multipart::new(&headers(content_type), Body::empty(), LIMITS);
        assert_eq!(refused.err(), Some(MultipartError::NotMultipart), "{content_type}");
    }
    assert!(Multipart::is_announced(&headers("Multipart/Form-Data; boundary=B")));
    assert!(!Multipart::is_announced(&headers("image/png")));

    let whole = format!("{}--B--", file("a", "xyz"));
    for end in 0..whole.len() - 2 {
        let (cut, _) = whole.split_at(end);
        for size in [1, 1000] {
            assert_eq!(read(cut, size).await, Err(MultipartError::Malformed), "{cut:?}");
        }
    }
    let nonsense = part("no colon here", "x");
    assert_eq!(read(&nonsense, 1000).await, Err(MultipartError::Malformed));
}
