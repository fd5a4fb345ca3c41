//! Reads records as the first version wrote them: models by one name, velocities in three columns, pixels
//! as rows, and the settings of an experiment's first model only.

use super::forecasting::{RotationWorld, Settings, TranslationWorld};
use super::metric::Metric;
use super::picture::Picture;
use super::record::{PROVENANCE, Record};
use super::settings_text;
use super::subject::Subject;
use crate::cells::{CellChoice, Running};
use crate::data::Canvas;
use crate::flow::{AnyVelocity, CarryOrder, DegreesPerFrame, Lift, PixelsPerFrame};
use crate::models::{Decoder, Feedback, ForecasterChoice, ForecasterShape};
use crate::ops::{Activation, ConvAlgorithm, VelocityPooling};
use crate::training::Schedule;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A row of the first version.
#[derive(Deserialize)]
pub(super) struct Row {
    experiment: String,
    model: String,
    seed: Option<u64>,
    profile: String,
    split: String,
    metric: String,
    #[serde(default)]
    velocities: Option<u32>,
    step: Option<u64>,
    horizon: Option<u32>,
    velocity_x: Option<i32>,
    velocity_y: Option<i32>,
    #[serde(default)]
    velocity_deg: Option<i32>,
    pixel_x: Option<u32>,
    pixel_y: Option<u32>,
    value: Option<f64>,
    note: String,
}

/// Whether the columns are those of the first version.
pub(super) fn is_legacy(headers: &csv::StringRecord) -> bool {
    headers.iter().any(|name| name == "velocity_x")
}

/// What a file of the first version holds.
pub(super) struct Converted {
    /// With their lines.
    pub records: Vec<(u64, Record)>,
    pub pictures: Vec<Picture>,
}

/// The same measurements in today's form, records with their lines; no value changes.
///
/// # Errors
/// The line of a pixel that has another value in an earlier one.
pub(super) fn convert(rows: Vec<(u64, Row)>) -> std::result::Result<Converted, u64> {
    let (mut records, mut pixels) = (Vec::new(), PixelRows::default());
    let mut described = Vec::new();
    for (line, row) in rows {
        match row.metric.strip_prefix("settings of ") {
            Some(experiment) if row.experiment == PROVENANCE => {
                described.push((line, experiment.to_string(), row.note.replace("\r\n", "\n")));
            }
            // Both are to be read off the rows.
            _ if row.experiment == PROVENANCE && ["profile", "seeds"].contains(&&*row.metric) => {}
            _ if row.pixel_x.is_some() => pixels.take(&row).ok_or(line)?,
            _ => records.push((line, record(row))),
        }
    }
    for (line, experiment, text) in &described {
        // Of several runs nobody wrote down which rows are whose: then the text stays as it was.
        let is_only = described.iter().all(|(_, other, also)| other != experiment || also == text);
        let mut rows = match is_only {
            true => settings_rows(&records, experiment, text),
            false => vec![],
        };
        if rows.is_empty() {
            rows.push(Record::provenance(&format!("settings of {experiment}"), text.clone()));
        }
        records.extend(rows.into_iter().map(|row| (*line, row)));
    }
    Ok(Converted { records, pictures: pixels.pictures() })
}

/// The model that a row is of. The only lab frame that there was convolved first, as today's default
/// does not.
fn subject(experiment: &str, model: &str) -> Subject {
    match model.split_once(' ') {
        Some((model, variant)) if experiment == "rotation-lifts" => {
            let variant = match variant.strip_prefix("lab") {
                Some(rest) => format!("lab convolve-first{rest}"),
                None => variant.to_string(),
            };
            Subject::new(model).with_variant(&variant)
        }
        Some((model, variant)) => Subject::new(model).with_variant(variant),
        None => Subject::new(model),
    }
}

fn velocity(row: &Row) -> Option<AnyVelocity> {
    match (row.velocity_deg, row.velocity_x, row.velocity_y) {
        (Some(degrees), ..) => Some(DegreesPerFrame(degrees).into()),
        (None, Some(x), Some(y)) => Some(PixelsPerFrame::new(x, y).into()),
        _ => None,
    }
}

fn record(row: Row) -> Record {
    Record {
        subject: subject(&row.experiment, &row.model),
        split: row.split.parse().ok(),
        velocity: velocity(&row),
        metric: Metric::named(row.metric),
        experiment: row.experiment,
        seed: row.seed,
        profile: row.profile,
        velocities: row.velocities,
        step: row.step,
        horizon: row.horizon,
        value: row.value,
        note: row.note.replace("\r\n", "\n"),
    }
}

/// Pictures whose pixels come one by one.
#[derive(Default)]
struct PixelRows(BTreeMap<Place, (Picture, Pixels)>);

/// Experiment, model, seed, metric, horizon.
type Place = (String, String, u64, String, u32);

/// Pixels by row and column.
type Pixels = BTreeMap<(u32, u32), f32>;

impl PixelRows {
    /// Takes a pixel in; `None` when it is there with another value.
    fn take(&mut self, row: &Row) -> Option<()> {
        let (Some(x), Some(y), Some(value)) = (row.pixel_x, row.pixel_y, row.value) else {
            return Some(()); // nothing was measured there
        };
        let (seed, horizon) = (row.seed.unwrap_or(0), row.horizon.unwrap_or(0));
        let key = (row.experiment.clone(), row.model.clone(), seed, row.metric.clone(), horizon);
        let fresh = || {
            let picture = Picture {
                experiment: row.experiment.clone(),
                subject: subject(&row.experiment, &row.model),
                seed,
                profile: row.profile.clone(),
                split: row.split.parse().ok(),
                metric: Metric::named(row.metric.clone()),
                horizon,
                ..Picture::default()
            };
            (picture, Pixels::new())
        };
        let pixels = &mut self.0.entry(key).or_insert_with(fresh).1;
        let before = pixels.insert((y, x), value as f32);
        before.is_none_or(|before| before.to_bits() == (value as f32).to_bits()).then_some(())
    }

