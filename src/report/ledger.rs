//! What earlier reports wrote into a folder, so that nothing of somebody else is replaced and nothing stale stays.

use crate::atomic_file::{read_if_there, remove_if_there, write_atomically};
use crate::digest::sha256_hex;
use crate::error::{Error, Result};
use crate::experiments::Evidence;
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
        Ledger { evidence: evidence.into(), written, is_known: true }.write(out)?;
        self.0.iter().try_for_each(|(path, bytes)| write_atomically(&out.join(path), bytes))
    }
}

/// Refuses a folder in which a report would replace files of somebody else.
///
/// # Errors
/// [`Error::Configuration`] naming the first of them.
pub fn expect_free(out: &Path) -> Result<()> {
    let ledger = Ledger::read(out)?;
    let documents = ["REPORT.md", "report.html", "report.tex", "captions.tex", "figures.tex"];
    documents.iter().try_for_each(|path| ledger.expect_ours(path, out))
}

struct Ledger {
    /// The digest of the records that the report is of.
    evidence: String,
    /// Digests by path.
    written: BTreeMap<String, String>,
    /// Whether there was one.
    is_known: bool,
}

impl Ledger {
    fn read(out: &Path) -> Result<Self> {
        let path = out.join(NAME);
        let bytes = read_if_there(&path)?;
        let is_known = bytes.is_some();
        let text = String::from_utf8(bytes.unwrap_or_default()).unwrap_or_default();
        let mut lines = text.lines();
        let evidence = lines.next().unwrap_or_default().into();
        let row =
            |line: &str| line.split_once(' ').map(|(digest, path)| (path.into(), digest.into()));
        Ok(Self { evidence, written: lines.filter_map(row).collect(), is_known })
    }

    fn write(&self, out: &Path) -> Result<()> {
        let rows = self.written.iter().map(|(path, digest)| format!("{digest} {path}\n"));
        let text = format!("{}\n{}", self.evidence, rows.collect::<String>());
        write_atomically(&out.join(NAME), text.as_bytes())
    }

    /// Refuses a file that is there and that no report wrote; one beside records without a list is of before lists
    /// were kept.
    fn expect_ours(&self, path: &str, out: &Path) -> Result<()> {
        let place = out.join(path);
        if self.written.contains_key(path) || std::fs::symlink_metadata(&place).is_err() {
            return Ok(());
        }
        if !self.is_known && Evidence::read_if_there(&out.join("records.csv"))?.is_some() {
            return Ok(());
        }
        let remedy = "move it away, or choose another --out";
        Err(Error::configuration(
            place.display().to_string(),
            "is no file of an earlier report",
            remedy,
        ))
    }
}

fn digest_of(path: &Path) -> Result<Option<String>> {
    Ok(read_if_there(path)?.map(sha256_hex))
}

#[cfg(test)]
mod tests {
    use super::*;
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
            assert_eq!(std::fs::read(out.join(name)).unwrap(), b"of somebody");
        }
    }
}
