//! Laws of the sequences, of the digits they are made of, and of where those come from.

use fernn::data::{
    Action, Canvas, Digits, DrawnActions, FILES, Footage, Images, Motion, MovingDigits, Rotating,
    RotatingMnist, Sequences, Sources, Split, Sprite, Translating, TranslatingMnist, Window,
};
use fernn::digest::sha256_hex;
use fernn::flow::{DegreesPerFrame, FlowGroup, PixelsPerFrame, Rotation, VelocitySet};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock};

mod common;

use common::values;

static DIGITS: LazyLock<Arc<Digits>> = LazyLock::new(|| Sources::embedded().digits().unwrap());

fn data(canvas: Canvas, frames: usize, seed: u64) -> TranslatingMnist {
    let velocities = VelocitySet::square(2);
    TranslatingMnist::new(DIGITS.clone(), canvas, frames, velocities.as_slice(), seed).unwrap()
}

/// Moves a frame (size, size) of a torus down and to the right.
fn rolled(frame: &[f32], size: usize, down: i64, right: i64) -> Vec<f32> {
    let wrap = |i: usize, by: i64| (i as i64 - by).rem_euclid(size as i64) as usize;
    (0..size * size).map(|i| frame[wrap(i / size, down) * size + wrap(i % size, right)]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn a_sequence_with_faster_digits_is_the_flow_of_the_sequence(
        seed in 0u64..1000, index in 0u64..10_000, x in -3i32..=3, y in -3i32..=3,
        (size, digit) in prop::sample::select(vec![(28usize, 28usize), (14, 14), (31, 28), (17, 7)]),
    ) {
        let data = data(Canvas { size, digit }, 7, seed);
        let sprites = data.sprites(Split::Test, index);
        let faster = sprites.map(|mut sprite| {
            let v = sprite.velocity;
            sprite.velocity = PixelsPerFrame::new(v.x + x, v.y + y);
            sprite
        });
        let (plain, flowed) =
            (data.render(Split::Test, &sprites), data.render(Split::Test, &faster));
        for t in 0..7 {
            let frame = |s: &[f32]| s[t * size * size..][..size * size].to_vec();
            let by = |speed: i32| speed as i64 * t as i64;
            // Addition of two digits commutes, so this is exact.
            prop_assert_eq!(frame(&flowed), rolled(&frame(&plain), size, by(y), by(x)));
        }
        prop_assert!(plain.iter().any(|&v| v > 0.0), "a black sequence proves nothing");
    }

    #[test]
    fn samples_are_functions_of_seed_split_and_index(seed in 0u64..1000, index in 0u64..10_000) {
        let data = data(Canvas { size: 14, digit: 14 }, 4, seed);
        let sample = data.sample(Split::Train, index);
        prop_assert_eq!(&sample, &data.sample(Split::Train, index));
        prop_assert_ne!(&sample, &data.sample(Split::Train, index + 1));
        prop_assert_ne!(&sample, &data.sample(Split::Test, index));
        prop_assert!(sample.iter().all(|v| (0.0..=1.0).contains(v)));
        let batch = data.batch(Split::Train, index..index + 3).unwrap();
        prop_assert_eq!(batch.dims(), [3, 4, 1, 14, 14]);
        prop_assert_eq!(batch.flatten_all().unwrap().to_vec1::<f32>().unwrap()[..sample.len()].to_vec(), sample);
    }
}

#[test]
fn other_velocities_keep_digits_and_starts() {
    let data = data(Canvas { size: 14, digit: 14 }, 4, 1);
    let still = data.with_velocities(&[PixelsPerFrame::new(0, 0)]);
    let first = |d: &TranslatingMnist| d.sample(Split::Test, 5)[..196].to_vec();
    assert_eq!(first(&data), first(&still), "the first frame does not depend on the velocities");
}

#[test]
fn batches_do_not_depend_on_the_number_of_threads() {
    let data = data(Canvas { size: 28, digit: 28 }, 5, 3);
    let batch = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let batch = pool.install(|| data.batch(Split::Train, 0..9)).unwrap();
        batch.flatten_all().unwrap().to_vec1::<f32>().unwrap()
    };
    assert_eq!(batch(1), batch(3));
}

