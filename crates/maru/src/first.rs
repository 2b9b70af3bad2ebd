//! What a fresh data folder is given: a realm with an echo bot and a Direct Line channel, and the demo.

use anyhow::Context as _;
use maru_accounts::{DEFAULT_REALM, SYSTEM_REALM};
use maru_activity::{BotId, ChannelId, CommitId, RealmId};
use maru_bot_echo::EchoKind;
use maru_direct_line as direct_line;
use maru_hall::{BotKind as _, BotRecord, ChannelRecord, DeliverySettings, Error, Kind};
use maru_store::{Commit, StateWrite};
use serde_json::Map;

use crate::demo;
use crate::parts::Parts;

/// The bot of a fresh realm.
pub(crate) const BOT: &str = "echo";

/// Its channel.
pub(crate) const CHANNEL: &str = "web";

const SCOPE: &str = "maru/first";
const DONE: &str = "done";

/// What was made, with the secrets that are known only now.
#[derive(Clone, Debug)]
pub(crate) struct Fresh {
    /// The channel's two secrets.
    pub(crate) secrets: [maru_accounts::Secret; 2],
    /// The demo's agents.
    pub(crate) agents: Vec<demo::desk::Agent>,
}

/// Makes them, unless that was done before: then whatever the operator left is as it should be.
/// Broken off in the middle, it is done again; but what is there in a store that is shared, another
/// node may be making now, and it has told its secrets already.
pub(crate) async fn ensure(parts: &Parts) -> anyhow::Result<Option<Fresh>> {
    let (store, env) = (&parts.store, parts.hall.env());
    let system = RealmId::from(SYSTEM_REALM);
    if store.state(&system, SCOPE, DONE).await?.is_some() {
        return Ok(None);
    }
    let realm = RealmId::from(DEFAULT_REALM);
    let directory = parts.hall.directory();
    let bot = BotRecord {
        id: BotId::from(BOT),
        realm: realm.clone(),
        kind: EchoKind.kind().to_owned(),
        name: "Echo".to_owned(),
        delivery: DeliverySettings::default(),
        settings: Map::new(),
    };
    let is_new = directory.bot(&realm, &bot.id).is_none();
    if is_new || !store.is_shared() {
        is_mine(directory.put_bot(bot, is_new).await).context("the echo bot")?;
    }
    let (settings, [first, second]) = direct_line::new_site_settings(env);
    let channel = ChannelRecord {
        id: ChannelId::from(CHANNEL),
        realm: realm.clone(),
        kind: direct_line::KIND.to_owned(),
        bot: BotId::from(BOT),
        keep_days: None,
        settings,
    };
    let is_new = directory.channel(&realm, &channel.id).is_none();
    let mut is_made = false;
    if is_new || !store.is_shared() {
        is_made = is_mine(directory.put_channel(channel, is_new).await).context("the channel")?;
    }
    let mut agents = Vec::new();
    if is_made || !store.is_shared() {
        demo::make(&parts.hall, &parts.chatflow).await.context("the demo")?;
        agents =
            demo::desk::make(&parts.desk, &parts.people, env).await.context("the demo's desk")?;
    }
    let mut commit = Commit::new(CommitId(env.uuid()), system, env.now());
    commit.states.push(StateWrite::put(SCOPE, DONE, "{}"));
    store.commit(commit).await?;
    Ok(is_made.then_some(Fresh { secrets: [first.text, second.text], agents }))
}

/// Whether a record was made here. If not, another node was faster.
pub(crate) fn is_mine(put: Result<(), Error>) -> Result<bool, Error> {
    match put {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == Kind::Conflict => Ok(false),
        Err(error) => Err(error),
    }
}
