//! What other crates and programs add: a cell and an experiment of their own, rows in the records.

mod common;

use candle_core::{Device, Tensor};
use fernn::cells::FlowLayer;
use fernn::data::{Canvas, Sequences, Sources, Split, TranslatingMnist};
use fernn::equivariance::{Diagnosis, Line, Options, Verdict, check_both_lifts};
use fernn::experiments::exhibit::{Body, Exhibit, Table};
use fernn::experiments::{
    CATALOGUE, Changes, Claim, Evidence, Experiment, Job, Metric, Origin, Outcome, Profile,
    Quantity, Record, Records, Request, Session, Subject, Threshold, Unit, UnitKey, UnitRun,
};
use fernn::flow::{FlowSpace, Input, Lift, LiftedState, Translation, VelocitySet};
use fernn::models::{ForecastLearner, Forecaster, mse_over_batches};
use fernn::ops::{Activation, ConvAlgorithm, Layer, Padding, activate};
use fernn::parameters::{Initial, Parameters, Tensors};
use fernn::report::{Format, write_report};
use fernn::training::{AdamConfig, Alone, RunName, Schedule, Trainer};
use fernn::{Error, Result};
use std::path::Path;

/// h' = tanh( ψ_1(ν)·h / 2 + U ⋆ f ): a cell that is not on the crate's list.
#[derive(Clone)]
struct Fading {
    space: FlowSpace<Translation>,
    kernel: Tensor,
}

impl FlowLayer for Fading {
    type Group = Translation;

    fn space(&self) -> &FlowSpace<Translation> {
        &self.space
    }

    fn channels(&self) -> usize {
        self.kernel.dims()[0]
    }

    fn parameters(&self) -> Vec<&Tensor> {
        vec![&self.kernel]
    }

    fn advance(&self, input: Input<'_>, state: &LiftedState) -> Result<LiftedState> {
        let driven = self.space.drive_by(input, &self.kernel, state)?;
        let carried = (self.space.carry(state.hidden())? * 0.5)?;
        let next = activate(&carried.broadcast_add(&driven)?, Activation::Tanh)?;
        Ok(state.next(vec![next]))
    }
}

/// Velocities of the experiment's models.
const RANGES: [u32; 2] = [0, 1];

/// An experiment that the crate does not know.
struct OwnExperiment;

struct OwnJob {
    range: u32,
}

impl OwnJob {
    fn space(&self) -> FlowSpace<Translation> {
        FlowSpace::new(Translation, VelocitySet::square(self.range), Lift::CoMoving)
    }

    fn build(&self, tensors: &Tensors) -> Result<Forecaster<Fading>> {
        let (activation, padding) = (Activation::Identity, Padding::Circular);
        let decoder = vec![Layer { kernel: tensors["decoder"].clone(), activation, padding }];
        let cell = Fading { space: self.space(), kernel: tensors["u"].clone() };
        Forecaster::new(cell, decoder, ConvAlgorithm::Auto)
    }
}

impl Job for OwnJob {
    fn data(&self, sources: &Sources) -> Result<String> {
        Ok(sources.digits()?.description().to_string())
    }

    fn run(&self, run: &UnitRun<'_>) -> Result<Evidence> {
        let (canvas, set) = (Canvas { size: 14, digit: 14 }, VelocitySet::square(1));
        let digits = run.sources.digits()?;
        let data = TranslatingMnist::new(digits, canvas, 5, set.as_slice(), run.key.seed)?;
        let build = |tensors: &Tensors| self.build(tensors);
        let initial = vec![
            Initial::convolution("u", [3, 1, 3, 3]),
            Initial::convolution("decoder", [1, 3, 3, 3]),
        ];
        let parameters = Parameters::draw(&initial, run.key.seed, &Device::Cpu)?;
        let validation = data.pairs(Split::Validation, 4, 4, 3).collect::<Result<Vec<_>>>()?;
        let training = Trainer {
            name: RunName::default(),
            learner: &ForecastLearner { initial, build: &build },
            parameters: &parameters,
            schedule: Schedule {
                steps: 4,
                interval: 2,
                clip: None,
                parts: 1,
                adam: AdamConfig::default(),
            },
            batch: &|step, part| data.pair(Split::Train, part.within(&(step * 2..step * 2 + 2)), 3),
            validation: &|_| Ok(std::borrow::Cow::Borrowed(&validation)),
            checkpoint: run.checkpoint.clone(),
            ranks: run.ranks,
            progress: run.progress,
        }
        .run()?;
        let model = self.build(&training.best_weights)?;
        let mse = mse_over_batches(&model, data.pairs(Split::Test, 4, 4, 3))?;
        let records = vec![
            run.key.record(Some(Split::Test), Metric::MSE, mse),
            run.key.record(None, Metric::named("best_of_four"), training.best_step as f64),
        ];
        Ok(Evidence { records, pictures: vec![] })
    }
}