#[test]
fn embedded_digits_are_balanced_disjoint_and_recorded() {
    assert_eq!((DIGITS.train().len(), DIGITS.test().len()), (5000, 1000));
    for digit in 0..10u8 {
        let count =
            |images: &Images| (0..images.len()).filter(|&i| images.label(i) == digit).count();
        assert_eq!((count(DIGITS.train()), count(DIGITS.test())), (500, 100));
    }
    let pictures = |images: &'static Images| -> BTreeSet<&'static [u8]> {
        (0..images.len()).map(|i| images.pixels(i)).collect()
    };
    let (train, test) = (pictures(DIGITS.train()), pictures(DIGITS.test()));
    assert_eq!(train.intersection(&test).count(), 0);
    let (train, test) = Digits::embedded_source_indices();
    assert_eq!((train.len(), test.len()), (5000, 1000));
    assert!(train.windows(2).all(|w| w[0] < w[1]) && train[4999] < 60_000);
    assert!(test.windows(2).all(|w| w[0] < w[1]) && test[999] < 10_000);
}

#[test]
fn training_and_validation_digits_are_disjoint() {
    let all = |split| -> BTreeSet<&'static [u8]> {
        (0..DIGITS.len(split)).map(|i| DIGITS.pixels(split, i)).collect()
    };
    assert_eq!(DIGITS.len(Split::Train) + DIGITS.len(Split::Validation), 5000);
    assert_eq!(all(Split::Train).intersection(&all(Split::Validation)).count(), 0);
}

#[test]
fn impossible_canvases_are_refused() {
    let velocities = VelocitySet::square(1);
    for (size, digit) in [(14, 28), (14, 15), (28, 0)] {
        let canvas = Canvas { size, digit };
        assert!(
            TranslatingMnist::new(DIGITS.clone(), canvas, 2, velocities.as_slice(), 0).is_err()
        );
    }
}

fn rotating(frames: usize, velocities: &[i32]) -> RotatingMnist {
    let velocities: Vec<DegreesPerFrame> = velocities.iter().map(|&v| DegreesPerFrame(v)).collect();
    let canvas = Canvas { size: 28, digit: 28 };
    RotatingMnist::new(DIGITS.clone(), canvas, frames, &velocities, 3).unwrap()
}

#[test]
fn rotating_digits_turn_about_the_centre_and_come_round() {
    // At 90° per frame the fifth frame is the first again, and each the one before, turned exactly.
    let data = rotating(5, &[90]);
    for index in 0..4 {
        let frames = data.batch(Split::Test, index..index + 1).unwrap();
        let frame = |t: usize| frames.narrow(1, t, 1).unwrap().squeeze(1).unwrap();
        // Start angles are any: the first frame is interpolated, and so is each of the others.
        let turned = Rotation::new(4).unwrap();
        for t in 1..5 {
            let expected = turned.act_on_frame(&frame(0), DegreesPerFrame(90), t as i64).unwrap();
            let (got, expected) = (values(&frame(t)), values(&expected));
            for (got, expected) in got.iter().zip(&expected) {
                assert!((got - expected).abs() < 1e-5, "frame {t}");
            }
        }
        assert!(values(&frame(0)).iter().any(|&v| v > 0.3));
        assert_ne!(values(&frame(0)), values(&frame(1)));
    }
}

