//! Criterion benches: one step of the cell, forward and backward, and a whole training step.

use candle_core::{Device, Tensor};
use candle_nn::Optimizer;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use fernn::cells::Fields;
use fernn::cells::{Cell, TranslationRnn};
use fernn::data::{Canvas, Sequences, Sources, Split, TranslatingMnist};
use fernn::flow::{FlowSpace, Input, Lift, Translation, VelocitySet};
use fernn::models::{Decoder, ForecastLearner, ForecasterChoice, ForecasterShape};
use fernn::parameters::{Initial, Parameters, Tensors};
use fernn::training::{Adam, AdamConfig, training_step};
use std::hint::black_box;
use std::path::Path;

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

criterion_group! {
    name = benches;
    // Criterion's plots need a system font.
    config = Criterion::default().without_plots();
    targets = cell_step, whole_training_step
}
criterion_main!(benches);
