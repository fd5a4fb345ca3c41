//! Records, tables, figures and report of an output folder.

use super::asked::Asked;
use crate::cli::finding::Finding;
use crate::cli::flags::FormatFlags;
use crate::cli::provenance::command_line;
use crate::cli::verdicts::{print_report_path, print_verdicts, say_if_changed};
use fernn::Error;
use fernn::experiments::{CATALOGUE, Evidence, PICTURES, UnitKey, beside_earlier, provenance};
use fernn::report::{claim, expect_free, write_report_as};
use std::path::{Path, PathBuf};

/// What an output folder holds of earlier runs.
pub struct Results {
    out: PathBuf,
    earlier: Evidence,
}

impl Results {
    /// Reads it; a file that is no records is never replaced.
    pub fn of(out: &Path) -> fernn::Result<Self> {
        let path = out.join("records.csv");
        let earlier = Evidence::read_if_there(&path).map_err(|error| match error {
            Error::Format { path, line, problem } => {
                let problem = format!("{problem}; choose another --out, or move the file away");
                Error::Format { path, line, problem }
            }
            other => other,
        });
        let earlier = earlier?.unwrap_or_default();
        expect_free(out)?;
        Evidence::expect_pictures(&out.join(PICTURES))?;
        Ok(Self { out: out.to_path_buf(), earlier })
    }

    /// Writes the records of what was measured beside those that it does not replace.
    pub fn write(self, asked: &Asked, measured: Evidence) -> anyhow::Result<Written> {
        let properties =
            [("command", command_line()), ("algorithm", asked.request.algorithm.name().into())];
        let records = provenance(&asked.units, &asked.sources, &properties)?;
        let mut now = Evidence { records, pictures: vec![] };
        now.extend(measured);
        if !self.earlier.records.is_empty() {
            say_if_changed(&self.earlier, &self.out)?;
        }
        let keys: Vec<&UnitKey> = asked.units.iter().map(|unit| &unit.key).collect();
        let evidence = beside_earlier(self.earlier, now, &keys);
        claim(&self.out)?;
        evidence.write(&self.out.join("records.csv"))?;
        Ok(Written { out: self.out, evidence })
    }
}

/// Records that were written.
pub struct Written {
    out: PathBuf,
    pub evidence: Evidence,
}

impl Written {
    /// Writes the report, and prints verdicts and `remark`.
    pub fn report(&self, format: &FormatFlags, remark: &str) -> anyhow::Result<Finding> {
        let formats = format.formats();
        let form = (&formats[..], format.width());
        let findings = write_report_as(&self.evidence, CATALOGUE, form, &self.out)?;
        print_verdicts(&findings)?;
        if !remark.is_empty() {
            outln!("\n{remark}")?;
        }
        print_report_path(&formats, &self.out)?;
        Ok(if findings.failures.is_empty() { Finding::Fine } else { Finding::CheckFailed })
    }
}
