//! `maru dn` and `maru desk`.

use clap::Subcommand;
use http::Method;
use serde_json::{Value, json};

use super::Common;
use super::output::{record, rows};
use super::pairs::{object, pair};
use crate::admin::{Client, segment};
use crate::exit::Failure;

/// What can be done with numbers.
#[derive(Debug, Subcommand)]
pub(super) enum DnVerb {
    /// Make a number that can be called
    Add {
        /// The number: 1 to 32 of 0-9 A-Z a-z * # + _ . -
        dn: String,
        /// What it is: a human, several of them, a bot, or another name for one of these
        #[arg(long, value_parser = ["agent", "group", "virtual", "alias"])]
        kind: String,
        /// The name shown to customers; without it the number
        #[arg(long)]
        name: Option<String>,
        /// A member of a group; may be given several times
        #[arg(long = "member", value_name = "DN")]
        members: Vec<String>,
        /// The bot of a virtual agent
        #[arg(long)]
        bot: Option<String>,
        /// The group that a virtual agent hands over to
        #[arg(long, value_name = "DN")]
        group: Option<String>,
        /// The number behind an alias
        #[arg(long, value_name = "DN")]
        to: Option<String>,
        /// More settings; JSON values, or else texts
        #[arg(long = "set", value_name = "NAME=VALUE", value_parser = pair)]
        set: Vec<(String, Value)>,
    },
    /// List all numbers
    List,
    /// Show a number
    Show {
        /// The number
        dn: String,
    },
    /// Change a number's settings; an empty value takes one away
    Set {
        /// The number
        dn: String,
        /// name, or one of the kind's own settings
        #[arg(required = true, value_name = "NAME=VALUE", value_parser = pair)]
        set: Vec<(String, Value)>,
    },
    /// Put an agent into a group, or give them another rank in it
    Join {
        /// The group
        group: String,
        /// The agent
        agent: String,
        /// Those of a lower rank are asked first
        #[arg(long, default_value_t = 1)]
        rank: u32,
    },
    /// Take an agent out of a group
    Leave {
        /// The group
        group: String,
        /// The agent
        agent: String,
    },
    /// Take a number away; nothing may name it
    Remove {
        /// The number
        dn: String,
    },
}

/// What can be done with the desk's settings.
#[derive(Debug, Subcommand)]
pub(super) enum DeskVerb {
    /// Show the settings
    Show,
    /// Change settings; an empty value gives one its default again
    Set {
        /// One of the settings in docs/desk.md
        #[arg(required = true, value_name = "NAME=VALUE", value_parser = pair)]
        set: Vec<(String, Value)>,
    },
}

pub(super) async fn run_dn(common: &Common, client: &Client, verb: DnVerb) -> Result<(), Failure> {
    let path = |dn: &str| common.path(&format!("/dns/{}", segment(dn)));
    let answer: Value = match verb {
        DnVerb::Add { dn, kind, name, members, bot, group, to, set } => {
            let mut new = object(set);
            if kind != "alias" {
                new.insert("name".to_owned(), name.unwrap_or_else(|| dn.clone()).into());
            }
            if !members.is_empty() {
                let members = members.iter().map(|dn| json!({ "dn": dn })).collect();
                new.insert("members".to_owned(), members);
            }
            let given = [("bot", bot), ("group", group), ("to", to)];
            for (name, value) in given.into_iter().chain([("dn", Some(dn)), ("kind", Some(kind))]) {
                if let Some(value) = value {
                    new.insert(name.to_owned(), value.into());
                }
            }
            client.call(Method::POST, &common.path("/dns"), Some(&new.into())).await?
        }
        DnVerb::List => {
            let answer: Value = client.call(Method::GET, &common.path("/dns"), None).await?;
            let people = |answer: &Value| rows(&answer["dns"], &["dn", "kind", "name"]);
            return Ok(common.print(&answer, people)?);
        }
        DnVerb::Show { dn } => client.call(Method::GET, &path(&dn), None).await?,
        DnVerb::Set { dn, set } => {
            client.call(Method::PATCH, &path(&dn), Some(&object(set).into())).await?
        }
        DnVerb::Join { group, agent, rank } => {
            let mut members = members(client, &path(&group)).await?;
            members.retain(|member| member["dn"] != agent.as_str());
            members.push(json!({ "dn": agent, "rank": rank }));
            let change = json!({ "members": members });
            client.call(Method::PATCH, &path(&group), Some(&change)).await?
        }
        DnVerb::Leave { group, agent } => {
            let mut members = members(client, &path(&group)).await?;
            members.retain(|member| member["dn"] != agent.as_str());
            let change = json!({ "members": members });
            client.call(Method::PATCH, &path(&group), Some(&change)).await?
        }
        DnVerb::Remove { dn } => client.call(Method::DELETE, &path(&dn), None).await?,
    };
    Ok(common.print(&answer, record)?)
}

pub(super) async fn run_desk(
    common: &Common,
    client: &Client,
    verb: DeskVerb,
) -> Result<(), Failure> {
    let path = common.path("/desk");
    let answer: Value = match verb {
        DeskVerb::Show => client.call(Method::GET, &path, None).await?,
        DeskVerb::Set { set } => {
            client.call(Method::PATCH, &path, Some(&object(set).into())).await?
        }
    };
    Ok(common.print(&answer, record)?)
}

async fn members(client: &Client, path: &str) -> Result<Vec<Value>, Failure> {
    let group: Value = client.call(Method::GET, path, None).await?;
    Ok(group["members"].as_array().cloned().unwrap_or_default())
}
