//! What a fresh realm has to show: a scenario that takes an order of coffee, in Korean and in English.
//! Each is an app with its first version published, a bot, and a Direct Line channel.

pub(crate) mod desk;

use anyhow::Context as _;
use bytes::Bytes;
use maru_accounts::DEFAULT_REALM;
use maru_activity::{BotId, ChannelId, RealmId};
use maru_chatflow::{ChatFlow, Error as ChatFlowError, NewApp};
use maru_direct_line as direct_line;
use maru_hall::{BotRecord, ChannelRecord, DeliverySettings, Hall};
use serde_json::{Map, Value};

use crate::first::{BOT, is_mine};

/// The client that the apps belong to. Nobody has its `client_id` until it is rotated.
const CLIENT: &str = "Demo";

/// Whom alerts would go to: a number that is nobody's. These scenarios have nothing that fails.
const PHONE: &str = "010-0000-0000";

/// A scenario of the demo.
struct Scenario {
    /// The app's handle, and the bot's id.
    id: &'static str,
    /// The channel's id. It sorts behind the echo bot's, which is talked to when none is named.
    channel: &'static str,
    name: &'static str,
    file: &'static str,
}

const SCENARIOS: [Scenario; 2] = [
    Scenario {
        id: "coffee-ko",
        channel: "web-coffee-ko",
        name: "커피 주문",
        file: include_str!("../../../examples/scenarios/coffee.ko.json"),
    },
    Scenario {
        id: "coffee-en",
        channel: "web-coffee-en",
        name: "Coffee order",
        file: include_str!("../../../examples/scenarios/coffee.en.json"),
    },
];

/// The channel of the web chat, by which customers reach the demo's desk.
pub(crate) const WEB_CHAT: &str = "web-chat";

/// The names that pages call its realm by: the realm's own, and that of the vendor's examples.
const WEB_CHAT_REALMS: [&str; 2] = [DEFAULT_REALM, "nexuscommunity.net"];

/// The channels that [`make`] makes.
pub(crate) fn channels() -> [&'static str; 2] {
    SCENARIOS.map(|scenario| scenario.channel)
}

/// Makes them. What is there already stays: an earlier start was broken off.
pub(crate) async fn make(hall: &Hall, chatflow: &ChatFlow) -> anyhow::Result<()> {
    let realm = RealmId::from(DEFAULT_REALM);
    for scenario in &SCENARIOS {
        publish(chatflow, &realm, scenario).await.context(scenario.id)?;
        answer_as_bot(hall, &realm, scenario).await.context(scenario.id)?;
    }
    let settings =
        Map::from_iter([("realm_names".to_owned(), Value::from(WEB_CHAT_REALMS.to_vec()))]);
    let channel = ChannelRecord {
        id: ChannelId::from(WEB_CHAT),
        realm: realm.clone(),
        kind: maru_web_chat::KIND.to_owned(),
        bot: BotId::from(BOT),
        keep_days: None,
        settings,
    };
    is_mine(hall.directory().put_channel(channel, true).await).context(WEB_CHAT)?;
    Ok(())
}

async fn publish(
    chatflow: &ChatFlow,
    realm: &RealmId,
    scenario: &Scenario,
) -> Result<(), ChatFlowError> {
    let clients = chatflow.clients(realm).await?;
    let client = match clients.into_iter().find(|client| client.name == CLIENT) {
        Some(client) => client,
        None => chatflow.sign_up(realm, CLIENT).await?.record,
    };
    let app = NewApp {
        name: scenario.name.to_owned(),
        description: String::new(),
        monitor_phone: PHONE.to_owned(),
        // No person is behind this client, and no data of any.
        privacy_consent: true,
        handle: Some(scenario.id.to_owned()),
    };
    match chatflow.create_app(realm, &client.id, app).await {
        Ok(_) | Err(ChatFlowError::Taken(_)) => {}
        Err(error) => return Err(error),
    }
    if chatflow.app(realm, scenario.id).await?.live.is_some() {
        return Ok(());
    }
    chatflow.put_draft(realm, scenario.id, Bytes::from_static(scenario.file.as_bytes())).await?;
    chatflow.publish(realm, scenario.id, "").await?;
    Ok(())
}

async fn answer_as_bot(hall: &Hall, realm: &RealmId, scenario: &Scenario) -> anyhow::Result<()> {
    let directory = hall.directory();
    let mut settings = Map::new();
    settings.insert("app".to_owned(), Value::from(scenario.id));
    let bot = BotRecord {
        id: BotId::from(scenario.id),
        realm: realm.clone(),
        kind: maru_bot_chatflow::KIND.to_owned(),
        name: scenario.name.to_owned(),
        delivery: DeliverySettings::default(),
        settings,
    };
    is_mine(directory.put_bot(bot, true).await).context("the bot")?;
    let (settings, _) = direct_line::new_site_settings(hall.env());
    let channel = ChannelRecord {
        id: ChannelId::from(scenario.channel),
        realm: realm.clone(),
        kind: direct_line::KIND.to_owned(),
        bot: BotId::from(scenario.id),
        keep_days: None,
        settings,
    };
    is_mine(directory.put_channel(channel, true).await).context("the channel")?;
    Ok(())
}
