//! The demo's desk: two agents, their group, and a virtual agent who hands over to it.

use anyhow::Context as _;
use maru_accounts::{
    DEFAULT_REALM, NewPerson, People, PeopleError, Secret, StaffRole, made_password,
};
use maru_activity::RealmId;
use maru_activity::env::Env;
use maru_desk::{DeskSettings, DnRecord, Service};
use serde_json::{Value, json};

/// The group.
pub(crate) const GROUP: &str = "3000";

/// The virtual agent, and the bot that answers there.
pub(crate) const VIRTUAL: &str = "3105";
const BOT: &str = "coffee-ko";

/// The agents: login, number, name.
const AGENTS: [(&str, &str, &str); 2] = [("minji", "3001", "김민지"), ("jiho", "3002", "이지호")];

/// Somebody who may sign in, with the password that is known only now.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    /// By which they sign in.
    pub(crate) login: &'static str,
    /// Their number.
    pub(crate) dn: &'static str,
    /// Their password.
    pub(crate) password: Secret,
}

/// Makes them. What is there already stays, but for the passwords: nobody has been told those.
pub(crate) async fn make(desk: &Service, people: &People, env: &Env) -> anyhow::Result<Vec<Agent>> {
    let realm = RealmId::from(DEFAULT_REALM);
    for number in numbers() {
        let record: DnRecord = serde_json::from_value(number).context("a number")?;
        desk.put_dn(&realm, record, None).await.context("a number")?;
    }
    // Bots of other channels that ask for a human are answered there too.
    let settings = DeskSettings { default_group: Some(GROUP.into()), ..DeskSettings::default() };
    desk.put_settings(&realm, settings).await.context("the desk's settings")?;
    let mut agents = Vec::with_capacity(AGENTS.len());
    for (login, dn, name) in AGENTS {
        let password = made_password(env);
        let new = NewPerson {
            login: login.to_owned(),
            name: name.to_owned(),
            roles: [StaffRole::Agent].into(),
            dn: Some(dn.to_owned()),
        };
        match people.add(&realm, new, &password).await {
            Err(PeopleError::Exists(_)) => {
                people.set_password(&realm, login, &password).await.context("a person")?;
            }
            added => drop(added.context("a person")?),
        }
        agents.push(Agent { login, dn, password });
    }
    Ok(agents)
}

fn numbers() -> Vec<Value> {
    let agent =
        |(_, dn, name): &(&str, &str, &str)| json!({ "kind": "agent", "dn": dn, "name": name });
    let members: Vec<Value> = AGENTS.iter().map(|(_, dn, _)| json!({ "dn": dn })).collect();
    let mut numbers: Vec<Value> = AGENTS.iter().map(agent).collect();
    numbers.push(json!({
        "kind": "group", "dn": GROUP, "name": "상담원", "members": members, "accept_when_empty": true,
    }));
    numbers.push(json!({
        "kind": "virtual", "dn": VIRTUAL, "name": "커피 주문", "bot": BOT, "group": GROUP,
    }));
    numbers
}
