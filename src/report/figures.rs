//! Which figures a report has, and what of the records each shows.

use super::animation::animated_gif;
use super::drawing::Picture;
use super::film::{FilmRow, film_strip};
use super::heatmap::{Panel, heat_maps};
use super::lines::{LineChart, Scale, Series};
use crate::error::Result;
use crate::experiments::Record;
use crate::experiments::query::Records;
use crate::statistics::mean;
use std::collections::BTreeMap;

/// A figure with its file name and caption.
pub(super) struct Figure {
    pub name: String,
    pub caption: String,
    pub picture: Picture,
    /// The same in motion, as a GIF.
    pub animation: Option<Vec<u8>>,
}

/// Every figure that the records allow.
pub(super) fn all(records: &[Record]) -> Result<Vec<Figure>> {
    let records = Records(records);
    let mut figures = Vec::new();
    figures.extend(training_curves(records, "translation")?);
    figures.extend(horizons(records, "translation")?);
    figures.extend(velocities(records)?);
    figures.extend(film(records, "translation")?);
    figures.extend(hidden_states(records, "translation")?);
    figures.extend(training_curves(records, "rotation")?);
    figures.extend(horizons(records, "rotation")?);
    figures.extend(angular_velocities(records)?);
    figures.extend(film(records, "rotation")?);
    figures.extend(hidden_states(records, "rotation")?);
    figures.extend(drift(records)?);
    figures.extend(horizons(records, "rotation-lifts")?);
    figures.extend(horizons(records, "length-study")?);
    for experiment in ["cost", "rotation-cost"] {
        figures.extend(cost(records, experiment, "seconds", "seconds per training step")?);
        figures.extend(cost(records, experiment, "peak_mb", "peak memory, MB")?);
    }
    Ok(figures)
}

/// Mean, lowest and highest value over seeds at each position.
fn spread(rows: impl Iterator<Item = (i64, f64)>) -> Vec<(f64, f64, f64, f64)> {
    let mut by_position: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    rows.for_each(|(position, value)| by_position.entry(position).or_default().push(value));
    let point = |(position, values): (i64, Vec<f64>)| {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        (position as f64, mean(&values), low, high)
    };
    by_position.into_iter().map(point).collect()
}

/// A figure's file name: that of translations alone, others after their experiment.
fn named(experiment: &str, name: &str) -> String {
    match experiment {
        "translation" => name.into(),
        other => format!("{}_{name}", other.replace('-', "_")),
    }
}

/// One line per model of the rows of a metric, by the position that `position` reads.
fn series(
    records: Records<'_>,
    experiment: &str,
    metric: &str,
    position: impl Fn(&Record) -> Option<i64>,
) -> Vec<Series> {
    let line = |model: &&str| Series {
        name: model.to_string(),
        points: spread(
            records
                .of(experiment, metric)
                .into_iter()
                .filter(|r| r.model == *model && r.split != "train")
                .filter_map(|r| Some((position(r)?, r.value?))),
        ),
    };
    records.models(experiment).iter().map(line).collect()
}

fn training_curves(records: Records<'_>, experiment: &str) -> Result<Option<Figure>> {
    let series = series(records, experiment, "loss", |r| Some(r.step? as i64));
    if series.is_empty() {
        return Ok(None);
    }
    let chart = LineChart {
        x_label: "optimiser step",
        y_label: "validation MSE",
        series,
        scale: Scale::Logarithmic,
        mark: None,
        shade: None,
    };
    Ok(Some(Figure {
        name: named(experiment, "training_curves"),
        caption: "Validation loss by optimiser step; line: mean over seeds, band: lowest to \
                  highest seed."
            .into(),
        picture: chart.draw()?,
        animation: None,
    }))
}

