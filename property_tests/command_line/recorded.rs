//! `fernn check`: sequences that were computed elsewhere.

use crate::common::{normal, random_cell};
use crate::verify::rows_of;
use crate::{fernn, refused};
use candle_core::{DType, Device, Tensor};
use fernn::cells::{Cell, TranslationRnn};
use fernn::flow::{
    DegreesPerFrame, FlowGroup, FlowSpace, Input, Lift, LiftedState, PixelsPerFrame, Rotation,
    Translation, VelocitySet,
};
use std::collections::HashMap;
use std::path::Path;

type Tensors = HashMap<String, Tensor>;

/// Hidden states over time (V, B, T, C, H, W), as the cell has them or in the lab frame.
fn states(cell: &TranslationRnn, frames: &Tensor, in_lab: bool) -> Tensor {
    let (batch, count, _, height, width) = frames.dims5().unwrap();
    let mut state =
        cell.zero_state(batch, (height, width), frames.dtype(), frames.device()).unwrap();
    let mut all = Vec::new();
    for t in 0..count {
        let frame = frames.narrow(1, t, 1).unwrap().squeeze(1).unwrap().contiguous().unwrap();
        state = cell.step(Input::Frame(&frame), &state).unwrap();
        let space = FlowSpace::new(Translation, VelocitySet::square(1), Lift::CoMoving);
        let shown = if in_lab { space.in_lab(&state).unwrap() } else { state.hidden().clone() };
        all.push(LiftedState::new(vec![shown], 0).to_tensor().unwrap()); // (B, V, C, H, W)
    }
    Tensor::stack(&all, 2).unwrap().transpose(0, 1).unwrap().contiguous().unwrap()
}

/// What a project elsewhere would write of a cell over V_1.
fn recording(dtype: DType, in_lab: bool) -> Tensors {
    let cell = random_cell(1, VelocitySet::square(1), (1, 3, 3), dtype);
    let frames = normal(2, "frames", &[2, 4, 1, 5, 7], 1.0, dtype);
    let moved = |velocity: PixelsPerFrame, steps: &dyn Fn(usize) -> i64| {
        let frame = |t: usize| {
            let frame = frames.narrow(1, t, 1).unwrap().squeeze(1).unwrap();
            Translation.act_on_frame(&frame, velocity, steps(t)).unwrap()
        };
        Tensor::stack(&(0..4).map(frame).collect::<Vec<_>>(), 1).unwrap()
    };
    let velocities: Vec<f32> =
        VelocitySet::square(1).as_slice().iter().flat_map(|v| [v.x as f32, v.y as f32]).collect();
    let device = frames.device().clone();
    let mut all = Tensors::from([
        ("velocities".into(), Tensor::from_vec(velocities, (9, 2), &device).unwrap()),
        ("reference.state".into(), states(&cell, &frames, in_lab)),
    ]);
    for (x, y) in [(1, 0), (0, 1)] {
        let v = PixelsPerFrame::new(x, y);
        let flowing = states(&cell, &moved(v, &|t| t as i64), in_lab);
        let still = states(&cell, &moved(v, &|_| 1), in_lab);
        all.insert(format!("flow.{x},{y}.state"), flowing);
        all.insert(format!("still.{x},{y}.state"), still);
    }
    all
}

fn save(tensors: &Tensors, path: &Path) {
    candle_core::safetensors::save(tensors, path).unwrap();
}

/// What is printed of the files, and whether they pass.
fn check(paths: &[&Path], flags: &[&str]) -> (String, bool) {
    let mut command = fernn();
    command.arg("check").args(flags);
    for path in paths {
        command.arg("--input").arg(path);
    }
    let output = command.output().unwrap();
    assert!(matches!(output.status.code(), Some(0 | 1)), "{output:?}");
    (String::from_utf8(output.stdout).unwrap(), output.status.success())
}

#[test]
fn recorded_states_are_judged_in_their_frame_of_reference() {
    let folder = tempfile::tempdir().unwrap();
    let [single, double, moving] = ["s", "d", "m"].map(|name| folder.path().join(name));
    save(&recording(DType::F32, true), &single);
    save(&recording(DType::F64, true), &double);
    save(&recording(DType::F32, false), &moving);
    for paths in [vec![single.as_path()], vec![single.as_path(), double.as_path()]] {
        let (told, holds) = check(&paths, &[]);
        assert!(holds && told.contains("flow equivariance    state"), "{told}");
        assert_eq!(told.contains("f32 alone: a breach below 5e-4"), paths.len() == 1, "{told}");
    }
    assert!(check(&[&moving], &["--frame", "co-moving"]).1);
    assert!(!check(&[&moving], &[]).1, "in the other frame the law is another");
    assert!(!check(&[&single], &["--frame", "co-moving"]).1);
}

