//! Writing an activity for one destination: what the server owns in front, the sender's bytes behind.

use crate::{Account, Draft, Timestamp};

/// The members that the server writes, for one destination.
#[derive(Debug)]
pub struct Envelope<'a> {
    /// The activity's whole id, if it has one.
    pub id: Option<&'a str>,
    /// When it was committed.
    pub timestamp: Timestamp,
    /// The name of the channel as the destination knows it: `directline`.
    pub channel_id: &'a str,
    /// The conversation's id.
    pub conversation: &'a str,
    /// Where the destination may call back. Only a bot has one.
    pub service_url: Option<&'a str>,
    /// Whom it is for. Only a bot is told.
    pub recipient: Option<&'a Account>,
}

/// Makes links out of blob references, for one destination.
pub trait Links {
    /// The link behind which `blob` can be fetched.
    fn link(&self, blob: &str) -> String;
}

/// Writes an activity. `body` is the text of a JSON object as [`Draft::finish`] writes it; with
/// `links`, references (`blob:ID`) in its attachments become links.
pub fn render(out: &mut Vec<u8>, envelope: &Envelope<'_>, body: &[u8], links: Option<&dyn Links>) {
    out.reserve(body.len() + 256);
    out.push(b'{');
    if let Some(id) = envelope.id {
        member(out, "id", id);
    }
    // Neither of these holds anything that JSON would escape.
    out.extend_from_slice(b"\"timestamp\":\"");
    out.extend_from_slice(envelope.timestamp.to_string().as_bytes());
    out.extend_from_slice(b"\",");
    member(out, "channelId", envelope.channel_id);
    out.extend_from_slice(b"\"conversation\":{\"id\":");
    text(out, envelope.conversation);
    out.extend_from_slice(b"}");
    if let Some(url) = envelope.service_url {
        out.extend_from_slice(b",\"serviceUrl\":");
        text(out, url);
    }
    if let Some(recipient) = envelope.recipient {
        out.extend_from_slice(b",\"recipient\":");
        serde_json::to_writer(&mut *out, recipient).expect("an account is always JSON");
    }
    let linked = links.and_then(|links| with_links(body, links));
    let body = linked.as_deref().map_or(body, str::as_bytes);
    match body {
        // An empty object has nothing to follow the comma.
        [] | [b'{', b'}'] => out.push(b'}'),
        [b'{', rest @ ..] => {
            out.push(b',');
            out.extend_from_slice(rest);
        }
        // Not reached with a body of ours; a foreign one is left out rather than spliced in.
        _ => out.push(b'}'),
    }
}

fn member(out: &mut Vec<u8>, name: &str, value: &str) {
    text(out, name);
    out.push(b':');
    text(out, value);
    out.push(b',');
}

fn text(out: &mut Vec<u8>, value: &str) {
    serde_json::to_writer(&mut *out, value).expect("a text is always JSON");
}

/// The body with its attachments' blob references made into links, or `None` if it has none.
fn with_links(body: &[u8], links: &dyn Links) -> Option<String> {
    let body = std::str::from_utf8(body).ok()?;
    let mut members = Draft::members_of(body).ok()?;
    let (_, attachments) = members.iter_mut().find(|(key, _)| key == "attachments")?;
    let list: Vec<&serde_json::value::RawValue> = serde_json::from_str(attachments.get()).ok()?;
    let mut written = String::from("[");
    for (index, item) in list.iter().enumerate() {
        if index > 0 {
            written.push(',');
        }
        match Draft::members_of(item.get()) {
            Ok(mut fields) => {
                for (key, value) in &mut fields {
                    let reference = matches!(&**key, "contentUrl" | "thumbnailUrl")
                        .then(|| serde_json::from_str::<String>(value.get()).ok())
                        .flatten();
                    if let Some(blob) = reference.as_deref().and_then(|r| r.strip_prefix("blob:")) {
                        let link = serde_json::value::to_raw_value(&links.link(blob));
                        *value = std::borrow::Cow::Owned(link.expect("a text is always JSON"));
                    }
                }
                written.push_str(&crate::draft::write_object(&fields));
            }
            Err(_) => written.push_str(item.get()),
        }
    }
    written.push(']');
    let raw = serde_json::value::RawValue::from_string(written).ok()?;
    *attachments = std::borrow::Cow::Owned(raw);
    Some(crate::draft::write_object(&members))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Hosted;
    impl Links for Hosted {
        fn link(&self, blob: &str) -> String {
            format!("http://h/{blob}")
        }
    }

    fn rendered(body: &str, links: Option<&dyn Links>) -> String {
        let envelope = Envelope {
            id: Some("c|0000001"),
            timestamp: Timestamp::from_secs(0),
            channel_id: "directline",
            conversation: "c",
            service_url: None,
            recipient: None,
        };
        let mut out = Vec::new();
        render(&mut out, &envelope, body.as_bytes(), links);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_envelope_stands_in_front_and_the_body_behind_untouched() {
        assert_eq!(
            rendered(r#"{"type":"message","n":1.0}"#, None),
            r#"{"id":"c|0000001","timestamp":"1970-01-01T00:00:00.0000000Z","channelId":"directline","conversation":{"id":"c"},"type":"message","n":1.0}"#
        );
        assert!(rendered("{}", None).ends_with(r#""conversation":{"id":"c"}}"#));
    }

    #[test]
    fn blob_references_become_links_only_when_asked() {
        let body = r#"{"type":"message","attachments":[{"contentUrl":"blob:b1","name":"a"},{"contentUrl":"http://x/blob:b2"},7]}"#;
        assert!(rendered(body, None).contains("blob:b1"));
        let linked = rendered(body, Some(&Hosted));
        assert!(linked.contains(
            r#"[{"contentUrl":"http://h/b1","name":"a"},{"contentUrl":"http://x/blob:b2"},7]"#
        ));
    }
}
