//! `maru config` and `maru version`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Subcommand;
use serde_json::json;

use super::Common;
use crate::config::{self, Given, load};
use crate::engines;
use crate::exit::Failure;
use crate::terminal::{complain, say};

/// What can be done with the configuration.
#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Tell everything that is wrong, with file, line and the nearest known setting
    Check {
        /// The file [default: --config, else maru.toml]
        file: Option<PathBuf>,
    },
    /// Print what holds, with secrets blacked out
    Print,
    /// Print the reference of all settings, as Markdown
    Doc {
        /// Print a commented example file instead
        #[arg(long)]
        example: bool,
    },
}

pub(super) fn run(common: &Common, verb: Verb) -> Result<(), Failure> {
    match verb {
        Verb::Check { file } => {
            let mut given = common.given();
            given.file = file.or(given.file);
            check(common, &given)
        }
        Verb::Print => Ok(say(config::print(&common.load()?.config).trim_end())?),
        Verb::Doc { example: false } => Ok(say(config::reference().trim_end())?),
        Verb::Doc { example: true } => Ok(say(config::example().trim_end())?),
    }
}

fn check(common: &Common, given: &Given) -> Result<(), Failure> {
    let loaded = load(given);
    if common.json {
        let problems = loaded
            .as_ref()
            .err()
            .map(|problems| problems.0.iter().map(ToString::to_string).collect::<Vec<_>>());
        let file = loaded.as_ref().ok().and_then(|loaded| loaded.file.clone());
        let warnings = loaded.as_ref().map_or(&[][..], |loaded| &loaded.warnings);
        let problems = problems.unwrap_or_default();
        say(json!({ "file": file, "problems": problems, "warnings": warnings }))?;
    }
    let loaded = loaded?;
    for warning in &loaded.warnings {
        complain(format!("warning: {warning}"));
    }
    if !common.json {
        match &loaded.file {
            Some(file) => say(format!("{} is in order.", file.display()))?,
            None => say("There is no configuration file: the defaults are in order.")?,
        }
    }
    Ok(())
}

pub(super) fn version(common: &Common) -> Result<(), Failure> {
    let version = env!("CARGO_PKG_VERSION");
    if common.json {
        let schema: BTreeMap<_, _> = engines::schema_versions().into();
        Ok(say(json!({ "version": version, "schema": schema }))?)
    } else {
        Ok(say(format!("maru {version}"))?)
    }
}
