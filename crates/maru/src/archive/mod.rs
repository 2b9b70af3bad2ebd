//! Moving a site from one store to another: `maru export` and `maru import`.
//!
//! Between the two stands a folder ([`folder`]) with all records as JSON lines, in parts that are
//! checked one by one, and the files that were sent. Both ways go on where they were broken off.
//! What moves is told by [`maru_store::archive`]; here is how it is written down, checked and put
//! in its place.

mod export;
mod files;
mod folder;
mod import;
mod progress;

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::bail;
use maru_accounts::{InstanceKey, hex};
use maru_activity::CommitId;
use maru_activity::env::Env;
use maru_store::archive::{Record, Section};
use maru_store::{Commit, StateWrite, Store};
use object_store::ObjectStore;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use export::{Exported, export};
pub use folder::{BadExport, Export};
pub use import::{Import, Imported};
pub use progress::Progress;

use crate::config::Config;
use crate::engines::{self, Schema};
use crate::exit::{Code, Failure};
use crate::folder::Paths;
use crate::instance_key;

/// The realm of what is the server's own.
const SYSTEM_REALM: &str = "_system";

/// The scope of the two notes below, which are in no export.
const SCOPE: &str = "archive";

/// In the target: how far an import has come. While it is there nobody is served.
const IMPORT: &str = "import";

/// In the source: which export is under way. Whoever puts the data to use takes it away, so that
/// an export is not gone on with after the data has changed.
const EXPORT: &str = "export";

/// What is moved, and where to: a store, the place where files are kept, and the key.
#[derive(Debug)]
pub struct Site {
    store: Arc<dyn Store>,
    files: Arc<dyn ObjectStore>,
    /// None, if there is none yet: none is made here.
    key: Option<InstanceKey>,
    env: Env,
}

impl Site {
    /// Opens a site as the configuration names it; the caller holds the data folder. Nothing is made
    /// that a server makes at its first start. A shared store that is a `source` stays as it is,
    /// its schema too.
    ///
    /// # Errors
    /// What cannot be opened, and why.
    pub async fn open(config: &Config, paths: &Paths, source: bool) -> Result<Self, Failure> {
        let env = Env::system();
        let key = match config.instance_key.is_some() || paths.instance_key().exists() {
            true => Some(instance_key::of(config, paths, &env)?),
            false => None,
        };
        let schema = match source && !engines::is_own_store(config)? {
            true => Schema::AsItIs,
            false => Schema::Migrate,
        };
        let store = engines::open_store(config, paths, &env, schema).await?;
        let files = engines::open_blobs(config, paths)?;
        Ok(Self { store, files, key, env })
    }

    /// Leaves the store, so that nobody waits for this process.
    pub async fn close(self) {
        if let Err(error) = self.store.retire().await {
            // It is forgotten after some seconds.
            tracing::debug!(%error, "the store could not be told that this process ends");
        }
    }

    /// What is moved must stand still.
    async fn refuse_others(&self) -> Result<(), Failure> {
        match self.store.others().await.map_err(anyhow::Error::from)? {
            0 => Ok(()),
            others => {
                let message = format!(
                    "{others} other processes work on the database: stop them first (one that was \
                     killed counts for some seconds)"
                );
                Err(Failure::new(Code::Unreachable, message))
            }
        }
    }

    /// What tells whether two sites have the same key, and tells nothing else of it: derived from
    /// the key and the export's id.
    fn fingerprint(&self, export: &str) -> Option<String> {
        self.key.as_ref().map(|key| hex(&*key.derive("archive/fingerprint", &[export])))
    }

    async fn note<T: DeserializeOwned>(&self, key: &str) -> anyhow::Result<Option<T>> {
        let state = self.store.state(&SYSTEM_REALM.into(), SCOPE, key).await?;
        Ok(state.map(|state| serde_json::from_slice(&state.value)).transpose()?)
    }

    async fn write_note<T: Serialize>(&self, key: &str, note: Option<&T>) -> anyhow::Result<()> {
        let write = match note {
            Some(note) => StateWrite::put(SCOPE, key, serde_json::to_vec(note)?),
            None => StateWrite::delete(SCOPE, key),
        };
        Ok(commit(&*self.store, &self.env, write).await?)
    }
}

async fn commit(store: &dyn Store, env: &Env, write: StateWrite) -> Result<(), maru_store::Error> {
    let id = CommitId(env.uuid());
    let mut commit = Commit::new(id, SYSTEM_REALM.into(), env.now());
    commit.states.push(write);
    store.commit(commit).await.map(drop)
}

/// Which export is under way.
#[derive(Debug, Serialize, Deserialize)]
struct Exporting {
    export: String,
}

/// How far an import has come.
#[derive(Debug, Serialize, Deserialize)]
struct Importing {
    export: String,
    /// How many parts are in.
    parts: usize,
    /// The source served after the export was made.
    outdated: bool,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Stage {
    /// Parts come in, and are then compared.
    Parts,
    /// Everything is in and was compared; erasures are repeated.
    Erasing,
}

/// Before data is put to use otherwise than by a move: half of an import serves nobody, and an
/// export that is under way is told that it cannot be gone on with.
///
/// # Errors
/// An import has not come to its end; or what the store says.
pub async fn before_use(store: &dyn Store, env: &Env) -> anyhow::Result<()> {
    let realm = SYSTEM_REALM.into();
    if store.state(&realm, SCOPE, IMPORT).await?.is_some() {
        bail!(
            "an import into this data was begun and has not come to its end: repeat `maru import`"
        );
    }
    if store.state(&realm, SCOPE, EXPORT).await?.is_some() {
        commit(store, env, StateWrite::delete(SCOPE, EXPORT)).await?;
    }
    Ok(())
}

/// Whether a record is one of the notes above.
fn is_note(record: &Record) -> bool {
    matches!(record, Record::State(state)
        if state.realm.as_str() == SYSTEM_REALM && state.scope == SCOPE)
}

/// How many records of each section.
type Counts = BTreeMap<Section, u64>;

fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
