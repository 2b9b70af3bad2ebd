//! What an operator is alerted of: bots that cannot be reached.

use std::collections::HashSet;
use std::time::Duration;

use anyhow::Context as _;
use maru_accounts::{Secret, resolve_reference};
use maru_activity::{BotId, RealmId};
use maru_hall::{CircuitState, Hall};
use maru_notify::{Alert, Command, Gateway, Notifier, Ways};
use tokio_util::sync::CancellationToken;

use crate::config::Alerts;

/// How often it is looked how the circuits stand.
const WATCH: Duration = Duration::from_secs(1);

/// How often a trouble that lasts is said again. The notifier tells the operator once an hour.
const AGAIN_AFTER: u32 = 60;

/// The ways that are set.
pub(crate) fn ways(settings: &Alerts) -> anyhow::Result<Ways> {
    let command = settings.command.split_first().map(|(program, arguments)| Command {
        program: program.into(),
        arguments: arguments.to_vec(),
        timeout: settings.timeout,
    });
    let gateway = match &settings.url {
        None => None,
        Some(url) => {
            let url = resolve_reference(url.expose()).context("alerts.url")?;
            let authorization = settings.authorization.as_ref().map(Secret::expose);
            let authorization = authorization.map(resolve_reference).transpose();
            let authorization = authorization.context("alerts.authorization")?;
            let authorization = authorization.as_ref().map(Secret::expose);
            let body = settings.body.as_deref();
            Some(
                Gateway::new(url.expose(), authorization, body, settings.timeout)
                    .context("alerts")?,
            )
        }
    };
    Ok(Ways { command, gateway, ..Ways::default() })
}

/// Alerts of bots whose circuit opens on this node, and says when it has closed again, until the
/// server stops.
pub(crate) async fn watch(hall: Hall, notifier: Notifier, stopping: CancellationToken) {
    let mut open: HashSet<(RealmId, BotId)> = HashSet::new();
    let mut looks: u32 = 0;
    loop {
        tokio::select! {
            () = stopping.cancelled() => return,
            () = tokio::time::sleep(WATCH) => {}
        }
        looks = looks.wrapping_add(1);
        for (realm, bot, state) in hall.circuits() {
            let key = (realm, bot);
            let is_open = state != CircuitState::Closed;
            let was_open = open.contains(&key);
            let alert = |text: String| Alert {
                cause: format!("bot/{}/unreachable", key.1),
                title: text.clone(),
                text,
                to: None,
            };
            match (was_open, is_open) {
                (true, false) => {
                    notifier.settle(&key.0, alert(format!("The bot {} answers again.", key.1)));
                    open.remove(&key);
                }
                (was_open, true) if !was_open || looks.is_multiple_of(AGAIN_AFTER) => {
                    notifier.raise(
                        &key.0,
                        alert(format!(
                            "The bot {} does not answer. What is said to it is kept and delivered later.",
                            key.1
                        )),
                    );
                    open.insert(key);
                }
                _ => {}
            }
        }
    }
}
