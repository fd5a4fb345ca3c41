//! Criterion benches: one step of the cell, forward and backward, and a whole training step.

use candle_core::{Device, Tensor};
use candle_nn::Optimizer;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use fernn::cells::{Cell, TranslationRnn};
use fernn::data::{Canvas, Digits, FlowingMnist, Sequences, Split};
use fernn::flow::{Input, Translation, VelocitySet};
use fernn::models::{ForecasterShape, Parameters, TranslationForecaster, parameter_shapes};
use fernn::training::{Adam, AdamConfig, training_step};
use std::hint::black_box;
use std::path::Path;

const CHANNELS: usize = 16;
const SIZE: usize = 28;

fn parameters() -> Parameters {
    let shape = ForecasterShape { inputs: 1, channels: CHANNELS, outputs: 1, decoder_layers: 4 };
    Parameters::convolutions(&parameter_shapes(&shape), 0, &Device::Cpu).expect("valid shapes")
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
    let digits = Digits::embedded().expect("embedded digits");
    for range in [0, 1, 2] {
        let velocities = VelocitySet::square(range);
        let canvas = Canvas { size: SIZE, digit: 28 };
        let data = FlowingMnist::new(&digits, canvas, 20, velocities.as_slice(), 0)
            .expect("a valid canvas");
        let (seen, target) = data.pair(Split::Train, 0..4, 10).expect("a batch");
        let parameters = parameters();
        let model = TranslationForecaster::from_tensors(
            &parameters.tensors(),
            velocities,
            Path::new("bench"),
        )
        .expect("valid tensors");
        let mut adam = Adam::new(parameters.variables(), AdamConfig::default()).expect("variables");
        group.bench_function(BenchmarkId::from_parameter(format!("V{range}")), |bencher| {
            bencher.iter(|| {
                training_step(&model, &parameters, &mut adam, (&seen, &target), Some(1.0))
                    .expect("a step")
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
