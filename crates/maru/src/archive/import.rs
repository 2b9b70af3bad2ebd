//! Into a store.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use maru_hall::{BlobId, Blobs};
use maru_store::archive::{Checksum, ErasureRecord, Record, Section};
use serde_json::{Map, Value};

use super::export::{Exported, FILES_AT_ONCE, checksum};
use super::folder::{BadExport, Export, Holds, Part, contents};
use super::{IMPORT, Importing, Progress, Site, Stage, files};
use crate::exit::{Code, Failure};

/// How many records are written in one step.
const STEP: usize = 1_000;

/// What to import.
#[derive(Debug)]
pub struct Import {
    export: Export,
    /// A later journal of erasures.
    journal: Vec<ErasureRecord>,
    outdated: bool,
}

/// What an import came to.
#[derive(Debug)]
pub struct Imported {
    /// The export's id.
    pub id: String,
    /// How many records there are in each section, and `files`.
    pub records: Map<String, Value>,
    /// A checksum over all records, read from the target again: the same as the export's.
    pub checksum: String,
    /// How many of the files were not there to be exported.
    pub missing_files: u64,
    /// What stands in watermarks from now on.
    pub restore_epoch: u32,
    /// How many entries lost their bodies to erasures that the export did not know of.
    pub erased_entries: u64,
    /// How many files went with them.
    pub erased_files: usize,
}

impl Import {
    /// Looks at what is to be imported: an export, and the folder of a later one (or of a journal
    /// alone) whose erasures are repeated. `outdated`: the source served after the export was made.
    ///
    /// # Errors
    /// The export is not whole, damaged, or of another version.
    pub fn open(folder: &Path, erasures: Option<&Path>, outdated: bool) -> Result<Self, Failure> {
        let export = Export::open_whole(folder)?;
        if export.header.erasures_only {
            let message =
                "this is a journal of erasures: name it with --erasures, beside an export";
            return Err(Failure::new(Code::Usage, message));
        }
        let journal = match erasures {
            Some(folder) => Export::open_whole(folder)?.erasures()?,
            None => Vec::new(),
        };
        Ok(Self { export, journal, outdated })
    }

    /// Puts everything into a site that has nothing yet, or goes on where that was broken off; then
    /// compares what is there with what was exported, and repeats erasures.
    ///
    /// # Errors
    /// [`Code::Usage`] if the instance key is another one, [`Code::Conflict`] if there is anything
    /// else at the target.
    pub async fn run(self, site: &Site, progress: &mut Progress) -> Result<Imported, Failure> {
        self.check_key(site)?;
        site.refuse_others().await?;
        let mut note = self.begin(site).await?;
        let mut missing_files = 0;
        let mut at = note.parts;
        let records = |parts: &[Part]| parts.iter().map(|part| part.records).sum();
        let parts = &self.export.parts;
        let before = records(parts.get(..at).unwrap_or_default());
        progress.begin("records and files", before, records(parts));
        for (number, part) in parts.iter().enumerate() {
            if part.holds == Holds::Files {
                let lines = self.export.files(part)?;
                missing_files += lines.iter().filter(|line| line.found.is_none()).count() as u64;
            }
            if number < at {
                continue;
            }
            self.put(site, part).await?;
            at += 1;
            note.parts = at;
            site.write_note(IMPORT, Some(&note)).await?;
            progress.add(part.records);
        }
        progress.end();
        if note.stage == Stage::Parts {
            self.compare(site, progress).await?;
        }
        let (erased_entries, erased_files) = self.erase(site, &mut note).await?;
        let restore_epoch = self.set_epoch(site, note.outdated).await?;
        site.write_note::<Importing>(IMPORT, None).await?;
        let Exported { id, records, checksum } = Exported::of(&self.export);
        Ok(Imported {
            id,
            records,
            checksum,
            missing_files,
            restore_epoch,
            erased_entries,
            erased_files,
        })
    }

    /// Tokens, sealed secrets and the paths that bots call back on are worth nothing under another
    /// key.
    fn check_key(&self, site: &Site) -> Result<(), Failure> {
        let header = &self.export.header;
        let Some(theirs) = &header.key else { return Ok(()) };
        let message = match site.fingerprint(&header.id) {
            Some(ours) if ours == *theirs => return Ok(()),
            Some(_) => {
                "the instance key here is not the one of the site that was exported: its tokens \
                 and secrets would be worth nothing"
            }
            None => {
                "there is no instance key here: put the instance.key of the site that was exported \
                 into the data folder (mode 0600), or set instance_key to the same"
            }
        };
        Err(Failure::new(Code::Usage, message))
    }

