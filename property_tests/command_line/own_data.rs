//! Images and video of one's own.

use super::{fernn, records};
use candle_core::{Device, Tensor};
use fernn::data::FILES;
use fernn::experiments::{Metric, Record, Subject};
use std::collections::HashMap;
use std::path::Path;

/// Clips of (T, C, H, W) whose value is that of a hash of clip, channel and place, moved right by a pixel a frame.
fn moving(clip: usize, [frames, channels, height, width]: [usize; 4]) -> Vec<f32> {
    let mut values = Vec::new();
    for t in 0..frames {
        for place in 0..channels * height * width {
            let (row, x) = (place / width, (place % width + width - t % width) % width);
            values.push(((clip * 31 + row * 17 + x * 7) % 11) as f32 / 10.0);
        }
    }
    values
}

fn write_video(folder: &Path, counts: [usize; 3], shape: [usize; 4]) {
    let mut first = 0;
    let tensors: HashMap<&str, Tensor> = ["train", "validation", "test"]
        .into_iter()
        .zip(counts)
        .map(|(split, count)| {
            let clips: Vec<f32> =
                (first..first + count).flat_map(|clip| moving(clip, shape)).collect();
            first += count;
            let shape = [vec![count], shape.to_vec()].concat();
            (split, Tensor::from_vec(clips, shape, &Device::Cpu).unwrap())
        })
        .collect();
    candle_core::safetensors::save(&tensors, folder.join("video.safetensors")).unwrap();
}

fn value(records: &[Record], model: &str, metric: &Metric) -> f64 {
    let is_it = |r: &&Record| r.subject == Subject::new(model) && r.metric == *metric;
    records.iter().find(is_it).and_then(|r| r.value).unwrap_or_else(|| panic!("{model} {metric}"))
}

/// Extents of a small model, and few sequences.
const SMALL: [&str; 12] = [
    "--seeds",
    "1",
    "--steps",
    "6",
    "--set",
    "schedule.interval=3",
    "--set",
    "shape.channels=4",
    "--set",
    "validation_sequences=4",
    "--set",
    "batch=2",
];

#[test]
fn models_are_trained_on_video_of_ones_own_in_colour() {
    let data = tempfile::tempdir().unwrap();
    let (shape, counts) = ([8, 2, 5, 7], [6, 2, 3]);
    write_video(data.path(), counts, shape);
    let out = data.path().join("out");
    let arguments = |out: &Path| {
        let folder = [data.path().to_str().unwrap(), out.to_str().unwrap()];
        let run = ["reproduce", "--only", "video", "--data-dir", folder[0], "--out", folder[1]];
        let lengths = ["--set", "seen=3", "--set", "predicted=3"];
        run.iter().chain(&lengths).chain(&SMALL).map(|word| word.to_string()).collect::<Vec<_>>()
    };
    let colours = ["--set", "shape.inputs=2", "--set", "shape.outputs=2"];
    fernn().args(arguments(&out)).args(colours).assert().success();

    let records = records(&out);
    for model in ["G-RNN", "FERNN-V1", "FERNN-V2"] {
        assert!(value(&records, model, &Metric::MSE) > 0.0);
    }
    // The three test clips stand behind the others; frames 3 to 5 against frame 2.
    let mut sum = 0.0;
    let frame = shape[1..].iter().product::<usize>();
    for clip in 8..11 {
        let values = moving(clip, shape);
        for t in 3..6 {
            let pair = values[2 * frame..3 * frame].iter().zip(&values[t * frame..]);
            sum += pair.map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
        }
    }
    let expected = sum / (3 * 3 * frame) as f64;
    let measured = value(&records, "last frame", &Metric::MSE);
    assert!((measured - expected).abs() < 1e-6, "{measured} against {expected}");
    // Clips of 8 frames, 3 of them seen: 5 are predicted, though the settings have 6.
    let horizons = records
        .iter()
        .filter(|r| r.subject == Subject::new("FERNN-V2") && r.metric == Metric::MSE_BY_HORIZON);
    assert_eq!(horizons.count(), 5);
    let oracle = Subject::new("true motion (oracle)");
    assert!(records.iter().all(|r| r.subject != oracle), "nobody knows how it moves");
    let report = std::fs::read_to_string(out.join("REPORT.md")).unwrap();
    assert!(report.contains("own video, 6 + 2 + 3 clips of 8×2×5×7"), "{report}");

    let refused = |arguments: &[String], parts: &[&str]| {
        let output = fernn().args(arguments).assert().code(2).get_output().clone();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(parts.iter().all(|part| error.contains(part)), "{error}");
    };
    let fresh = data.path().join("fresh");
    refused(&arguments(&fresh), &["2 channels", "shape.inputs=2"]);
    let nowhere = ["reproduce", "--only", "video", "--out", fresh.to_str().unwrap()];
    refused(&nowhere.map(String::from), &["--data-dir", "video.safetensors"]);
}

