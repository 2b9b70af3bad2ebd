//! Out of a store.

use std::path::Path;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use maru_store::Cursor;
use maru_store::archive::{Checksum, Record, Section};
use serde_json::{Map, Value, json};

use super::folder::{BadExport, Export, Header, Holds, file_in, make};
use super::{Counts, EXPORT, Exporting, IMPORT, Importing, Progress, Site, files, is_note};
use crate::exit::{Code, Failure};

/// How many records are read at once.
const PAGE: usize = 1_000;

/// A part ends when it has so many records ...
const PART_RECORDS: u64 = 10_000;

/// ... or tells of so many files ...
const PART_FILES: u64 = 1_000;

/// ... or so many bytes, and a page more.
const PART_BYTES: usize = 32 << 20;

/// How many files are copied at once.
pub(super) const FILES_AT_ONCE: usize = 8;

/// What an export holds.
#[derive(Debug)]
pub struct Exported {
    /// The export's id.
    pub id: String,
    /// How many records there are in each section, and `files`.
    pub records: Map<String, Value>,
    /// A checksum over all records, which the import gives again.
    pub checksum: String,
}

impl Exported {
    pub(super) fn of(export: &Export) -> Self {
        let held = Section::ALL.map(Holds::Records).into_iter().chain([Holds::Files]);
        let records = held
            .map(|holds| (holds.to_string(), json!(export.checksum_of(holds).records())))
            .collect();
        Self { id: export.header.id.clone(), records, checksum: export.contents() }
    }
}

/// Writes everything of a site into a folder, or goes on where that was broken off. With
/// `erasures_only` the journal of erasures and nothing else.
///
/// # Errors
/// [`Code::Conflict`] if the folder holds something else, or the source was put to use since the
/// export began.
pub async fn export(
    site: &Site,
    folder: &Path,
    erasures_only: bool,
    progress: &mut Progress,
) -> Result<Exported, Failure> {
    site.refuse_others().await?;
    if let Some(note) = site.note::<Importing>(IMPORT).await? {
        let message =
            format!("half of an import is no source: repeat `maru import` of {}", note.export);
        return Err(Failure::new(Code::Conflict, message));
    }
    let empty = make(folder)?;
    let mut export = if empty {
        begin(site, folder, erasures_only).await?
    } else {
        go_on(site, folder, erasures_only).await?
    };
    if export.is_whole() {
        return Ok(Exported::of(&export));
    }
    for section in Section::ALL {
        if !erasures_only || section == Section::Erasures {
            write_records(site, &mut export, section, progress).await?;
        }
    }
    if !erasures_only {
        write_files(site, &mut export, progress).await?;
    }
    if !is_under_way(site, &export).await? || counts(site).await? != export.header.counts {
        let message = "the source changed while it was exported: stop every server on it, and \
                       export into another folder";
        return Err(Failure::new(Code::Conflict, message));
    }
    export.finish(site.env.now())?;
    site.write_note::<Exporting>(EXPORT, None).await?;
    Ok(Exported::of(&export))
}

async fn begin(site: &Site, folder: &Path, erasures_only: bool) -> Result<Export, Failure> {
    let mut header = Header::new(site.env.base62(22), site.env.now());
    let note = Exporting { export: header.id.clone() };
    site.write_note(EXPORT, Some(&note)).await?;
    header.restore_epoch = site.store.restore_epoch();
    header.key = site.fingerprint(&header.id);
    header.erasures_only = erasures_only;
    header.counts = counts(site).await?;
    Ok(Export::begin(folder, header)?)
}

async fn go_on(site: &Site, folder: &Path, erasures_only: bool) -> Result<Export, Failure> {
    let export = match Export::open(folder) {
        Err(BadExport::Missing(_)) => {
            let message =
                format!("{} is not empty, and there is no export in it", folder.display());
            return Err(Failure::new(Code::Conflict, message));
        }
        opened => opened?,
    };
    if export.header.erasures_only != erasures_only {
        let message = format!("{} holds an export of the other kind", folder.display());
        return Err(Failure::new(Code::Conflict, message));
    }
    if !export.is_whole() && !is_under_way(site, &export).await? {
        let message = format!(
            "{} holds an export that was broken off, and the source was used since, or is another \
             one: export into another folder",
            folder.display()
        );
        return Err(Failure::new(Code::Conflict, message));
    }
    Ok(export)
}

/// Whether nobody has put the source to use since the export began.
async fn is_under_way(site: &Site, export: &Export) -> anyhow::Result<bool> {
    let note = site.note::<Exporting>(EXPORT).await?;
    Ok(note.is_some_and(|note| note.export == export.header.id))
}