#[test]
fn rotating_sequences_draw_angles_and_velocities_once_for_each_digit() {
    let data = rotating(3, &[-20, 0, 20]);
    let sprites: Vec<_> = (0..400).flat_map(|index| data.sprites(Split::Train, index)).collect();
    assert!(sprites.iter().all(|s| (0.0..360.0).contains(&s.start.0)));
    for quadrant in 0..4 {
        let inside = |s: &&Sprite<Rotating>| (s.start.0 / 90.0) as usize == quadrant;
        let count = sprites.iter().filter(inside).count();
        assert!((140..260).contains(&count), "800 draws, five standard deviations: {count}");
    }
    for velocity in [-20, 0, 20] {
        let count = sprites.iter().filter(|s| s.velocity.0 == velocity).count();
        assert!((200..334).contains(&count), "{velocity}: {count}");
    }
    // Other velocities leave images and angles alone; longer sequences begin alike.
    let faster = data.with_velocities(&[DegreesPerFrame(40)]);
    let (ours, theirs) = (data.sprites(Split::Test, 7), faster.sprites(Split::Test, 7));
    assert_eq!(ours.map(|s| (s.image, s.start)), theirs.map(|s| (s.image, s.start)));
    let longer = data.with_frames(6).sample(Split::Test, 7);
    assert_eq!(longer[..3 * 784], data.sample(Split::Test, 7));
    assert!(
        RotatingMnist::new(
            DIGITS.clone(),
            Canvas { size: 14, digit: 28 },
            2,
            &[DegreesPerFrame(1)],
            0
        )
        .is_err()
    );
    assert!(RotatingMnist::new(DIGITS.clone(), Canvas { size: 28, digit: 28 }, 2, &[], 0).is_err());
}

/// The digest of values' bits, shortened.
fn digest_of(values: &[f32]) -> String {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    sha256_hex(&bytes)[..16].to_string()
}

#[test]
fn samples_are_frozen_for_ever() {
    // Written down once: a change here changes every published number. Rotations are sums rounded to
    // f32 of f64 sines: they come out alike wherever those are right to an ulp.
    let moving = data(Canvas { size: 31, digit: 14 }, 5, 7);
    let turning = rotating(5, &[-20, -10, 0, 10, 20]);
    for (split, translation, rotation) in [
        (Split::Train, "e95119d6835e301f", "7dc33aa312915586"),
        (Split::Validation, "94e5c5ba22068e04", "f3e528451c7fb73f"),
        (Split::Test, "dbb5b13d6dd21361", "29066c6292148a3a"),
    ] {
        assert_eq!(digest_of(&moving.sample(split, 11)), translation, "{split:?}");
        assert_eq!(digest_of(&turning.sample(split, 11)), rotation, "{split:?}");
    }
}

/// What both motions promise: samples by name alone, in [0, 1], of the extents that are announced.
fn assert_sequences<M: Motion>(data: &MovingDigits<M>, velocity: M::Velocity) {
    let (frames, (height, width)) = (data.frames(), data.extents());
    let sample = data.sample(Split::Train, 3);
    assert_eq!(sample.len(), frames * data.channels() * height * width);
    assert_eq!(sample, data.sample(Split::Train, 3));
    for split in [Split::Validation, Split::Test] {
        assert_ne!(sample, data.sample(split, 3), "{split}");
    }
    assert!(sample.iter().all(|v| (0.0..=1.0).contains(v)));
    assert!(sample.iter().any(|&v| v > 0.5), "a black sequence proves nothing");
    assert_eq!(data.label(Split::Train, 3), None, "two digits have no one class");
    // The beginning does not depend on the length, nor the first frame on the velocities.
    assert_eq!(data.with_frames(frames + 2).sample(Split::Train, 3)[..sample.len()], sample);
    let other = data.with_velocities(&[velocity]);
    assert_eq!(other.sample(Split::Train, 3)[..height * width], sample[..height * width]);
    assert!(other.sprites(Split::Train, 3).iter().all(|sprite| sprite.velocity == velocity));
    // Digits are added, whatever their order.
    let sprites = data.sprites(Split::Test, 5);
    let mut turned = sprites.clone();
    turned.reverse();
    assert_eq!(data.render(Split::Test, &sprites), data.render(Split::Test, &turned));
    let alone = sprites.each_ref().map(|s| data.render(Split::Test, std::slice::from_ref(s)));
    let sum: Vec<f32> = alone[0].iter().zip(&alone[1]).map(|(a, b)| (a + b).min(1.0)).collect();
    assert_eq!(data.render(Split::Test, &sprites), sum);
    let (seen, rest) = data.pair(Split::Train, 3..5, 1).unwrap();
    assert_eq!(seen.dims(), [2, 1, 1, height, width]);
    assert_eq!(rest.dims(), [2, frames - 1, 1, height, width]);
    let first = seen.flatten_all().unwrap().to_vec1::<f32>().unwrap();
    assert_eq!(first[..height * width], sample[..height * width]);
    assert!(data.pair(Split::Train, 3..5, frames + 1).unwrap_err().is_usage());
}

