//! Ways through the whole scenario: nodes that nothing leads to, circles without the user, rows
//! that are too long.

use std::collections::{BTreeMap, BTreeSet};

use crate::file::{Kind, Node, Scenario};
use crate::issue::{Code, Issues};
use crate::json::join;

use super::Capabilities;
use super::ways::{is_total, targets};

pub(super) fn check(scenario: &Scenario, channels: &[Capabilities], issues: &Issues) {
    find_unreachable(scenario, issues);
    let certain = passing(scenario, |node| pass(node) == Pass::Always);
    let order = find_loops(&certain, |cycle| {
        let message = format!("{}: none of these waits for the user", shown(cycle));
        issues.error(join("/nodes", cycle[0]), Code::EndlessLoop, message);
    });
    if let Some(order) = order {
        check_rows(scenario, &certain, &order, channels, issues);
    }
    let possible = passing(scenario, |node| pass(node) != Pass::Never);
    find_loops(&possible, |cycle| {
        let certain = cycle.iter().all(|id| certain.contains_key(id));
        if !certain {
            let message = format!(
                "{}: this is a circle if the slots are filled and the handlers ask nothing",
                shown(cycle)
            );
            issues.warning(join("/nodes", cycle[0]), Code::PossibleLoop, message);
        }
    });
}

fn shown(cycle: &[&str]) -> String {
    const SHOWN_MAX: usize = 8;
    let mut text = cycle.iter().take(SHOWN_MAX).copied().collect::<Vec<_>>().join(" → ");
    if cycle.len() > SHOWN_MAX {
        text.push_str(" → …");
    }
    text
}

fn find_unreachable(scenario: &Scenario, issues: &Issues) {
    let mut reached: BTreeSet<&str> = BTreeSet::new();
    let globals = scenario.globals.iter().map(|global| global.to.as_str());
    let mut next: Vec<&str> = globals.collect();
    next.extend([scenario.meta.entry.as_str(), scenario.meta.exception.as_str()]);
    while let Some(id) = next.pop() {
        if reached.insert(id)
            && let Some(node) = scenario.nodes.get(id)
        {
            next.extend(targets(scenario, node));
        }
    }
    for id in scenario.nodes.keys().filter(|id| !reached.contains(id.as_str())) {
        let message = "nothing in this file leads here; only a caller or a handler could";
        issues.warning(join("/nodes", id), Code::Unreachable, message);
    }
}

/// Whether a node is passed without the user.
#[derive(Clone, Copy, PartialEq)]
enum Pass {
    Never,
    Sometimes,
    Always,
}

fn pass(node: &Node) -> Pass {
    match &node.kind {
        Kind::Condition | Kind::Set { .. } | Kind::Webhook(_) | Kind::Jump { .. } => Pass::Always,
        Kind::Message { returns: false } => Pass::Always,
        Kind::Link if node.to.is_some() => Pass::Always,
        // Passed when it is filled, and when its handler asks nothing.
        Kind::Slot { always: false, .. } | Kind::Custom(_) => Pass::Sometimes,
        _ => Pass::Never,
    }
}

type Graph<'s> = BTreeMap<&'s str, Vec<&'s str>>;

/// The nodes that are passed, and where each leads when it is.
fn passing(scenario: &Scenario, passes: impl Fn(&Node) -> bool) -> Graph<'_> {
    let passed = |id: &&str| scenario.nodes.get(*id).is_some_and(&passes);
    let nodes = scenario.nodes.values().filter(|node| passes(node));
    let edges = nodes.map(|node| {
        let mut ways: Vec<&str> = match &node.kind {
            // A filled slot leads on by transitions and `to` alone.
            Kind::Slot { .. } => {
                let moves = node.transitions.iter().map(|transition| transition.to.as_str());
                moves.chain(node.to.as_deref()).collect()
            }
            _ => targets(scenario, node),
        };
        if !is_total(node) && !matches!(node.kind, Kind::Custom(_)) {
            ways.push(&scenario.meta.exception);
        }
        ways.retain(passed);
        ways.sort_unstable();
        ways.dedup();
        (node.id.as_str(), ways)
    });
    edges.collect()
}

