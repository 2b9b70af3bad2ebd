//! Which keyboard a user has before them: the life cycle, as one pure step
//! (`kakao-naver-chatflow.md` §1.5).
//!
//! - Whoever comes in without a keyboard that is still good gets the home keyboard.
//! - An answer brings a keyboard; without one it is a text keyboard. It is good for 10 minutes from that
//!   answer on, whatever the user does meanwhile; after that it is the home keyboard again.
//! - Free text is forwarded under any keyboard: even the original let links do so under buttons.
//! - Leaving ends the keyboard. Blocking ends everything.

use std::time::Duration;

use maru_activity::Timestamp;
use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization as _;

use crate::wire::keyboard::Keyboard;

/// How a user stands with a bot. Kept in the store.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Standing {
    /// What the last answer brought.
    pub(crate) last: Option<Given>,
    /// Whether the partner was told that the user added the bot.
    pub(crate) is_friend: bool,
    /// Whether the user was told that no human can be reached here.
    pub(crate) told_no_human: bool,
}

/// A keyboard and since when it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Given {
    pub(crate) keyboard: Keyboard,
    pub(crate) at: Timestamp,
}

/// What befalls a user's keyboard.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Event<'a> {
    /// The user comes in, or says something: which keyboard is before them?
    Here,
    /// The home keyboard is shown to them.
    Home(&'a Keyboard),
    /// The partner answered, with this keyboard or none.
    Answered(Option<&'a Keyboard>),
    /// The partner was told that the user added the bot.
    Befriended,
    /// The user left.
    Left,
}

/// What follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shown {
    /// This keyboard is before the user.
    Keyboard(Keyboard),
    /// The home keyboard is to be had and shown.
    Home,
    /// The home keyboard is before the user, and they are to be told that no human can be reached.
    NoHuman(Keyboard),
    /// None.
    Nothing,
}

/// What is set for a bot.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// How long an answer's keyboard is good.
    pub(crate) valid: Duration,
    /// Whether humans can be reached.
    pub(crate) handoff: bool,
}

/// One step of a user's standing.
pub(crate) fn step(
    standing: Standing,
    event: Event<'_>,
    now: Timestamp,
    rules: Rules,
) -> (Standing, Shown) {
    match event {
        Event::Here => {
            let good = standing.last.as_ref().filter(|last| now.since(last.at) < rules.valid);
            let shown = good.map_or(Shown::Home, |last| Shown::Keyboard(last.keyboard.clone()));
            (standing, shown)
        }
        Event::Home(keyboard) => {
            let keyboard = keyboard.clone();
            // A text keyboard leaves open who reads what is typed.
            let closed = !keyboard.labels().is_empty();
            if closed && !rules.handoff && !standing.told_no_human {
                (Standing { told_no_human: true, ..standing }, Shown::NoHuman(keyboard))
            } else {
                (standing, Shown::Keyboard(keyboard))
            }
        }
        Event::Answered(keyboard) => {
            let keyboard = keyboard.cloned().unwrap_or_default();
            let last = Some(Given { keyboard: keyboard.clone(), at: now });
            (Standing { last, ..standing }, Shown::Keyboard(keyboard))
        }
        Event::Befriended => (Standing { is_friend: true, ..standing }, Shown::Nothing),
        Event::Left => (Standing { last: None, ..standing }, Shown::Nothing),
    }
}

