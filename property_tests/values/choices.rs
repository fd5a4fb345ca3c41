//! What decides a run, against values derived by hand: the best step, clipping, splits, fingerprints.

use super::DIGITS;
use super::moving_digits::split_places;
use super::run::{clipped, digests, reached, run};
use super::setup::{CASES, Case, INTERVAL, SEEDS};
use fernn::data::{Sources, Split};
use fernn::digest::sha256_hex;
use std::collections::BTreeSet;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

#[test]
fn of_equal_validation_losses_the_first_is_the_best() {
    // At a rate of 0 no weight moves, and all losses are equal.
    let still = Case { rate: 0.0, ..CASES[0] };
    let folder = tempfile::tempdir().unwrap();
    for (ran, seed) in run(still, &DIGITS, folder.path()).into_iter().zip(SEEDS) {
        let of = |metric: &'static str| ran.rows.iter().filter(move |r| r.metric == metric);
        let losses: Vec<f64> =
            of("loss").filter(|r| r.split == "validation").map(|r| r.value).collect();
        assert!(losses.len() > 2 && losses.iter().all(|loss| *loss == losses[0]));
        assert_eq!(of("best_step").next().unwrap().value, INTERVAL as f64);
        assert_eq!(ran.best, still.first_weights(seed));
        assert_eq!(ran.last, ran.best);
    }
}

#[test]
fn gradients_are_clipped_by_their_common_norm() {
    // ‖(3, 4)‖ = 5: a limit of 1 leaves (0.6, 0.8), one of 2.5 half, but for 1e-6 in the divisor.
    for (limit, expected) in [(1.0, [0.6, 0.8]), (2.5, [1.5, 2.0])] {
        let (norm, got) = clipped([3.0, 4.0], Some(limit));
        assert_eq!(norm, 5.0);
        for (got, expected) in got.into_iter().zip(expected) {
            assert!((got - expected).abs() < 1e-6, "{got} instead of {expected}");
        }
    }
    assert_eq!(clipped([3.0, 4.0], Some(5.1)), (5.0, [3.0, 4.0]), "below the limit");
    assert_eq!(clipped([3.0, 4.0], None), (5.0, [3.0, 4.0]));
}

#[test]
fn a_level_is_reached_at_the_first_step_at_or_below_it() {
    let curve = [(50, 0.5), (100, 0.3), (150, 0.4), (200, 0.2)];
    assert_eq!(reached(&curve, 0.5), Some(50), "equality counts");
    assert_eq!(reached(&curve, 0.45), Some(100));
    assert_eq!(reached(&curve, 0.3), Some(100), "the first of those at or below");
    assert_eq!(reached(&curve, 0.25), Some(200));
    assert_eq!(reached(&curve, 0.1), None);
    assert_eq!(reached(&[(50, f64::NAN)], 1.0), None);
}

#[test]
fn splits_have_their_sizes_and_their_frozen_members() {
    let (train, validation) = split_places(DIGITS.train().len());
    assert_eq!((train.len(), validation.len()), (4500, 500));
    let members: BTreeSet<usize> = train.iter().chain(&validation).copied().collect();
    assert_eq!(members.len(), 5000, "disjoint, and nothing is left out");
    for (split, places) in [(Split::Train, &train), (Split::Validation, &validation)] {
        assert_eq!(DIGITS.len(split), places.len());
        for (i, &place) in places.iter().enumerate() {
            assert_eq!(DIGITS.pixels(split, i), DIGITS.train().pixels(place), "{split:?} {i}");
        }
    }
    assert_eq!(DIGITS.len(Split::Test), 1000);
    assert!((0..1000).all(|i| DIGITS.pixels(Split::Test, i) == DIGITS.test().pixels(i)));
    // Written down once: another membership is another data set.
    let digest = |places: &[usize]| {
        let bytes: Vec<u8> = places.iter().flat_map(|&p| (p as u32).to_le_bytes()).collect();
        sha256_hex(&bytes)[..16].to_string()
    };
    assert_eq!((digest(&train).as_str(), digest(&validation).as_str()), FROZEN);
}

/// Beginnings of the SHA-256 of the places as little-endian u32: training, validation.
const FROZEN: (&str, &str) = ("1438469599fe0c0c", "b20ffc488877a18f");

#[test]
fn the_digest_of_a_unit_tells_data_seed_settings_and_profile_apart() {
    let folder = tempfile::tempdir().unwrap();
    let digits = |pixel: u8| {
        write_blank_mnist(folder.path(), pixel);
        Sources::new(Some(folder.path().into())).digits().unwrap()
    };
    // Of two data sets that differ in a single pixel.
    let all = digests(CASES[0], &digits(0), &digits(1));
    let different: BTreeSet<&String> = all.iter().map(|(_, digest)| digest).collect();
    assert_eq!(different.len(), all.len(), "{all:?}");
}

/// MNIST's four files, blank but for one training pixel.
fn write_blank_mnist(folder: &Path, pixel: u8) {
    for (name, count) in [("train", 60_000u32), ("t10k", 10_000)] {
        let file = |kind: &str, header: &[u32], size: u64| {
            let path = folder.join(format!("{name}-{kind}-ubyte"));
            let mut file = std::fs::File::create(path).unwrap();
            header.iter().for_each(|word| file.write_all(&word.to_be_bytes()).unwrap());
            file.set_len(4 * header.len() as u64 + size).unwrap();
            file
        };
        let mut images = file("images-idx3", &[2051, count, 28, 28], u64::from(count) * 784);
        file("labels-idx1", &[2049, count], u64::from(count));
        if name == "train" {
            images.seek(SeekFrom::Start(16 + 784 * 1234 + 56)).unwrap();
            images.write_all(&[pixel]).unwrap();
        }
    }
}
