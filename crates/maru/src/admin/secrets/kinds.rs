//! The kinds whose records hold secrets.

use maru_accounts::Secret;
use maru_hall::settings::{BadSettings, bad};
use serde_json::{Value, json};

use super::{Maker, Secretive, Settings, Which};

/// The sites of Direct Line, each with two secrets, as hashes.
pub(super) struct DirectLineSites;

impl Secretive for DirectLineSites {
    fn kind(&self) -> &'static str {
        maru_direct_line::KIND
    }

    fn made_once(&self) -> &'static [&'static str] {
        &["keys"]
    }

    fn hidden(&self) -> &'static [&'static str] {
        &["keys"]
    }

    fn given(&self) -> Option<&'static str> {
        None
    }

    fn begin(&self, maker: Maker<'_>, _: &str, settings: &mut Settings) -> Vec<Secret> {
        let (fresh, secrets) = maru_direct_line::new_site_settings(maker.env);
        settings.extend(fresh);
        secrets.into_iter().map(|issued| issued.text).collect()
    }

    fn keep(&self, _: Maker<'_>, _: &Secret, _: &mut Settings) -> Result<(), BadSettings> {
        Ok(())
    }

    fn list(&self, settings: &Settings) -> Result<Vec<Value>, BadSettings> {
        let keys = maru_direct_line::Settings::read(settings)?.keys;
        Ok(keys
            .iter()
            .enumerate()
            .map(|(place, key)| listed(place, &key.id, key.created_at))
            .collect())
    }

    fn rotate(
        &self,
        maker: Maker<'_>,
        which: Which,
        settings: &mut Settings,
    ) -> Result<Secret, BadSettings> {
        let place = which.place().ok_or_else(|| none_such("a site has two secrets: 1 and 2"))?;
        Ok(maru_direct_line::rotate(settings, place, maker.env)?.text)
    }
}

/// The apps of Kore.ai's protocol, each with one client secret or two, sealed.
pub(super) struct KoreApps;

impl Secretive for KoreApps {
    fn kind(&self) -> &'static str {
        maru_kore::KIND
    }

    fn made_once(&self) -> &'static [&'static str] {
        &["client_id", "bots", "secrets", "api_key"]
    }

    fn hidden(&self) -> &'static [&'static str] {
        &["secrets", "api_key"]
    }

    fn given(&self) -> Option<&'static str> {
        Some("client_secret")
    }

    fn begin(&self, maker: Maker<'_>, name: &str, settings: &mut Settings) -> Vec<Secret> {
        let (fresh, app) = maru_kore::new_app_settings(maker.env, maker.key, name);
        settings.extend(fresh);
        vec![app.client_secret]
    }

    fn keep(
        &self,
        maker: Maker<'_>,
        secret: &Secret,
        settings: &mut Settings,
    ) -> Result<(), BadSettings> {
        maru_kore::import_secret(settings, secret, maker.env, maker.key)
    }

    fn list(&self, settings: &Settings) -> Result<Vec<Value>, BadSettings> {
        let read = maru_kore::Settings::read(settings)?;
        let secrets = read.secrets.iter().enumerate();
        let mut all: Vec<Value> =
            secrets.map(|(place, kept)| listed(place, &kept.id, kept.created_at)).collect();
        all.extend(read.api_key.map(
            |key| json!({ "key": "api", "id": key.id, "created_at": key.created_at.to_string() }),
        ));
        Ok(all)
    }

    fn rotate(
        &self,
        maker: Maker<'_>,
        which: Which,
        settings: &mut Settings,
    ) -> Result<Secret, BadSettings> {
        if let Some(place) = which.place() {
            return maru_kore::rotate(settings, place, maker.env, maker.key);
        }
        Ok(maru_kore::renew_api_key(settings, maker.env).text)
    }
}

/// Kakao's Plus Friend channels: their paths are all that is made for them.
pub(super) struct KakaoPlusFriend;

