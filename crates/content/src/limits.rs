//! Every limit of the messengers' protocols, once: the code goes by it, and `docs/channels-limits.md`
//! is made of it. The numbers are the platforms' own documents', or what is said there to be observed
//! where they are silent; the platforms have changed them over the years.

use std::fmt::Write as _;

use crate::capabilities::{Capabilities, CardLimits, CarouselLimits, LongText, QuickLimits, Shows};

/// How long a Plus Friend partner server or a skill may take for its whole answer, in milliseconds.
pub const KAKAO_ANSWER_MS: u64 = 5_000;
/// The most bytes of text that Plus Friend was seen to pass on from a user.
pub const PLUS_FRIEND_INCOMING_BYTES_MAX: usize = 4_000;
/// The width of a photo where it is not known, in pixels: the recommended one.
pub const PLUS_FRIEND_PHOTO_WIDTH: u32 = 720;
/// The height of a photo where it is not known, in pixels: the recommended one.
pub const PLUS_FRIEND_PHOTO_HEIGHT: u32 = 630;
/// The three addresses that the Plus Friend platform called from.
pub const PLUS_FRIEND_ADDRESSES: [&str; 3] = ["110.76.143.234", "110.76.143.235", "110.76.143.236"];

/// The longest words in place of a picture.
pub const SKILL_ALT_TEXT_MAX: usize = 50;
/// The most bytes of one output.
pub const SKILL_OUTPUT_BYTES_MAX: usize = 30_720;
/// The longest id of a user.
pub const SKILL_USER_ID_MAX: usize = 70;
/// How long a callback address is good, in seconds.
pub const SKILL_CALLBACK_SECS: u64 = 60;
/// How long to wait between acknowledging a call and calling back, in milliseconds. Earlier ones were
/// seen to get lost.
pub const SKILL_CALLBACK_AFTER_MS: u64 = 1_000;
/// The most users of one call of the Event API.
pub const SKILL_EVENT_USERS_MAX: usize = 100;

/// How long the webhook of TalkTalk may take, in milliseconds.
pub const TALKTALK_ANSWER_MS: u64 = 5_000;
/// The longest code of a button.
pub const TALKTALK_CODE_MAX: usize = 1_000;
/// The most buttons among quick replies. The documents name no number: it is a carousel's.
pub const TALKTALK_QUICK_MAX: usize = 10;
/// The largest picture, in bytes.
pub const TALKTALK_IMAGE_BYTES_MAX: u64 = 20 * 1024 * 1024;
/// The networks that TalkTalk calls from.
pub const TALKTALK_NETWORKS: [&str; 3] = ["211.249.40.0/27", "211.249.68.0/27", "220.230.168.0/27"];

/// Kakao Plus Friend, auto reply v2.0: one bubble of a text, a photo and a link; a keyboard.
pub const KAKAO_PLUS_FRIEND: Capabilities = Capabilities {
    protocol: "kakao-plus-friend",
    push: false,
    bubbles_max: 1,
    text_max: 1_000,
    long_text: LongText::Cut,
    // A label may be of any length; it is shown cut by the platform itself.
    quick: Some(QuickLimits { count_max: 100, label_max: 1_000, links: false }),
    card: Some(PLUS_FRIEND_MESSAGE),
    picture_card: Some(PLUS_FRIEND_MESSAGE),
    carousel: None,
    shows: Shows { images: true, audio: false, video: false, files: false },
};

const PLUS_FRIEND_MESSAGE: CardLimits = CardLimits {
    title_max: 0,
    text_max: 1_000,
    total_max: 1_000,
    buttons_max: 1,
    label_max: 1_000,
    says: false,
    links: true,
    calls: false,
    own_link: false,
};

/// Kakao i Open Builder, skill v2.0.
pub const KAKAO_SKILL: Capabilities = Capabilities {
    protocol: "kakao-skill",
    push: true,
    bubbles_max: 3,
    text_max: 1_000,
    long_text: LongText::Split,
    quick: Some(QuickLimits { count_max: 10, label_max: 14, links: false }),
    card: Some(CardLimits {
        title_max: 50,
        text_max: 400,
        total_max: 400,
        buttons_max: 3,
        label_max: 14,
        says: true,
        links: true,
        calls: true,
        own_link: false,
    }),
    picture_card: Some(CardLimits {
        title_max: 50,
        text_max: 230,
        total_max: 280,
        buttons_max: 3,
        label_max: 14,
        says: true,
        links: true,
        calls: true,
        own_link: true,
    }),
    carousel: Some(CarouselLimits {
        cards_max: 10,
        total_max: 128,
        picture_total_max: 280,
        mixed: false,
    }),
    shows: Shows { images: true, audio: false, video: false, files: false },
};

