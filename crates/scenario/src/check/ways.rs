//! That every node can be left, and that what an author wrote can take effect.

use crate::file::{Asked, Call, Kind, Move, Node, Scenario};
use crate::issue::{Code, Issues};
use crate::json::join;

pub(super) fn check(scenario: &Scenario, issues: &Issues) {
    for node in scenario.nodes.values() {
        check_ways(node, issues);
        check_keyboard(scenario, node, issues);
    }
}

/// Whether one of the node's own ways is always open.
pub(super) fn is_total(node: &Node) -> bool {
    node.to.is_some() || node.transitions.iter().any(|transition| transition.when.is_always())
}

fn check_ways(node: &Node, issues: &Issues) {
    let pointer = join("/nodes", &node.id);
    let (total, some) = (is_total(node), !node.transitions.is_empty() || node.to.is_some());
    let no_way = |message: &str| issues.error(&pointer, Code::NoWayOn, message);
    let may_fall = |message: &str| issues.warning(&pointer, Code::MayFallThrough, message);
    match &node.kind {
        Kind::Message { returns: true } if some => {
            let message = "a node that returns leads nowhere else";
            issues.warning(&pointer, Code::NoEffect, message);
        }
        Kind::Message { returns: false } | Kind::Set { .. } if !total => {
            no_way("this does not wait for the user, so it has to say where it leads always");
        }
        Kind::Condition | Kind::Slot { .. } | Kind::Webhook(Call { body: Some(_), .. })
            if !some =>
        {
            no_way("this leads nowhere");
        }
        Kind::Condition | Kind::Slot { .. } | Kind::Webhook(_) if !total => {
            may_fall("where none of the conditions holds, this leads to the exception node");
        }
        Kind::Select { choices } => {
            if !total && choices.iter().any(|choice| choice.to.is_none()) {
                may_fall("a choice leads nowhere of its own, and neither does the node always");
            }
            check_unused_fallback(node, total, &pointer, issues);
        }
        Kind::Intent => {
            if !some && node.fallback.is_none() {
                let message = "every answer to this leads to the exception node";
                issues.warning(&pointer, Code::NoWayOn, message);
            }
            check_unused_fallback(node, total, &pointer, issues);
        }
        _ => {}
    }
}

/// An intent node that always leads on never asks again.
fn check_unused_fallback(node: &Node, total: bool, pointer: &str, issues: &Issues) {
    let asks_again = node.fallback.is_some() || node.retries > 0;
    if matches!(node.kind, Kind::Intent) && total && asks_again {
        let message = "this node takes every answer, so nothing is ever asked again";
        issues.warning(pointer, Code::NoEffect, message);
    }
}

fn check_keyboard(scenario: &Scenario, node: &Node, issues: &Issues) {
    if !matches!(node.asked, Asked::Values) {
        return;
    }
    let closed = match &node.kind {
        Kind::Slot { slot, .. } => scenario.slots.get(slot).is_some_and(|slot| slot.is_closed()),
        _ => false,
    };
    if !closed {
        let pointer = join(&join("/nodes", &node.id), "keyboard");
        issues.error(pointer, Code::BadValue, "only a slot of type choice or boolean has values");
    }
}

/// Where a node can lead, beside to the exception node.
pub(super) fn targets<'s>(scenario: &'s Scenario, node: &'s Node) -> Vec<&'s str> {
    let moves = node.transitions.iter().map(|transition: &Move| transition.to.as_str());
    let mut targets: Vec<&str> = moves.collect();
    targets.extend(node.to.as_deref());
    targets.extend(node.fallback.as_deref());
    match &node.kind {
        Kind::Select { choices } => {
            targets.extend(choices.iter().filter_map(|choice| choice.to.as_deref()));
        }
        Kind::Slot { slot, on_declined, .. } => {
            targets.extend(on_declined.as_deref());
            let slot = scenario.slots.get(slot);
            let consent = slot.and_then(|slot| scenario.consent_for(slot));
            targets.extend(consent.and_then(|(_, consent)| consent.on_declined.as_deref()));
        }
        Kind::Custom(call) | Kind::Webhook(call) => targets.extend(call.on_error.as_deref()),
        Kind::Handoff { on_error, .. } => targets.extend(on_error.as_deref()),
        _ => {}
    }
    targets
}
