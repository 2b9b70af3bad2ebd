//! Arguments that several verbs take.

use clap::Args;

use crate::admin::segment;

/// A page of a listing.
#[derive(Clone, Debug, Args)]
pub(super) struct Listing {
    /// Only those of this bot
    #[arg(long, value_name = "BOT")]
    pub(super) bot: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(super) limit: usize,
    /// Go on after the page that ended with this cursor
    #[arg(long, value_name = "CURSOR")]
    pub(super) after: Option<String>,
}

impl Listing {
    /// As a query.
    pub(super) fn query(&self) -> String {
        let mut query = format!("?limit={}", self.limit);
        for (name, value) in [("bot", &self.bot), ("after", &self.after)] {
            if let Some(value) = value {
                query.push_str(&format!("&{name}={}", segment(value)));
            }
        }
        query
    }
}