impl Secretive for KakaoPlusFriend {
    fn kind(&self) -> &'static str {
        maru_kakao::plus_friend::KIND
    }

    fn made_once(&self) -> &'static [&'static str] {
        &["id"]
    }

    fn hidden(&self) -> &'static [&'static str] {
        &[]
    }

    fn given(&self) -> Option<&'static str> {
        None
    }

    fn begin(&self, maker: Maker<'_>, _: &str, settings: &mut Settings) -> Vec<Secret> {
        settings.extend(maru_kakao::plus_friend::new_settings(maker.env));
        Vec::new()
    }

    fn keep(&self, _: Maker<'_>, _: &Secret, _: &mut Settings) -> Result<(), BadSettings> {
        Ok(())
    }

    fn list(&self, _: &Settings) -> Result<Vec<Value>, BadSettings> {
        Ok(Vec::new())
    }

    fn rotate(&self, _: Maker<'_>, _: Which, _: &mut Settings) -> Result<Secret, BadSettings> {
        Err(none_such("the platform shows no secret: name its addresses with callers"))
    }
}

/// Kakao's skills, each with one secret or two as hashes, and the key of the Event API, sealed.
pub(super) struct KakaoSkills;

impl Secretive for KakaoSkills {
    fn kind(&self) -> &'static str {
        maru_kakao::skill::KIND
    }

    fn made_once(&self) -> &'static [&'static str] {
        &["id", "secrets", "event_key"]
    }

    fn hidden(&self) -> &'static [&'static str] {
        &["secrets", "event_key"]
    }

    fn given(&self) -> Option<&'static str> {
        Some("event_rest_key")
    }

    fn replaces(&self) -> bool {
        false
    }

    fn begin(&self, maker: Maker<'_>, _: &str, settings: &mut Settings) -> Vec<Secret> {
        let (fresh, issued) = maru_kakao::skill::new_settings(maker.env);
        settings.extend(fresh);
        vec![issued.text]
    }

    fn keep(
        &self,
        maker: Maker<'_>,
        secret: &Secret,
        settings: &mut Settings,
    ) -> Result<(), BadSettings> {
        maru_kakao::skill::import_secret(settings, secret, maker.env, maker.key)
    }

    fn list(&self, settings: &Settings) -> Result<Vec<Value>, BadSettings> {
        let secrets = maru_kakao::skill::Settings::read(settings)?.secrets;
        let kept = secrets.iter().enumerate();
        Ok(kept.map(|(place, kept)| listed(place, &kept.id, kept.created_at)).collect())
    }

    fn rotate(
        &self,
        maker: Maker<'_>,
        which: Which,
        settings: &mut Settings,
    ) -> Result<Secret, BadSettings> {
        let place = which.place().ok_or_else(|| none_such("a skill has two secrets: 1 and 2"))?;
        Ok(maru_kakao::skill::rotate(settings, place, maker.env)?.text)
    }
}

/// Naver TalkTalk, each channel with the key of the send API, which is TalkTalk's to give, sealed.
pub(super) struct NaverTalkTalk;

impl Secretive for NaverTalkTalk {
    fn kind(&self) -> &'static str {
        maru_naver::KIND
    }

    fn made_once(&self) -> &'static [&'static str] {
        &["id", "authorization"]
    }

    fn hidden(&self) -> &'static [&'static str] {
        &["authorization"]
    }

    fn given(&self) -> Option<&'static str> {
        Some("send_key")
    }

    fn begin(&self, maker: Maker<'_>, _: &str, settings: &mut Settings) -> Vec<Secret> {
        settings.extend(maru_naver::new_settings(maker.env));
        Vec::new()
    }

    fn keep(
        &self,
        maker: Maker<'_>,
        secret: &Secret,
        settings: &mut Settings,
    ) -> Result<(), BadSettings> {
        maru_naver::import_secret(settings, secret, maker.env, maker.key)
    }

    fn list(&self, settings: &Settings) -> Result<Vec<Value>, BadSettings> {
        let kept = maru_naver::Settings::read(settings)?.authorization;
        Ok(kept.iter().map(|kept| listed(0, &kept.id, kept.created_at)).collect())
    }

    fn rotate(&self, _: Maker<'_>, _: Which, _: &mut Settings) -> Result<Secret, BadSettings> {
        Err(none_such("the key is TalkTalk's to give: set send_key"))
    }
}