/// The text of an Event API call: what it starts shows words and nothing else.
pub const KAKAO_EVENT: Capabilities = Capabilities {
    bubbles_max: 1,
    quick: None,
    card: None,
    picture_card: None,
    carousel: None,
    shows: Shows { images: false, audio: false, video: false, files: false },
    ..KAKAO_SKILL
};

/// Naver TalkTalk, chatbot API v1.
pub const NAVER_TALKTALK: Capabilities = Capabilities {
    protocol: "naver-talktalk",
    push: true,
    // Each bubble is a call of its own, so it is the server that sets an end to it.
    bubbles_max: 20,
    text_max: 10_000,
    long_text: LongText::Split,
    quick: Some(QuickLimits { count_max: TALKTALK_QUICK_MAX, label_max: 10, links: true }),
    card: Some(TALKTALK_COMPOSITE),
    picture_card: Some(TALKTALK_COMPOSITE),
    carousel: Some(CarouselLimits {
        cards_max: 10,
        total_max: 1_200,
        picture_total_max: 1_200,
        mixed: true,
    }),
    shows: Shows { images: true, audio: false, video: false, files: false },
};

const TALKTALK_COMPOSITE: CardLimits = CardLimits {
    title_max: 200,
    text_max: 1_000,
    total_max: 1_200,
    buttons_max: 10,
    label_max: 18,
    says: true,
    links: true,
    // `tel:` is documented for the persistent menu alone.
    calls: false,
    own_link: false,
};

/// The web chat's `nxchat.v1`: texts, files, and texts with buttons. Its numbers are Maru's own.
pub const WEB_CHAT: Capabilities = Capabilities {
    protocol: "web-chat",
    push: true,
    bubbles_max: 20,
    text_max: 4_000,
    long_text: LongText::Split,
    quick: Some(QuickLimits { count_max: 100, label_max: 100, links: true }),
    card: Some(CardLimits {
        title_max: 200,
        text_max: 4_000,
        total_max: 4_000,
        buttons_max: 100,
        label_max: 100,
        says: true,
        links: true,
        // Its links open web addresses alone.
        calls: false,
        own_link: false,
    }),
    picture_card: None,
    carousel: None,
    shows: Shows { images: true, audio: true, video: true, files: true },
};

/// All of them.
pub const ALL: [&Capabilities; 4] = [&KAKAO_PLUS_FRIEND, &KAKAO_SKILL, &NAVER_TALKTALK, &WEB_CHAT];

/// A limit that is no matter of what is shown.
struct Other {
    protocol: &'static str,
    what: &'static str,
    value: String,
    source: &'static str,
}

fn others() -> Vec<Other> {
    let of = |protocol, what, value: String, source| Other { protocol, what, value, source };
    let friend = KAKAO_PLUS_FRIEND.protocol;
    let skill = KAKAO_SKILL.protocol;
    let naver = NAVER_TALKTALK.protocol;
    let readme = "plusfriend/auto_reply README";
    let guide = "Kakao business guide, skill";
    let api = "navertalk/chatbot-api";
    vec![
        of(friend, "whole answer", secs(KAKAO_ANSWER_MS), readme),
        of(friend, "incoming text", format!("{PLUS_FRIEND_INCOMING_BYTES_MAX} bytes"), "observed"),
        of(
            friend,
            "photo of unknown size",
            format!("{PLUS_FRIEND_PHOTO_WIDTH} × {PLUS_FRIEND_PHOTO_HEIGHT} pixels"),
            readme,
        ),
        of(friend, "calling addresses", PLUS_FRIEND_ADDRESSES.join(", "), readme),
        of(skill, "whole answer", secs(KAKAO_ANSWER_MS), guide),
        of(skill, "alternative text", chars(SKILL_ALT_TEXT_MAX), guide),
        of(skill, "one output", format!("{SKILL_OUTPUT_BYTES_MAX} bytes"), "observed"),
        of(skill, "user id", chars(SKILL_USER_ID_MAX), guide),
        of(skill, "callback, once, within", format!("{SKILL_CALLBACK_SECS} s"), guide),
        of(skill, "callback, not before", secs(SKILL_CALLBACK_AFTER_MS), "observed"),
        of(skill, "users of one event", SKILL_EVENT_USERS_MAX.to_string(), guide),
        of(naver, "whole answer", secs(TALKTALK_ANSWER_MS), api),
        of(naver, "code of a button", chars(TALKTALK_CODE_MAX), api),
        of(naver, "picture", format!("{TALKTALK_IMAGE_BYTES_MAX} bytes"), api),
        of(naver, "calling networks", TALKTALK_NETWORKS.join(", "), api),
    ]
}

