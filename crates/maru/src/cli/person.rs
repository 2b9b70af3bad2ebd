//! `maru person`.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use http::Method;
use serde_json::{Map, Value, json};

use super::Common;
use super::output::{record, rows};
use crate::admin::{Client, segment};
use crate::exit::{Code, Failure};

/// A password's file is at most so long, in bytes.
const PASSWORD_FILE_MAX: u64 = 8 * 1024;

/// What people may do.
const ROLES: [&str; 4] = ["agent", "lead", "supervisor", "admin"];

/// What can be done with people.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Let a person in; without a password file one is made, and shown this once
    Add {
        /// By which they sign in
        login: String,
        /// What others see; without it the login
        #[arg(long)]
        name: Option<String>,
        /// What they may do; may be given several times
        #[arg(long = "role", value_parser = ROLES, default_value = "agent")]
        roles: Vec<String>,
        /// The number at which they answer
        #[arg(long)]
        dn: Option<String>,
        /// Read the password from this file, or with - from standard input
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// List all people
    List,
    /// Show a person
    Show {
        /// The login
        login: String,
    },
    /// Change what is known of a person
    Set {
        /// The login
        login: String,
        /// What others see
        #[arg(long)]
        name: Option<String>,
        /// What they may do, in the place of what they might; may be given several times
        #[arg(long = "role", value_parser = ROLES)]
        roles: Vec<String>,
        /// The number at which they answer; empty: none
        #[arg(long)]
        dn: Option<String>,
    },
    /// Give a person another password, and sign them out; without a file one is made, and shown this once
    Password {
        /// The login
        login: String,
        /// Read it from this file, or with - from standard input
        #[arg(long, value_name = "FILE")]
        password_file: Option<PathBuf>,
    },
    /// Let a person in no more, and sign them out
    Disable {
        /// The login
        login: String,
    },
    /// Let a person in again
    Enable {
        /// The login
        login: String,
    },
    /// Sign a person out everywhere
    SignOut {
        /// The login
        login: String,
    },
    /// Forget a person; what they said stays in the log
    Remove {
        /// The login
        login: String,
    },
}

pub(super) async fn run(common: &Common, client: &Client, verb: Verb) -> Result<(), Failure> {
    let path = |login: &str| common.path(&format!("/people/{}", segment(login)));
    let answer: Value = match verb {
        Verb::Add { login, name, roles, dn, password_file } => {
            let password = password_file.as_deref().map(read_password).transpose()?;
            let new = json!({ "login": login, "name": name, "roles": roles, "dn": dn, "password": password });
            client.call(Method::POST, &common.path("/people"), Some(&new)).await?
        }
        Verb::List => {
            let answer: Value = client.call(Method::GET, &common.path("/people"), None).await?;
            let columns = ["login", "name", "roles", "dn", "disabled"];
            return Ok(common.print(&answer, |answer| rows(&answer["people"], &columns))?);
        }
        Verb::Show { login } => client.call(Method::GET, &path(&login), None).await?,
        Verb::Set { login, name, roles, dn } => {
            let changed = changed(name, roles, dn)?;
            client.call(Method::PATCH, &path(&login), Some(&changed)).await?
        }
        Verb::Password { login, password_file } => {
            let password = password_file.as_deref().map(read_password).transpose()?;
            let (path, new) =
                (format!("{}/password", path(&login)), json!({ "password": password }));
            client.call(Method::POST, &path, Some(&new)).await?
        }
        Verb::Disable { login } => {
            client.call(Method::PATCH, &path(&login), Some(&json!({ "disabled": true }))).await?
        }
        Verb::Enable { login } => {
            client.call(Method::PATCH, &path(&login), Some(&json!({ "disabled": false }))).await?
        }
        Verb::SignOut { login } => {
            client.call(Method::DELETE, &format!("{}/sessions", path(&login)), None).await?
        }
        Verb::Remove { login } => client.call(Method::DELETE, &path(&login), None).await?,
    };
    Ok(common.print(&answer, record)?)
}

fn changed(name: Option<String>, roles: Vec<String>, dn: Option<String>) -> Result<Value, Failure> {
    let mut changed = Map::new();
    if let Some(name) = name {
        changed.insert("name".to_owned(), name.into());
    }
    if !roles.is_empty() {
        changed.insert("roles".to_owned(), roles.into());
    }
    if let Some(dn) = dn {
        let dn = if dn.is_empty() { Value::Null } else { dn.into() };
        changed.insert("dn".to_owned(), dn);
    }
    if changed.is_empty() {
        return Err(Failure::new(Code::Usage, "say what to change: --name, --role or --dn"));
    }
    Ok(changed.into())
}

/// The password in a file, or on standard input: its first line.
fn read_password(from: &Path) -> Result<String, Failure> {
    let mut text = String::new();
    let read = if from == Path::new("-") {
        std::io::stdin().lock().take(PASSWORD_FILE_MAX).read_to_string(&mut text)
    } else {
        std::fs::File::open(from)
            .and_then(|file| file.take(PASSWORD_FILE_MAX).read_to_string(&mut text))
    };
    read.map_err(|error| Failure::new(Code::Usage, format!("{}: {error}", from.display())))?;
    Ok(text.lines().next().unwrap_or_default().to_owned())
}
