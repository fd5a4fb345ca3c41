//! Event files of a run's training curves, in a folder for each unit.

use super::event_file::event_file;
use fernn::Error;
use fernn::atomic_file::{read_if_there, write_atomically};
use fernn::data::Split;
use fernn::experiments::{Event, Metric, Record, Unit, UnitKey};
use fernn::training::{CurvePoint, TrainingEvent};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

/// TensorBoard reads files with `tfevents` in their names; where others have time and machine stands nothing
/// that differs between runs.
const FILE: &str = "events.out.tfevents.0.fernn";

/// The folder of event files of a run.
pub struct Curves {
    folder: PathBuf,
}

impl Curves {
    /// In the folder `tensorboard` of another one, which is made before anything is trained.
    ///
    /// # Errors
    /// [`Error::Io`] when it cannot be made.
    pub fn inside(out: &Path) -> fernn::Result<Self> {
        let folder = out.join("tensorboard");
        std::fs::create_dir_all(&folder).map_err(Error::io(&folder))?;
        Ok(Self { folder })
    }

    /// Removes the event files that an earlier run wrote of units into the same folder, whether it is asked for
    /// new ones or not.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file that could not be removed.
    pub fn discard(out: &Path, units: &[Unit]) -> fernn::Result<()> {
        let folder = out.join("tensorboard");
        units.iter().map(|unit| folder.join(unit.key.slug()).join(FILE)).try_for_each(|path| {
            match std::fs::remove_file(&path) {
                Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(Error::io(&path)(e)),
                _ => Ok(()),
            }
        })
    }

    /// Writes the curve of a unit that trains, as far as it is known.
    pub fn show(&self, event: Event<'_>) {
        let Event::Training { unit, told } = event else { return };
        if let TrainingEvent::Begins { curve } | TrainingEvent::Evaluated { curve } = told {
            // What is not written here is written at the end, from the records; training is worth more.
            let _ = self.write(&unit.key, curve);
        }
    }

    /// Writes the curves that records hold, whatever is there of them already.
    ///
    /// # Errors
    /// [`Error::Io`] naming the file that could not be written.
    pub fn write_all(&self, records: &[Record]) -> fernn::Result<()> {
        curves(records).iter().try_for_each(|(key, curve)| self.write(key, curve))
    }

    fn write(&self, key: &UnitKey, curve: &[CurvePoint]) -> fernn::Result<()> {
        write_onwards(&self.folder.join(key.slug()).join(FILE), &event_file(curve))
    }
}

/// Makes a file hold `bytes`. What it begins with already stays and the rest is added, for TensorBoard goes on
/// reading the file that it has opened; anything else is replaced as a whole. After a crash between two bytes
/// the file still is a beginning, of which TensorBoard leaves out the last, torn record.
fn write_onwards(path: &Path, bytes: &[u8]) -> fernn::Result<()> {
    match read_if_there(path)? {
        Some(there) if there == bytes => Ok(()),
        Some(there) if bytes.starts_with(&there) => {
            let opened = std::fs::OpenOptions::new().append(true).open(path);
            let added = opened.and_then(|mut file| file.write_all(&bytes[there.len()..]));
            added.map_err(Error::io(path))
        }
        _ => write_atomically(path, bytes),
    }
}

/// Training loss and score by step, of which one may not have been read yet.
type Points = BTreeMap<u64, [Option<f64>; 2]>;

/// The training curves that records hold, in the order of their first rows: rows with a step, of which the
/// training split's are the loss and the validation split's the score.
fn curves(records: &[Record]) -> Vec<(UnitKey, Vec<CurvePoint>)> {
    let mut units: Vec<(UnitKey, Points)> = Vec::new();
    for record in records {
        let curve = match record.split {
            Some(Split::Train) if record.metric == Metric::LOSS => 0,
            Some(Split::Validation) => 1,
            _ => continue,
        };
        let (Some(step), Some(seed)) = (record.step, record.seed) else { continue };
        let (experiment, subject) = (record.experiment.clone(), record.subject.clone());
        let key = UnitKey { experiment, subject, seed, profile: record.profile.clone() };
        // Rows of a unit stand together, but for those that another program appended.
        let known = units.iter().rposition(|(known, _)| *known == key);
        let unit = known.unwrap_or_else(|| {
            units.push((key, Points::new()));
            units.len() - 1
        });
        units[unit].1.entry(step).or_default()[curve] = record.value;
    }
    let point = |(step, [train_loss, score]): (u64, [Option<f64>; 2])| {
        Some(CurvePoint { step, train_loss: train_loss?, score: score? })
    };
    let curve = |points: Points| points.into_iter().filter_map(point).collect();
    units.into_iter().map(|(key, points)| (key, curve(points))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_grows_where_it_can_and_is_replaced_where_it_must() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/curve");
        let holds = |bytes: &[u8]| {
            write_onwards(&path, bytes).unwrap();
            assert_eq!(std::fs::read(&path).unwrap(), bytes);
        };
        holds(b"abc");
        let opened = std::fs::File::open(&path).unwrap();
        holds(b"abcdef");
        assert_eq!(std::io::read_to_string(opened).unwrap(), "abcdef", "the same file");
        holds(b"abcdef");
        holds(b"abd");
        holds(b"a");
    }

    #[test]
    fn records_give_the_curve_back_that_they_were_made_of() {
        let row = |seed, step, split, metric, value| Record {
            experiment: "kth".into(),
            seed: Some(seed),
            step,
            split: Some(split),
            metric,
            value: Some(value),
            ..Record::default()
        };
        let (train, validation) = (Split::Train, Split::Validation);
        let records = [
            row(0, None, validation, Metric::BEST_STEP, 20.0),
            row(0, Some(10), train, Metric::LOSS, 2.0),
            row(0, Some(10), validation, Metric::ACCURACY, 0.5),
            row(0, Some(20), train, Metric::LOSS, 1.0),
            row(0, None, Split::Test, Metric::ACCURACY, 0.7),
            row(1, Some(10), train, Metric::LOSS, 3.0),
            row(1, Some(10), validation, Metric::ACCURACY, 0.25),
            row(0, Some(20), validation, Metric::ACCURACY, 0.75),
        ];
        let point = |step, train_loss, score| CurvePoint { step, train_loss, score };
        let curves = curves(&records);
        let seeds: Vec<u64> = curves.iter().map(|(key, _)| key.seed).collect();
        assert_eq!(seeds, [0, 1]);
        assert_eq!(curves[0].1, [point(10, 2.0, 0.5), point(20, 1.0, 0.75)]);
        assert_eq!(curves[1].1, [point(10, 3.0, 0.25)]);
    }
}
