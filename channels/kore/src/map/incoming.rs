//! What a client sends → an activity.

use maru_activity::{Account, Activity, Draft, Invalid, Kind, Limits, Role};
use maru_hall::{Blob, Meta, Native};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};

use super::buttons::is_address;
use crate::KIND;

/// How deep an object that a button says may be nested: it stands in an activity, which may be nested
/// a little deeper.
const VALUE_DEPTH_MAX: usize = 48;

/// A message as a client sent it, whatever way it came.
#[derive(Clone, Debug, Default)]
pub(crate) struct Incoming {
    /// What is said to the bot: `body`. Of a press the payload.
    pub(crate) body: String,
    /// What the user saw, where it is something else: `renderMsg`. Of a press the title.
    pub(crate) shown: Option<String>,
    /// The files that come with it.
    pub(crate) attachments: Vec<Attached>,
    /// The user's language, as their browser has it.
    pub(crate) locale: Option<String>,
    /// The user's time zone.
    pub(crate) timezone: Option<String>,
    /// What the client sent along for the bot: custom data, tags, the place where the user is.
    pub(crate) extras: Map<String, Value>,
    /// What is kept for Kore's own clients.
    pub(crate) native: Value,
}

/// A file that a message refers to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Attached {
    /// The id under which it was uploaded.
    pub(crate) id: String,
    /// The name that the client gives it.
    pub(crate) name: Option<String>,
    /// Where the client says that it is.
    pub(crate) url: Option<String>,
    /// The file itself and the reference to it, if it is one of ours.
    pub(crate) file: Option<(String, Blob)>,
}

impl Incoming {
    /// Whether it says nothing at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.body.is_empty() && self.shown.is_none() && self.attachments.is_empty()
    }

    /// The activity, and what stands beside it.
    pub(crate) fn activity(self, user: &Account) -> Result<(Activity, Meta), Invalid> {
        let mut draft = said(&Kind::Message, user);
        // Something that was shown and says nothing else says what was shown.
        let (body, shown) = match self.shown {
            Some(shown) if self.body.is_empty() => (shown, None),
            Some(shown) if shown == self.body => (shown, None),
            shown => (self.body, shown),
        };
        draft.set_text("text", &body);
        draft.set_text("textFormat", "plain");
        if let Some(locale) = &self.locale {
            draft.set_text("locale", locale);
        }
        if let Some(timezone) = &self.timezone {
            draft.set_text("localTimezone", timezone);
        }
        // A press on a button whose value is an object: bots look for it in `value`.
        if let Some(value) = shown.as_ref().and_then(|_| object(&body)) {
            draft.set("value", value);
        }
        let attachments: Vec<Value> = self.attachments.iter().filter_map(attachment).collect();
        if !attachments.is_empty() {
            draft.set_value("attachments", &attachments);
        }
        if !self.extras.is_empty() {
            draft.set_value("channelData", &self.extras);
        }
        let meta = Meta {
            blobs: self.attachments.iter().any(|attached| attached.file.is_some()),
            shown,
            native: Some(Native { protocol: KIND.to_owned(), body: self.native }),
            ..Meta::default()
        };
        Ok((draft.finish()?, meta))
    }
}

/// The JSON object that a payload is, if it is a sound one.
fn object(payload: &str) -> Option<Box<RawValue>> {
    let limits = Limits { bytes_max: payload.len(), depth_max: VALUE_DEPTH_MAX };
    Draft::parse(payload.as_bytes(), &limits).ok()?;
    RawValue::from_string(payload.to_owned()).ok()
}

/// The Activity schema's attachment for a file. One that is neither ours nor behind an address is
/// none: the client's own words about it are kept all the same.
fn attachment(attached: &Attached) -> Option<Value> {
    let name = attached.name.as_deref();
    match &attached.file {
        Some((reference, blob)) => Some(json!({
            "contentType": blob.content_type,
            "contentUrl": reference,
            "name": name.unwrap_or(&blob.name),
        })),
        None => {
            let url = attached.url.as_deref().filter(|url| is_address(url))?;
            let content_type = "application/octet-stream";
            Some(json!({"contentType": content_type, "contentUrl": url, "name": name}))
        }
    }
}

/// An activity of a user, to be completed.
pub(crate) fn said(kind: &Kind, user: &Account) -> Draft<'static> {
    let mut draft = Draft::new(kind);
    draft.set_value("from", user);
    draft.set_from(Some(&user.id), user.name.as_deref(), Some(Role::User));
    draft
}
