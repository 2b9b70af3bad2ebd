//! What a bot says in Kakao's own words, under `channelData.kakao` of its message: outputs, quick
//! replies, contexts and data. They go out as they are, within the limits.

use maru_content::limits::{KAKAO_SKILL, SKILL_OUTPUT_BYTES_MAX};
use serde_json::{Map, Value, json};

/// The kinds of outputs (§2.3).
const OUTPUTS: [&str; 8] = [
    "simpleText",
    "simpleImage",
    "textCard",
    "basicCard",
    "commerceCard",
    "listCard",
    "itemCard",
    "carousel",
];

/// The most contexts of one answer.
const CONTEXTS_MAX: usize = 20;

/// The most bytes of `data`.
const DATA_BYTES_MAX: usize = 30_720;

/// What was said in Kakao's own words.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Native {
    /// Components of the answer. Empty: the activity is shown as any other.
    pub(crate) outputs: Vec<Value>,
    /// Quick replies.
    pub(crate) quick_replies: Vec<Value>,
    /// Contexts to set, or with a life span of 0 to delete.
    pub(crate) contexts: Vec<Value>,
    /// Values for the texts of the builder.
    pub(crate) data: Option<Value>,
}

impl Native {
    /// Reads an activity's body. What is not sound in it is left out.
    pub(crate) fn of(body: &[u8]) -> Self {
        #[derive(serde::Deserialize)]
        struct Said {
            #[serde(rename = "channelData", default)]
            channel_data: Value,
        }
        let said = serde_json::from_slice::<Said>(body).ok();
        let Some(Value::Object(kakao)) =
            said.and_then(|mut said| Some(said.channel_data.get_mut("kakao")?.take()))
        else {
            return Self::default();
        };
        let list =
            |name: &str| kakao.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        let outputs = list("outputs").into_iter().filter(is_output).take(KAKAO_SKILL.bubbles_max);
        let quick_max = KAKAO_SKILL.quick.map_or(0, |quick| quick.count_max);
        let quick_replies =
            list("quickReplies").into_iter().filter(Value::is_object).take(quick_max);
        let contexts = kakao.get("context").and_then(|context| context.get("values"));
        let contexts = contexts.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let data =
            kakao.get("data").filter(|data| data.is_object() && size(data) <= DATA_BYTES_MAX);
        Self {
            outputs: outputs.collect(),
            quick_replies: quick_replies.collect(),
            contexts: contexts.iter().filter_map(context).take(CONTEXTS_MAX).collect(),
            data: data.cloned(),
        }
    }

    /// Adds what was said after it.
    pub(crate) fn then(&mut self, next: Self) {
        self.outputs.extend(next.outputs);
        self.outputs.truncate(KAKAO_SKILL.bubbles_max);
        if !next.quick_replies.is_empty() {
            self.quick_replies = next.quick_replies;
        }
        self.contexts.extend(next.contexts);
        self.contexts.truncate(CONTEXTS_MAX);
        self.data = next.data.or(self.data.take());
    }
}

fn is_output(output: &Value) -> bool {
    let Some(object) = output.as_object().filter(|object| object.len() == 1) else { return false };
    let known = object.iter().all(|(kind, body)| OUTPUTS.contains(&&**kind) && body.is_object());
    known && size(output) <= SKILL_OUTPUT_BYTES_MAX
}

/// A context as §2.4 has it; its parameters are texts.
fn context(context: &Value) -> Option<Value> {
    let name = context.get("name")?.as_str().filter(|name| !name.is_empty())?;
    let span = context.get("lifeSpan").or_else(|| context.get("lifespan"))?.as_u64()?;
    let params = context.get("params").and_then(Value::as_object);
    let params: Map<String, Value> = params
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.into())))
        .collect();
    let mut read = json!({"name": name, "lifeSpan": span, "params": params});
    if let Some(ttl) = context.get("ttl").and_then(Value::as_u64) {
        read["ttl"] = ttl.into();
    }
    Some(read)
}

fn size(value: &Value) -> usize {
    serde_json::to_vec(value).map_or(usize::MAX, |text| text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sound_goes_out_as_it_is() {
        let body = json!({"type": "message", "channelData": {"kakao": {
            "outputs": [
                {"itemCard": {"itemList": [{"title": "a", "description": "b"}]}},
                {"unknown": {}},
                {"simpleText": {"text": "x"}, "simpleImage": {}},
                {"simpleText": {"text": "x".repeat(40_000)}},
            ],
            "quickReplies": [{"label": "a", "action": "message", "messageText": "a"}, 7],
            "context": {"values": [
                {"name": "order", "lifeSpan": 3, "ttl": 60, "params": {"menu": "1", "n": 2}},
                {"name": "gone", "lifespan": 0}, {"lifeSpan": 1}, "x",
            ]},
            "data": {"k": "v"},
        }}});
        let native = Native::of(body.to_string().as_bytes());
        assert_eq!(native.outputs.len(), 1);
        assert_eq!(native.quick_replies.len(), 1);
        assert_eq!(
            Value::from(native.contexts),
            json!([
                {"name": "order", "lifeSpan": 3, "ttl": 60, "params": {"menu": "1"}},
                {"name": "gone", "lifeSpan": 0, "params": {}},
            ])
        );
        assert_eq!(native.data, Some(json!({"k": "v"})));
        assert_eq!(Native::of(b"{}"), Native::default());
        assert_eq!(Native::of(br#"{"channelData":{"kakao":7}}"#), Native::default());
    }
}
