//! Criterion benches: one step of the cell, forward and backward, a whole training step, and how a sequence is shared by
//! threads.

use candle_core::{Device, Tensor};
use candle_nn::Optimizer;
use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};
use fernn::cells::{AnyLayer, Cell, Fields, FlowGru, FlowLstm, FlowRnn, TranslationRnn};
use fernn::data::{Canvas, Sequences, Sources, Split, TranslatingMnist};
use fernn::flow::{
    DegreesPerFrame, FlowSpace, Input, Lift, PixelsPerFrame, Rotation, Sequence, Translation,
    VelocitySet,
};
use fernn::models::{Decoder, ForecastLearner, ForecasterChoice, ForecasterShape};
use fernn::ops::{FedAs, ReadOut};
use fernn::parameters::{Draw, Initial, Parameters, Tensors};
use fernn::training::{Adam, AdamConfig, training_step};
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

const CHANNELS: usize = 16;
const SIZE: usize = 28;

const SHAPE: ForecasterShape = ForecasterShape {
    inputs: 1,
    channels: CHANNELS,
    outputs: 1,
    decoder_layers: 4,
    decoder: Decoder::Plain,
};

fn initial() -> Vec<Initial> {
    let set = VelocitySet::square(0); // of no matter to the simple cell
    ForecasterChoice::default().parameters(&SHAPE, &Fields::Plain, &set)
}

fn parameters() -> Parameters {
    Parameters::draw(&initial(), 0, &Device::Cpu).expect("valid shapes")
}

/// One frame through the recurrence, by velocity range.
fn cell_step(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("cell step, batch 4");
    let parameters = parameters();
    for range in [0, 1, 2] {
        let velocities = VelocitySet::square(range);
        for (name, tensors) in
            [("forward", parameters.detached()), ("forward and backward", parameters.tensors())]
        {
            let kernel = |name: &str| tensors[name].clone();
            let cell = TranslationRnn::new(
                Translation,
                velocities.clone(),
                kernel("cell.conv_u.weight"),
                kernel("cell.conv_h.weight"),
            )
            .expect("valid kernels");
            let frame = Tensor::ones((4, 1, SIZE, SIZE), candle_core::DType::F32, &Device::Cpu)
                .expect("a tensor");
            let zero = cell
                .zero_state(4, (SIZE, SIZE), candle_core::DType::F32, &Device::Cpu)
                .expect("a state");
            let state = cell.detach(&cell.step(Input::Frame(&frame), &zero).expect("a step"));
            let is_forward = name == "forward";
            group.bench_function(BenchmarkId::new(name, format!("V{range}")), |bencher| {
                bencher.iter(|| {
                    let next = cell.step(Input::Frame(black_box(&frame)), &state).expect("a step");
                    if is_forward {
                        return black_box(None);
                    }
                    let sum = cell.read_out(&next).and_then(|r| Ok(r.sum_all()?)).expect("a sum");
                    black_box(Some(sum.backward().expect("gradients")))
                });
            });
        }
    }
    group.finish();
}

/// 10 frames seen and 10 fed, forward and backward, by cell and frame of reference: the simple cell of as many channels and
/// velocities is what the others are measured against.
fn sequence(criterion: &mut Criterion) {
    for channels in [16, 32] {
        let mut group = criterion
            .benchmark_group(format!("20 frames forward and backward, batch 4, C = {channels}"));
        group.sample_size(10);
        for lift in [Lift::CoMoving, Lift::Trivial] {
            let translations = FlowSpace::new(Translation, VelocitySet::square(2), lift);
            let cells = translation_cells(&translations, channels);
            for (name, cell) in &cells {
                unroll(&mut group, format!("translations V2, {name}"), lift, cell);
            }
            for velocities in [&[0][..], &[-90, -45, 0, 45, 90]] {
                let (turning, moving) = as_many(velocities, lift, channels);
                let count = velocities.len();
                unroll(&mut group, format!("{count} rotations, simple"), lift, &turning);
                unroll(&mut group, format!("{count} translations, simple"), lift, &moving);
            }
        }
        group.finish();
    }
}

fn unroll<C: Cell>(group: &mut BenchmarkGroup<'_, WallTime>, name: String, lift: Lift, cell: &C) {
    let frames = drawn("frames", &[4, 10, 1, SIZE, SIZE]).detach();
    let fed = frames.narrow(1, 0, 1).and_then(|frame| frame.reshape((4, SIZE, SIZE, 1)));
    let fed = fed.expect("a frame");
    group.bench_function(BenchmarkId::new(name, lift.name()), |bencher| {
        bencher.iter(|| {
            let mut feed = |_: &Tensor| Ok(fed.clone());
            let read_out = ReadOut::Fed { steps: 10, feed: &mut feed, fed_as: FedAs::New };
            let read_outs = cell.unroll(Sequence::Frames(&frames), read_out);
            let loss = read_outs.and_then(|r| Ok(r.sum_all()?)).expect("a loss");
            black_box(loss.backward().expect("gradients"))
        });
    });
}

fn kernels(channels: usize, gates: usize) -> (Tensor, Tensor) {
    let kernel = |name, inputs| drawn(name, &[gates * channels, inputs, 3, 3]);
    (kernel("u", 1), kernel("w", channels))
}

