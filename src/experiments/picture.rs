//! Pictures: the frames of films and hidden states, in a file of their own beside the records.

use super::metric::Metric;
use super::subject::Subject;
use crate::data::Split;
use serde::{Deserialize, Serialize};

/// One grey frame of a film.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// The experiment.
    pub experiment: String,
    /// The model.
    pub subject: Subject,
    /// The seed.
    pub seed: u64,
    /// The profile.
    pub profile: String,
    /// The part of the data.
    pub split: Option<Split>,
    /// What is shown.
    pub metric: Metric,
    /// Its place in time, as in records.
    pub horizon: u32,
    /// Pixels of a row.
    pub width: usize,
    /// Row by row.
    pub pixels: Vec<f32>,
}

/// The columns of the file; pixels are numbers divided by blanks, row by row.
#[derive(Serialize, Deserialize)]
pub(super) struct Row {
    experiment: String,
    model: String,
    variant: String,
    seed: u64,
    profile: String,
    split: Option<Split>,
    metric: Metric,
    horizon: u32,
    width: usize,
    pixels: String,
}

impl Picture {
    /// Rows of pixels.
    pub fn rows(&self) -> Vec<Vec<f64>> {
        let row = |row: &[f32]| row.iter().map(|&v| f64::from(v)).collect();
        self.pixels.chunks(self.width.max(1)).map(row).collect()
    }

    /// Whether another picture is of the same place, and so must have the same pixels.
    pub(super) fn is_same_place(&self, other: &Self) -> bool {
        let place = |p: &Self| {
            (p.experiment.clone(), p.subject.clone(), p.seed, p.profile.clone(), p.split)
        };
        let shown = |p: &Self| (p.metric.clone(), p.horizon);
        place(self) == place(other) && shown(self) == shown(other)
    }

    /// Whether another picture has the same pixels, bit for bit.
    pub(super) fn has_same_pixels(&self, other: &Self) -> bool {
        let bits = |p: &Self| p.pixels.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        self.width == other.width && bits(self) == bits(other)
    }

    pub(super) fn to_row(&self) -> Row {
        let pixels: Vec<String> = self.pixels.iter().map(f32::to_string).collect();
        Row {
            experiment: self.experiment.clone(),
            model: self.subject.model.clone(),
            variant: self.subject.variant.clone(),
            seed: self.seed,
            profile: self.profile.clone(),
            split: self.split,
            metric: self.metric.clone(),
            horizon: self.horizon,
            width: self.width,
            pixels: pixels.join(" "),
        }
    }

    /// The picture of a row; the reason where it is none.
    pub(super) fn from_row(row: Row) -> Result<Self, String> {
        let pixels = row.pixels.split_ascii_whitespace().map(str::parse).collect::<Result<_, _>>();
        let pixels: Vec<f32> = pixels.map_err(|e| format!("a pixel is no number ({e})"))?;
        if row.width == 0 || pixels.is_empty() || !pixels.len().is_multiple_of(row.width) {
            return Err(format!("{} pixels are no rows of {}", pixels.len(), row.width));
        }
        Ok(Self {
            experiment: row.experiment,
            subject: Subject { model: row.model, variant: row.variant },
            seed: row.seed,
            profile: row.profile,
            split: row.split,
            metric: row.metric,
            horizon: row.horizon,
            width: row.width,
            pixels,
        })
    }
}
