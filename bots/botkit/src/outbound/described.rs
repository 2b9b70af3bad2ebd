//! What a BotKit server is told of an activity. Pure.

use maru_activity::{Account, Kind, Links};
use maru_hall::Handed;
use serde_json::{Map, Value, json};

use super::Remote;
use crate::NATIVE;
use crate::addresses::Addresses;
use crate::heard::Heard;
use crate::ids::{TurnId, derived, user_of};
use crate::kept::Session;
use crate::wire::call::Setting;
use crate::wire::event::{Event, Hook};

/// The channel of Kore clients as BotKit code knows it.
const RTM: &str = "rtm";

/// What an event is told out of, beside the activity.
pub(super) struct Scene<'a> {
    pub(super) remote: &'a Remote,
    pub(super) addresses: &'a Addresses,
    pub(super) turn: &'a TurnId,
    /// What BotKit code put into the session.
    pub(super) session: Session,
    /// Whether an agent answers now.
    pub(super) agent: bool,
}

impl Scene<'_> {
    /// The event for an activity of a user.
    pub(super) fn event<'e>(&'e self, handed: &Handed, heard: &Heard, hook: &'e Hook) -> Event<'e> {
        // Only what Maru itself put there is a reference; of anyone else `blob:` is just a text.
        let links: Option<&dyn Links> = if handed.meta.blobs { Some(self.addresses) } else { None };
        let said = Said::of(handed, heard, heard.attachments(links));
        let settings = &self.remote.settings;
        let webhook = match hook {
            Hook::Webhook(node) => Some(&**node),
            _ => None,
        };
        Event {
            request_id: self.turn.to_string(),
            bot_id: &settings.bot_id,
            message: said.text.clone().into(),
            channel: self.channel(handed, heard, &said),
            context: self.context(handed, heard, &said),
            agent_transfer: self.agent,
            meta_info: said.meta_info.clone(),
            meta_tags: said.meta_tags.clone(),
            message_object: said.message_object(),
            event: (*hook == Hook::Event).then(|| what_happened(handed, heard)),
            dialog_component_name: webhook,
            context_id: webhook.map(|_| self.turn.to_string()),
            urls: self.addresses.of(&settings.bot_id, self.turn),
        }
    }

    fn language<'h>(&'h self, heard: &'h Heard) -> &'h str {
        heard.text("locale").unwrap_or(&self.remote.settings.language)
    }

    fn bot_info(&self) -> Value {
        json!({"chatBot": self.remote.record.name, "taskBotId": self.remote.settings.bot_id})
    }

    fn channel(&self, handed: &Handed, heard: &Heard, said: &Said) -> Value {
        let (kind, user) = (channel_type(handed), user_of(&handed.conversation.id));
        let bot = &self.remote.settings.bot_id;
        let mut channel = json!({
            "_id": derived("dc-", &[handed.conversation.channel.as_str()]),
            "type": kind,
            "from": user,
            "botLanguage": self.language(heard),
            "handle": {"userId": user, "taskBotId": bot},
            "channelInfos": {
                "type": kind,
                "from": user,
                "body": said.text,
                "botInfo": self.bot_info(),
                "botLanguage": self.language(heard),
            },
        });
        if !said.attachments.is_empty() {
            channel["attachments"] = said.attachments.clone().into();
        }
        channel
    }

    fn context(&self, handed: &Handed, heard: &Heard, said: &Said) -> Value {
        let user = user_of(&handed.conversation.id);
        let mut bot_user = self.session.bot_user.clone();
        let last = json!({"channel": channel_type(handed), "messagePayload": {
            "clientMessageId": said.client_message_id,
            "id": said.client_message_id,
            "resourceid": "/bot.message",
            "message": said.message_object(),
            "botInfo": self.bot_info(),
            "meta": {"locale": self.language(heard)},
        }});
        bot_user.insert("lastMessage".to_owned(), last);
        bot_user.insert("lastUserMessageTime".to_owned(), handed.at.to_string().into());
        json!({
            "bot": self.remote.record.name,
            "botid": self.remote.settings.bot_id,
            "currentLanguage": self.language(heard),
            "entities": {},
            "session": {
                "EnterpriseContext": {},
                "BotContext": {},
                "UserContext": user_context(handed, &self.user(handed, heard), said),
                "UserSession": self.session.user,
                "BotUserSession": bot_user,
                "opts": {"userId": user, "streamId": self.remote.settings.bot_id},
            },
        })
    }

    /// Who is at the other end: the sender, or who just came.
    fn user(&self, handed: &Handed, heard: &Heard) -> Account {
        let from = heard.from();
        if handed.kind == Kind::ConversationUpdate {
            return heard.newcomer(&self.remote.account.id).unwrap_or(from);
        }
        from
    }
}

