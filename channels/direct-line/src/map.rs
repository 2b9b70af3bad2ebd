//! Wire ↔ activity. Pure and total.

use maru_activity::{
    Activity, Draft, Envelope, Kind, Limits, Links, Members, Role, Timestamp, render,
};
use maru_hall::clean_filename;
use maru_hall::{Shown, Signal};
use serde_json::value::RawValue;

use crate::CHANNEL_KIND;
use crate::conversations::anonymous;
use crate::error::Error;
use crate::limits::{CLIENT_KEY_BYTES_MAX, USER_ID_BYTES_MAX};
use crate::upload::Stored;

/// In whose name an activity is posted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sender<'a> {
    /// The user that the caller's token is bound to: they, whoever the activity names.
    pub(crate) bound: Option<&'a str>,
    /// The user that an upload's address names, for an activity that names none.
    pub(crate) named: Option<&'a str>,
    /// The conversation, after which whoever is not named is called.
    pub(crate) conversation: &'a str,
    /// Whether ids that begin with `dl_` are kept for bound users.
    pub(crate) reserved: bool,
}

/// An activity that came in.
#[derive(Debug)]
pub(crate) struct Incoming<'a> {
    draft: Draft<'a>,
    client_key: Option<Box<str>>,
}

/// The prefix of user ids that only a token can give, where a site asks for that.
pub(crate) const BOUND_PREFIX: &str = "dl_";

impl<'a> Incoming<'a> {
    /// Reads the body of a post.
    pub(crate) fn parse(
        body: &'a [u8],
        limits: &Limits,
        sender: &Sender<'_>,
    ) -> Result<Self, Error> {
        if body.trim_ascii().is_empty() {
            return Err(Error::MissingProperty("Invalid or missing activities in HTTP body"));
        }
        Self::of(Draft::parse(body, limits)?, sender)
    }

    /// A message of no words, for files that come alone.
    pub(crate) fn empty_message(sender: &Sender<'_>) -> Result<Self, Error> {
        Self::of(Draft::new(&Kind::Message), sender)
    }

    fn of(mut draft: Draft<'a>, sender: &Sender<'_>) -> Result<Self, Error> {
        if draft.text("type").is_none_or(|kind| kind.is_empty()) {
            return Err(Error::bad("the activity's 'type' is missing or is not a text"));
        }
        set_sender(&mut draft, sender)?;
        strip_references(&mut draft);
        let client_key = client_key(&draft);
        Ok(Self { draft, client_key })
    }

    /// Puts the files of an upload among its attachments.
    ///
    /// An entry that has neither a link nor content stands for a file (directlinejs takes the link
    /// out of what it uploads): it is filled with the file of its name, else with the next one.
    /// Files for which no entry stands come behind.
    pub(crate) fn attach(&mut self, files: Vec<Stored>) {
        let raw = self.draft.get("attachments").map(ToOwned::to_owned);
        let entries: Vec<&RawValue> =
            raw.as_deref().and_then(|raw| serde_json::from_str(raw).ok()).unwrap_or_default();
        let mut files: Vec<Option<Stored>> = files.into_iter().map(Some).collect();
        let named = entries.iter().map(|entry| named_file(entry, &mut files)).collect::<Vec<_>>();
        let mut attachments = Vec::with_capacity(entries.len() + files.len());
        for (entry, named) in entries.into_iter().zip(named) {
            if !stands_for_file(entry) {
                attachments.push(entry.to_owned());
            } else if let Some(file) = named.or_else(|| files.iter_mut().find_map(Option::take)) {
                attachments.push(filled(entry, &file));
            }
        }
        attachments.extend(files.into_iter().flatten().map(|file| attachment(Vec::new(), &file)));
        self.draft.set_value("attachments", &attachments);
    }

    /// The activity, and its client key if it has one.
    pub(crate) fn finish(self) -> Result<(Activity, Option<Box<str>>), Error> {
        Ok((self.draft.finish()?, self.client_key))
    }
}

/// Writes who it is from. A bound user's id overrides what the body says; the role is always the
/// user's, whatever it says.
fn set_sender(draft: &mut Draft<'_>, sender: &Sender<'_>) -> Result<(), Error> {
    let wrong = || Error::bad("the activity's 'from' must be an object with a text as its 'id'");
    let raw = draft.get("from").filter(|raw| *raw != "null");
    let members = raw.map(Draft::members_of).transpose().map_err(|_| wrong())?;
    let given = match members.as_ref().and_then(|members| member(members, "id")) {
        None => None,
        Some(id) => {
            let id: String = serde_json::from_str(id.get()).map_err(|_| wrong())?;
            Some(id).filter(|id| !id.is_empty())
        }
    };
    let free = given.as_deref().or(sender.named.filter(|named| !named.is_empty()));
    if sender.bound.is_none()
        && sender.reserved
        && free.is_some_and(|id| id.starts_with(BOUND_PREFIX))
    {
        return Err(Error::bad("only a token can give a user an id that begins with dl_"));
    }
    let id = match sender.bound.or(free) {
        Some(id) => id.to_owned(),
        None => anonymous(sender.conversation),
    };
    if id.len() > USER_ID_BYTES_MAX {
        return Err(Error::bad(format!("'from.id' has more than {USER_ID_BYTES_MAX} bytes")));
    }
    draft.set_from(Some(&id), None, Some(Role::User));
    if draft.from().is_none() {
        return Err(Error::bad("the activity's 'from.name' must be a text"));
    }
    Ok(())
}