#[test]
fn every_motion_keeps_the_promises_of_sequences() {
    assert_sequences::<Translating>(
        &data(Canvas { size: 17, digit: 14 }, 4, 5),
        PixelsPerFrame::new(2, -1),
    );
    let canvas = Canvas { size: 17, digit: 14 };
    let turning =
        RotatingMnist::new(DIGITS.clone(), canvas, 4, &[DegreesPerFrame(-30)], 5).unwrap();
    assert_sequences::<Rotating>(&turning, DegreesPerFrame(20));
}

/// Sequences whose every number says where it belongs.
#[derive(Clone)]
struct Counted {
    frames: usize,
}

impl Sequences for Counted {
    type Velocity = ();

    fn frames(&self) -> usize {
        self.frames
    }

    fn channels(&self) -> usize {
        2
    }

    fn extents(&self) -> (usize, usize) {
        (3, 5)
    }

    fn device(&self) -> &candle_core::Device {
        &candle_core::Device::Cpu
    }

    fn with_velocities(&self, _: &[()]) -> Self {
        self.clone()
    }

    fn with_frames(&self, frames: usize) -> Self {
        Self { frames }
    }

    fn sample(&self, _: Split, index: u64) -> Vec<f32> {
        let length = self.frames * 2 * 3 * 5;
        (0..length).map(|i| (index as usize * 1000 + i) as f32).collect()
    }

    fn label(&self, _: Split, index: u64) -> Option<u32> {
        Some(index as u32 % 6)
    }
}

#[test]
fn batches_of_coloured_oblong_frames_have_every_number_in_its_place() {
    let data = Counted { frames: 7 };
    let batch = data.batch(Split::Test, 4..8).unwrap();
    assert_eq!(batch.dims(), [4, 7, 2, 3, 5]);
    let (seen, rest) = data.pair(Split::Test, 4..8, 3).unwrap();
    for (b, t, c, y, x) in [(0, 0, 0, 0, 0), (1, 2, 1, 2, 4), (3, 6, 0, 1, 3)] {
        let expected = ((4 + b) * 1000 + (((t * 2 + c) * 3 + y) * 5) + x) as f32;
        let at = |tensor: &candle_core::Tensor, t: usize| {
            let pixel = tensor.get(b).unwrap().get(t).unwrap().get(c).unwrap();
            pixel.get(y).unwrap().get(x).unwrap().to_scalar::<f32>().unwrap()
        };
        assert_eq!(at(&batch, t), expected);
        assert_eq!(if t < 3 { at(&seen, t) } else { at(&rest, t - 3) }, expected);
    }
    assert_eq!(data.label(Split::Test, 10), Some(4));
    let sizes: Vec<usize> =
        data.pairs(Split::Test, 10, 4, 3).map(|pair| pair.unwrap().0.dims()[0]).collect();
    assert_eq!(sizes, [4, 4, 2], "the last batch is not dropped");
    assert_eq!(data.batch(Split::Test, 4..4).unwrap().dims(), [0, 7, 2, 3, 5]);
}

