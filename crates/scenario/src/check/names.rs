//! That everything that is named is declared.

use std::collections::BTreeMap;

use crate::file::Scenario;
use crate::issue::{Code, Issues, Reference, Referred};
use crate::json::join;
use crate::reader::nearest;
use crate::text;

pub(super) fn check(scenario: &Scenario, issues: &Issues) {
    for reference in issues.take_references() {
        look_up(scenario, &reference, issues);
    }
    for (name, slot) in &scenario.slots {
        let Some(consent) = &slot.consent else { continue };
        if !scenario.consents.contains_key(consent) {
            let pointer = join(&join("/slots", name), "consent");
            let message = undeclared("consent", consent, &scenario.consents);
            issues.error(pointer, Code::UndeclaredConsent, message);
        }
    }
}

fn look_up(scenario: &Scenario, reference: &Reference, issues: &Issues) {
    let Reference { pointer, to, name, literal } = reference;
    match to {
        Referred::Node if !scenario.nodes.contains_key(name) => {
            issues.error(pointer, Code::UnknownNode, undeclared("node", name, &scenario.nodes));
        }
        Referred::Webhook if !scenario.webhooks.contains_key(name) => {
            let message = undeclared("webhook", name, &scenario.webhooks);
            issues.error(pointer, Code::UndeclaredWebhook, message);
        }
        Referred::Handler if !scenario.webhooks.contains_key(name) => {
            let message = undeclared("webhook", name, &scenario.webhooks);
            let message = format!("{message}; until then this node fails");
            issues.warning(pointer, Code::UnresolvedHandler, message);
        }
        Referred::Slot | Referred::SlotWritten => {
            let Some(slot) = scenario.slots.get(name) else {
                let message = undeclared("slot", name, &scenario.slots);
                return issues.error(pointer, Code::UndeclaredSlot, message);
            };
            if *to == Referred::Slot {
                return;
            }
            if slot.sensitive && scenario.consent_for(slot).is_none() {
                let message = "this slot is sensitive: name the consent that it needs, or declare \
                               the only one";
                issues.error(pointer, Code::UndeclaredConsent, message);
            }
            if let Some(value) = literal
                && !value.is_null()
                && slot.value_of(value).is_none()
            {
                issues.error(pointer, Code::BadValue, "the slot does not take this value");
            }
        }
        _ => {}
    }
}

fn undeclared<T>(what: &str, name: &str, declared: &BTreeMap<String, T>) -> String {
    let shown = text::cut(name, 64);
    let mut message = format!("there is no {what} \u{201c}{shown}\u{201d}");
    if let Some(near) = nearest(name, declared.keys().map(String::as_str)) {
        message.push_str(&format!("; did you mean \u{201c}{near}\u{201d}?"));
    }
    message
}