/// What the client calls this post, so that it can be repeated.
fn client_key(draft: &Draft<'_>) -> Option<Box<str>> {
    let members = Draft::members_of(draft.get("channelData")?).ok()?;
    let key: String = serde_json::from_str(member(&members, "clientActivityID")?.get()).ok()?;
    (1..=CLIENT_KEY_BYTES_MAX).contains(&key.len()).then(|| key.into_boxed_str())
}

/// Takes links that begin with `blob:` out of attachments. Browsers' own object links mean nothing
/// elsewhere, and a reference of ours would show (or on erasing: delete) another's file.
fn strip_references(draft: &mut Draft<'_>) {
    let Some(raw) = draft.get("attachments") else { return };
    let Ok(entries) = serde_json::from_str::<Vec<&RawValue>>(raw) else { return };
    let stripped: Vec<Option<Box<RawValue>>> = entries.iter().map(|e| stripped(e)).collect();
    if stripped.iter().all(Option::is_none) {
        return;
    }
    let kept = stripped.into_iter().zip(entries);
    let kept: Vec<_> = kept.map(|(new, old)| new.unwrap_or_else(|| old.to_owned())).collect();
    draft.set_value("attachments", &kept);
}

/// An attachment without its `blob:` links; `None` if it has none.
fn stripped(entry: &RawValue) -> Option<Box<RawValue>> {
    let mut members = Draft::members_of(entry.get()).ok()?;
    let before = members.len();
    members.retain(|(key, value)| {
        let is_link = matches!(&**key, "contentUrl" | "thumbnailUrl");
        let text = if is_link { serde_json::from_str::<String>(value.get()).ok() } else { None };
        !text.is_some_and(|text| text.starts_with("blob:"))
    });
    (members.len() < before).then(|| Draft::object_of(&members))
}

fn stands_for_file(entry: &RawValue) -> bool {
    Draft::members_of(entry.get()).is_ok_and(|members| {
        member(&members, "contentUrl").is_none() && member(&members, "content").is_none()
    })
}

/// Takes the file that this entry names.
fn named_file(entry: &RawValue, files: &mut [Option<Stored>]) -> Option<Stored> {
    if !stands_for_file(entry) {
        return None;
    }
    let members = Draft::members_of(entry.get()).ok()?;
    let name: String = serde_json::from_str(member(&members, "name")?.get()).ok()?;
    let name = clean_filename(&name)?;
    let file = files.iter_mut().find(|f| f.as_ref().is_some_and(|f| f.sent_as == name))?;
    file.take()
}

/// What stood for a file, with the file. Its other members (a thumbnail, say) stay.
fn filled(entry: &RawValue, file: &Stored) -> Box<RawValue> {
    let mut members = Draft::members_of(entry.get()).unwrap_or_default();
    members.retain(|(key, _)| !matches!(&**key, "contentType" | "contentUrl" | "name"));
    attachment(members, file)
}

fn attachment(others: Members<'_>, file: &Stored) -> Box<RawValue> {
    let reference = format!("blob:{}", file.id);
    let ours = [
        ("contentType", file.content_type.as_str()),
        ("contentUrl", reference.as_str()),
        ("name", file.name.as_str()),
    ];
    let mut members: Members<'_> = Vec::with_capacity(others.len() + ours.len());
    for (key, value) in ours {
        let raw = serde_json::value::to_raw_value(value).expect("a text is always JSON");
        members.push((key.into(), std::borrow::Cow::Owned(raw)));
    }
    members.extend(others);
    Draft::object_of(&members)
}

fn member<'a>(members: &'a Members<'_>, name: &str) -> Option<&'a RawValue> {
    let (_, value) = members.iter().find(|(key, _)| key == name)?;
    Some(&**value).filter(|value| value.get() != "null")
}

/// Whether clients are shown activities of this kind at all: never who came and went, and never a
/// developer's traces (direct-line.md §6, trap 12).
pub(crate) fn is_shown(kind: &Kind) -> bool {
    !matches!(kind, Kind::ConversationUpdate | Kind::Trace)
}

/// For whom activities are written: one client of one conversation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reader<'a> {
    /// The conversation's id.
    pub(crate) conversation: &'a str,
    /// Where the client reaches this server.
    pub(crate) base_url: &'a str,
}

impl Reader<'_> {
    /// Writes an entry of the log.
    pub(crate) fn entry(&self, out: &mut Vec<u8>, shown: &Shown) {
        let id = shown.id.in_conversation(self.conversation);
        // A client is told that it is gone, and nothing else of it.
        let taken_back = shown.kind == Kind::MessageDelete;
        let body = if taken_back { br#"{"type":"messageDelete"}"# } else { &*shown.body };
        let links: Option<&dyn Links> = if shown.meta.blobs { Some(self) } else { None };
        self.write(out, &id, shown.at, body, links);
    }

    /// Writes something lossy.
    pub(crate) fn signal(&self, out: &mut Vec<u8>, signal: &Signal) {
        self.write(out, &signal.id, signal.at, &signal.body, None);
    }

    fn write(
        &self,
        out: &mut Vec<u8>,
        id: &str,
        timestamp: Timestamp,
        body: &[u8],
        links: Option<&dyn Links>,
    ) {
        let envelope = Envelope {
            id: Some(id),
            timestamp,
            channel_id: CHANNEL_KIND,
            conversation: self.conversation,
            service_url: None,
            recipient: None,
        };
        render(out, &envelope, body, links);
    }
}

impl Links for Reader<'_> {
    fn link(&self, blob: &str) -> String {
        format!("{}/v3/directline/attachments/{blob}", self.base_url.trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests;