#[test]
fn sources_read_nothing_until_they_are_asked_and_nothing_twice() {
    let sources = Sources::in_folder("no/such/folder");
    for _ in 0..2 {
        let error = sources.digits().unwrap_err();
        assert!(error.is_usage() && error.to_string().contains("no/such/folder"), "{error}");
    }
    let sources = Sources::embedded();
    let clone = sources.clone();
    assert!(Arc::ptr_eq(&clone.digits().unwrap(), &sources.digits().unwrap()));
    assert!(Arc::ptr_eq(&Sources::of(DIGITS.clone()).digits().unwrap(), &DIGITS));
}

/// Writes an IDX file of zeros, gzipped, under `name`.
fn write_zeros(path: &Path, header: &[u32], items: usize) {
    let mut content: Vec<u8> = header.iter().flat_map(|word| word.to_be_bytes()).collect();
    content.resize(content.len() + items, 0);
    let file = std::fs::File::create(path).unwrap();
    let mut encoder = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
    std::io::Write::write_all(&mut encoder, &content).unwrap();
    encoder.finish().unwrap();
}

static NOTES: AtomicUsize = AtomicUsize::new(0);

#[test]
fn other_data_of_mnists_shape_under_other_names_are_read_and_never_called_mnist() {
    let folder = tempfile::tempdir().unwrap();
    for file in FILES {
        let name = file.name.replace("-idx", ".idx");
        let path = folder.path().join(format!("{name}.gz"));
        let count = file.count as u32;
        if name.contains("images") {
            write_zeros(&path, &[0x0803, count, 28, 28], file.count * 784);
        } else {
            write_zeros(&path, &[0x0801, count], file.count);
        }
    }
    let sources = Sources::in_folder(folder.path()).noting(|note| {
        assert!(
            note.contains("train-images.idx3-ubyte.gz") && note.contains("not MNIST"),
            "{note}"
        );
        NOTES.fetch_add(1, Ordering::SeqCst);
    });
    let digits = sources.digits().unwrap();
    assert_eq!(sources.digits().unwrap().len(Split::Test), 10_000);
    assert_eq!(NOTES.load(Ordering::SeqCst), 1, "told once");
    assert!(digits.description().starts_with("not MNIST: digest "), "{}", digits.description());
    assert_eq!(digits.len(Split::Train), 54_000);

    let path = folder.path().display().to_string();
    let check = assert_cmd::Command::new(env!("CARGO_BIN_EXE_fernn"))
        .args(["data", "check", "--data-dir", &path])
        .assert()
        .code(1)
        .get_output()
        .clone();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    assert_eq!(text(check.stdout).matches("as published: NO").count(), 4);
    assert!(text(check.stderr).starts_with("note: "));
}

/// `fernn data preview` into a folder.
fn preview_with(flags: &[&str], out: &Path) -> assert_cmd::assert::Assert {
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_fernn"))
        .args(["data", "preview", "--out"])
        .arg(out)
        .args(flags)
        .assert()
}

/// The same of four frames of two sequences.
fn preview(flags: &[&str], out: &Path) -> assert_cmd::assert::Assert {
    preview_with(&[&["--sequences", "2", "--frames", "4"], flags].concat(), out)
}

/// (Width, grey values) of the last frame of an animation.
fn last_frame(bytes: &[u8]) -> (usize, Vec<u8>) {
    let mut decoder = gif::DecodeOptions::new().read_info(bytes).unwrap();
    let width = usize::from(decoder.width());
    let mut last = vec![];
    while let Some(frame) = decoder.read_next_frame().unwrap() {
        last = frame.buffer.to_vec();
    }
    (width, last)
}