#[test]
fn the_formats_of_a_check_agree() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r");
    save(&recording(DType::F64, true), &path);
    for (frame, is_right) in [("lab", true), ("co-moving", false)] {
        let rows = |format| check(&[&path], &["--frame", frame, "--format", format]);
        let ((csv, of_csv), (json, of_json)) = (rows("csv"), rows("json"));
        assert_eq!((of_csv, of_json), (is_right, is_right), "{csv}");
        let (csv, json) =
            (rows_of(&csv), serde_json::from_str::<serde_json::Value>(&json).unwrap());
        let json = json.as_array().unwrap();
        assert_eq!(csv.len(), json.len());
        for (row, object) in csv.iter().zip(json) {
            assert_eq!(row["verdict"], object["verdict"].as_str().unwrap());
            assert_eq!(
                row["error_f64"].parse::<f64>().ok(),
                object["error_f64"].as_f64(),
                "{row:?}"
            );
            let is_of_state = row["property"] == "flow equivariance of state";
            assert_eq!(row["holds"] == "false", is_of_state && !is_right, "{row:?}");
        }
    }
}

/// All of the torus in an order of its own, with a slice that only pairs that wrap around compare.
#[test]
fn recorded_closed_sets_are_compared_where_they_wrap_around() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r");
    let v = PixelsPerFrame::new;
    let all: Vec<_> = (-1..=1).flat_map(|y| [v(1, y), v(0, y)]).collect();
    let velocities: Vec<f32> = all.iter().flat_map(|v| [v.x as f32, v.y as f32]).collect();
    let frames = normal(2, "frames", &[2, 4, 1, 3, 2], 1.0, DType::F64);
    let shifted = |frames: &Tensor, v: PixelsPerFrame, t: i64| {
        Translation.act_on_frame(frames, v, t).unwrap()
    };
    // A memory of the last frame that sees slice ν move by ν: h_t(ν) = ψ_t(ν)·f_0 + f_t.
    let states = |frames: &Tensor| -> Tensor {
        let at = |t: usize| frames.narrow(1, t, 1).unwrap().squeeze(1).unwrap();
        let slice = |&v: &PixelsPerFrame| {
            let after = |t: usize| (shifted(&at(0), v, t as i64) + at(t)).unwrap();
            Tensor::stack(&(0..4).map(after).collect::<Vec<_>>(), 1).unwrap()
        };
        Tensor::stack(&all.iter().map(slice).collect::<Vec<_>>(), 0).unwrap()
    };
    let flowing = {
        let at = |t: usize| {
            shifted(&frames.narrow(1, t, 1).unwrap().squeeze(1).unwrap(), v(1, 0), t as i64)
        };
        Tensor::stack(&(0..4).map(at).collect::<Vec<_>>(), 1).unwrap()
    };
    let moved = states(&flowing);
    let mut tensors = Tensors::from([
        ("velocities".into(), Tensor::from_vec(velocities, (6, 2), frames.device()).unwrap()),
        ("reference.state".into(), states(&frames)),
        ("flow.1,0.state".into(), moved.clone()),
    ]);
    save(&tensors, &path);
    let (told, holds) = check(&[&path], &[]);
    assert!(holds, "{told}");
    // (0,-1), whose partner (-1,-1) is (1,-1) on two columns.
    let silent = moved.narrow(0, 1, 1).unwrap().zeros_like().unwrap();
    let parts = [moved.narrow(0, 0, 1).unwrap(), silent, moved.narrow(0, 2, 4).unwrap()];
    tensors.insert("flow.1,0.state".into(), Tensor::cat(&parts, 0).unwrap());
    save(&tensors, &path);
    let (told, holds) = check(&[&path], &[]);
    assert!(!holds && told.contains("ν = (0,-1), input moved by (1,0)"), "{told}");
}

/// Logits have neither frames nor pixels, and one sample cannot show that they read the input.
#[test]
fn recorded_numbers_are_judged_without_a_place() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r");
    let logits = normal(3, "logits", &[2, 3], 1.0, DType::F32);
    let mut tensors = Tensors::from([
        ("reference.logits".into(), logits.clone()),
        ("still.1,0.logits".into(), (&logits * 1.1).unwrap()),
    ]);
    save(&tensors, &path);
    let (told, holds) = check(&[&path], &[]);
    assert!(!holds && told.contains("largest at input moved by (1,0)\n"), "{told}");
    for tensor in tensors.values_mut() {
        *tensor = tensor.narrow(0, 0, 1).unwrap().contiguous().unwrap();
    }
    save(&tensors, &path);
    let (told, holds) = check(&[&path], &[]);
    assert!(!holds && told.contains("one sample alone"), "{told}");
}

