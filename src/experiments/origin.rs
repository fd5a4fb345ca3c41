//! Where numbers come from besides settings and data: the program and the machine.

use super::metric::Metric;
use super::query::{Records, each_once};
use super::record::Record;
use candle_core::Device;

/// The program and the machine that a unit runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The commit that the program was built from.
    pub commit: String,
    /// The CPU's name.
    pub cpu: String,
    /// The instruction set of the kernels.
    pub kernels: String,
    /// What computes. Part of what identifies a unit, for rounding differs.
    pub device: DeviceKind,
    /// Threads in all, on which no value depends.
    pub threads: usize,
}

/// What computes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceKind {
    /// This crate's kernels.
    Cpu,
    /// candle's operations on a GPU.
    Cuda,
}

impl DeviceKind {
    /// Its name in records.
    pub fn name(self) -> &'static str {
        match self {
            Self::Cpu => "CPU",
            Self::Cuda => "CUDA",
        }
    }
}

impl Origin {
    /// A program of a commit on this machine.
    pub fn here(commit: &str, device: &Device) -> Self {
        Self {
            commit: commit.into(),
            cpu: cpu_name(),
            kernels: crate::ops::instruction_set().to_string(),
            device: if device.is_cpu() { DeviceKind::Cpu } else { DeviceKind::Cuda },
            threads: rayon::current_num_threads(),
        }
    }

    /// Rows of provenance, a fact each.
    pub(super) fn rows(&self) -> Vec<Record> {
        let facts = [
            ("commit", self.commit.clone()),
            ("CPU", self.cpu.clone()),
            ("kernels", self.kernels.clone()),
            ("device", self.device.name().into()),
            ("threads", self.threads.to_string()),
        ];
        facts.into_iter().map(|(name, fact)| Record::provenance(name, fact)).collect()
    }
}

/// The CPU's name, or its architecture where the system does not tell.
fn cpu_name() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    model.unwrap_or(std::env::consts::ARCH).to_string()
}

impl std::fmt::Display for Origin {
    /// What values may depend on.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { commit, cpu, kernels, device, .. } = self;
        write!(f, "commit {commit} on {cpu} ({kernels}")?;
        match device {
            DeviceKind::Cpu => write!(f, ")"),
            DeviceKind::Cuda => write!(f, ", {})", device.name()),
        }
    }
}

/// What the units of an experiment ran on, with the names of the units, where they did not all run on the same.
pub fn origins(records: Records<'_>, experiment: &str) -> Vec<(String, Vec<String>)> {
    let name = |row: &Record| format!("{}, seed {}", row.subject, row.seed.unwrap_or_default());
    let rows = records.of(experiment, &Metric::ORIGIN);
    let all = each_once(rows.into_iter().map(|row| (row.note.clone(), name(row))));
    if all.len() > 1 { all } else { vec![] }
}

#[cfg(test)]
mod tests {
    use super::super::evidence::Evidence;
    use super::super::subject::Subject;
    use super::*;

    fn row(seed: u64, origin: &str) -> Record {
        Record {
            experiment: "translation".into(),
            subject: Subject::g_rnn(),
            seed: Some(seed),
            metric: Metric::ORIGIN,
            note: origin.into(),
            ..Record::default()
        }
    }

    #[test]
    fn origins_are_told_with_their_units_where_they_differ() {
        let of = |records| origins(Records(&Evidence { records, pictures: vec![] }), "translation");
        assert_eq!(of(vec![row(0, "a"), row(1, "a")]), [], "one place needs no word");
        let expected = [
            ("a".to_string(), vec!["G-RNN, seed 0".to_string(), "G-RNN, seed 2".into()]),
            ("b".to_string(), vec!["G-RNN, seed 1".to_string()]),
        ];
        assert_eq!(of(vec![row(0, "a"), row(1, "b"), row(2, "a")]), expected);
    }
}
