//! What a bot wrote, made into the activity that is kept. Pure.

use maru_activity::{Account, Activity, Draft, Invalid, Limits, Role};
use serde_json::value::RawValue;

use crate::callback::Capability;

/// What stands in the place of a capability that a bot wrote into an activity.
const MASK: &str = "masked";

/// Who speaks when a bot calls.
#[derive(Clone, Debug)]
pub(crate) struct Speaker {
    /// The bot as a participant.
    pub(crate) account: Account,
    /// What must not reach a client.
    pub(crate) capability: Capability,
}

/// Which activity is answered, where the request's path says so.
pub(crate) type ReplyTo<'a> = Option<&'a str>;

impl Speaker {
    /// Reads an activity that the bot sent. What it wrote stays byte for byte, but for these:
    /// the server's own members go (`Draft::parse`); `from` keeps what it has and is completed;
    /// `replyToId` is set from the path if it is absent; the bot's capability is masked.
    pub(crate) fn activity(
        &self,
        text: &[u8],
        limits: &Limits,
        reply_to: ReplyTo<'_>,
    ) -> Result<Activity, Invalid> {
        let mut draft = Draft::parse(text, limits)?;
        self.sign(&mut draft);
        if let Some(id) = reply_to
            && draft.text("replyToId").is_none_or(|given| given.is_empty())
        {
            draft.set_text("replyToId", id);
        }
        self.masked(draft.finish()?)
    }

    /// Reads a transcript's activity. Those of other people keep their `from` as it is.
    pub(crate) fn recounted(&self, text: &[u8], limits: &Limits) -> Result<Activity, Invalid> {
        let mut draft = Draft::parse(text, limits)?;
        let from = draft.read::<Account>("from").unwrap_or_default();
        if from.id.is_empty() || from.id == self.account.id {
            self.sign(&mut draft);
        }
        self.masked(draft.finish()?)
    }

    /// The activities in the body of a bot's HTTP answer, `{"activities":[…]}`, and how many of
    /// them could not be read. `None`: the body is something else.
    pub(crate) fn replies(&self, body: &[u8], limits: &Limits) -> Option<Replies> {
        let activities = member(body, "activities")?;
        let activities: Vec<&RawValue> = serde_json::from_str(activities).ok()?;
        let mut replies = Replies::default();
        for text in activities {
            match self.activity(text.get().as_bytes(), limits, None) {
                Ok(activity) if activity.kind.as_str() == "invokeResponse" => {
                    replies.result = invoke_result(&activity.body);
                }
                Ok(activity) => replies.activities.push(activity),
                Err(_) => replies.unreadable += 1,
            }
        }
        Some(replies)
    }

    fn sign(&self, draft: &mut Draft<'_>) {
        let from = draft.read::<Account>("from").unwrap_or_default();
        let nameless = from.id.is_empty();
        let role = from.role.is_none_or(|role| role.is_empty()).then_some(Role::Bot);
        let id = nameless.then_some(self.account.id.as_str());
        let name =
            if nameless && from.name.is_none() { self.account.name.as_deref() } else { None };
        if id.is_some() || role.is_some() {
            draft.set_from(id, name, role);
        }
    }

    /// A bot may write its `serviceUrl` into what a client gets: in a stored conversation
    /// reference, or as the address of a file it uploaded. The key goes; the address stays good
    /// for files, which need none.
    fn masked(&self, activity: Activity) -> Result<Activity, Invalid> {
        let key = self.capability.expose();
        match std::str::from_utf8(&activity.body) {
            Ok(text) if text.contains(key) => {
                let limits = Limits { bytes_max: usize::MAX, depth_max: usize::MAX };
                Activity::parse(text.replace(key, MASK).as_bytes(), &limits)
            }
            _ => Ok(activity),
        }
    }
}

/// What was in a bot's HTTP answer.
#[derive(Debug, Default)]
pub(crate) struct Replies {
    pub(crate) activities: Vec<Activity>,
    /// The body of an `invokeResponse` among them.
    pub(crate) result: Option<String>,
    /// How many were no activities.
    pub(crate) unreadable: usize,
}

/// Whether an activity asks for its answers in the bot's HTTP answer.
pub(crate) fn expects_replies(body: &[u8]) -> bool {
    member(body, "deliveryMode").is_some_and(|mode| mode == r#""expectReplies""#)
}

/// A member of a JSON object, as JSON text.
fn member<'a>(object: &'a [u8], name: &str) -> Option<&'a str> {
    let text = std::str::from_utf8(object).ok()?;
    let members = Draft::members_of(text).ok()?;
    let (_, value) = members.into_iter().find(|(key, _)| key == name)?;
    match value {
        std::borrow::Cow::Borrowed(raw) => Some(raw.get()),
        std::borrow::Cow::Owned(_) => None,
    }
}