    /// Begins, or finds how far it has come.
    async fn begin(&self, site: &Site) -> Result<Importing, Failure> {
        let export = &self.export.header.id;
        let conflict = |message: &str| Err(Failure::new(Code::Conflict, message));
        if let Some(mut note) = site.note::<Importing>(IMPORT).await? {
            if note.export != *export {
                return conflict("another import into this data was begun: end that one first");
            }
            if note.stage == Stage::Erasing {
                // What was erased then cannot be told any more, and files would stay.
                return conflict(
                    "this import was broken off while erasures were repeated: begin it anew, with \
                     an empty target",
                );
            }
            note.outdated |= self.outdated;
            return Ok(note);
        }
        for section in Section::ALL {
            if site.store.count(section).await.map_err(anyhow::Error::from)? > 0 {
                return conflict(
                    "there is data already: import into a data folder or a database that no \
                     server was started on yet",
                );
            }
        }
        let note = Importing {
            export: export.clone(),
            parts: 0,
            outdated: self.outdated,
            stage: Stage::Parts,
        };
        site.write_note(IMPORT, Some(&note)).await?;
        Ok(note)
    }

    async fn put(&self, site: &Site, part: &Part) -> Result<(), Failure> {
        if part.holds == Holds::Files {
            let lines = self.export.files(part)?;
            let puts = lines.into_iter().map(|line| files::put(&site.files, &self.export, line));
            stream::iter(puts).buffer_unordered(FILES_AT_ONCE).try_collect::<()>().await?;
            return Ok(());
        }
        let mut records = self.export.records(part)?.into_iter().peekable();
        while records.peek().is_some() {
            let step: Vec<Record> = records.by_ref().take(STEP).collect();
            site.store.import(step).await.map_err(anyhow::Error::from)?;
        }
        Ok(())
    }

    /// Reads everything back.
    async fn compare(&self, site: &Site, progress: &mut Progress) -> Result<(), Failure> {
        let wanted = |section| self.export.checksum_of(Holds::Records(section));
        let total = Section::ALL.map(|section| wanted(section).records()).iter().sum();
        progress.begin("records compared", 0, total);
        let mut found: Vec<(Section, Checksum)> = Vec::new();
        for section in Section::ALL {
            found.push((section, checksum(site, section, progress).await?));
        }
        progress.end();
        for (section, found) in &found {
            let wanted = wanted(*section);
            if *found != wanted {
                let message = format!(
                    "the {section} are not what was exported: {found}, and not {wanted}. Do not use \
                     this data; import into an empty target"
                );
                return Err(Failure::new(Code::Failed, message));
            }
        }
        let of = |section| found.iter().find(|(of, _)| *of == section).map(|(_, sum)| *sum);
        debug_assert_eq!(
            contents(|section| of(section).unwrap_or_default()),
            self.export.contents()
        );
        Ok(())
    }

    /// Repeats the erasures that the export did not know of.
    async fn erase(&self, site: &Site, note: &mut Importing) -> Result<(u64, usize), Failure> {
        let known: HashSet<_> = self.export.erasures()?.into_iter().map(|e| e.id).collect();
        let mut journal = Vec::new();
        for erasure in self.journal.iter().filter(|erasure| !known.contains(&erasure.id)) {
            journal.push(Bytes::from(serde_json::to_vec(erasure).map_err(anyhow::Error::from)?));
        }
        if journal.is_empty() {
            return Ok((0, 0));
        }
        // Whoever erased after the export was made served after it, too.
        (note.outdated, note.stage) = (true, Stage::Erasing);
        site.write_note(IMPORT, Some(note)).await?;
        let erased = site.store.repeat_erasures(&journal).await.map_err(anyhow::Error::from)?;
        let ids: Vec<BlobId> =
            erased.blobs.iter().filter_map(|link| BlobId::of_reference(link)).collect();
        let blobs = Blobs::new(Arc::clone(&site.files), Arc::clone(&site.store), site.env.clone());
        blobs.delete_all(&ids).await.map_err(anyhow::Error::from)?;
        Ok((erased.entries, ids.len()))
    }

    /// Clients' watermarks hold on, unless places may have been given out that the export does not
    /// know of, and that are now going to be given to others.
    async fn set_epoch(&self, site: &Site, outdated: bool) -> Result<u32, Failure> {
        let mut epoch = self.export.header.restore_epoch;
        if outdated {
            // As after a restore: the time, so that it never comes again.
            let now = u32::try_from(site.env.now().as_secs()).unwrap_or(0);
            epoch = now.max(epoch.saturating_add(1));
        }
        let record = vec![Record::RestoreEpoch(epoch)];
        site.store.import(record).await.map_err(anyhow::Error::from)?;
        Ok(site.store.restore_epoch())
    }
}

impl From<BadExport> for Failure {
    fn from(error: BadExport) -> Self {
        let code = match error {
            BadExport::Missing(_) => Code::NotFound,
            BadExport::Version { .. } => Code::Usage,
            BadExport::Unfinished | BadExport::Damaged { .. } | BadExport::Io(_) => Code::Failed,
        };
        Self::new(code, error)
    }
}
