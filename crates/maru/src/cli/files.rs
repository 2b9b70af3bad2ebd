//! `maru apply`, `maru backup` and `maru restore`.

use std::path::{Path, PathBuf};

use clap::Args;
use http::Method;
use serde_json::{Map, Value, json};

use super::Common;
use super::output::{record, rows};
use crate::admin::Client;
use crate::config::line_of;
use crate::exit::{Code, Failure};
use crate::folder::Folder;
use crate::parts::Parts;
use crate::terminal::Line;

/// Files with records.
#[derive(Debug, Args)]
#[command(
    after_help = "A file has [[app]] tables (handle, name, description, client, monitor_phone, privacy_consent, \
                        scenario), [[bot]] tables (name, kind, id, endpoint, set), [[channel]] tables (name, kind, \
                        bot, set), [[dn]] tables (dn, kind, name and the kind's settings) and [[person]] tables \
                        (login, name, roles, dn, password). What no file names stays as it is."
)]
pub(crate) struct Apply {
    /// A TOML file; may be given several times
    #[arg(short, long = "file", value_name = "FILE", required = true, num_args = 1..)]
    files: Vec<PathBuf>,
}

pub(super) async fn apply(common: &Common, client: &Client, apply: Apply) -> Result<(), Failure> {
    let mut wanted = Map::new();
    for file in &apply.files {
        for (name, tables) in read_records(file)? {
            let list = wanted.entry(name).or_insert_with(|| Value::Array(Vec::new()));
            if let Some(list) = list.as_array_mut() {
                list.extend(tables);
            }
        }
    }
    let wanted = Value::Object(wanted);
    let answer: Value = client.call(Method::POST, &common.path("/apply"), Some(&wanted)).await?;
    Ok(common.print(&answer, |answer| {
        let mut text = rows(&answer["applied"], &["what", "id", "change"]);
        for made in answer["applied"].as_array().into_iter().flatten() {
            for secret in made["secrets"].as_array().into_iter().flatten() {
                let (id, secret) = (made["id"].as_str(), secret.as_str());
                let (id, secret) = (Line(id.unwrap_or("")), secret.unwrap_or(""));
                text.push_str(&format!("\nsecret of {id}, shown this once: {secret}"));
            }
        }
        text
    })?)
}

/// The kinds of records that a file may have.
const KINDS: [&str; 5] = ["app", "bot", "channel", "dn", "person"];

/// The records of a file by kind. Their members are checked by the server, which
/// knows the kinds; here only what is no record at all.
fn read_records(file: &Path) -> Result<Vec<(String, Vec<Value>)>, Failure> {
    let name = file.display();
    let wrong = |what: String| Failure::new(Code::Usage, what);
    let text = std::fs::read_to_string(file).map_err(|error| wrong(format!("{name}: {error}")))?;
    let read: Map<String, Value> = toml::from_str(&text).map_err(|error| {
        let line = line_of(&text, error.span().map_or(0, |span| span.start));
        wrong(format!("{name}:{line}: {}", error.message()))
    })?;
    let mut records = Vec::with_capacity(read.len());
    for (kind, tables) in read {
        let known = KINDS.contains(&kind.as_str());
        let Value::Array(tables) = tables else {
            return Err(wrong(format!("{name}: `{kind}` must be written as [[{kind}]]")));
        };
        if !known {
            let kinds = KINDS.map(|kind| format!("[[{kind}]]")).join(", ");
            return Err(wrong(format!("{name}: there is no [[{kind}]]; there are {kinds}")));
        }
        let mut tables: Vec<Value> = tables.into_iter().map(with_endpoint).collect();
        if kind == "app" {
            for table in &mut tables {
                with_scenario(table, file)?;
            }
        }
        records.push((kind, tables));
    }
    Ok(records)
}

/// Puts an app's scenario in the place of its file's name, which is seen from the file that names it.
fn with_scenario(table: &mut Value, named_in: &Path) -> Result<(), Failure> {
    let Some(named) = table.get_mut("scenario") else { return Ok(()) };
    let Some(name) = named.as_str() else { return Ok(()) };
    let path = named_in.parent().unwrap_or_else(|| Path::new("")).join(name);
    let wrong = |what: String| Failure::new(Code::Usage, format!("{}: {what}", path.display()));
    let text = std::fs::read(&path).map_err(|error| wrong(error.to_string()))?;
    *named = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
    Ok(())
}

/// As on the command line, `endpoint` may stand beside `name`.
fn with_endpoint(mut table: Value) -> Value {
    if let Some(object) = table.as_object_mut()
        && let Some(endpoint) = object.remove("endpoint")
        && let Some(set) = object.entry("set").or_insert_with(|| json!({})).as_object_mut()
    {
        set.insert("endpoint".to_owned(), endpoint);
    }
    table
}

/// Where to write the backup.
#[derive(Debug, Args)]
#[command(
    after_help = "The file holds the database, the files that were sent, and the instance key: keep it as you \
                        keep a password. Everything acknowledged before the call is in it. Files that are kept \
                        elsewhere (blobs.url) are not: back them up there. PostgreSQL has its own tools."
)]
pub(crate) struct Backup {
    /// The file to make (a tar archive)
    file: PathBuf,
}

pub(super) async fn backup(common: &Common, client: &Client, to: Backup) -> Result<(), Failure> {
    // The server may run in another folder.
    let file = std::path::absolute(&to.file)?;
    let body = json!({ "file": file });
    let answer: Value = client.call(Method::POST, "/v1/backup", Some(&body)).await?;
    Ok(common.print(&answer, record)?)
}

/// What to restore.
#[derive(Debug, Args)]
#[command(
    after_help = "Watermarks given out before are not believed any more: clients read their conversations anew \
                        and miss nothing. Erasures that the old folder knows of are repeated."
)]
pub(crate) struct Restore {
    /// The backup
    file: PathBuf,
    /// Put it in the place of the data that is there
    #[arg(long)]
    replace: bool,
}

pub(super) async fn restore(common: &Common, from: Restore) -> Result<(), Failure> {
    let config = common.load()?.config;
    let folder = Folder::make(&config.data)?;
    let restored = crate::backup::restore(&from.file, folder.paths(), from.replace)?;
    let mut files = 0_usize;
    if !restored.erased.blobs.is_empty() {
        let parts = Parts::open(&config, folder.paths(), None).await?;
        files = parts.delete_blobs(&restored.erased.blobs).await?;
        parts.close(std::time::Duration::ZERO).await;
    }
    let answer = json!({
        "data": folder.paths().folder(),
        "restore_epoch": restored.restore_epoch,
        "erased_again": { "entries": restored.erased.entries, "files": files },
    });
    Ok(common.print(&answer, record)?)
}