/// Web chats, each with one secret or two, sealed, that a site signs its customers' tokens with.
pub(super) struct WebChats;

impl Secretive for WebChats {
    fn kind(&self) -> &'static str {
        maru_web_chat::KIND
    }

    fn made_once(&self) -> &'static [&'static str] {
        &["secrets"]
    }

    fn hidden(&self) -> &'static [&'static str] {
        &["secrets"]
    }

    fn given(&self) -> Option<&'static str> {
        Some("signing_secret")
    }

    fn begin(&self, maker: Maker<'_>, _: &str, settings: &mut Settings) -> Vec<Secret> {
        let (fresh, secret) = maru_web_chat::new_settings(maker.env, maker.key);
        settings.extend(fresh);
        vec![secret]
    }

    fn keep(
        &self,
        maker: Maker<'_>,
        secret: &Secret,
        settings: &mut Settings,
    ) -> Result<(), BadSettings> {
        maru_web_chat::import_secret(settings, secret, maker.env, maker.key)
    }

    fn list(&self, settings: &Settings) -> Result<Vec<Value>, BadSettings> {
        let kept = maru_web_chat::Settings::read(settings)?.secrets;
        let kept = kept.iter().enumerate();
        Ok(kept.map(|(place, kept)| listed(place, &kept.id, kept.created_at)).collect())
    }

    fn rotate(
        &self,
        maker: Maker<'_>,
        which: Which,
        settings: &mut Settings,
    ) -> Result<Secret, BadSettings> {
        let place =
            which.place().ok_or_else(|| none_such("a web chat has two secrets: 1 and 2"))?;
        maru_web_chat::rotate(settings, place, maker.env, maker.key)
    }
}

/// BotKit servers, each with one secret, sealed.
pub(super) struct BotKitBots;

impl Secretive for BotKitBots {
    fn kind(&self) -> &'static str {
        maru_botkit::KIND
    }

    fn made_once(&self) -> &'static [&'static str] {
        &["bot_id", "app_id", "secret"]
    }

    fn hidden(&self) -> &'static [&'static str] {
        &["secret"]
    }

    fn given(&self) -> Option<&'static str> {
        Some("app_secret")
    }

    fn begin(&self, maker: Maker<'_>, _: &str, settings: &mut Settings) -> Vec<Secret> {
        let (fresh, bot) = maru_botkit::new_settings(maker.env, maker.key);
        settings.extend(fresh);
        vec![bot.secret]
    }

    fn keep(
        &self,
        maker: Maker<'_>,
        secret: &Secret,
        settings: &mut Settings,
    ) -> Result<(), BadSettings> {
        maru_botkit::import_secret(settings, secret, maker.env, maker.key)
    }

    fn list(&self, settings: &Settings) -> Result<Vec<Value>, BadSettings> {
        let Some(kept) = maru_botkit::Settings::read(settings)?.secret else {
            return Ok(Vec::new());
        };
        Ok(vec![listed(0, &kept.id, kept.created_at)])
    }

    fn rotate(
        &self,
        maker: Maker<'_>,
        which: Which,
        settings: &mut Settings,
    ) -> Result<Secret, BadSettings> {
        if which != Which::First {
            return Err(none_such("a BotKit server has one secret: 1"));
        }
        Ok(maru_botkit::rotate(settings, maker.env, maker.key))
    }
}

fn none_such(problem: &str) -> BadSettings {
    bad("secret", problem)
}

fn listed(place: usize, id: &str, created_at: maru_activity::Timestamp) -> Value {
    json!({ "key": place + 1, "id": id, "created_at": created_at.to_string() })
}
