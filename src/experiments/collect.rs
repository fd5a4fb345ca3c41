//! What several processes and machines ran, put together.

use super::evidence::Evidence;
use super::experiment::Unit;
use super::part::Part;
use super::session::{Session, together};
use super::unit_files::UnitFiles;
use crate::error::{Error, Result};
use std::path::Path;

/// What was found of some units.
pub struct Collected<'a> {
    /// What was measured, in the order of the units, with where it comes from.
    pub evidence: Evidence,
    /// The units of which nothing was found, each with its number from 1.
    pub missing: Vec<(usize, &'a Unit)>,
}

/// Takes the finished units of other folders into that of a session, and returns everything measured.
///
/// A unit that is finished nowhere and failed somewhere is there with the reason.
///
/// # Errors
/// [`Error::Configuration`] when two folders have other values for one unit: nothing is taken then;
/// [`Error::Format`] when a file is damaged.
pub fn collect<'a>(
    session: &Session<'_>,
    units: &'a [Unit],
    folders: &[&Path],
) -> Result<Collected<'a>> {
    let mut found = Vec::new();
    for unit in units {
        let files = session.files(unit)?;
        let others = folders.iter().map(|folder| files.within(folder));
        let all: Vec<UnitFiles> = std::iter::once(files.clone()).chain(others).collect();
        found.push((files, one_of(unit, &all)?));
    }
    let mut parts = Vec::new();
    let mut missing = Vec::new();
    for (number, (unit, (files, found))) in (1..).zip(units.iter().zip(found)) {
        match found {
            Found::Finished(source, part) => {
                if source.part() != files.part() {
                    files.copy_from(&source, &part)?;
                }
                files.publish()?;
                parts.push(part);
            }
            Found::Failed(part) => parts.push(part),
            Found::Nothing => missing.push((number, unit)),
        }
    }
    Ok(Collected { evidence: together(&parts), missing })
}

/// What folders hold of a unit.
enum Found {
    Finished(UnitFiles, Part),
    Failed(Part),
    Nothing,
}

/// The first that is finished, or else has failed.
fn one_of(unit: &Unit, folders: &[UnitFiles]) -> Result<Found> {
    let mut first: Option<(&UnitFiles, Part)> = None;
    for files in folders {
        let Some(part) = files.finished()? else { continue };
        match &first {
            None => first = Some((files, part)),
            Some((other, known)) => {
                if let Some(what) = known.difference(&part) {
                    let (ours, theirs) = (other.part(), files.part());
                    let problem = format!(
                        "has another {what} in {} than in {}",
                        theirs.display(),
                        ours.display()
                    );
                    let what = format!("the unit {}", unit.key.title());
                    return Err(Error::configuration(what, problem, "leave one of them out"));
                }
            }
        }
    }
    if let Some((files, part)) = first {
        return Ok(Found::Finished(files.clone(), part));
    }
    let failed = folders.iter().find_map(|files| files.failed().transpose()).transpose()?;
    Ok(failed.map_or(Found::Nothing, Found::Failed))
}

#[cfg(test)]
mod tests {
    use super::super::experiment::{Job, UnitKey, UnitRun};
    use super::super::metric::Metric;
    use super::super::origin::Origin;
    use super::*;
    use crate::data::Sources;
    use crate::training::Alone;
    use candle_core::Device;
    use std::time::Duration;

    struct Nothing;

    impl Job for Nothing {
        fn data(&self, _: &Sources) -> Result<String> {
            Ok("no data".into())
        }

        fn run(&self, _: &UnitRun<'_>) -> Result<Evidence> {
            Ok(Evidence::default())
        }
    }

    fn unit(seed: u64) -> Unit {
        let key = UnitKey { experiment: "own".into(), seed, ..UnitKey::default() };
        let (settings, changed) = (String::new(), String::new());
        Unit {
            key,
            settings,
            changed,
            shows_frames: false,
            steps: 1,
            work: 1,
            job: Box::new(Nothing),
        }
    }

    /// Folders, each with the value of the first unit that is finished there; the second has failed in the last.
    fn collected(values: &[f64]) -> Result<(Evidence, Vec<usize>)> {
        let place = tempfile::tempdir().expect("a folder");
        let folders: Vec<_> = (0..values.len()).map(|i| place.path().join(i.to_string())).collect();
        let (sources, origin) = (&Sources::embedded(), &Origin::here("tests", &Device::Cpu));
        let session = |out| Session {
            out,
            sources,
            origin,
            jobs: 1,
            ranks: &Alone,
            observer: &|_: super::super::Event| (),
        };
        let units = [unit(0), unit(1), unit(2)];
        let part = |unit: &Unit, metric, value| {
            let records = vec![unit.key.record(None, metric, value)];
            Part::new(Evidence { records, pictures: vec![] }, origin, Duration::ZERO)
        };
        for (folder, value) in folders.iter().zip(values) {
            let files = session(folder).files(&units[0])?;
            files.finish(&part(&units[0], Metric::MSE, *value))?;
        }
        let last = session(folders.last().expect("some")).files(&units[1])?;
        part(&units[1], Metric::FAILED, 0.0).write(&last.failure(), last.digest())?;
        let out = place.path().join("out");
        let folders: Vec<&Path> = folders.iter().map(|folder| folder.as_path()).collect();
        let session = session(&out);
        let found = collect(&session, &units, &folders);
        let is_copied = session.files(&units[0])?.finished()?.is_some();
        assert_eq!(is_copied, found.is_ok(), "all or nothing");
        let Collected { evidence, missing } = found?;
        Ok((evidence, missing.into_iter().map(|(number, _)| number).collect()))
    }

    #[test]
    fn units_are_found_wherever_they_ran_with_failures_and_gaps() -> Result<()> {
        let (evidence, missing) = collected(&[0.5, 0.5])?;
        assert_eq!(missing, [3]);
        let of = |metric| evidence.records.iter().filter(move |r| r.metric == metric);
        assert_eq!(of(Metric::MSE).map(|r| r.value).collect::<Vec<_>>(), [Some(0.5)]);
        assert_eq!(of(Metric::FAILED).count(), 1);
        assert_eq!(of(Metric::named("commit")).count(), 1, "each fact once");
        Ok(())
    }

    #[test]
    fn two_values_for_one_unit_are_refused_with_both_files() {
        let refusal = collected(&[0.5, 0.25]).expect_err("they differ").to_string();
        for needle in ["another mse", "0/runs/own", "1/runs/own"] {
            assert!(refusal.contains(needle), "{refusal}");
        }
    }
}
