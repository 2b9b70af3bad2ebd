//! The settings of bots' and channels' records, for the reference. What they are is decided in the
//! crates of their kinds; a test holds the two together.

mod bots;
mod channels;

/// A group of settings: of every bot, or of one kind.
#[derive(Clone, Copy, Debug)]
pub struct RecordGroup {
    /// The heading.
    pub title: &'static str,
    /// What they are settings of, and how they are set, in Markdown.
    pub doc: &'static str,
    /// The settings.
    pub settings: &'static [RecordSetting],
}

/// A setting: its name, its default as JSON has it, and what it means, in Markdown.
pub type RecordSetting = (&'static str, &'static str, &'static str);

/// All groups: those of bots, then those of channels.
pub fn record_groups() -> impl Iterator<Item = &'static RecordGroup> {
    bots::GROUPS.iter().chain(channels::GROUPS)
}
