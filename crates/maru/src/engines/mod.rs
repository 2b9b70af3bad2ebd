//! The engines behind the server, chosen by URL: where everything is kept, how nodes wake each
//! other, where files are.

mod blobs;
mod hints;
mod store;
pub mod urls;

pub(crate) use blobs::open as open_blobs;
pub(crate) use hints::open as open_hints;
pub(crate) use store::{
    Schema, is_own as is_own_store, migrate, migrate_restored, open as open_store, schema_versions,
    shown as shown_store,
};
