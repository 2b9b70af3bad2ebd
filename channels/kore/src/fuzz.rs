//! What the fuzz targets, and the replay of their corpora, call.
#![doc(hidden)]

use bytes::Bytes;

/// Reads a multipart body; its first line is the content type.
pub fn multipart(data: &[u8]) {
    const PART_MAX: usize = 4_096;
    let (content_type, body) = data.split_at(data.iter().position(|b| *b == b'\n').unwrap_or(0));
    let content_type = String::from_utf8_lossy(content_type);
    if let Ok(parts) =
        crate::multipart::parse(&content_type, &Bytes::copy_from_slice(body), PART_MAX)
    {
        assert!(parts.len() <= crate::limits::PARTS_MAX, "more names than are allowed");
        assert!(parts.iter().all(|part| part.bytes.len() <= PART_MAX), "a part over its limit");
    }
}

/// Reads a form with brackets in its names.
pub fn form(data: &[u8]) {
    if let Ok(value) = crate::form::parse(data) {
        let text = value.to_string();
        let again: Result<serde_json::Value, _> = serde_json::from_str(&text);
        assert_eq!(again.ok(), Some(value), "what a form says is JSON");
    }
}

/// Reads a client's frame, and makes an activity of what it says.
pub fn frame(data: &[u8]) {
    let Some(incoming) = crate::rtm::incoming_of(data) else { return };
    let user = maru_activity::Account { id: "u".to_owned(), ..maru_activity::Account::default() };
    let (activity, meta) = incoming.activity(&user).expect("what was read can be kept");
    let body: serde_json::Value =
        serde_json::from_slice(&activity.body).expect("an activity is JSON that can be read again");
    assert_eq!(body["from"]["id"], "u");
    assert!(body["text"].is_string());
    assert!(!meta.blobs, "nobody but the server refers to files");
    let meta = serde_json::to_string(&meta).expect("what stands beside it is JSON");
    assert!(serde_json::from_str::<maru_hall::Meta>(&meta).is_ok(), "and can be read again");
}