    fn pictures(self) -> Vec<Picture> {
        let picture = |(picture, pixels): (Picture, Pixels)| Picture {
            width: pixels.keys().map(|(_, x)| *x as usize + 1).max().unwrap_or(0),
            pixels: pixels.into_values().collect(),
            ..picture
        };
        self.0.into_values().map(picture).collect()
    }
}

/// Settings for the models that the text was true of: those with the first model's departure.
fn settings_rows(records: &[(u64, Record)], experiment: &str, text: &str) -> Vec<Record> {
    let of_it = || records.iter().map(|(_, r)| r).filter(|r| r.experiment == experiment);
    let Some(first) = of_it().next() else { return vec![] };
    let mut units: Vec<(&Subject, u64)> = Vec::new();
    for r in of_it().filter(|r| r.subject.variant == first.subject.variant) {
        let Some(seed) = r.seed else { continue };
        if !units.contains(&(&r.subject, seed)) {
            units.push((&r.subject, seed));
        }
    }
    // What is not understood stays as it was written.
    let today = |range| match settings_text::parsed::<OldSettings>(text) {
        Ok(settings) => settings.today(range),
        Err(_) => text.to_string(),
    };
    let row = |(subject, seed): (&Subject, u64)| Record {
        experiment: experiment.into(),
        subject: subject.clone(),
        seed: Some(seed),
        profile: first.profile.clone(),
        metric: Metric::SETTINGS,
        note: today(range(&subject.model)),
        ..Record::default()
    };
    units.into_iter().map(row).collect()
}

/// N of a model called after its V_N; 0 for the G-RNN.
fn range(model: &str) -> u32 {
    model.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().unwrap_or(0)
}

#[derive(Deserialize)]
struct OldSettings {
    activation: Activation,
    pooling: VelocityPooling,
    feedback: Feedback,
    algorithm: ConvAlgorithm,
    seen: usize,
    predicted: usize,
    batch: u64,
    training_range: u32,
    validation_sequences: u64,
    test_sequences: u64,
    horizon: usize,
    horizon_sequences: u64,
    velocity_sequences: u64,
    schedule: Schedule,
    #[serde(flatten)]
    space: OldSpace,
}

/// Before there were rotations, what is of translations stood at the top.
#[derive(Deserialize)]
#[serde(untagged)]
enum OldSpace {
    Named { space: NamedSpace },
    Unnamed { canvas: Canvas, shape: OldShape },
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum NamedSpace {
    Translation { canvas: Canvas, shape: OldShape },
    Rotation { step_deg: i32, tested_range: u32, lift: Lift, canvas: Canvas, shape: OldShape },
}

#[derive(Deserialize)]
struct OldShape {
    inputs: usize,
    #[serde(alias = "fields")]
    channels: usize,
    outputs: usize,
    decoder_layers: usize,
    #[serde(default)]
    decoder: Decoder,
    #[serde(default)]
    orientations: usize,
    #[serde(default)]
    filter_size: usize,
}

impl OldShape {
    fn today(&self) -> ForecasterShape {
        let Self { inputs, channels, outputs, decoder_layers, decoder, .. } = *self;
        ForecasterShape { inputs, channels, outputs, decoder_layers, decoder }
    }
}

impl OldSettings {
    /// Today's text of the settings, for the model with velocities V_N.
    fn today(self, range: u32) -> String {
        let text = |text: std::result::Result<String, _>| text.expect("settings are plain data");
        match &self.space {
            OldSpace::Unnamed { canvas, shape }
            | OldSpace::Named { space: NamedSpace::Translation { canvas, shape } } => {
                // What the first version computed in for translations.
                let world = TranslationWorld { lift: Lift::CoMoving, canvas: *canvas };
                text(toml::to_string(&self.with(range, shape.today(), world)))
            }
            OldSpace::Named {
                space: NamedSpace::Rotation { step_deg, tested_range, lift, canvas, shape },
            } => {
                let world = RotationWorld {
                    step_deg: *step_deg,
                    tested_range: *tested_range,
                    lift: *lift,
                    order: CarryOrder::ConvolveFirst, // the only one that there was
                    orientations: shape.orientations,
                    filter_size: shape.filter_size,
                    canvas: *canvas,
                };
                text(toml::to_string(&self.with(range, shape.today(), world)))
            }
        }
    }

    fn with<W>(&self, velocity_range: u32, shape: ForecasterShape, world: W) -> Settings<W> {
        let running = Running { pooling: self.pooling, algorithm: self.algorithm };
        let cell = CellChoice { activation: self.activation, ..CellChoice::SIMPLE };
        Settings {
            velocity_range,
            seen: self.seen,
            predicted: self.predicted,
            batch: self.batch,
            training_range: self.training_range,
            validation_sequences: self.validation_sequences,
            test_sequences: self.test_sequences,
            horizon: self.horizon,
            horizon_sequences: self.horizon_sequences,
            velocity_sequences: self.velocity_sequences,
            model: ForecasterChoice { cell, feedback: self.feedback, running },
            shape,
            schedule: self.schedule,
            world,
        }
    }
}