fn horizons(records: Records<'_>, experiment: &str) -> Result<Option<Figure>> {
    let series = series(records, experiment, "mse_by_horizon", |r| r.horizon.map(i64::from));
    if series.is_empty() {
        return Ok(None);
    }
    let trained = records.setting(experiment, "predicted");
    let chart = LineChart {
        x_label: "predicted frame",
        y_label: "test MSE",
        series,
        scale: Scale::Logarithmic,
        mark: trained.map(|h| (h as f64, "trained".into())),
        shade: None,
    };
    let name = match experiment {
        "length-study" => "length_study".into(),
        other => named(other, "mse_by_horizon"),
    };
    Ok(Some(Figure {
        name,
        caption: "Test error by predicted frame, far beyond the trained horizon (dashed); line: \
                  mean over seeds, band: lowest to highest seed. A line ends where a seed is no \
                  longer finite."
            .into(),
        picture: chart.draw()?,
        animation: None,
    }))
}

fn velocities(records: Records<'_>) -> Result<Option<Figure>> {
    let panel = |model: &&str| {
        let mut cells: BTreeMap<(i32, i32), Vec<f64>> = BTreeMap::new();
        for row in records.of("velocity", "mse_by_velocity") {
            if let (true, Some(x), Some(y), Some(value)) =
                (row.model == *model, row.velocity_x, row.velocity_y, row.value)
            {
                cells.entry((x, y)).or_default().push(value);
            }
        }
        let cells = cells.into_iter().map(|((x, y), values)| (x, y, mean(&values))).collect();
        Panel { name: model.to_string(), cells }
    };
    let panels: Vec<Panel> = records.models("velocity").iter().map(panel).collect();
    if panels.is_empty() {
        return Ok(None);
    }
    let trained = records.setting("velocity", "training_range").unwrap_or(1) as i32;
    Ok(Some(Figure {
        name: "mse_by_velocity".into(),
        caption: "Test MSE by velocity of the test sequences (mean over seeds), after training on \
                  the velocities inside the square; one colour scale for all panels."
            .into(),
        picture: heat_maps(&panels, trained)?,
        animation: None,
    }))
}

/// Test error by angular velocity, with the trained ones shaded.
fn angular_velocities(records: Records<'_>) -> Result<Option<Figure>> {
    const EXPERIMENT: &str = "rotation-velocity";
    let series = series(records, EXPERIMENT, "mse_by_velocity", |r| r.velocity_deg.map(i64::from));
    if series.is_empty() {
        return Ok(None);
    }
    let step = records.setting(EXPERIMENT, "space.rotation.step_deg").unwrap_or(1);
    let reach = (records.setting(EXPERIMENT, "training_range").unwrap_or(1) * step) as f64;
    let chart = LineChart {
        x_label: "degrees per frame",
        y_label: "test MSE",
        series,
        scale: Scale::Logarithmic,
        mark: None,
        shade: Some((-reach, reach)),
    };
    Ok(Some(Figure {
        name: "rotation_mse_by_velocity".into(),
        caption:
            "Test MSE by angular velocity of both digits, after training on the velocities of \
                  the shaded range alone; line: mean over seeds, band: lowest to highest seed."
                .into(),
        picture: chart.draw()?,
        animation: None,
    }))
}

/// Equivariance errors of hidden states over rotations, by lift, before and after training.
fn drift(records: Records<'_>) -> Result<Option<Figure>> {
    const EXPERIMENT: &str = "rotation-lifts";
    let mut lines = Vec::new();
    for (metric, when) in
        [("equivariance_untrained", "untrained"), ("equivariance_trained", "trained")]
    {
        for mut line in series(records, EXPERIMENT, metric, |r| r.horizon.map(i64::from)) {
            let Some((_, lift)) = line.name.split_once(' ') else { continue };
            let lift = lift.to_string();
            line.name = format!("{lift}, {when}");
            // The first frame has moved nothing yet.
            line.points.retain(|&(_, mean, ..)| mean > 0.0);
            // What was not trained does not know its decoder.
            let is_told = when == "untrained" && lift.contains("decoder");
            if !is_told && !line.points.is_empty() {
                lines.push(line);
            }
        }
    }
    if lines.is_empty() {
        return Ok(None);
    }
    let chart = LineChart {
        x_label: "frame",
        y_label: "equivariance error (2-norm)",
        series: lines,
        scale: Scale::Logarithmic,
        mark: None,
        shade: None,
    };
    Ok(Some(Figure {
        name: "rotation_drift".into(),
        caption: "Flow equivariance error of the hidden state by frame, when test sequences flow by one \
                  step of angular velocity: the lab frame resamples the state at every step, the \
                  co-moving one each input once. Line: mean over seeds, band: lowest to highest seed."
            .into(),
        picture: chart.draw()?,
        animation: None,
    }))
}

