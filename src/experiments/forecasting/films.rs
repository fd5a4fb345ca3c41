//! Films: frames of a sequence, true and predicted, and hidden states.

use crate::error::Result;
use crate::experiments::exhibit::{Body, Exhibit, Film, FilmRow, Pixels, Tone};
use crate::experiments::metric::Metric;
use crate::experiments::picture::Picture;
use crate::experiments::query::Records;
use crate::experiments::subject::Subject;
use std::collections::BTreeSet;

/// The frame of a metric, model and place in time; of several seeds the first.
fn frame(
    records: Records<'_>,
    (experiment, metric): (&str, &Metric),
    subject: &Subject,
    horizon: u32,
) -> Option<Pixels> {
    let pictures = records.pictures(experiment, metric);
    let is_it = |p: &&&_| -> bool {
        let picture: &Picture = p;
        picture.subject == *subject && picture.horizon == horizon
    };
    let first = pictures.iter().filter(is_it).min_by_key(|p| p.seed);
    first.map(|picture| picture.rows())
}

/// The places in time that have a frame, in order.
fn horizons(pictures: &[&Picture]) -> Vec<u32> {
    let all: BTreeSet<u32> = pictures.iter().map(|picture| picture.horizon).collect();
    all.into_iter().collect()
}

/// Columns of a film: as many as print shows in a column of text.
const MOST_COLUMNS: usize = 5;

/// The first, the last and others between them, evenly spread.
fn at_most(most: usize, horizons: &[u32]) -> Vec<u32> {
    let last = horizons.len().saturating_sub(1);
    match horizons.len() <= most {
        true => horizons.to_vec(),
        false => (0..most).map(|i| horizons[i * last / (most - 1)]).collect(),
    }
}

/// One test sequence: truth, prediction and error of each model.
pub fn film(records: Records<'_>, experiment: &str, name: &str) -> Option<Exhibit> {
    let truth = (experiment, &Metric::FILM_TRUTH);
    let pictures = records.pictures(experiment, &Metric::FILM_TRUTH);
    let first = &pictures.first()?.subject;
    let horizons = at_most(MOST_COLUMNS, &horizons(&pictures));
    let title = |&h: &u32| if h == 0 { "last seen".into() } else { format!("+{h}") };
    let true_frames: Vec<_> = horizons.iter().map(|&h| frame(records, truth, first, h)).collect();
    let row = |name: String, frames, tone| FilmRow { name, frames, tone };
    let mut rows = vec![row("truth".into(), true_frames.clone(), Tone::Intensity)];
    let of_prediction = (experiment, &Metric::FILM_PREDICTION);
    for subject in records.subjects(experiment) {
        let frames: Vec<_> =
            horizons.iter().map(|&h| frame(records, of_prediction, subject, h)).collect();
        if frames.iter().all(Option::is_none) {
            continue;
        }
        let pairs = frames.iter().zip(&true_frames);
        let errors = pairs.map(|(p, t)| Some(difference(p.as_ref()?, t.as_ref()?))).collect();
        rows.push(row(subject.to_string(), frames, Tone::Intensity));
        rows.push(row("error".into(), errors, Tone::Error));
    }
    let columns = horizons.iter().map(title).collect();
    Some(Exhibit {
        name: name.into(),
        caption: "One test sequence (the first): truth, prediction and error (prediction minus \
                  truth; red too bright, blue too dark) of each model, first seed. Values beyond their \
                  colours are cut off, which a corner of the frame says."
            .into(),
        body: Body::Film(Film { columns, rows, in_motion: false }),
    })
}

/// Hidden states of the first model and of the last, while digits move as `motion` says.
pub fn hidden_states(
    records: Records<'_>,
    experiment: &str,
    (name, motion): (&str, &str),
) -> Result<Option<Exhibit>> {
    let lab = records.pictures(experiment, &Metric::HIDDEN_LAB);
    let (Some(first), Some(last)) = (lab.first(), lab.last()) else { return Ok(None) };
    let steps = horizons(&lab);
    let row = |metric: &Metric, subject: &Subject, (name, tone): (String, Tone)| {
        let of = (experiment, metric);
        let frames = steps.iter().map(|&t| frame(records, of, subject, t)).collect();
        FilmRow { name, frames, tone }
    };
    let input = ("input".into(), Tone::Intensity);
    let mut rows = vec![row(&Metric::HIDDEN_INPUT, &first.subject, input)];
    for subject in [&first.subject, &last.subject] {
        let name = subject.to_string();
        rows.push(row(&Metric::HIDDEN_LAB, subject, (name, Tone::Hidden)));
        let back = "moved back".into();
        rows.push(row(&Metric::HIDDEN_STABILISED, subject, (back, Tone::Hidden)));
    }
    let columns = steps.iter().map(|t| format!("t = {t}")).collect();
    Ok(Some(Exhibit {
        name: name.into(),
        caption: format!(
            "The channel of the hidden state that varies most while two digits {motion}, and the same moved back along \
             with them: at rest and growing where the state flows with the input (the FERNN's slice \
             of that velocity), smeared out where memory stays behind (the G-RNN). First test \
             sequence, first seed; one scale for all hidden states."
        ),
        body: Body::Film(Film { columns, rows, in_motion: true }),
    }))
}

fn difference(a: &[Vec<f64>], b: &[Vec<f64>]) -> Pixels {
    let row = |(a, b): (&Vec<f64>, &Vec<f64>)| a.iter().zip(b).map(|(a, b)| a - b).collect();
    a.iter().zip(b).map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::experiments::Evidence;

    /// A frame of one pixel.
    fn picture(metric: Metric, seed: u64, horizon: u32, pixel: f32) -> Picture {
        let (experiment, subject) = ("a".into(), Subject::g_rnn());
        let (width, pixels) = (1, vec![pixel]);
        Picture { experiment, subject, metric, seed, horizon, width, pixels, ..Picture::default() }
    }

    #[test]
    fn a_film_shows_the_first_seed_and_what_its_prediction_has_too_much() {
        let mut evidence = Evidence::default();
        // The seeds come in no order.
        for (seed, shift) in [(7, 0.25), (3, 0.0), (5, 0.125)] {
            for (metric, pixel) in [(Metric::FILM_TRUTH, 0.5), (Metric::FILM_PREDICTION, 0.25)] {
                evidence.pictures.push(picture(metric, seed, 1, pixel + shift));
            }
        }
        let subject = Subject::g_rnn();
        let of = |metric, value| crate::experiments::Record {
            experiment: "a".into(),
            subject: subject.clone(),
            metric,
            value: Some(value),
            ..Default::default()
        };
        evidence.records.push(of(Metric::MSE, 0.1));
        let film = film(Records(&evidence), "a", "film").expect("there are pictures");
        let Body::Film(film) = film.body else { panic!("no film") };
        let row = |name: &str| {
            let row = film.rows.iter().find(|row| row.name == name).expect("the row is there");
            (row.frames.clone(), row.tone)
        };
        assert_eq!(film.columns, ["+1"]);
        assert_eq!(row("truth"), (vec![Some(vec![vec![0.5]])], Tone::Intensity));
        assert_eq!(row("G-RNN"), (vec![Some(vec![vec![0.25]])], Tone::Intensity));
        assert_eq!(row("error"), (vec![Some(vec![vec![-0.25]])], Tone::Error));
    }
}