async fn counts(site: &Site) -> anyhow::Result<Counts> {
    let mut counts = Counts::new();
    for section in Section::ALL {
        counts.insert(section, site.store.count(section).await?);
    }
    Ok(counts)
}

/// A part that is being written.
struct Writing<'a> {
    export: &'a mut Export,
    holds: Holds,
    lines: Vec<u8>,
    records: u64,
    checksum: Checksum,
}

impl<'a> Writing<'a> {
    /// Where to go on. `None`: all parts are there.
    fn of(export: &'a mut Export, holds: Holds) -> Option<(Self, Option<Cursor>)> {
        let last = export.last_of(holds).map(|part| part.next.clone());
        let checksum = export.checksum_of(holds);
        let after = match last {
            None => None,
            Some(None) => return None,
            Some(after) => after,
        };
        Some((Self { export, holds, lines: Vec::new(), records: 0, checksum }, after))
    }

    fn add<T: serde::Serialize>(&mut self, record: &T) -> anyhow::Result<()> {
        let began = self.lines.len();
        serde_json::to_writer(&mut self.lines, record)?;
        self.checksum.add(self.lines.get(began..).unwrap_or_default());
        self.lines.push(b'\n');
        self.records += 1;
        Ok(())
    }

    /// Ends the part if it is full or the last one.
    fn page_is_over(&mut self, next: Option<&Cursor>) -> Result<(), Failure> {
        let most = match self.holds {
            Holds::Records(_) => PART_RECORDS,
            Holds::Files => PART_FILES,
        };
        let full = self.records >= most || self.lines.len() >= PART_BYTES;
        if full || next.is_none() {
            let (holds, records, checksum) = (self.holds, self.records, self.checksum);
            self.export.add(holds, &self.lines, records, next.cloned(), checksum)?;
            self.lines.clear();
            self.records = 0;
        }
        Ok(())
    }
}

async fn write_records(
    site: &Site,
    export: &mut Export,
    section: Section,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let total = export.header.counts.get(&section).copied().unwrap_or(0);
    let Some((mut part, mut after)) = Writing::of(export, Holds::Records(section)) else {
        return Ok(());
    };
    progress.begin(section.as_str(), part.checksum.records(), total);
    loop {
        let page = site.store.export(section, after, PAGE).await.map_err(anyhow::Error::from)?;
        let records = page.items.len() as u64;
        for record in page.items.iter().filter(|record| !is_note(record)) {
            part.add(record)?;
        }
        part.page_is_over(page.next.as_ref())?;
        progress.add(records);
        after = page.next;
        if after.is_none() {
            progress.end();
            return Ok(());
        }
    }
}

/// The files of all records that there are of files.
async fn write_files(
    site: &Site,
    export: &mut Export,
    progress: &mut Progress,
) -> Result<(), Failure> {
    let total = export.header.counts.get(&Section::States).copied().unwrap_or(0);
    let folder = export.folder().to_owned();
    let Some((mut part, mut after)) = Writing::of(export, Holds::Files) else { return Ok(()) };
    progress.begin("records looked at for files", 0, total);
    loop {
        let page = site.store.export(Section::States, after, PAGE).await;
        let page = page.map_err(anyhow::Error::from)?;
        let ids = page.items.iter().filter_map(files::of_record);
        let copies = ids.map(|id| {
            let place = file_in(&folder, &id.path());
            files::save(&*site.files, id, place)
        });
        // In the order of the records, whichever is done first.
        let lines: Vec<_> = stream::iter(copies).buffered(FILES_AT_ONCE).try_collect().await?;
        for line in &lines {
            part.add(line)?;
        }
        part.page_is_over(page.next.as_ref())?;
        progress.add(page.items.len() as u64);
        after = page.next;
        if after.is_none() {
            progress.end();
            return Ok(());
        }
    }
}

/// Every record of a section in a store, for comparing.
pub(super) async fn checksum(
    site: &Site,
    section: Section,
    progress: &mut Progress,
) -> anyhow::Result<Checksum> {
    let (mut checksum, mut after) = (Checksum::default(), None);
    let mut line = Vec::new();
    loop {
        let page = site.store.export(section, after, PAGE).await?;
        for record in page.items.iter().filter(|record: &&Record| !is_note(record)) {
            line.clear();
            serde_json::to_writer(&mut line, record)?;
            checksum.add(&line);
            progress.add(1);
        }
        after = page.next;
        if after.is_none() {
            return Ok(checksum);
        }
    }
}
