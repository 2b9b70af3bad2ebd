//! From the wire: a content is checked, and its uploads are looked up.

use maru_content::is_address;
use maru_hall::{Blob, BlobError, BlobId, Conversation};
use serde_json::{Map, Value, json};
use unicode_normalization::UnicodeNormalization as _;

use super::rules::{
    EXTRA_MAX, HEADING_MAX, KEYWORD_MAX, LINK_NAME_MAX, LINKS_MAX, MEDIA_TYPE_MAX, SIZE_MAX,
    URL_BYTES_MAX,
};
use super::{Reply, SCENARIO, Said};
use crate::{FILES_MAX, Files, LinkOf, NAME_MAX, PATH};

/// What a channel sets for contents.
#[derive(Clone, Copy, Debug)]
pub struct Rules<'a> {
    /// The longest text.
    pub text_max: usize,
    /// The hosts whose files may be named beside uploads. Empty: any.
    pub file_hosts: &'a [String],
}

/// What is wrong with a content.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct BadContent {
    /// The protocol's word for it (web-chat-desk.md §4.3).
    pub code: &'static str,
    /// Where it is.
    pub field: &'static str,
    /// What would be right.
    pub problem: String,
}

/// Why a content was not read.
#[derive(Debug, thiserror::Error)]
pub enum Unread {
    /// Something in it is wrong.
    #[error(transparent)]
    Bad(#[from] BadContent),
    /// Its uploads cannot be looked up now.
    #[error(transparent)]
    Files(BlobError),
}

fn bad(code: &'static str, field: &'static str, problem: impl Into<String>) -> BadContent {
    BadContent { code, field, problem: problem.into() }
}

fn bad_field(field: &'static str, problem: impl Into<String>) -> BadContent {
    bad("bad_field", field, problem)
}

impl Files {
    /// Reads a content that somebody in this conversation sent. What it names as a file is a file of
    /// ours only if the address was given out for this very conversation.
    ///
    /// # Errors
    /// [`Unread::Bad`] says what is wrong with it.
    pub async fn read(
        &self,
        content: &Value,
        conversation: &Conversation,
        rules: &Rules<'_>,
    ) -> Result<Said, Unread> {
        let mut said = Said::sound(content, rules)?;
        if said.reply.is_some() {
            return Ok(said);
        }
        for (place, file) in files_of(content)?.iter().enumerate() {
            self.read_file(&mut said, (place, file), conversation, rules).await?;
        }
        Ok(said)
    }

    /// Reads one file: its attachment, and where it is ours its reference.
    async fn read_file(
        &self,
        said: &mut Said,
        (place, file): (usize, &Value),
        conversation: &Conversation,
        rules: &Rules<'_>,
    ) -> Result<(), Unread> {
        let File { name, url, media_type, preview } = read_file(file)?;
        let mut attachment = json!({"name": name});
        if url.contains(PATH) {
            let (id, blob) = self.upload(url, LinkOf::File, conversation).await?;
            said.blobs = true;
            let entry = said.content.get_mut("file_data").and_then(|list| list.get_mut(place));
            // It was read from there.
            let Some(Value::Object(entry)) = entry else { return Ok(()) };
            let reference = format!("blob:{id}");
            entry.insert("url".to_owned(), reference.as_str().into());
            entry.insert("size".to_owned(), blob.bytes.into());
            entry.insert("mime_type".to_owned(), blob.content_type.as_str().into());
            entry.remove("preview_url");
            if let Some(preview) = preview {
                let (id, _) = self.upload(preview, LinkOf::Preview, conversation).await?;
                let preview = format!("blob:{id}");
                attachment["thumbnailUrl"] = preview.as_str().into();
                entry.insert("preview_url".to_owned(), preview.into());
            }
            attachment["contentUrl"] = reference.into();
            attachment["contentType"] = blob.content_type.into();
        } else {
            for url in [Some(url), preview].into_iter().flatten() {
                check_host(url, rules.file_hosts)?;
            }
            attachment["contentUrl"] = url.into();
            attachment["contentType"] = media_type.unwrap_or("application/octet-stream").into();
            if let Some(preview) = preview {
                attachment["thumbnailUrl"] = preview.into();
            }
        }
        said.attachments.push(attachment);
        Ok(())
    }

