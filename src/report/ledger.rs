//! What earlier reports wrote into a folder, so that nothing of somebody else is replaced and nothing stale stays.

use super::contents::TITLE;
use crate::atomic_file::{read_if_there, remove_if_there, write_atomically};
use crate::digest::sha256_hex;
use crate::error::{Error, Result};
use crate::experiments::{Evidence, PROVENANCE};
use std::collections::BTreeMap;
use std::path::Path;

/// The file that lists what was written: the digest of the records, then a digest and a path in each line.
const NAME: &str = ".fernn-report";

/// Files of a report, by their paths in its folder.
#[derive(Default)]
pub(super) struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    /// Adds one.
    pub fn add(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        self.0.insert(path.into(), bytes.into());
    }

    /// Writes all of them, and removes what an earlier report of other records left that is not among them.
    ///
    /// # Errors
    /// [`Error::Configuration`] when a file is there that no report wrote; [`Error::Io`] naming what could not be
    /// written.
    pub fn write(self, evidence: &str, out: &Path) -> Result<()> {
        let ledger = Ledger::read(out)?;
        for path in self.0.keys() {
            ledger.expect_ours(path, out)?;
        }
        let mut written = BTreeMap::new();
        for (path, digest) in &ledger.written {
            let is_stale = ledger.evidence != evidence && !self.0.contains_key(path);
            match is_stale {
                false => drop(written.insert(path.clone(), digest.clone())),
                // What somebody changed since is his.
                true if digest_of(&out.join(path))?.as_ref() == Some(digest) => {
                    remove_if_there(&out.join(path))?;
                }
                true => {}
            }
        }
        written.extend(self.0.iter().map(|(path, bytes)| (path.clone(), sha256_hex(bytes))));
        // Before the files: one that is written has to be known as ours.
        Ledger { evidence: evidence.into(), written }.write(out)?;
        self.0.iter().try_for_each(|(path, bytes)| write_atomically(&out.join(path), bytes))
    }
}

/// Refuses a folder in which a report would replace one of somebody else.
///
/// # Errors
/// [`Error::Configuration`] naming it.
pub fn expect_free(out: &Path) -> Result<()> {
    let ledger = Ledger::read(out)?;
    ["REPORT.md", "report.html"].iter().try_for_each(|path| ledger.expect_ours(path, out))
}

/// Takes a folder for reports, before records are written into it: what lies there of somebody else stays his.
///
/// # Errors
/// [`Error::Io`] naming what cannot be written.
pub fn claim(out: &Path) -> Result<()> {
    Ledger::read(out)?.write(out)
}

/// Whether measurements are those that the last report in a folder was made of; also where there is none.
///
/// # Errors
/// [`Error::Io`] when it cannot be read which those were.
pub fn is_of_its_report(evidence: &Evidence, out: &Path) -> Result<bool> {
    let reported = Ledger::read(out)?.evidence;
    Ok(reported.is_empty() || reported == of_measurements(evidence))
}

/// The digest of evidence without its provenance.
pub(super) fn of_measurements(evidence: &Evidence) -> String {
    let records = evidence.records.iter().filter(|r| r.experiment != PROVENANCE);
    let pictures = evidence.pictures.clone();
    Evidence { records: records.cloned().collect(), pictures }.digest()
}

#[derive(Default)]
struct Ledger {
    /// The digest of the measurements that the report is of.
    evidence: String,
    /// Digests by path.
    written: BTreeMap<String, String>,
}

impl Ledger {
    /// Of a folder; in one of before lists were kept all files where reports have theirs are taken for ours.
    fn read(out: &Path) -> Result<Self> {
        let Some(bytes) = read_if_there(&out.join(NAME))? else {
            return if is_of_reports(out) { Self::of_all(out) } else { Ok(Self::default()) };
        };
        let text = String::from_utf8_lossy(&bytes);
        let mut lines = text.lines();
        let evidence = lines.next().unwrap_or_default().into();
        let row =
            |line: &str| line.split_once(' ').map(|(digest, path)| (path.into(), digest.into()));
        Ok(Self { evidence, written: lines.filter_map(row).collect() })
    }

    fn of_all(out: &Path) -> Result<Self> {
        let mut ledger = Self::default();
        let documents = DOCUMENTS.iter().map(|name| name.to_string());
        let of_folder = |folder: &&str| {
            let entries = std::fs::read_dir(out.join(folder)).into_iter().flatten().flatten();
            let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
            names.map(|name| format!("{folder}/{name}")).collect::<Vec<_>>()
        };
        for path in documents.chain(FOLDERS.iter().flat_map(of_folder)) {
            if out.join(&path).is_file()
                && let Some(digest) = digest_of(&out.join(&path))?
            {
                ledger.written.insert(path, digest);
            }
        }
        Ok(ledger)
    }

    fn write(&self, out: &Path) -> Result<()> {
        let rows = self.written.iter().map(|(path, digest)| format!("{digest} {path}\n"));
        let text = format!("{}\n{}", self.evidence, rows.collect::<String>());
        write_atomically(&out.join(NAME), text.as_bytes())
    }