impl Experiment for OwnExperiment {
    fn name(&self) -> &'static str {
        "own"
    }

    fn title(&self) -> &'static str {
        "A cell of another crate"
    }

    fn profiles(&self) -> &'static [Profile] {
        &Profile::ALL
    }

    fn units(&self, request: &Request) -> Result<Vec<Unit>> {
        let unit = |range: u32, seed: u64| Unit {
            key: UnitKey {
                experiment: self.name().into(),
                subject: Subject::new("Fading").with_variant(format!("V{range}")),
                seed,
                profile: request.profile.name().into(),
            },
            changed: String::new(),
            settings: format!("range = {range}\n"),
            shows_frames: false,
            steps: 4,
            work: 4,
            job: Box::new(OwnJob { range }),
        };
        let seeds = request.seeds(2);
        Ok(RANGES.iter().flat_map(|&r| seeds.clone().map(move |s| unit(r, s))).collect())
    }

    fn claims(&self, records: Records<'_>) -> Result<Vec<Claim>> {
        let of = |variant: &str| {
            let subject = Subject::new("Fading").with_variant(variant);
            records.by_seed(self.name(), &subject, &Metric::MSE, |_| true)
        };
        Ok(vec![Claim {
            id: "own/velocities".into(),
            words: "velocities do not make it much worse".into(),
            published: "nowhere",
            quantity: "test MSE with velocities over that without".into(),
            value: Quantity::Ratio { above: of("V1"), below: of("V0") },
            threshold: Threshold::AtMost(100.0),
            why: "an example",
        }])
    }

    fn exhibits(&self, records: Records<'_>) -> Result<Vec<Exhibit>> {
        let row = |subject: &&Subject| {
            let steps = Metric::named("best_of_four");
            let best = records.by_seed(self.name(), subject, &steps, |_| true);
            vec![subject.to_string(), format!("{best:?}")]
        };
        let header = vec!["model".to_string(), "best".to_string()];
        let rows = records.subjects(self.name()).iter().map(row).collect();
        let body = Body::Table(Table { header, rows });
        Ok(vec![Exhibit { name: "own_table".into(), caption: "Own.".into(), body }])
    }
}

fn request() -> Request {
    Request {
        profile: Profile::Quick,
        seed: 7,
        seeds: None,
        steps: None,
        changes: Changes::default(),
        algorithm: ConvAlgorithm::Auto,
        device: Device::Cpu,
    }
}

fn run_in(folder: &Path) -> Result<Evidence> {
    let sources = Sources::embedded();
    let observer = |_: fernn::experiments::Event<'_>| ();
    let origin = Origin::here("outside", &Device::Cpu);
    let (sources, origin) = (&sources, &origin);
    let session =
        Session { out: folder, sources, origin, jobs: 2, ranks: &Alone, observer: &observer };
    session.run(&OwnExperiment.units(&request())?)
}

#[test]
fn a_cell_of_another_crate_obeys_the_law_that_it_is_measured_by() -> Result<()> {
    let kernel = |dtype| common::normal(1, "kernel", &[3, 1, 3, 3], 0.3, dtype);
    let cell = |dtype, space| Ok(Fading { space, kernel: kernel(dtype) });
    let report = check_both_lifts(cell, &Options::over(Translation))?;
    report.assert_holds();
    let is_exact = |line: &&Line| line.verdict == Verdict::Measured(Diagnosis::Exact);
    assert_eq!(report.lines.iter().filter(is_exact).count(), 11, "bit for bit\n{report}");
    Ok(())
}