    /// The upload that an address of ours leads to.
    async fn upload(
        &self,
        url: &str,
        of: LinkOf,
        conversation: &Conversation,
    ) -> Result<(BlobId, Blob), Unread> {
        let missing = || bad("upload_missing", "file_data", "there is no such upload in this chat");
        let linked = self
            .linked(url)
            .filter(|linked| linked.conversation == conversation.id && linked.of == of);
        let blob = linked.ok_or_else(missing)?.blob;
        match self.hall.blobs().describe(&blob).await {
            Ok(described) => Ok((blob, described)),
            Err(BlobError::Unknown) => Err(missing().into()),
            Err(error) => Err(Unread::Files(error)),
        }
    }
}

impl Said {
    /// Reads all of a content but its files.
    pub(crate) fn sound(content: &Value, rules: &Rules<'_>) -> Result<Self, BadContent> {
        let Value::Object(sent) = content else {
            return Err(bad_field("content", "is no object"));
        };
        if sent.contains_key("TYPE") {
            return scenario(sent);
        }
        // Whatever it says it is, who is shown it finds there what belongs there.
        let buttons = buttons_of(sent)?;
        let kind = sent.get("type").and_then(Value::as_str);
        let text_max = rules.text_max;
        match kind.ok_or_else(|| bad_field("type", "is missing or is no text"))? {
            "text" => {
                let text = words(sent, "message", text_max)?.filter(|text| !text.trim().is_empty());
                let text = text.ok_or_else(|| bad_field("message", "a text says something"))?;
                let extra = words(sent, "extra", EXTRA_MAX)?.filter(|extra| !extra.is_empty());
                Ok(Self { extra: extra.map(str::to_owned), ..Self::new(sent, text) })
            }
            "links" => links(sent, &buttons, text_max),
            "file" => {
                if files_of(content)?.is_empty() {
                    return Err(bad_field("file_data", "a message of files has one or two"));
                }
                Ok(Self::new(
                    sent,
                    words(sent, "message", HEADING_MAX.min(text_max))?.unwrap_or(""),
                ))
            }
            _ => Err(bad("bad_type", "type", "is text, file or links")),
        }
    }

    fn new(sent: &Map<String, Value>, text: &str) -> Self {
        Self {
            content: Value::Object(sent.clone()),
            text: text.to_owned(),
            extra: None,
            means: None,
            reply: None,
            attachments: Vec::new(),
            blobs: false,
        }
    }
}

/// A text member within a limit; `None` if it is absent or null.
fn words<'a>(
    sent: &'a Map<String, Value>,
    field: &'static str,
    max: usize,
) -> Result<Option<&'a str>, BadContent> {
    let text = match sent.get(field) {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::String(text)) => text,
        Some(_) => return Err(bad_field(field, "is no text")),
    };
    if longer(text, max) {
        return Err(bad("too_long", field, format!("has more than {max} characters")));
    }
    Ok(Some(text))
}

/// Whether a text has more than so many scalar values after NFC.
fn longer(text: &str, max: usize) -> bool {
    // Most texts are short, and then nothing is counted. No letter is made of more than its bytes.
    text.len() > max && text.nfc().nth(max).is_some()
}

/// A message of buttons: kept as a card, as bots know it.
fn links(
    sent: &Map<String, Value>,
    buttons: &[Value],
    text_max: usize,
) -> Result<Said, BadContent> {
    let text = words(sent, "message", HEADING_MAX.min(text_max))?.unwrap_or("");
    if buttons.is_empty() {
        return Err(bad_field("links", "a message of buttons has at least one"));
    }
    let content_type = "application/vnd.microsoft.card.hero";
    let card = json!({"contentType": content_type, "content": {"buttons": buttons}});
    Ok(Said { attachments: vec![card], ..Said::new(sent, text) })
}

/// The buttons of a content, as card actions.
fn buttons_of(sent: &Map<String, Value>) -> Result<Vec<Value>, BadContent> {
    let list = match sent.get("links") {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(bad_field("links", "is no list")),
    };
    if list.len() > LINKS_MAX {
        return Err(bad("too_many", "links", format!("has more than {LINKS_MAX} buttons")));
    }
    list.iter().map(button).collect()
}

/// A button as a card action.
fn button(link: &Value) -> Result<Value, BadContent> {
    let link = link.as_object().ok_or_else(|| bad_field("links", "a button is an object"))?;
    let name = words(link, "name", LINK_NAME_MAX)?.filter(|name| !name.trim().is_empty());
    let name = name.ok_or_else(|| bad_field("name", "a button has a name"))?;
    let extra = words(link, "extra", EXTRA_MAX)?;
    match link.get("type").and_then(Value::as_str) {
        Some("text") => {
            let value = extra.filter(|extra| !extra.is_empty()).unwrap_or(name);
            Ok(
                json!({"type": "messageBack", "title": name, "displayText": name, "text": name, "value": value}),
            )
        }
        Some("link") => {
            let url = address(link, "url")?.ok_or_else(|| bad("bad_url", "url", "is missing"))?;
            Ok(json!({"type": "openUrl", "title": name, "value": url}))
        }
        _ => Err(bad("bad_type", "type", "of a button is text or link")),
    }
}

