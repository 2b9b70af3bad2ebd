//! Who answers: the kinds of bots. They are made before the hall, which keeps them.

use std::sync::Arc;

use anyhow::Context as _;
use maru_accounts::InstanceKey;
use maru_activity::env::Env;
use maru_bot_chatflow::ChatFlowBots;
use maru_bot_echo::EchoKind;
use maru_bot_framework::{BotFrameworkKind, Callback};
use maru_botkit::BotKit;
use maru_egress::Egress;
use maru_hall::BotKind;
use maru_notify::Notifier;
use maru_plus_friend::{PlusFriend, Setup as PlusFriendSetup};
use prometheus_client::registry::Registry;

use crate::config::Config;

/// Where bots reach this server, where nothing else says it.
const CALLBACK_URL: &str = "http://127.0.0.1:8080";

/// What leads out of the server.
#[derive(Clone, Debug)]
pub(crate) struct Outward {
    /// Every outgoing call.
    pub(crate) egress: Egress,
    /// What tells the operator of trouble.
    pub(crate) notifier: Notifier,
}

/// The kinds of bots that need more than their records: a face, the hall, a service.
#[derive(Debug)]
pub(crate) struct Answerers {
    pub(crate) callback: Callback,
    pub(crate) botkit: BotKit,
    pub(crate) plus_friend: PlusFriend,
    pub(crate) scenarios: ChatFlowBots,
    framework: BotFrameworkKind,
}

impl Answerers {
    /// Makes them. `local_url` is where the server can be reached on this machine.
    ///
    /// # Errors
    /// When bots could not call back to the address that is set.
    pub(crate) fn new(
        config: &Config,
        local_url: Option<&str>,
        key: InstanceKey,
        outward: &Outward,
        env: &Env,
        registry: &mut Registry,
    ) -> anyhow::Result<Self> {
        let Outward { egress, notifier } = outward;
        let url = config.callback_url.as_deref().or(config.public_url.as_deref());
        let url = url.or(local_url).unwrap_or(CALLBACK_URL);
        let key = Arc::new(key);
        let callback = Callback::new(url, Arc::clone(&key)).context("callback_url")?;
        let botkit = BotKit::new(egress.clone(), url, Arc::clone(&key), env.clone());
        let plus_friend = PlusFriend::new(PlusFriendSetup {
            egress: egress.clone(),
            callback_url: url,
            key,
            env: env.clone(),
            notifier: notifier.clone(),
            registry,
        });
        let framework = BotFrameworkKind::new(
            egress.clone(),
            callback.clone(),
            env.clone(),
            config.bot_framework.activity,
        );
        Ok(Self {
            callback,
            botkit: botkit.context("callback_url")?,
            plus_friend: plus_friend.context("callback_url")?,
            scenarios: ChatFlowBots::new(url),
            framework,
        })
    }

    /// All kinds of bots.
    pub(crate) fn kinds(&self) -> Vec<Arc<dyn BotKind>> {
        vec![
            Arc::new(EchoKind),
            Arc::new(self.framework.clone()),
            self.botkit.kind(),
            self.plus_friend.kind(),
            self.scenarios.kind(),
        ]
    }
}
