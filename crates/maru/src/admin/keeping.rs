//! Backups and erasing.

use std::path::PathBuf;

use axum::Json;
use axum::extract::State;
use maru_activity::{ChannelId, PersonId};
use maru_hall::Whom;
use maru_store::Error as StoreError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Admin, ApiError, Realm};
use crate::engines::urls::BlobsUrl;

/// Where to write the backup.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BackupTo {
    file: PathBuf,
}

pub(super) async fn backup(
    State(admin): State<Admin>,
    Json(to): Json<BackupTo>,
) -> Result<Json<Value>, ApiError> {
    if !to.file.is_absolute() {
        return Err(ApiError::invalid("the backup's file must be an absolute path"));
    }
    let bytes =
        crate::backup::write(&*admin.store, &admin.paths, &to.file).await.map_err(|error| {
            match error.downcast_ref() {
                Some(StoreError::Unsupported(why)) => ApiError::unsupported(*why),
                _ => ApiError::internal(format!("{error:#}")),
            }
        })?;
    let files = match &admin.files {
        BlobsUrl::Folder(None) => "in it".to_owned(),
        elsewhere => format!("not in it, but kept at {elsewhere}"),
    };
    Ok(Json(json!({ "file": to.file, "bytes": bytes, "files": files })))
}

/// Whom to erase: a person, or a channel's user.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Who {
    person: Option<PersonId>,
    channel: Option<ChannelId>,
    user: Option<String>,
}

pub(super) async fn erase(
    State(admin): State<Admin>,
    Realm(realm): Realm,
    Json(who): Json<Who>,
) -> Result<Json<Value>, ApiError> {
    let whom = match (who.person, who.channel, who.user) {
        (Some(person), None, None) => Whom::Person(person),
        (None, Some(channel), Some(user)) => Whom::Participant(channel, user),
        _ => return Err(ApiError::invalid("name a person, or a channel and its user")),
    };
    // First, while it is known which partners know them.
    admin.plus_friend.erased(&realm, &whom).await?;
    let erased = admin.hall.erase(&realm, &whom).await?;
    let forgotten = admin.chatflow.erased(&realm, &whom).await;
    forgotten.map_err(|error| ApiError::internal(error.to_string()))?;
    Ok(Json(json!({
        "entries": erased.entries,
        "conversations": erased.conversations,
        "files": erased.files,
    })))
}