/// What a user said, as the partner wrote it if it is the label of a button before the user: some
/// clients send Hangul taken apart (NFD), and partners compare bytes.
pub(crate) fn as_labeled<'a>(said: &'a str, shown: &'a Keyboard) -> &'a str {
    let labels = shown.labels();
    let label = labels.iter().find(|label| *label == said).or_else(|| {
        let alike = |label: &&String| label.nfc().eq(said.nfc());
        labels.iter().find(alike)
    });
    label.map_or(said, String::as_str)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RULES: Rules = Rules { valid: Duration::from_secs(600), handoff: false };
    const NOON: Timestamp = Timestamp::from_secs(1_000_000);

    fn buttons(labels: &[&str]) -> Keyboard {
        Keyboard::Buttons { buttons: labels.iter().map(ToString::to_string).collect() }
    }

    fn later(secs: u64) -> Timestamp {
        NOON.after(Duration::from_secs(secs))
    }

    #[test]
    fn an_answers_keyboard_is_good_for_ten_minutes_and_then_it_is_home_again() {
        let menu = buttons(&["a", "b"]);
        let (new, shown) = step(Standing::default(), Event::Here, NOON, RULES);
        assert_eq!(shown, Shown::Home);
        let (answered, shown) = step(new, Event::Answered(Some(&menu)), NOON, RULES);
        assert_eq!(shown, Shown::Keyboard(menu.clone()));
        for (secs, expected) in [
            (0, Shown::Keyboard(menu.clone())),
            (599, Shown::Keyboard(menu)),
            (600, Shown::Home),
            (601, Shown::Home),
        ] {
            // It counts from the answer, not from the last time that somebody looked.
            let (_, shown) = step(answered.clone(), Event::Here, later(secs), RULES);
            assert_eq!(shown, expected, "{secs} s");
        }
        let (typing, _) = step(answered.clone(), Event::Answered(None), later(1), RULES);
        let (_, shown) = step(typing, Event::Here, later(2), RULES);
        assert_eq!(shown, Shown::Keyboard(Keyboard::Text));
        let (left, _) = step(answered, Event::Left, later(1), RULES);
        assert_eq!(step(left, Event::Here, later(2), RULES).1, Shown::Home);
    }

    #[test]
    fn that_no_human_can_be_reached_is_told_once_and_only_under_buttons() {
        let menu = buttons(&["a"]);
        let home = |standing, keyboard: &Keyboard, rules| {
            step(standing, Event::Home(keyboard), NOON, rules)
        };
        let (standing, shown) = home(Standing::default(), &Keyboard::Text, RULES);
        assert_eq!(shown, Shown::Keyboard(Keyboard::Text));
        let with_people = Rules { handoff: true, ..RULES };
        assert_eq!(home(standing.clone(), &menu, with_people).1, Shown::Keyboard(menu.clone()));
        let (told, shown) = home(standing, &menu, RULES);
        assert_eq!(shown, Shown::NoHuman(menu.clone()));
        let (left, _) = step(told, Event::Left, NOON, RULES);
        assert_eq!(home(left, &menu, RULES).1, Shown::Keyboard(menu));
    }

    #[test]
    fn a_label_is_sent_as_the_partner_wrote_it() {
        let (composed, apart) = ("#점심 선택", "#점심 선택".nfd().collect::<String>());
        assert_ne!(composed, apart);
        let shown = buttons(&["x", composed]);
        assert_eq!(as_labeled(&apart, &shown), composed);
        assert_eq!(as_labeled("점심", &shown), "점심");
        assert_eq!(as_labeled(composed, &buttons(&[&apart])), apart);
        assert_eq!(as_labeled(&apart, &buttons(&[composed, &apart])), apart);
        assert_eq!(as_labeled(&apart, &Keyboard::Text), apart);
    }

    fn happening() -> impl Strategy<Value = (u64, u8, Vec<String>)> {
        (0_u64..2_000, 0_u8..5, prop::collection::vec("[a-c]{1,2}", 0..3))
    }

    proptest! {
        #[test]
        fn whatever_happens_the_last_answer_of_the_last_ten_minutes_decides(
            happenings in prop::collection::vec(happening(), 0..40)
        ) {
            let (mut standing, mut now) = (Standing::default(), NOON);
            let (mut answered, mut told): (Option<(Keyboard, Timestamp)>, bool) = (None, false);
            for (secs, what, labels) in happenings {
                now = now.after(Duration::from_secs(secs));
                let keyboard = match labels.is_empty() {
                    true => Keyboard::Text,
                    false => Keyboard::Buttons { buttons: labels },
                };
                let event = match what {
                    0 => Event::Here,
                    1 => Event::Home(&keyboard),
                    2 => Event::Answered(Some(&keyboard)),
                    3 => Event::Befriended,
                    _ => Event::Left,
                };
                let (next, shown) = step(standing, event, now, RULES);
                match event {
                    Event::Here => {
                        let good = answered.as_ref().filter(|(_, at)| now.since(*at).as_secs() < 600);
                        let expected = good.map_or(Shown::Home, |(k, _)| Shown::Keyboard(k.clone()));
                        prop_assert_eq!(shown, expected);
                    }
                    Event::Home(keyboard) => {
                        let first = !told && !keyboard.labels().is_empty();
                        prop_assert_eq!(matches!(shown, Shown::NoHuman(_)), first);
                        told |= first;
                    }
                    Event::Answered(_) => answered = Some((keyboard.clone(), now)),
                    Event::Befriended => prop_assert!(next.is_friend),
                    Event::Left => answered = None,
                }
                let kept = serde_json::to_vec(&next).unwrap();
                standing = serde_json::from_slice(&kept).unwrap();
                prop_assert_eq!(&standing, &next);
            }
        }
    }
}