    /// Refuses a file that is there and that no report wrote.
    fn expect_ours(&self, path: &str, out: &Path) -> Result<()> {
        let place = out.join(path);
        if self.written.contains_key(path) || std::fs::symlink_metadata(&place).is_err() {
            return Ok(());
        }
        let (problem, remedy) =
            ("is no file of an earlier report", "move it away, or choose another --out");
        Err(Error::configuration(place.display().to_string(), problem, remedy))
    }
}

const DOCUMENTS: [&str; 5] =
    ["REPORT.md", "report.html", "report.tex", "captions.tex", "figures.tex"];
const FOLDERS: [&str; 3] = ["tables", "figures", "pgfplots"];

/// Whether a folder without a list holds records of ours, or a document with our title.
fn is_of_reports(out: &Path) -> bool {
    let has_title = |name: &&str| {
        let bytes = read_if_there(&out.join(name)).ok().flatten().unwrap_or_default();
        String::from_utf8_lossy(&bytes[..bytes.len().min(4096)]).contains(TITLE)
    };
    let has_records = Evidence::read_if_there(&out.join("records.csv")).is_ok_and(|e| e.is_some());
    has_records || DOCUMENTS.iter().any(has_title)
}

fn digest_of(path: &Path) -> Result<Option<String>> {
    Ok(read_if_there(path)?.map(sha256_hex))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::Record;
    use std::path::PathBuf;

    fn files(names: &[&str]) -> Files {
        let mut files = Files::default();
        names.iter().for_each(|name| files.add(*name, format!("{name} of a report")));
        files
    }

    fn there(out: &Path) -> Vec<PathBuf> {
        let mut names = Vec::new();
        for folder in [out.to_path_buf(), out.join("tables")] {
            let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
            names.extend(entries.map(|entry| entry.path()).filter(|path| path.is_file()));
        }
        names.retain(|path| !path.ends_with(NAME));
        names.sort();
        names.into_iter().map(|path| path.strip_prefix(out).unwrap().into()).collect()
    }

    fn write_records(out: &Path) {
        let records = vec![Record::provenance("commit", "a")];
        Evidence { records, pictures: vec![] }.write(&out.join("records.csv")).unwrap();
    }

    #[test]
    fn a_folder_of_before_lists_were_kept_is_ours() {
        for sign in ["records.csv", "REPORT.md"] {
            let folder = tempfile::tempdir().unwrap();
            let out = folder.path();
            std::fs::create_dir(out.join("tables")).unwrap();
            std::fs::write(out.join("tables/a.csv"), "of an earlier version").unwrap();
            match sign {
                "records.csv" => write_records(out),
                _ => std::fs::write(out.join(sign), format!("# {TITLE}\n")).unwrap(),
            }
            expect_free(out).unwrap();
            files(&["REPORT.md", "tables/a.csv"]).write("one", out).unwrap();
        }
    }

    #[test]
    fn what_a_report_of_other_records_left_is_removed_and_no_more() {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path();
        files(&["REPORT.md", "tables/a.csv", "tables/b.csv"]).write("one", out).unwrap();
        std::fs::write(out.join("notes.txt"), "of somebody").unwrap();
        files(&["report.tex"]).write("one", out).unwrap();
        let all = ["REPORT.md", "notes.txt", "report.tex", "tables/a.csv", "tables/b.csv"];
        assert_eq!(there(out), all.map(PathBuf::from), "another format of the same records");
        std::fs::write(out.join("tables/b.csv"), "changed by somebody").unwrap();
        files(&["REPORT.md"]).write("two", out).unwrap();
        let left = ["REPORT.md", "notes.txt", "tables/b.csv"];
        assert_eq!(there(out), left.map(PathBuf::from));
    }

    #[test]
    fn what_no_report_wrote_is_not_replaced() {
        for name in ["REPORT.md", "tables/a.csv"] {
            let folder = tempfile::tempdir().unwrap();
            let out = folder.path();
            std::fs::create_dir(out.join("tables")).unwrap();
            std::fs::write(out.join(name), "of somebody").unwrap();
            let refusal = files(&["REPORT.md", "tables/a.csv"]).write("one", out).unwrap_err();
            assert!(refusal.is_usage() && refusal.to_string().contains(name), "{refusal}");
            assert_eq!(expect_free(out).is_err(), name == "REPORT.md");
            assert_eq!(there(out), [PathBuf::from(name)], "nothing was written");
            // Nor when records were written meanwhile.
            claim(out).unwrap();
            write_records(out);
            files(&["REPORT.md", "tables/a.csv"]).write("one", out).unwrap_err();
            std::fs::remove_file(out.join("records.csv")).unwrap();
            assert_eq!(there(out), [PathBuf::from(name)], "nothing was written");
            assert_eq!(std::fs::read(out.join(name)).unwrap(), b"of somebody");
        }
    }
}
