//! The process's own settings: `maru.toml`, then `MARU_…` variables, then flags.
//!
//! One table, [`SETTINGS`], says what there is: the loader, the check, the printout, the reference
//! and the commented example are all made of it.

mod doc;
mod load;
mod nearest;
mod read;
mod records;
mod setting;
mod settings;
mod table;
mod value;

pub use doc::{example, reference};
pub(crate) use load::line_of;
pub use load::{ENV_PREFIX, Given, Loaded, Problem, Problems, Source, load};
pub use records::{RecordGroup, RecordSetting, record_groups};
pub use setting::{SECTIONS, Section, Setting, print};
pub use settings::{Alerts, Blobs, Config, Egress, Hints, Http, Log, LogFormat, Store, Tls};
pub use table::SETTINGS;
pub use value::{Form, Value};