/// Calls `found` with the circles that there are (of several that share nodes, with one at least),
/// or gives the nodes in an order in which each comes after all that it leads to.
fn find_loops<'s>(graph: &Graph<'s>, mut found: impl FnMut(&[&'s str])) -> Option<Vec<&'s str>> {
    let mut ways_left: BTreeMap<&str, usize> =
        graph.iter().map(|(id, ways)| (*id, ways.len())).collect();
    let mut from: BTreeMap<&str, Vec<&'s str>> = BTreeMap::new();
    for (id, ways) in graph {
        ways.iter().for_each(|to| from.entry(to).or_default().push(id));
    }
    let mut order: Vec<&'s str> =
        graph.iter().filter(|(_, ways)| ways.is_empty()).map(|(id, _)| *id).collect();
    let mut at = 0;
    while let Some(done) = order.get(at).copied() {
        at += 1;
        for before in from.get(done).into_iter().flatten() {
            if let Some(left) = ways_left.get_mut(before) {
                *left -= 1;
                if *left == 0 {
                    order.push(before);
                }
            }
        }
    }
    if order.len() == graph.len() {
        return Some(order);
    }
    // What is left leads into a circle or stands on one: going on from anywhere finds it.
    let done: BTreeSet<&str> = order.into_iter().collect();
    let mut walked: BTreeSet<&str> = BTreeSet::new();
    for start in graph.keys().filter(|id| !done.contains(*id)) {
        let mut walk = Vec::new();
        let mut here = *start;
        while walked.insert(here) {
            walk.push(here);
            let on = graph.get(here).and_then(|ways| ways.iter().find(|to| !done.contains(*to)));
            let Some(on) = on else { break };
            here = on;
        }
        if let Some(begins) = walk.iter().position(|id| *id == here) {
            found(walk.get(begins..).unwrap_or_default());
        }
    }
    None
}

/// How many nodes, and how many bubbles, may follow one another without the user.
fn check_rows(
    scenario: &Scenario,
    graph: &Graph<'_>,
    order: &[&str],
    channels: &[Capabilities],
    issues: &Issues,
) {
    let says =
        |id: &str| usize::from(scenario.nodes.get(id).is_some_and(|node| node.message.is_some()));
    let mut longest: BTreeMap<&str, usize> = BTreeMap::new();
    let mut bubbles: BTreeMap<&str, usize> = BTreeMap::new();
    for id in order {
        let ways = graph.get(id).map(Vec::as_slice).unwrap_or_default();
        let most = |of: &BTreeMap<&str, usize>| {
            ways.iter().filter_map(|to| of.get(to)).max().copied().unwrap_or(0)
        };
        let row = most(&longest) + 1;
        // The row ends at a node that waits, which says something too.
        let node = scenario.nodes.get(*id);
        let ends = node.map(|node| targets(scenario, node)).unwrap_or_default();
        let ends = ends.iter().filter(|to| !graph.contains_key(*to)).map(|to| says(to)).max();
        let said = says(id) + most(&bubbles).max(ends.unwrap_or(0));
        if row == scenario.meta.hops_max as usize + 1 {
            let message = format!("from here {row} nodes follow without the user");
            issues.warning(join("/nodes", id), Code::TooManyHops, message);
        }
        for channel in
            channels.iter().filter(|channel| said == channel.bubbles_max.saturating_add(1))
        {
            let message = format!(
                "from here {said} bubbles follow at once; {} shows {}",
                channel.name, channel.bubbles_max
            );
            issues.warning(join("/nodes", id), Code::ChannelBubbles, message);
        }
        longest.insert(id, row);
        bubbles.insert(id, said);
    }
}
