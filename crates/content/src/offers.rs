//! What a person was offered to press, remembered.
//!
//! Where a press comes back as nothing but its label (or as a number that was typed), what it stands
//! for has to be looked up. The other way would be to put the whole meaning into what a press says: it
//! would be shown as the person's own words.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Degraded, text};

/// The most offers that are kept. The oldest are forgotten first.
const OFFERS_MAX: usize = 128;

/// The most bytes of what an offer stands for. A press on a larger one says its label.
const OFFER_BYTES_MAX: usize = 4_096;

/// The most bytes of all offers' meanings.
const OFFERS_BYTES_MAX: usize = 64 * 1024;

/// What a person was offered, the latest first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Offers {
    /// The offers.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    offers: Vec<Offer>,
    /// The next offer's number.
    #[serde(default)]
    next: u32,
}

/// Something that was offered, and says something else than its label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// By which a button may name it.
    pub id: u32,
    /// What stood on it.
    pub label: String,
    /// The number under which it stood in the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    number: Option<usize>,
    /// What the bot is told.
    pub text: String,
    /// What the bot is given as `value`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Value>,
}

impl Offers {
    /// What an utterance stands for: the offer that a button names, else the one with this label, or
    /// with this number. Typed or pressed makes no difference.
    pub fn meaning(&self, said: &str, id: Option<u32>) -> Option<&Offer> {
        let named = || self.offers.iter().find(|offer| Some(offer.id) == id);
        let labeled = || self.offers.iter().find(|offer| text::same(&offer.label, said));
        let number = said.trim().trim_end_matches('.').parse::<usize>().ok();
        let numbered = || self.offers.iter().find(|o| number.is_some() && o.number == number);
        named().or_else(labeled).or_else(numbered)
    }

    /// Keeps what an answer offers. The numbers of earlier answers are worth nothing any more. Gives
    /// the numbers of the offers for the pressable actions, in their order.
    pub fn add(&mut self, made: &Degraded) -> Vec<Option<u32>> {
        let mut ids = Vec::new();
        let mut fresh = Vec::new();
        for (number, action) in made.pressable() {
            let says_itself = action.text == action.label && action.value.is_none();
            let value_bytes = action.value.as_ref().map_or(0, |value| value.to_string().len());
            if (says_itself && number.is_none())
                || action.text.len() + value_bytes > OFFER_BYTES_MAX
            {
                ids.push(None);
                continue;
            }
            ids.push(Some(self.next));
            fresh.push(Offer {
                id: self.next,
                label: action.label.clone(),
                number,
                text: action.text.clone(),
                value: action.value.clone(),
            });
            self.next = self.next.wrapping_add(1);
        }
        let answered = !made.bubbles.is_empty();
        for old in &mut self.offers {
            old.number = old.number.filter(|_| !answered);
        }
        fresh.append(&mut self.offers);
        self.offers = fresh;
        let mut bytes = 0;
        self.offers.truncate(OFFERS_MAX);
        self.offers.retain(|offer| {
            bytes +=
                offer.label.len() + offer.text.len() * if offer.value.is_some() { 2 } else { 1 };
            bytes <= OFFERS_BYTES_MAX
        });
        ids
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use unicode_normalization::UnicodeNormalization as _;

    use super::*;
    use crate::limits::KAKAO_SKILL;
    use crate::{Content, degrade};

    fn made(actions: &Value) -> Degraded {
        let body =
            json!({"type": "message", "text": "t", "suggestedActions": {"actions": actions}});
        degrade(Content::of(body.to_string().as_bytes()), &KAKAO_SKILL)
    }

    #[test]
    fn a_label_means_what_was_offered_last_in_whichever_form_it_comes() {
        let mut offers = Offers::default();
        offers.add(&made(&json!([
            {"type": "imBack", "title": "#점심 선택", "value": "lunch"},
            {"type": "imBack", "title": "same", "value": "same"},
        ])));
        let nfd: String = "#점심 선택".nfd().collect();
        assert_eq!(offers.meaning(&nfd, None).unwrap().text, "lunch");
        assert_eq!(offers.meaning("same", None), None);
        offers.add(&made(&json!([{"type": "imBack", "title": "#점심 선택", "value": "dinner"}])));
        assert_eq!(offers.meaning("#점심 선택\n", None).unwrap().text, "dinner");
        // The button that is pressed is the older one.
        assert_eq!(offers.meaning("#점심 선택", Some(0)).unwrap().text, "lunch");
    }

    #[test]
    fn numbers_count_for_the_last_answer_alone_and_little_is_kept() {
        let many: Vec<Value> = (1..=300)
            .map(|n| json!({"type": "imBack", "title": format!("l{n}"), "value": n}))
            .collect();
        let mut offers = Offers::default();
        offers.add(&made(&many.into()));
        assert_eq!(offers.meaning("11", None).unwrap().text, "11");
        assert_eq!(offers.meaning("12.", None).unwrap().label, "l12");
        assert_eq!(offers.offers.len(), OFFERS_MAX);
        offers.add(&made(&json!([{"type": "imBack", "title": "x", "value": "a".repeat(5_000)}])));
        assert_eq!(offers.meaning("11", None), None);
        assert_eq!(offers.meaning("x", None), None);
        assert_eq!(offers.meaning("l11", None).unwrap().text, "11");
    }
}