#[test]
fn an_experiment_of_another_crate_runs_resumes_and_is_reported() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let evidence = run_in(folder.path())?;
    let again = run_in(folder.path())?;
    assert_eq!(again, evidence, "finished units are read back");
    let runs = std::fs::read_dir(folder.path().join("runs")).expect("a folder").flatten();
    let names: Vec<String> = runs.map(|e| e.file_name().to_string_lossy().into_owned()).collect();
    let is_part = |n: &&String| n.starts_with("own-fading_v1-seed8-") && n.ends_with(".csv");
    assert_eq!(names.iter().filter(is_part).count(), 1, "{names:?}");
    let records = Records(&evidence);
    assert_eq!(records.all_seeds(), [7, 8]);
    let own: Vec<&dyn Experiment> = vec![&OwnExperiment];
    let verdicts = write_report(&evidence, &own, &Format::DEFAULT, folder.path())?.verdicts;
    assert_eq!(verdicts[0].outcome, Outcome::Reproduced);
    assert_eq!(verdicts[0].measured.expect("two seeds").seeds, 2);
    let report = std::fs::read_to_string(folder.path().join("REPORT.md")).expect("a report");
    for needle in ["own: A cell of another crate", "Fading V1", "range = 0"] {
        assert!(report.contains(needle), "{needle}");
    }
    assert!(folder.path().join("tables/own_table.csv").exists());
    // The crate's own experiments have nothing to say of these records.
    assert!(
        write_report(&evidence, CATALOGUE, &Format::DEFAULT, &folder.path().join("none"))?
            .verdicts
            .is_empty()
    );
    Ok(())
}

/// A file of records with rows of this program and of another one.
fn with_appended(folder: &Path, appended: &str) -> Result<Evidence> {
    let path = folder.join("records.csv");
    let key = |model: &str| UnitKey {
        experiment: "translation".into(),
        subject: Subject::new(model),
        profile: "quick".into(),
        ..UnitKey::default()
    };
    let test = Some(Split::Test);
    let mut records = vec![
        key("G-RNN").record(test, Metric::MSE, 0.4),
        key("FERNN-V2").record(test, Metric::MSE, 0.05),
    ];
    records.extend((1..=70).map(|h| Record {
        horizon: Some(h),
        ..key("FERNN-V2").record(test, Metric::MSE_BY_HORIZON, 0.01 * f64::from(h))
    }));
    Evidence { records, pictures: vec![] }.write(&path)?;
    let mut text = std::fs::read_to_string(&path).expect("records");
    text += appended;
    std::fs::write(&path, text).expect("a file");
    Evidence::read(&path)
}

#[test]
fn rows_of_another_program_appear_in_tables_and_figures() -> Result<()> {
    let folder = tempfile::tempdir().expect("a folder");
    let line = |metric: &str, horizon: &str, value: f64| {
        format!("translation,ConvLSTM,peephole,0,quick,test,{metric},,,{horizon},,{value},\n")
    };
    let by_horizon = (1..=70).map(|h| line("mse_by_horizon", &h.to_string(), 0.02 * f64::from(h)));
    let appended = line("mse", "", 0.1) + &by_horizon.collect::<String>();
    let evidence = with_appended(folder.path(), &appended)?;
    write_report(&evidence, CATALOGUE, &Format::DEFAULT, folder.path())?;
    let read = |name: &str| std::fs::read_to_string(folder.path().join(name)).expect("a file");
    let table = read("tables/table1_translation.csv");
    let row = table.lines().find(|line| line.starts_with("ConvLSTM peephole,")).expect("a row");
    // 0.4 of the G-RNN over 0.1; better than it in the only pair of seeds.
    assert_eq!(row, "ConvLSTM peephole,,1,1.000e-1,,4.0,1.0,,,");
    // No row has settings: the horizons are those of the rows' profile, 6 frames trained.
    assert!(read("tables/length_generalization.csv").contains("ConvLSTM peephole,1.200e-1,"));
    assert!(read("figures/mse_by_horizon.svg").contains("ConvLSTM peephole"));
    Ok(())
}

#[test]
fn a_row_of_another_program_that_contradicts_one_of_ours_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let other = "translation,G-RNN,,0,quick,test,mse,,,,,0.3,\n";
    match with_appended(folder.path(), other) {
        Err(Error::Format { line, problem, .. }) => {
            assert_eq!(line, Some(74), "two rows, seventy and the header before it");
            assert!(problem.contains("line 2"), "{problem}");
        }
        result => panic!("expected a refusal, got {:?}", result.map(|e| e.records.len())),
    }
    let same = "translation,G-RNN,,0,quick,test,mse,,,,,0.4,\n";
    assert_eq!(with_appended(folder.path(), same).expect("the same value").records.len(), 72);
}
