//! `fernn check`: sequences that were computed elsewhere.

use crate::common::{normal, random_cell};
use crate::{fernn, refused};
use candle_core::{DType, Tensor};
use fernn::cells::{Cell, TranslationRnn};
use fernn::flow::{
    FlowGroup, FlowSpace, Input, Lift, LiftedState, PixelsPerFrame, Translation, VelocitySet,
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
    }
    assert!(check(&[&moving], &["--frame", "co-moving"]).1);
    assert!(!check(&[&moving], &[]).1, "in the other frame the law is another");
    assert!(!check(&[&single], &["--frame", "co-moving"]).1);
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
