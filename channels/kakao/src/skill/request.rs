//! What Kakao sends: a SkillPayload (kakao-naver-chatflow.md §2.2). Nothing but the user and the
//! utterance is counted on; the builder's test console leaves most of it out.

use serde_json::{Map, Value};

use crate::json::{object, parse, text};

/// The most pictures that are read of a payload.
const IMAGES_MAX: usize = 10;

/// A call of a skill.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Payload {
    /// The user's id, stable per bot.
    pub(crate) user: String,
    /// What they said, or the label of what they pressed.
    pub(crate) utterance: String,
    /// Their language.
    pub(crate) locale: Option<String>,
    /// Their time zone.
    pub(crate) timezone: Option<String>,
    /// Where a late answer may be called back with, once. Whoever knows it can speak to the user, so it
    /// goes nowhere else.
    pub(crate) callback_url: Option<String>,
    /// The number of the offer that was pressed.
    pub(crate) offer: Option<u32>,
    /// The addresses of pictures that the user sent.
    pub(crate) images: Vec<String>,
    /// All the rest, for the bot: `channelData`.
    pub(crate) data: Value,
}

impl Payload {
    /// Reads a body. `None` if it does not say who speaks.
    pub(crate) fn read(body: &[u8]) -> Option<Self> {
        let mut members = parse(body)?;
        let request = object(&members, "userRequest")?;
        let user = object(request, "user")?;
        let user = text(user, "id").filter(|id| !id.is_empty())?.into_owned();
        let utterance = text(request, "utterance").unwrap_or_default().trim().to_owned();
        let of_request = |name: &str| text(request, name).map(std::borrow::Cow::into_owned);
        let (timezone, callback_url) = (of_request("timezone"), of_request("callbackUrl"));
        let locale = of_request("lang").map(|lang| locale_of(&lang));
        let action = object(&members, "action");
        let extra = action.and_then(|action| object(action, "clientExtra"));
        let offer = extra.and_then(|extra| extra.get("maru")).and_then(Value::as_u64);
        let images = action.map(images_of).unwrap_or_default();
        if let Some(Value::Object(request)) = members.get_mut("userRequest") {
            request.remove("callbackUrl");
        }
        Some(Self {
            user,
            utterance,
            locale,
            timezone,
            callback_url,
            offer: offer.and_then(|id| u32::try_from(id).ok()),
            images,
            data: Value::Object(Map::from_iter([("kakao".to_owned(), Value::Object(members))])),
        })
    }
}

/// `kr`, as older payloads have it, is Korean too.
fn locale_of(lang: &str) -> String {
    if lang.is_empty() || lang == "ko" || lang == "kr" { "ko-KR" } else { lang }.to_owned()
}

/// The pictures of the secure-image plugin: a parameter whose text is JSON with `secureUrls` in it,
/// `List(url, url)`.
fn images_of(action: &Map<String, Value>) -> Vec<String> {
    let params = object(action, "params").into_iter().flat_map(Map::values);
    let lists = params.filter_map(|param| {
        let inner: Value = serde_json::from_str(param.as_str()?).ok()?;
        let list = inner.get("secureUrls")?.as_str()?.trim().to_owned();
        Some(list.strip_prefix("List(")?.strip_suffix(')')?.to_owned())
    });
    let urls = lists.flat_map(|list| {
        let urls: Vec<String> = list.split(',').map(|url| url.trim().to_owned()).collect();
        urls
    });
    urls.filter(|url| maru_content::is_address(url)).take(IMAGES_MAX).collect()
}
