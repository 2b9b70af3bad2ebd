//! The kinds whose records hold secrets.

use maru_accounts::{InstanceKey, SealedSecret, Secret, SecretRecord};
use maru_activity::Timestamp;
use maru_activity::env::Env;
use maru_hall::settings::{BadSettings, bad};
use serde_json::{Value, json};

use super::{Maker, Settings, Which};

/// A kind of bots or channels whose records hold secrets.
pub(in super::super) struct Kind {
    /// Its name in records.
    pub(super) name: &'static str,
    /// The settings that are made with a record: a file that does not name them leaves them.
    pub(super) made_once: &'static [&'static str],
    /// The settings that nobody is shown.
    pub(super) hidden: &'static [&'static str],
    /// The secret that an operator may have already.
    pub(in super::super) given: Option<Given>,
    /// Puts in what a new record of this name begins with. Gives the texts of the fresh secrets.
    pub(in super::super) begin: fn(Maker<'_>, &str, &mut Settings) -> Vec<Secret>,
    /// The ids of the secrets and when they were made.
    pub(in super::super) list: fn(&Settings) -> Result<Vec<Value>, BadSettings>,
    /// Puts a new secret in the place of one.
    pub(in super::super) rotate: fn(Maker<'_>, Which, &mut Settings) -> Result<Secret, BadSettings>,
}

/// A secret that exists already.
pub(in super::super) struct Given {
    /// The setting by which an operator gives it, as text. It is never kept under that name.
    pub(in super::super) name: &'static str,
    /// Keeps it, unless it is kept already.
    pub(super) keep: fn(&mut Settings, &Secret, &Env, &InstanceKey) -> Result<(), BadSettings>,
    /// Whether it takes the place of the one that a new record begins with.
    pub(super) replaces: bool,
}

/// All of them.
pub(super) static KINDS: [Kind; 7] =
    [DIRECT_LINE, KORE, KAKAO_PLUS_FRIEND, KAKAO_SKILL, NAVER, WEB_CHAT, BOTKIT];

/// The sites of Direct Line, each with two secrets, as hashes.
const DIRECT_LINE: Kind = Kind {
    name: maru_direct_line::KIND,
    made_once: &["keys"],
    hidden: &["keys"],
    given: None,
    begin: |maker, _, settings| {
        let (fresh, secrets) = maru_direct_line::new_site_settings(maker.env);
        settings.extend(fresh);
        secrets.into_iter().map(|issued| issued.text).collect()
    },
    list: |settings| Ok(hashed(&maru_direct_line::Settings::read(settings)?.keys)),
    rotate: |maker, which, settings| {
        let place = which.place().ok_or_else(|| none_such("a site has two secrets: 1 and 2"))?;
        Ok(maru_direct_line::rotate(settings, place, maker.env)?.text)
    },
};

/// The apps of Kore.ai's protocol, each with one client secret or two, sealed, and a key for pages.
const KORE: Kind = Kind {
    name: maru_kore::KIND,
    made_once: &["client_id", "bots", "secrets", "api_key"],
    hidden: &["secrets", "api_key"],
    given: Some(Given { name: "client_secret", keep: maru_kore::import_secret, replaces: true }),
    begin: |maker, name, settings| {
        let (fresh, app) = maru_kore::new_app_settings(maker.env, maker.key, name);
        settings.extend(fresh);
        vec![app.client_secret]
    },
    list: |settings| {
        let read = maru_kore::Settings::read(settings)?;
        let mut all = sealed(&read.secrets);
        all.extend(read.api_key.map(|key| listed("api", &key.id, key.created_at)));
        Ok(all)
    },
    rotate: |maker, which, settings| match which.place() {
        Some(place) => maru_kore::rotate(settings, place, maker.env, maker.key),
        None => Ok(maru_kore::renew_api_key(settings, maker.env).text),
    },
};

/// Kakao's Plus Friend channels: their paths are all that is made for them.
const KAKAO_PLUS_FRIEND: Kind = Kind {
    name: maru_kakao::plus_friend::KIND,
    made_once: &["id"],
    hidden: &[],
    given: None,
    begin: |maker, _, settings| {
        settings.extend(maru_kakao::plus_friend::new_settings(maker.env));
        Vec::new()
    },
    list: |_| Ok(Vec::new()),
    rotate: |_, _, _| {
        Err(none_such("the platform shows no secret: name its addresses with callers"))
    },
};

/// Kakao's skills, each with one secret or two as hashes, and the key of the Event API, sealed.
const KAKAO_SKILL: Kind = Kind {
    name: maru_kakao::skill::KIND,
    made_once: &["id", "secrets", "event_key"],
    hidden: &["secrets", "event_key"],
    given: Some(Given {
        name: "event_rest_key",
        keep: maru_kakao::skill::import_secret,
        replaces: false,
    }),
    begin: |maker, _, settings| {
        let (fresh, issued) = maru_kakao::skill::new_settings(maker.env);
        settings.extend(fresh);
        vec![issued.text]
    },
    list: |settings| Ok(hashed(&maru_kakao::skill::Settings::read(settings)?.secrets)),
    rotate: |maker, which, settings| {
        let place = which.place().ok_or_else(|| none_such("a skill has two secrets: 1 and 2"))?;
        Ok(maru_kakao::skill::rotate(settings, place, maker.env)?.text)
    },
};

/// Naver TalkTalk, each channel with the key of the send API, which is TalkTalk's to give, sealed.
const NAVER: Kind = Kind {
    name: maru_naver::KIND,
    made_once: &["id", "authorization"],
    hidden: &["authorization"],
    given: Some(Given { name: "send_key", keep: maru_naver::import_secret, replaces: true }),
    begin: |maker, _, settings| {
        settings.extend(maru_naver::new_settings(maker.env));
        Vec::new()
    },
    list: |settings| {
        let key = maru_naver::Settings::read(settings)?.authorization;
        Ok(sealed(key.as_slice()))
    },
    rotate: |_, _, _| Err(none_such("the key is TalkTalk's to give: set send_key")),
};

/// Web chats, each with one secret or two, sealed, that a site signs its customers' tokens with.
const WEB_CHAT: Kind = Kind {
    name: maru_web_chat::KIND,
    made_once: &["secrets"],
    hidden: &["secrets"],
    given: Some(Given {
        name: "signing_secret",
        keep: maru_web_chat::import_secret,
        replaces: true,
    }),
    begin: |maker, _, settings| {
        let (fresh, secret) = maru_web_chat::new_settings(maker.env, maker.key);
        settings.extend(fresh);
        vec![secret]
    },
    list: |settings| Ok(sealed(&maru_web_chat::Settings::read(settings)?.secrets)),
    rotate: |maker, which, settings| {
        let place = which.place().ok_or_else(|| none_such("a web chat has two secrets: 1 and 2"));
        maru_web_chat::rotate(settings, place?, maker.env, maker.key)
    },
};

/// BotKit servers, each with one secret, sealed.
const BOTKIT: Kind = Kind {
    name: maru_botkit::KIND,
    made_once: &["bot_id", "app_id", "secret"],
    hidden: &["secret"],
    given: Some(Given { name: "app_secret", keep: maru_botkit::import_secret, replaces: true }),
    begin: |maker, _, settings| {
        let (fresh, bot) = maru_botkit::new_settings(maker.env, maker.key);
        settings.extend(fresh);
        vec![bot.secret]
    },
    list: |settings| Ok(sealed(maru_botkit::Settings::read(settings)?.secret.as_slice())),
    rotate: |maker, which, settings| {
        if which != Which::First {
            return Err(none_such("a BotKit server has one secret: 1"));
        }
        Ok(maru_botkit::rotate(settings, maker.env, maker.key))
    },
};

fn none_such(problem: &str) -> BadSettings {
    bad("secret", problem)
}

fn hashed(kept: &[SecretRecord]) -> Vec<Value> {
    let kept = (1..).zip(kept);
    kept.map(|(key, kept)| listed(key, &kept.id, kept.created_at)).collect()
}

fn sealed(kept: &[SealedSecret]) -> Vec<Value> {
    let kept = (1..).zip(kept);
    kept.map(|(key, kept)| listed(key, &kept.id, kept.created_at)).collect()
}

fn listed(key: impl Into<Value>, id: &str, created_at: Timestamp) -> Value {
    json!({ "key": key.into(), "id": id, "created_at": created_at.to_string() })
}