/// Time or memory of a training step against |V|, a line per model (here: per algorithm or lift).
fn cost(
    records: Records<'_>,
    experiment: &str,
    metric: &str,
    y_label: &str,
) -> Result<Option<Figure>> {
    let series = series(records, experiment, metric, |r| r.velocities.map(i64::from));
    if series.is_empty() {
        return Ok(None);
    }
    let chart = LineChart {
        x_label: "velocities |V|",
        y_label,
        series,
        scale: Scale::Linear,
        mark: None,
        shade: None,
    };
    Ok(Some(Figure {
        name: format!("{}_{metric}", experiment.replace('-', "_")),
        caption: "A whole training step against the number of velocities; time: the fastest of \
                  several, memory: the largest resident set of a process that does nothing else."
            .into(),
        picture: chart.draw()?,
        animation: None,
    }))
}

/// The pixels of one frame of the film, as rows.
fn frame(rows: &[&Record], model: &str, horizon: u32) -> Option<Vec<Vec<f64>>> {
    let mut pixels: BTreeMap<u32, BTreeMap<u32, f64>> = BTreeMap::new();
    for row in rows.iter().filter(|r| r.model == model && r.horizon == Some(horizon)) {
        pixels.entry(row.pixel_y?).or_default().insert(row.pixel_x?, row.value?);
    }
    let rows: Vec<Vec<f64>> = pixels.into_values().map(|row| row.into_values().collect()).collect();
    (!rows.is_empty()).then_some(rows)
}

fn film(records: Records<'_>, experiment: &str) -> Result<Option<Figure>> {
    let (truth, prediction) =
        (records.of(experiment, "film_truth"), records.of(experiment, "film_prediction"));
    let models = records.models(experiment);
    let Some(&first) = models.first().filter(|_| !truth.is_empty()) else { return Ok(None) };
    let mut horizons: Vec<u32> = truth.iter().filter_map(|r| r.horizon).collect();
    horizons.sort_unstable();
    horizons.dedup();
    let title = |&h: &u32| if h == 0 { "last seen".into() } else { format!("+{h}") };
    let columns: Vec<String> = horizons.iter().map(title).collect();
    let true_frames: Vec<_> = horizons.iter().map(|&h| frame(&truth, first, h)).collect();
    let mut rows =
        vec![FilmRow { name: "truth".into(), frames: true_frames.clone(), is_error: false }];
    for model in models {
        let frames: Vec<_> = horizons.iter().map(|&h| frame(&prediction, model, h)).collect();
        let errors =
            frames.iter().zip(&true_frames).map(|(p, t)| difference(p.as_ref()?, t.as_ref()?));
        let errors = FilmRow { name: "error".into(), frames: errors.collect(), is_error: true };
        rows.push(FilmRow { name: model.to_string(), frames, is_error: false });
        rows.push(errors);
    }
    Ok(Some(Figure {
        name: named(experiment, "film"),
        caption: "One test sequence (the first): truth, prediction and error (prediction minus \
                  truth; red too bright, blue too dark) of each model, first seed."
            .into(),
        picture: film_strip(&columns, &rows)?,
        animation: None,
    }))
}

