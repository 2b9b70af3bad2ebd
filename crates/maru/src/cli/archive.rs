//! `maru export` and `maru import`.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use super::Common;
use super::output::record;
use crate::archive::{self, Import, Progress, Site};
use crate::engines;
use crate::exit::{Code, Failure};
use crate::folder::Folder;
use crate::terminal::Line;

/// Where to write the export.
#[derive(Debug, Args)]
#[command(
    after_help = "No server may be running on the data. Broken off, the same command goes on where it was. The \
                        folder holds everything that was said and every file: keep it as you keep a backup. The \
                        instance key is not in it."
)]
pub(crate) struct Export {
    /// The folder to make, or one with an export that was broken off
    #[arg(long, value_name = "DIR")]
    to: PathBuf,
    /// Write nothing but the journal of erasures, for `maru import --erasures`
    #[arg(long)]
    erasures_only: bool,
}

pub(super) async fn export(common: &Common, export: Export) -> Result<(), Failure> {
    let config = common.load()?.config;
    // What is kept elsewhere needs a folder for this verb alone.
    let folder = match engines::is_own_store(&config)? {
        true => Folder::hold(&config.data)?,
        false => Folder::make(&config.data)?,
    };
    if engines::is_own_store(&config)? && !folder.paths().database().exists() {
        let message = format!("there is no data in {}", config.data.display());
        return Err(Failure::new(Code::NotFound, message));
    }
    let site = Site::open(&config, folder.paths(), true).await?;
    let mut progress = Progress::new(common.json);
    let done = archive::export(&site, &export.to, export.erasures_only, &mut progress).await;
    site.close().await;
    let done = done?;
    let key = match &config.instance_key {
        Some(_) => "configured as instance_key".to_owned(),
        None => folder.paths().instance_key().display().to_string(),
    };
    let answer = json!({
        "folder": export.to,
        "export": done.id,
        "records": done.records,
        "checksum": done.checksum,
        "instance_key": key,
    });
    Ok(common.print(&answer, |answer| {
        let mut text = record(answer);
        if !export.erasures_only {
            text.push_str(&format!(
                "\n\nThe instance key is not in it, and nothing works without it: it is {}. Put it \
                 into the new data folder as instance.key (mode 0600), or set instance_key there, \
                 before `maru import`.",
                Line(&key)
            ));
        }
        text
    })?)
}

/// What to import.
#[derive(Debug, Args)]
#[command(
    after_help = "The target must be empty: no server was started on it yet. It needs the instance key of the \
                        site that was exported, as instance.key in its data folder or as instance_key. Broken off, \
                        the same command goes on where it was; until it has come to its end no server starts \
                        on the data. At the end everything is read back and compared."
)]
pub(crate) struct ImportArgs {
    /// The folder with the export
    folder: PathBuf,
    /// Repeat the erasures of a later export (or of one made with --erasures-only)
    #[arg(long, value_name = "DIR")]
    erasures: Option<PathBuf>,
    /// The old server took messages after the export was made: clients must read anew
    #[arg(long)]
    outdated: bool,
}

pub(super) async fn import(common: &Common, from: ImportArgs) -> Result<(), Failure> {
    let config = common.load()?.config;
    let import = Import::open(&from.folder, from.erasures.as_deref(), from.outdated)?;
    let folder = Folder::make(&config.data)?;
    let site = Site::open(&config, folder.paths(), false).await?;
    let mut progress = Progress::new(common.json);
    let done = import.run(&site, &mut progress).await;
    site.close().await;
    let done = done?;
    let answer = json!({
        "data": folder.paths().folder(),
        "export": done.id,
        "records": done.records,
        "checksum": done.checksum,
        "missing_files": done.missing_files,
        "restore_epoch": done.restore_epoch,
        "erased_again": { "entries": done.erased_entries, "files": done.erased_files },
    });
    Ok(common.print(&answer, record)?)
}