#[test]
fn a_preview_shows_the_sequences_of_either_motion() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let gif = |name: &str| std::fs::read(at(name).join("preview.gif")).unwrap();
    preview(&[], &at("translation")).success();
    preview(&["--task", "rotation"], &at("rotation")).success();
    preview(&["--task", "rotation", "--step-deg", "10"], &at("default")).success();
    preview(&["--task", "rotation", "--step-deg", "25"], &at("faster")).success();
    assert_eq!(gif("rotation"), gif("default"));
    assert_ne!(gif("rotation"), gif("faster"));
    // The last frame of the first sequence, pixel by pixel: each is 4×4 pixels of the animation.
    let translating = data(Canvas { size: 28, digit: 28 }, 4, 0).sample(Split::Train, 0);
    let velocities = VelocitySet::multiples(DegreesPerFrame(10), 2);
    let canvas = Canvas { size: 28, digit: 28 };
    let rotating = RotatingMnist::new(DIGITS.clone(), canvas, 4, velocities.as_slice(), 0).unwrap();
    for (name, sample) in
        [("translation", translating), ("rotation", rotating.sample(Split::Train, 0))]
    {
        let (width, last) = last_frame(&gif(name));
        for (i, value) in sample[3 * 784..].iter().enumerate() {
            let (y, x) = (4 + i / 28 * 4, 4 + i % 28 * 4);
            assert_eq!(last[y * width + x], (value * 255.0) as u8, "{name}, pixel {i}");
        }
    }
    for (flags, needle) in [
        (&["--step-deg", "10"][..], "--task translation"),
        (&["--task", "rotation", "--step-deg", "0"], "1..=180"),
        (&["--task", "rotation", "--data-dir", "no/such/folder"], "no/such/folder"),
    ] {
        let refused = preview(flags, &at("refused")).code(2).get_output().clone();
        let message = String::from_utf8(refused.stderr).unwrap();
        assert!(message.contains(needle), "{message}");
        assert!(!at("refused").exists());
    }
}

#[test]
fn a_preview_of_kth_shows_a_clip_of_each_action() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let gif = |name: &str| std::fs::read(at(name).join("preview.gif")).unwrap();
    let small = ["--task", "kth", "--canvas", "16", "--frames", "3"];
    preview_with(&small, &at("small")).success();
    preview_with(&[&small[..], &["--seed", "1"]].concat(), &at("others")).success();
    assert_ne!(gif("small"), gif("others"));
    // Which clip each part of the wall shows: 2×3 of 16×16 pixels, each 7 pixels of the animation.
    let footage = DrawnActions::new((16, 16), 0);
    let (width, last) = last_frame(&gif("small"));
    for (place, action) in Action::ALL.into_iter().enumerate() {
        let (top, left) = (7 + place / 3 * 17 * 7, 7 + place % 3 * 17 * 7);
        let shown = |i: usize| last[(top + i / 16 * 7) * width + left + i % 16 * 7];
        let is_shown = |(index, clip): (usize, &fernn::data::Clip)| {
            let window = Window { first: (clip.length - 5) / 2 + 4, count: 1, step: 1 };
            let frame = footage.window(index, window);
            clip.action == action && (0..256).all(|i| (frame[i] * 255.0) as u8 == shown(i))
        };
        assert_eq!(footage.clips().iter().enumerate().filter(|&c| is_shown(c)).count(), 1);
    }
    for (flags, needles) in [
        (&["--step-deg", "10"][..], ["--step-deg", "--task kth"]),
        (&["--sequences", "2"], ["--sequences", "--task kth"]),
        (&["--digit", "14"], ["--digit", "--task kth"]),
        (&["--velocity-range", "1"], ["--velocity-range", "--task kth"]),
        (&["--data-dir", "no-such-folder"], ["no-such-folder", "No such file"]),
        (&["--frames", "200"], ["--frames", "walking"]),
    ] {
        let flags = [&["--task", "kth"], flags].concat();
        let refused = preview_with(&flags, &at("refused")).code(2).get_output().clone();
        let message = String::from_utf8(refused.stderr).unwrap();
        assert!(needles.iter().all(|needle| message.contains(needle)), "{message}");
        assert!(!at("refused").exists());
    }
}