/// Noise is no input to interpolate, and smooth frames are.
#[test]
fn recorded_rotations_prove_something_on_smooth_inputs_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r");
    let group = Rotation::new(8).unwrap();
    let blob = |i: usize| {
        let (y, x) = ((i / 65) as f64 - 27.0, (i % 65) as f64 - 34.0);
        (-(x * x + y * y) / 50.0).exp()
    };
    let smooth =
        Tensor::from_vec((0..65 * 65).map(blob).collect(), (1, 1, 1, 65, 65), &Device::Cpu);
    let noise = normal(2, "noise", &[1, 1, 1, 65, 65], 1.0, DType::F64);
    for (input, is_smooth) in [(smooth.unwrap(), true), (noise, false)] {
        let input = Tensor::cat(&[&input, &input, &input], 1).unwrap();
        let turned =
            |t| group.act_on_frame(&input.squeeze(0).unwrap(), DegreesPerFrame(45), t).unwrap();
        let moved = turned(1).unsqueeze(0).unwrap();
        let tensors = Tensors::from([
            ("reference.input".into(), input.clone()),
            ("reference.output".into(), input.clone()),
            ("still.45deg.output".into(), (moved + input.affine(1e-3, 0.0).unwrap()).unwrap()),
        ]);
        save(&tensors, &path);
        let (told, holds) = check(&[&path], &["--group", "rotation-8"]);
        assert_eq!(holds, is_smooth, "{told}");
        assert_eq!(told.contains("finer grid or smoother frames"), !is_smooth, "{told}");
    }
}

#[test]
fn a_recorded_breach_is_placed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r");
    let mut broken = recording(DType::F64, true);
    let moved = &broken["flow.1,0.state"];
    let slice = |from: usize, count| moved.narrow(0, from, count).unwrap();
    // The slice of (0, 0), the fifth, is silent.
    let silent = slice(4, 1).zeros_like().unwrap();
    let spoilt = Tensor::cat(&[slice(0, 4), silent, slice(5, 4)], 0).unwrap();
    broken.insert("flow.1,0.state".into(), spoilt);
    save(&broken, &path);
    let (told, holds) = check(&[&path], &[]);
    assert!(!holds && told.contains("ν = (0,0), input moved by (1,0)"), "{told}");
    let (csv, _) = check(&[&path], &["--format", "csv"]);
    let row = csv.lines().find(|line| line.starts_with("flow equivariance of state")).unwrap();
    assert!(row.contains("rounding,BROKEN,,"), "f32 was not measured: {row}");
}

#[test]
fn recordings_that_cannot_be_judged_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r");
    let refuse = |change: &dyn Fn(&mut Tensors), needle: &str| {
        let mut tensors = recording(DType::F32, true);
        change(&mut tensors);
        save(&tensors, &path);
        refused(&["check", "--input", path.to_str().unwrap()], &[needle]);
    };
    let renamed = |from: &'static str, to: &'static str| {
        move |tensors: &mut Tensors| {
            let tensor = tensors.remove(from).unwrap();
            tensors.insert(to.into(), tensor);
        }
    };
    refuse(&renamed("flow.1,0.state", "flow.1,0"), "`flow.1,0`");
    refuse(&renamed("flow.1,0.state", "flow.45deg.state"), "`45deg`");
    refuse(&renamed("flow.1,0.state", "flow.0,0.state"), "`0,0`");
    refuse(&renamed("reference.state", "reference.other"), "`reference.state` is missing");
    refuse(&|tensors| drop(tensors.remove("velocities")), "9 slices for 1 velocities");
    refuse(&|tensors| tensors.retain(|name, _| !name.contains('1')), "flow.VELOCITY.STAGE");
    let twice = |tensors: &mut Tensors| {
        let tensor = tensors["flow.1,0.state"].clone();
        tensors.insert("flow.+1,0.state".into(), tensor);
    };
    refuse(&twice, "`flow.1,0.state` says the same as `flow.+1,0.state`");
    refuse(&twice, path.to_str().unwrap());
    for foreign in [1e12, f64::NAN, 0.5, 3e7] {
        let set = move |tensors: &mut Tensors| {
            let values: Vec<f64> =
                (0..18).map(|i| if i == 3 { foreign } else { f64::from(i) }).collect();
            let tensor = Tensor::from_vec(values, (9, 2), tensors["velocities"].device()).unwrap();
            tensors.insert("velocities".into(), tensor);
        };
        refuse(&set, "`velocities` holds what is no velocity of translation");
    }
    refuse(&renamed("flow.1,0.state", "flow.2147483647,0.state"), "`2147483647,0`");
    let unjudged = |tensors: &mut Tensors| {
        let tensor = tensors["reference.state"].clone();
        tensors.insert("reference.other".into(), tensor);
    };
    refuse(&unjudged, "`reference.other` is judged by nothing");
    let half = |tensors: &mut Tensors| {
        let state = tensors["reference.state"].to_dtype(DType::F16).unwrap();
        tensors.insert("reference.state".into(), state);
    };
    refuse(&half, "`reference.state`");
    let mixed = |tensors: &mut Tensors| {
        let state = tensors["reference.state"].to_dtype(DType::F64).unwrap();
        tensors.insert("reference.state".into(), state);
    };
    refuse(&mixed, "a file of its own");
    refused(&["check", "--input", "x", "--group", "rotation-0"], &["rotation-8"]);
}