/// An answer to a scenario's menu.
fn scenario(sent: &Map<String, Value>) -> Result<Said, BadContent> {
    if sent.get("TYPE").and_then(Value::as_str) != Some("SCENARIO") {
        return Err(bad("bad_type", "TYPE", "is SCENARIO"));
    }
    let message = sent.get("MESSAGE").and_then(Value::as_object);
    let message = message.ok_or_else(|| bad_field("MESSAGE", "is no object"))?;
    let word = |field| {
        let word = words(message, field, KEYWORD_MAX)?.filter(|word| !word.trim().is_empty());
        Ok(word.map(str::to_owned))
    };
    let keyword = word("KEYWORD")?.ok_or_else(|| bad_field("KEYWORD", "is missing"))?;
    let menu_id = word("MENU_ID")?.ok_or_else(|| bad_field("MENU_ID", "is missing"))?;
    let scenario = word("SCENARIO")?.unwrap_or_else(|| SCENARIO.to_owned());
    // Of an answer to a menu no more is kept than the answer: a whole menu could be anything.
    let answer = json!({"SCENARIO": scenario, "KEYWORD": keyword, "MENU_ID": menu_id});
    let content = json!({"TYPE": "SCENARIO", "MESSAGE": answer});
    let reply = Reply { scenario, keyword, menu_id };
    Ok(Said { content, reply: Some(reply), ..Said::new(sent, "") })
}

/// The files of a content, at most two, and a preview for one of them alone (web-chat-desk.md A27).
fn files_of(content: &Value) -> Result<&[Value], BadContent> {
    let list = match content.get("file_data") {
        None | Some(Value::Null) => return Ok(&[]),
        Some(Value::Array(list)) => list,
        Some(_) => return Err(bad_field("file_data", "is no list")),
    };
    if list.len() > FILES_MAX {
        return Err(bad("too_many", "file_data", format!("has more than {FILES_MAX} files")));
    }
    let has_preview = |file: &&Value| {
        let preview = file.get("preview_url").and_then(Value::as_str);
        preview.is_some_and(|preview| !preview.is_empty())
    };
    if list.iter().filter(has_preview).count() > 1 {
        return Err(bad("too_many", "preview_url", "one file alone has a preview"));
    }
    Ok(list)
}

/// A file as it is named.
struct File<'a> {
    name: &'a str,
    url: &'a str,
    media_type: Option<&'a str>,
    preview: Option<&'a str>,
}

fn read_file(file: &Value) -> Result<File<'_>, BadContent> {
    let file = file.as_object().ok_or_else(|| bad_field("file_data", "a file is an object"))?;
    let name = words(file, "name", NAME_MAX)?.filter(|name| !name.trim().is_empty());
    let name = name.ok_or_else(|| bad_field("name", "a file has a name"))?;
    // The vendor's samples quote it.
    let size = match file.get("size") {
        None | Some(Value::Null) => Some(0),
        Some(Value::String(text)) if text.is_empty() => Some(0),
        Some(Value::String(text)) => text.parse().ok(),
        Some(size) => size.as_u64(),
    };
    if size.is_none_or(|size| size > SIZE_MAX) {
        return Err(bad_field("size", "is no size in bytes"));
    }
    let url = address(file, "url")?.ok_or_else(|| bad("bad_url", "url", "is missing"))?;
    let media_type = words(file, "mime_type", MEDIA_TYPE_MAX)?.filter(|text| !text.is_empty());
    Ok(File { name, url, media_type, preview: address(file, "preview_url")? })
}

/// An address: http or https, and nothing that would end it early (web-chat-desk.md A28). An empty
/// one counts as none.
fn address<'a>(
    sent: &'a Map<String, Value>,
    field: &'static str,
) -> Result<Option<&'a str>, BadContent> {
    let url = words(sent, field, URL_BYTES_MAX)?.filter(|url| !url.is_empty());
    match url {
        Some(url) if url.len() > URL_BYTES_MAX || !is_address(url) => {
            Err(bad("bad_url", field, "is no address with http or https"))
        }
        url => Ok(url),
    }
}

/// Whether files of this host may be named.
fn check_host(url: &str, allowed: &[String]) -> Result<(), BadContent> {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#', '\\']).next().unwrap_or("");
    let host = authority.rsplit('@').next().unwrap_or("");
    let host = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    if allowed.is_empty() || allowed.iter().any(|one| one.eq_ignore_ascii_case(host)) {
        return Ok(());
    }
    Err(bad("bad_url", "url", "files of this host may not be named here"))
}