/// What of a [`BotUserSession`](Session::bot_user) the server itself puts in anew each time.
pub(crate) const OWN_VARIABLES: [&str; 2] = ["lastMessage", "lastUserMessageTime"];

/// What a user said, in Kore's terms.
struct Said {
    text: String,
    attachments: Vec<Value>,
    /// The message as a Kore client sent it; else one in that form.
    message: Map<String, Value>,
    client_message_id: Value,
    meta_info: Value,
    meta_tags: Value,
}

impl Said {
    fn of(handed: &Handed, heard: &Heard, attachments: Vec<Value>) -> Self {
        let native = handed.meta.native.as_ref().filter(|native| native.protocol == NATIVE);
        let native = native.and_then(|native| native.body.as_object());
        let message = native.and_then(|native| native.get("message")).and_then(Value::as_object);
        let mut message = message.cloned().unwrap_or_default();
        if let Some(label) = &handed.meta.shown {
            message.entry("renderMsg").or_insert_with(|| label.as_str().into());
        }
        let id = native.and_then(|native| native.get("clientMessageId")).cloned();
        let member = |name: &str| message.get(name).filter(|value| value.is_object()).cloned();
        let nl_meta = member("nlMeta");
        Self {
            text: heard.said(),
            attachments,
            client_message_id: id.unwrap_or_else(|| (handed.at.as_micros() / 1_000).into()),
            meta_info: nl_meta.map_or_else(|| json!({}), |meta| json!({"nlMeta": meta})),
            meta_tags: member("metaTags").unwrap_or_else(|| json!({})),
            message,
        }
    }

    /// The message in Kore's form, with links that the server can follow.
    fn message_object(&self) -> Value {
        let mut message = self.message.clone();
        message.insert("body".to_owned(), self.text.clone().into());
        message.remove("attachments");
        if !self.attachments.is_empty() {
            message.insert("attachments".to_owned(), self.attachments.clone().into());
        }
        message.into()
    }

    fn custom_data(&self) -> Value {
        let given = self.message.get("customData").or_else(|| self.message.get("customdata"));
        given.cloned().unwrap_or(Value::Null)
    }
}

fn user_context(handed: &Handed, user: &Account, said: &Said) -> Value {
    let name = user.name.as_deref().unwrap_or("").trim();
    let (first, last) = name.split_once(' ').unwrap_or((name, ""));
    let conversation = &handed.conversation;
    let parts = [conversation.realm.as_str(), conversation.channel.as_str(), &user.id];
    json!({
        // Of the person, where `channel.from` is of the conversation.
        "_id": derived("u-", &parts),
        "identity": user.id,
        "identities": [{"val": user.id, "type": channel_type(handed)}],
        "firstName": first,
        "lastName": last.trim(),
        "customData": said.custom_data(),
    })
}

fn channel_type(handed: &Handed) -> &str {
    match &*handed.conversation.channel_kind {
        NATIVE => RTM,
        other => other,
    }
}

fn what_happened(handed: &Handed, heard: &Heard) -> Value {
    match handed.kind {
        Kind::ConversationUpdate => json!({"eventType": "ON_CONNECT"}),
        Kind::EndOfConversation => json!({"eventType": "SESSION_CLOSURE"}),
        _ => {
            let name = heard.text("name").unwrap_or("");
            let mut event = json!({"eventType": name});
            if let Some(value) = heard.value() {
                event["value"] = value.clone();
            }
            event
        }
    }
}

/// The event that follows on a call of the same turn: what the call brought back, with the addresses
/// and ids that are known better here.
pub(crate) fn next_event<'a>(
    remote: &'a Remote,
    addresses: &Addresses,
    turn: &TurnId,
    setting: &Setting,
    message: String,
) -> Event<'a> {
    let settings = &remote.settings;
    Event {
        request_id: turn.to_string(),
        bot_id: &settings.bot_id,
        message: message.into(),
        channel: setting.channel.clone(),
        context: setting.context.clone(),
        agent_transfer: false,
        meta_info: setting.meta_info.clone(),
        meta_tags: setting.meta_tags.clone(),
        message_object: Value::Null,
        event: None,
        dialog_component_name: None,
        context_id: None,
        urls: addresses.of(&settings.bot_id, turn),
    }
}
