//! What the bot reads of an activity. A member of another type than expected counts as absent.

use maru_activity::{Account, Draft};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

/// The members of an activity that the bot looks at.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// `text`.
    pub(crate) text: Option<String>,
    /// `name`: an event's.
    pub(crate) name: Option<String>,
    /// `value`, as JSON text.
    pub(crate) value: Option<String>,
    /// `membersAdded`.
    pub(crate) members_added: Vec<Account>,
    /// The names of `attachments`; of one without a name, its media type.
    pub(crate) files: Vec<String>,
}

#[derive(Deserialize)]
struct Attachment {
    name: Option<String>,
    #[serde(rename = "contentType")]
    content_type: Option<String>,
}

impl Heard {
    /// Reads an activity's JSON object.
    pub(crate) fn read(body: &[u8]) -> Self {
        let members = std::str::from_utf8(body).ok().and_then(|text| Draft::members_of(text).ok());
        let mut heard = Self::default();
        for (key, value) in members.unwrap_or_default() {
            match &*key {
                "text" => heard.text = read(&value),
                "name" => heard.name = read(&value),
                "value" if value.get() != "null" => heard.value = Some(value.get().to_owned()),
                "membersAdded" => heard.members_added = read(&value).unwrap_or_default(),
                "attachments" => {
                    let attachments: Vec<Attachment> = read(&value).unwrap_or_default();
                    heard.files = attachments.into_iter().map(Attachment::label).collect();
                }
                _ => {}
            }
        }
        heard
    }
}

impl Attachment {
    fn label(self) -> String {
        let given = self.name.filter(|name| !name.is_empty()).or(self.content_type);
        given.unwrap_or_else(|| "unnamed".to_owned())
    }
}

fn read<T: DeserializeOwned>(value: &RawValue) -> Option<T> {
    serde_json::from_str(value.get()).ok()
}