fn secs(millis: u64) -> String {
    format!("{} s", millis / 1_000)
}

fn chars(count: usize) -> String {
    format!("{count} characters")
}

/// The page of limits: `docs/channels-limits.md`.
pub fn reference() -> String {
    let mut page = String::from(
        "# Limits of the messengers\n\n\
        Made from `crates/content/src/limits.rs`; `UPDATE_DOCS=1 cargo test -p maru-content` writes it anew.\n\
        Lengths are in characters, counted as UTF-16 code units; texts are cut and split between whole\n\
        characters as people see them, so a Korean syllable stays whole in NFC and NFD alike.\n\n\
        ## What is shown\n\n\
        | limit |",
    );
    for each in ALL {
        _ = write!(page, " `{}` |", each.protocol);
    }
    page.push_str("\n|---|");
    page.push_str(&"---|".repeat(ALL.len()));
    page.push('\n');
    for (name, value) in ROWS {
        _ = write!(page, "| {name} |");
        for each in ALL {
            _ = write!(page, " {} |", value(each));
        }
        page.push('\n');
    }
    page.push_str("\nWhat is over a limit is never left out without a word: longer texts go on in the next bubble or are\n\
        cut with `…`; buttons that find no place become quick replies, and then numbered lines that can be\n\
        answered with their number; cards without a counterpart become words, and files become links.\n\n\
        ## Other limits\n\n| protocol | limit | | source |\n|---|---|---|---|\n");
    for Other { protocol, what, value, source } in others() {
        _ = writeln!(page, "| `{protocol}` | {what} | {value} | {source} |");
    }
    page
}

type Row = (&'static str, fn(&Capabilities) -> String);

const ROWS: &[Row] = &[
    ("the bot may speak first", |c| yes(c.push)),
    ("bubbles of one answer", |c| c.bubbles_max.to_string()),
    ("text of a bubble", |c| c.text_max.to_string()),
    ("a longer text is", |c| match c.long_text {
        LongText::Split => "split".to_owned(),
        LongText::Cut => "cut".to_owned(),
    }),
    ("quick replies", |c| or_none(c.quick.map(|quick| quick.count_max))),
    ("label of a quick reply", |c| or_none(c.quick.map(|quick| quick.label_max))),
    ("quick replies that are links", |c| yes(c.quick.is_some_and(|quick| quick.links))),
    ("card: title", |c| or_none(c.card.map(|card| card.title_max))),
    ("card: text", |c| or_none(c.card.map(|card| card.text_max))),
    ("card: title and text", |c| or_none(c.card.map(|card| card.total_max))),
    ("card with a picture: text", |c| or_none(c.picture_card.map(|card| card.text_max))),
    ("buttons of a card", |c| or_none(c.card.map(|card| card.buttons_max))),
    ("buttons that say something", |c| yes(c.card.is_some_and(|card| card.says))),
    ("buttons that are links", |c| yes(c.card.is_some_and(|card| card.links))),
    ("buttons that call", |c| yes(c.card.is_some_and(|card| card.calls))),
    ("label of a button", |c| or_none(c.card.map(|card| card.label_max))),
    ("cards side by side", |c| or_none(c.carousel.map(|carousel| carousel.cards_max))),
    ("title and text of such a card", |c| or_none(c.carousel.map(|carousel| carousel.total_max))),
    ("pictures", |c| yes(c.shows.images)),
    ("sound, film, files", |c| {
        if c.shows.audio && c.shows.video && c.shows.files { "yes" } else { "as links" }.to_owned()
    }),
];

fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

fn or_none(limit: Option<usize>) -> String {
    limit.filter(|limit| *limit > 0).map_or("none".to_owned(), |limit| limit.to_string())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_page_in_the_repository_is_that_of_the_code() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/channels-limits.md");
        let made = reference();
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &made).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(kept == made, "run `UPDATE_DOCS=1 cargo test -p maru-content`");
    }
}