/// The `body` of an `invokeResponse`'s value.
fn invoke_result(body: &[u8]) -> Option<String> {
    let value = member(body, "value")?;
    Some(member(value.as_bytes(), "body")?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "k3yK3y-K3y_K3yk3yK3yk3yK3yk3yK3yk3yK3yk3yK3";

    fn speaker() -> Speaker {
        let account = Account {
            id: "bot".to_owned(),
            name: Some("Bot".to_owned()),
            role: Some("bot".to_owned()),
        };
        Speaker { account, capability: Capability::of(KEY) }
    }

    fn body(activity: &Activity) -> &str {
        std::str::from_utf8(&activity.body).unwrap()
    }

    fn said(text: &str, reply_to: ReplyTo<'_>) -> Result<Activity, Invalid> {
        speaker().activity(text.as_bytes(), &Limits::default(), reply_to)
    }

    #[test]
    fn what_a_bot_wrote_stays_and_only_what_is_missing_is_added() {
        let text = r#"{"type":"message","id":"x","serviceUrl":"http://h/b/k/","recipient":{"id":"u"},"from":{"id":"b2","x":1.0},"text":"\u00e9","n":1e3}"#;
        let activity = said(text, Some("c|0000001")).unwrap();
        assert_eq!(
            body(&activity),
            r#"{"type":"message","from":{"id":"b2","x":1.0,"role":"bot"},"text":"\u00e9","n":1e3,"replyToId":"c|0000001"}"#
        );
        let own = r#"{"type":"message","from":{"id":"b","role":"skill"},"replyToId":"c|0000000"}"#;
        assert_eq!(body(&said(own, Some("c|0000001")).unwrap()), own);
        for nobody in [r#"{"type":"typing"}"#, r#"{"type":"typing","from":null}"#] {
            let activity = said(nobody, None).unwrap();
            assert_eq!((activity.from, activity.reply_to_id), (speaker().account, None));
        }
        assert_eq!(said(r#"{"text":"x"}"#, None).unwrap_err(), Invalid::Member("type"));
    }

    #[test]
    fn the_capability_is_masked_wherever_it_stands() {
        let text = format!(
            r#"{{"type":"event","serviceUrl":"http://h/b/{KEY}/","value":{{"r":{{"serviceUrl":"http:\/\/h\/b\/{KEY}\/"}}}},"attachments":[{{"contentUrl":"http://h/b/{KEY}/v3/attachments/x/views/original"}}],"{KEY}":1}}"#
        );
        for activity in [
            said(&text, None).unwrap(),
            speaker().recounted(text.as_bytes(), &Limits::default()).unwrap(),
        ] {
            let body = body(&activity);
            assert!(!body.contains(KEY), "{body}");
            assert!(body.contains(r#""http://h/b/masked/v3/attachments/x/views/original""#));
            assert!(body.contains(r#""http:\/\/h\/b\/masked\/""#));
        }
    }

    #[test]
    fn a_transcript_keeps_who_said_it() {
        let recount = |text: &str| {
            let activity = speaker().recounted(text.as_bytes(), &Limits::default()).unwrap();
            body(&activity).to_owned()
        };
        let theirs = r#"{"type":"message","from":{"id":"u"},"text":"hi"}"#;
        assert_eq!(recount(theirs), theirs);
        assert!(recount(r#"{"type":"message","from":{"id":"bot"}}"#).contains(r#""role":"bot""#));
    }

    #[test]
    fn replies_are_told_from_other_bodies() {
        let replies = |text: &str| speaker().replies(text.as_bytes(), &Limits::default());
        for other in ["", "{}", "null", r#"{"activities":{}}"#, r#"[{"activities":[]}]"#, "ok"] {
            assert!(replies(other).is_none(), "{other}");
        }
        let found = replies(
            r#"{"activities":[{"type":"message","text":"a"},7,{"type":"invokeResponse","value":{"status":200,"body":{"a":1}}}]}"#,
        );
        let found = found.unwrap();
        assert_eq!((found.activities.len(), found.unreadable), (1, 1));
        assert_eq!(found.result.as_deref(), Some(r#"{"a":1}"#));
        assert!(expects_replies(br#"{"deliveryMode":"expectReplies"}"#));
        assert!(!expects_replies(br#"{"deliveryMode":"normal"}"#));
    }
}