#[test]
fn digits_may_be_any_number_of_images_of_any_size() {
    let data = tempfile::tempdir().unwrap();
    let (height, width) = (9_u32, 6_u32);
    for (file, count) in FILES.into_iter().zip([40_u32, 40, 12, 12]) {
        let (header, size) = match file.name.contains("images") {
            true => (vec![0x0803, count, height, width], height * width),
            false => (vec![0x0801, count], 1),
        };
        let mut bytes: Vec<u8> = header.iter().flat_map(|word| word.to_be_bytes()).collect();
        bytes.extend((0..count * size).map(|i| (i * 37 % 256) as u8));
        std::fs::write(data.path().join(file.name), bytes).unwrap();
    }
    let (folder, out) = (data.path().to_str().unwrap(), data.path().join("out"));
    let run = ["reproduce", "--only", "translation", "--data-dir", folder];
    let sizes = ["--set", "world.canvas.digit=9", "--set", "world.canvas.size=13"];
    let few = ["--set", "test_sequences=3", "--set", "horizon_sequences=2"];
    let run = fernn().args(run).arg("--out").arg(&out).args(sizes).args(few).args(SMALL).assert();
    let told = String::from_utf8(run.success().get_output().stderr.clone()).unwrap();
    let said = "40 training and 12 test images of 9×6 pixels";
    assert!(told.contains("not MNIST") && told.contains(said), "{told}");
    assert!(value(&records(&out), "FERNN-V2", &Metric::MSE) > 0.0);

    let header = [0x0803, 12, height, width + 1].map(u32::to_be_bytes).concat();
    let bytes = [header, vec![0; 12 * 9 * 7]].concat();
    std::fs::write(data.path().join(FILES[2].name), bytes).unwrap();
    let refused = ["reproduce", "--only", "translation", "--data-dir", folder, "--out"];
    let refused = fernn().args(refused).arg(data.path().join("other")).assert().code(2);
    let told = String::from_utf8(refused.get_output().stderr.clone()).unwrap();
    assert!(
        told.contains("another size") && told.contains("9×6") && told.contains("9×7"),
        "{told}"
    );
}

#[test]
fn a_video_with_a_value_that_is_no_number_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let out = data.path().join("out");
    for wrong in [f32::NAN, f32::INFINITY] {
        let mut values = vec![0.5f32; 9 * 10];
        values[37] = wrong;
        let clips = Tensor::from_vec(values, (9, 10, 1, 1, 1), &Device::Cpu).unwrap();
        let tensors = HashMap::from([("video", clips)]);
        candle_core::safetensors::save(&tensors, data.path().join("video.safetensors")).unwrap();
        let [folder, out] = [data.path(), &out].map(|path| path.to_str().unwrap());
        let run = ["reproduce", "--only", "video", "--data-dir", folder, "--out", out];
        super::refused(&run, &["video.safetensors", "clip 3 of `video` holds"]);
    }
    assert!(!out.join("records.csv").exists());
}
