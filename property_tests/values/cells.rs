//! Cells by name against the same cells put together by hand, and files of weights that do not fit.

use candle_core::{DType, Device, Tensor};
use fernn::Error;
use fernn::cells::{
    AnyLayer, Between, Cell, CellChoice, CellKind, CellShape, Fields, FlowGru, FlowLstm, FlowRnn,
    LearnedShiftRnn, MixingRnn, Running,
};
use fernn::flow::{FlowSpace, Lift, PixelsPerFrame, Sequence, Translation, VelocitySet};
use fernn::models::ForecasterChoice;
use fernn::ops::{Activation, ConvAlgorithm, ReadOut, VelocityPooling};
use fernn::parameters::{Draw, Initial, Parameters, Tensors};
use std::path::Path;

const CHANNELS: usize = 2;
/// None of these is a default.
const ACTIVATION: Activation = Activation::Tanh;
const POOLING: VelocityPooling = VelocityPooling::Mean;
const REACH: u32 = 2;

fn space() -> FlowSpace<Translation> {
    FlowSpace::new(Translation, VelocitySet::square(1), Lift::Trivial)
}

fn choice(kind: CellKind) -> CellChoice {
    CellChoice { kind, activation: ACTIVATION, reach: REACH }
}

fn shape() -> CellShape {
    let (fields, reads) = (Fields::Plain, Between::FrameAndHidden);
    CellShape { fields, reads, inputs: 1, channels: CHANNELS, kernels: (3, 3) }
}

fn drawn(all: &[Initial]) -> Tensors {
    Parameters::draw(all, 3, &Device::Cpu).unwrap().detached()
}

/// The cell of a kind from the tensors of its documented names.
fn by_hand(kind: CellKind, tensors: &Tensors) -> AnyLayer<Translation> {
    let of = |name: &str| tensors[name].clone();
    let (space, u, w) = (space(), of("cell.conv_u.weight"), of("cell.conv_h.weight"));
    match kind {
        CellKind::Simple => {
            let cell = FlowRnn::over(space, u, w).unwrap();
            Box::new(cell.with_activation(ACTIVATION).with_pooling(POOLING))
        }
        CellKind::Gru => Box::new(FlowGru::over(space, u, w).unwrap().with_pooling(POOLING)),
        CellKind::Lstm => Box::new(FlowLstm::over(space, u, w).unwrap().with_pooling(POOLING)),
        CellKind::Mixing => {
            let all = -2i32..=2; // what a reach of 2 is over a square set
            let offsets: Vec<PixelsPerFrame> = all
                .clone()
                .flat_map(|x| all.clone().map(move |y| PixelsPerFrame::new(x, y)))
                .collect();
            let cell = MixingRnn::over(space, u, w, offsets).unwrap();
            Box::new(cell.with_activation(ACTIVATION).with_pooling(POOLING))
        }
        CellKind::LearnedShift => {
            let cell = LearnedShiftRnn::over(space, u, w, of("cell.shift.weight")).unwrap();
            Box::new(cell.with_activation(ACTIVATION).with_pooling(POOLING))
        }
    }
}

fn read_outs(cell: &AnyLayer<Translation>) -> Vec<f32> {
    let frames = [Initial::trained("frames", &[2, 3, 1, 5, 7], Draw::Uniform(1.0))];
    let frames = &drawn(&frames)["frames"];
    let all = cell.unroll(Sequence::Frames(frames), ReadOut::Every).unwrap();
    all.flatten_all().unwrap().to_vec1().unwrap()
}

#[test]
fn a_cell_by_name_is_the_cell_put_together_by_hand() {
    let set = VelocitySet::<PixelsPerFrame>::square(1);
    // Rows of U and W in gates of C; 25 neighbours within a reach of 2; kernels of 2·2 + 1 pixels.
    let extents: [(CellKind, &[usize]); 5] = [
        (CellKind::Simple, &[2, 2, 3, 3]),
        (CellKind::Gru, &[6, 2, 3, 3]),
        (CellKind::Lstm, &[8, 2, 3, 3]),
        (CellKind::Mixing, &[25, 2, 2, 3, 3]),
        (CellKind::LearnedShift, &[2, 2, 3, 3]),
    ];
    assert_eq!(extents.map(|(kind, _)| kind), CellKind::ALL);
    let source = Path::new("a test");
    for (kind, recurrent) in extents {
        let (choice, shape) = (choice(kind), shape());
        let tensors = drawn(&choice.parameters("cell", &shape, &set));
        assert_eq!(tensors["cell.conv_h.weight"].dims(), recurrent, "{kind:?}");
        let shifts = tensors.get("cell.shift.weight").map(|shifts| shifts.dims());
        assert_eq!(shifts, (kind == CellKind::LearnedShift).then_some(&[9, 5, 5][..]));
        let layer = |running: Running| {
            choice.layer(space(), ("cell", &shape), &tensors, (running, source)).unwrap()
        };
        let running = Running { pooling: POOLING, algorithm: ConvAlgorithm::Auto };
        let got = read_outs(&layer(running));
        assert!(got.iter().any(|v| *v != 0.0));
        assert_eq!(got, read_outs(&by_hand(kind, &tensors)), "{kind:?}");
        assert_ne!(got, read_outs(&layer(Running::default())), "{kind:?}: pooling tells");
    }
}

fn zeros(shape: [usize; 4]) -> Tensor {
    Tensor::zeros(&shape, DType::F32, &Device::Cpu).unwrap()
}

/// What is wrong with kernels of a cell whose decoder is a single layer; nothing where it can be built.
fn problems(kind: CellKind, kernels: [[usize; 4]; 3], more: &[&str]) -> Vec<String> {
    let names = ["cell.conv_u.weight", "cell.conv_h.weight", "decoder_conv.0.weight"];
    let all = names.into_iter().zip(kernels).map(|(name, shape)| (name, zeros(shape)));
    let more = more.iter().map(|name| (*name, zeros([1; 4])));
    let tensors: Tensors = all.chain(more).map(|(name, t)| (name.to_string(), t)).collect();
    let choice = ForecasterChoice { cell: CellChoice::of(kind), ..ForecasterChoice::default() };
    match choice.from_kernels(&tensors, space(), Path::new("a test")) {
        Ok(_) => vec![],
        Err(Error::Weights { problems, .. }) => problems,
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn files_of_weights_that_do_not_fit_say_what_is_wrong() {
    let simple = [[2, 1, 3, 3], [2, 2, 3, 3], [1, 2, 3, 3]];
    let fits = |kind, kernels| problems(kind, kernels, &[]).is_empty();
    assert!(fits(CellKind::Simple, simple));
    assert!(fits(CellKind::Gru, [[6, 1, 3, 3], [6, 2, 3, 3], simple[2]]));
    assert!(fits(CellKind::Lstm, [[8, 1, 3, 3], [8, 2, 5, 5], simple[2]]));
    assert!(!fits(CellKind::Gru, simple));
    assert!(!fits(CellKind::Simple, [[4, 1, 3, 3], [4, 2, 3, 3], simple[2]]));
    for (height, width) in [(2, 3), (3, 2)] {
        let kernels = [[2, 1, height, width], simple[1], simple[2]];
        let even = format!("`cell.conv_u.weight` has an even kernel size {height}×{width}");
        assert_eq!(problems(CellKind::Simple, kernels, &[]), [even]);
    }
    assert_eq!(problems(CellKind::Simple, simple, &["another"]), ["`another` is unexpected"]);
    let shifts = problems(CellKind::LearnedShift, simple, &[]);
    assert_eq!(shifts, ["`cell.shift.weight` is missing"]);
}
