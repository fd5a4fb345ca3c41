//! The numbers of a page against the records that they come from, computed anew.

use crate::markup::Node;
use fernn::data::Split;
use fernn::experiments::{CATALOGUE, Evidence, Metric, Record, Records, Subject};
use fernn::statistics::{estimate, mean};
use serde_json::Value;
use std::collections::BTreeMap;

/// The JSON that a figure embeds.
pub fn data(page: &Node, name: &str) -> Value {
    serde_json::from_str(&page.named(&format!("data-{name}")).text).unwrap()
}

/// Cells of a table by row, the header first.
pub fn cells(page: &Node, name: &str) -> Vec<Vec<String>> {
    let rows = page.named(&format!("table-{name}")).of("tr");
    let cells = |row: &&Node| row.children.iter().map(Node::whole_text).collect();
    rows.iter().map(cells).collect()
}

/// Every number that does not follow from the records.
pub fn wrong(page: &Node, evidence: &Evidence) -> Vec<String> {
    let mut wrong = wrong_curves(page, evidence);
    wrong.extend(wrong_table(page, evidence));
    wrong.extend(wrong_pixels(page, evidence));
    wrong.extend(wrong_verdicts(page, evidence));
    wrong
}

/// Where a row stands on a chart's horizontal axis, where it does.
type Position<'a> = &'a dyn Fn(&Record) -> Option<f64>;

/// The points of two charts of one experiment.
fn wrong_curves(page: &Node, evidence: &Evidence) -> Vec<String> {
    let validation = |r: &Record| {
        let is_it = r.metric == Metric::LOSS && r.split == Some(Split::Validation);
        is_it.then(|| r.step.map(|step| step as f64)).flatten()
    };
    let horizon = |r: &Record| match r.metric == Metric::MSE_BY_HORIZON {
        true => r.horizon.map(f64::from),
        false => None,
    };
    let charts: [(&str, Position<'_>); 2] =
        [("training_curves", &validation), ("mse_by_horizon", &horizon)];
    let mut wrong = Vec::new();
    for (name, position) in charts {
        let mut expected: BTreeMap<String, BTreeMap<u64, Vec<f64>>> = BTreeMap::new();
        // Of what is no model figures show the mean frame alone.
        let is_shown = |r: &&Record| {
            let left_out = ["last frame", "true motion (oracle)"];
            r.experiment == "translation" && !left_out.contains(&r.subject.model.as_str())
        };
        for row in evidence.records.iter().filter(is_shown) {
            if let (Some(x), Some(value)) = (position(row), row.value) {
                let line = expected.entry(row.subject.to_string()).or_default();
                line.entry(x.to_bits()).or_default().push(value);
            }
        }
        let chart = data(page, name);
        let lines = chart["series"].as_array().unwrap();
        assert!(lines.len() == expected.len() && lines.len() >= 3, "{name}");
        for line in lines {
            let model = line["name"].as_str().unwrap();
            let points = line["points"].as_array().unwrap();
            assert_eq!(points.len(), expected[model].len(), "{name} {model}");
            for point in points {
                let values = &expected[model][&point[0].as_f64().unwrap().to_bits()];
                let least = values.iter().copied().fold(f64::INFINITY, f64::min);
                let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let shown = [1, 2, 3].map(|i| point[i].as_f64());
                if shown != [mean(values), least, most].map(|v| v.is_finite().then_some(v)) {
                    wrong.push(format!("{name}, {model} at {}", point[0]));
                }
            }
        }
    }
    wrong
}

/// The errors of Table 1 and their spread.
fn wrong_table(page: &Node, evidence: &Evidence) -> Vec<String> {
    let rows = cells(page, "table1_translation");
    let place = |title: &str| rows[0].iter().position(|cell| cell == title).unwrap();
    let (mse, std) = (place("test MSE"), place("std"));
    let mut wrong = Vec::new();
    assert!(rows.len() > 3);
    for row in &rows[1..] {
        let is_test = |r: &Record| r.split == Some(Split::Test);
        let subject = Subject::new(&row[0]);
        let values = Records(evidence).by_seed("translation", &subject, &Metric::MSE, is_test);
        let values: Vec<f64> = values.into_values().collect();
        let expected = estimate(&values).unwrap();
        if row[mse] != format!("{:.3e}", expected.mean)
            || row[std] != format!("{:.3e}", expected.std.unwrap())
        {
            wrong.push(format!("table1_translation, {}", row[0]));
        }
    }
    wrong
}

/// The true frames of a film.
fn wrong_pixels(page: &Node, evidence: &Evidence) -> Vec<String> {
    let film = data(page, "film");
    let truth = &film["rows"][0];
    assert_eq!((truth["name"].as_str(), truth["is_error"].as_bool()), (Some("truth"), Some(false)));
    let pictures = Records(evidence).pictures("translation", &Metric::FILM_TRUTH);
    let mut wrong = Vec::new();
    for (place, title) in film["titles"].as_array().unwrap().iter().enumerate() {
        let title = title.as_str().unwrap();
        let horizon: u32 = title.trim_start_matches('+').parse().unwrap_or(0); // the last frame seen
        let picture = pictures.iter().find(|p| p.horizon == horizon).unwrap();
        let expected: Vec<u8> =
            picture.rows().concat().iter().map(|v| (255.0 * v).round() as u8).collect();
        let frame = &truth["frames"][place];
        if decoded(frame["pixels"].as_str().unwrap()) != expected || frame["width"] != picture.width
        {
            wrong.push(format!("film, {title}"));
        }
    }
    wrong
}

/// Base64, as RFC 4648 has it, written anew so that the page is not read by what wrote it.
fn decoded(text: &str) -> Vec<u8> {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |c: char| ALPHABET.find(c).unwrap() as u32;
    let (mut bits, mut count, mut bytes) = (0u32, 0, Vec::new());
    for c in text.chars().filter(|c| *c != '=') {
        (bits, count) = ((bits << 6 | digit(c)) & 0xffff, count + 6);
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

/// The measured quantity of every claim, and its outcome.
fn wrong_verdicts(page: &Node, evidence: &Evidence) -> Vec<String> {
    let records = Records(evidence);
    let mut wrong = Vec::new();
    for experiment in CATALOGUE.iter().filter(|e| records.experiments().contains(&e.name())) {
        for claim in experiment.claims(records).unwrap() {
            let verdict = claim.judge();
            let shown = page.named(&format!("claim-{}", verdict.claim.id)).whole_text();
            let number =
                verdict.measured.map(|m| fernn::experiments::number::short(m.interval.estimate));
            let has = |text: &str| shown.contains(text);
            if !has(verdict.outcome.name()) || !has(&number.unwrap_or("nothing measured".into())) {
                wrong.push(verdict.claim.id);
            }
        }
    }
    wrong
}