type Named<G> = (&'static str, AnyLayer<G>);

fn translation_cells(space: &FlowSpace<Translation>, channels: usize) -> [Named<Translation>; 3] {
    let ((u, w), (v, x), (t, y)) =
        (kernels(channels, 1), kernels(channels, 3), kernels(channels, 4));
    let valid = "valid kernels";
    [
        ("simple", Box::new(FlowRnn::over(space.clone(), u, w).expect(valid))),
        ("GRU", Box::new(FlowGru::over(space.clone(), v, x).expect(valid))),
        ("LSTM", Box::new(FlowLstm::over(space.clone(), t, y).expect(valid))),
    ]
}

/// A cell over rotations by these degrees, fields of eight orientations, and one over as many translations.
fn as_many(
    degrees: &[i32],
    lift: Lift,
    planes: usize,
) -> (FlowRnn<Rotation>, FlowRnn<Translation>) {
    let turns = degrees.iter().map(|&d| DegreesPerFrame(d)).collect();
    let moves = (0..degrees.len() as i32).map(|x| PixelsPerFrame::new(x, 0)).collect();
    let (turns, moves) = (VelocitySet::truncated(turns), VelocitySet::truncated(moves));
    let group = Rotation::new(8).expect("orientations");
    let turning = FlowSpace::new(group, turns.expect("a set"), lift);
    let moving = FlowSpace::new(Translation, moves.expect("a set"), lift);
    let [(u, w), (v, x)] = [(); 2].map(|()| kernels(planes, 1));
    let valid = "valid kernels";
    (FlowRnn::over(turning, u, w).expect(valid), FlowRnn::over(moving, v, x).expect(valid))
}

/// Small random numbers that gradients are asked for.
fn drawn(name: &str, shape: &[usize]) -> Tensor {
    let initial = Initial::trained(name, shape, Draw::Uniform(0.1));
    let drawn = Parameters::draw(&[initial], 0, &Device::Cpu).expect("a shape");
    drawn.tensors()[name].clone()
}

/// Forward, loss, backward, clip and Adam on batches of 4 sequences, 10 frames seen, 10 predicted.
fn whole_training_step(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("training step, batch 4");
    group.sample_size(10);
    let digits = Sources::embedded().digits().expect("embedded digits");
    for range in [0, 1, 2] {
        let velocities = VelocitySet::square(range);
        let canvas = Canvas { size: SIZE, digit: 28 };
        let data = TranslatingMnist::new(digits.clone(), canvas, 20, velocities.as_slice(), 0)
            .expect("a valid canvas");
        let batch = data.pair(Split::Train, 0..4, 10).expect("a batch");
        let parameters = parameters();
        let space = FlowSpace::new(Translation, velocities, Lift::CoMoving);
        let build = |tensors: &Tensors| {
            let (of, source) = ((&SHAPE, &Fields::Plain), Path::new("bench"));
            ForecasterChoice::default().forecaster(of, tensors, space.clone(), source)
        };
        let learner = ForecastLearner { initial: initial(), build: &build };
        let mut adam = Adam::new(parameters.variables(), AdamConfig::default()).expect("variables");
        group.bench_function(BenchmarkId::from_parameter(format!("V{range}")), |bencher| {
            bencher.iter(|| {
                training_step(&learner, &parameters, &mut adam, &batch, Some(1.0)).expect("a step")
            });
        });
    }
    group.finish();
}

/// A whole sequence with 25 velocities, forward and backward: one sample on one thread and on two, and two samples on
/// two, which need nothing of each other; and what that means for more threads by Amdahl's law.
fn cores(criterion: &mut Criterion) {
    const CHANNELS: usize = 64;
    let mut group = criterion.benchmark_group("20 frames, C = 64, V = 25");
    group.sample_size(10);
    let space = FlowSpace::new(Translation, VelocitySet::square(2), Lift::CoMoving);
    let (u, w) = kernels(CHANNELS, 1);
    let cell = FlowRnn::over(space, u, w).expect("valid kernels");
    let mut shortest = [f64::INFINITY; 3];
    for ((threads, samples), shortest) in [(1, 1), (2, 1), (2, 2)].into_iter().zip(&mut shortest) {
        let frames = drawn("frames", &[samples, 20, 1, SIZE, SIZE]).detach();
        let run = || {
            let read_outs = cell.unroll(Sequence::Frames(&frames), ReadOut::Every);
            let loss = read_outs.and_then(|r| Ok(r.sum_all()?)).expect("a loss");
            black_box(loss.backward().expect("gradients"))
        };
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("threads");
        let name = format!("threads: {threads}, samples: {samples}");
        group.bench_function(BenchmarkId::from_parameter(name), |bencher| {
            bencher.iter(|| {
                let start = Instant::now();
                let gradients = pool.install(run);
                *shortest = shortest.min(start.elapsed().as_secs_f64());
                gradients
            });
        });
    }
    group.finish();
    let [one, shared, two] = shortest;
    if shortest.iter().all(|seconds| seconds.is_finite()) {
        let limit = 2.0 * one / two;
        let alone = ((shared / one - 1.0 / limit) / (1.0 - 1.0 / limit)).clamp(0.0, 1.0);
        println!(
            "one sample on two threads: {:.2} times faster, where two apart give {limit:.2}; {:.1} % runs alone, and \
             64 cores were {:.0} times as fast as one by Amdahl's law",
            one / shared,
            100.0 * alone,
            1.0 / (alone + (1.0 - alone) / 64.0)
        );
    }
}

criterion_group! {
    name = benches;
    // Criterion's plots need a system font.
    config = Criterion::default().without_plots();
    targets = cell_step, sequence, whole_training_step, cores
}
criterion_main!(benches);