/// Hidden states of the G-RNN and of the FERNN with most velocities, while digits move.
fn hidden_states(records: Records<'_>, experiment: &str) -> Result<Option<Figure>> {
    let lab = records.of(experiment, "hidden_lab");
    let models = records.models(experiment);
    let (Some(&first), Some(&last)) = (models.first(), models.last()) else { return Ok(None) };
    let steps = lab.iter().filter_map(|r| r.horizon).max().unwrap_or(0);
    if steps == 0 {
        return Ok(None);
    }
    let row = |metric: &str, model: &str, name: String| {
        let rows = records.of(experiment, metric);
        let frames: Vec<_> = (1..=steps).map(|t| frame(&rows, model, t)).collect();
        FilmRow { name, frames: brightest_at_one(frames), is_error: false }
    };
    let mut rows = vec![row("hidden_input", first, "input".into())];
    for model in [first, last] {
        rows.push(row("hidden_lab", model, model.to_string()));
        rows.push(row("hidden_stabilised", model, "moved back".into()));
    }
    let columns: Vec<String> = (1..=steps).map(|t| format!("frame {t}")).collect();
    let step = records.setting(experiment, "space.rotation.step_deg");
    let motion = match step {
        Some(degrees) => format!("turn by {degrees}° per frame"),
        None => "move by (1, 1) pixels per frame".into(),
    };
    Ok(Some(Figure {
        name: named(experiment, "hidden_states"),
        caption: format!(
            "A channel of the hidden state while two digits {motion}, and the same moved back along with them: at \
             rest and growing where the state flows with the input (the FERNN's slice of that \
             velocity), smeared out where memory stays behind (the G-RNN). First test sequence, first \
             seed, the channel that varies most; each row scaled by its largest value."
        ),
        picture: film_strip(&columns, &rows)?,
        animation: animation(&rows)?,
    }))
}

/// Frames divided by the largest value among them.
fn brightest_at_one(frames: Vec<Option<Vec<Vec<f64>>>>) -> Vec<Option<Vec<Vec<f64>>>> {
    let values = frames.iter().flatten().flatten().flatten();
    let largest = values.fold(f64::MIN_POSITIVE, |max, v| v.abs().max(max));
    let scale = |frame: Vec<Vec<f64>>| {
        let row = |row: Vec<f64>| row.into_iter().map(|v| v / largest).collect();
        frame.into_iter().map(row).collect()
    };
    frames.into_iter().map(|frame| frame.map(scale)).collect()
}

/// The rows side by side in motion; `None` where a frame is missing or not square.
fn animation(rows: &[FilmRow]) -> Result<Option<Vec<u8>>> {
    const PIXEL: usize = 8;
    let frames: Option<Vec<Vec<&Vec<Vec<f64>>>>> =
        rows.iter().map(|row| row.frames.iter().map(Option::as_ref).collect()).collect();
    let Some(frames) = frames else { return Ok(None) };
    let size = frames.first().and_then(|row| row.first()).map_or(0, |frame| frame.len());
    let is_square =
        |frame: &&Vec<Vec<f64>>| frame.len() == size && frame.iter().all(|row| row.len() == size);
    if size == 0 || !frames.iter().flatten().all(is_square) {
        return Ok(None);
    }
    let flat = |row: &Vec<&Vec<Vec<f64>>>| -> Vec<f32> {
        row.iter().flat_map(|frame| frame.iter().flatten()).map(|&v| v as f32).collect()
    };
    let sequences: Vec<Vec<f32>> = frames.iter().map(flat).collect();
    Ok(Some(animated_gif(&sequences, (size, size), (1, sequences.len()), PIXEL)?))
}

fn difference(a: &[Vec<f64>], b: &[Vec<f64>]) -> Option<Vec<Vec<f64>>> {
    let row = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a - b).collect();
    Some(a.iter().zip(b).map(row).collect())
}
