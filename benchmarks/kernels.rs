//! Criterion benches of the convolution and of the sequence operation; throughput counts the
//! floating-point operations of the direct convolution. The limits of the machine come first.

use candle_core::{DType, Device, Tensor, Var};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use fernn::ops::{
    Activation, ConvAlgorithm, Kernels, ReadOut, Recurrence, Shift, SliceAction,
    circular_convolution, flow_sequence,
};
use std::hint::black_box;

const SIZE: usize = 28;
const ALGORITHMS: [ConvAlgorithm; 2] = [ConvAlgorithm::Direct, ConvAlgorithm::Winograd];

fn tensor(shape: &[usize], value: f64) -> Tensor {
    let ones = Tensor::ones(shape, DType::F32, &Device::Cpu).expect("a tensor");
    (ones * value).expect("a tensor")
}

/// Prints what the speeds below can be held against.
fn limits(criterion: &mut Criterion) {
    // SAFETY: the first benchmark; criterion runs it in the thread of `main` and has begun no other.
    unsafe { fernn::process::prepare() };
    println!("multiply-adds on registers: {:.0} GF/s", fernn::ops::peak_flops() / 1e9);
    let mut group = criterion.benchmark_group("limit");
    let a = tensor(&[1024, 1024], 0.5);
    group.throughput(Throughput::Elements(2 << 30));
    group.bench_function("matrix product 1024", |b| b.iter(|| a.matmul(&a).expect("a product")));
    group.finish();
}

/// One 3×3 layer: forward, backward to the weights, backward to the input.
fn convolution(criterion: &mut Criterion) {
    for channels in [16usize, 32, 64, 128] {
        let mut group = criterion.benchmark_group(format!("convolution, C = {channels}"));
        let images = 1024 / channels;
        let flops = 2 * images * SIZE * SIZE * 9 * channels * channels;
        group.throughput(Throughput::Elements(flops as u64)).sample_size(20);
        let x = tensor(&[images, SIZE, SIZE, channels], 0.5);
        let kernel = tensor(&[channels, channels, 3, 3], 0.01);
        for algorithm in ALGORITHMS {
            let apply = |x: &Tensor, kernel: &Tensor| {
                circular_convolution(x, kernel, Activation::Identity, algorithm).expect("a layer")
            };
            group.bench_function(BenchmarkId::new("forward", algorithm.name()), |b| {
                b.iter(|| black_box(apply(&x, &kernel)))
            });
            let (tracked_x, tracked_kernel) = (
                Var::from_tensor(&x).expect("a variable"),
                Var::from_tensor(&kernel).expect("a variable"),
            );
            for (name, y) in [
                ("backward to weights", apply(&x, tracked_kernel.as_tensor())),
                ("backward to input", apply(tracked_x.as_tensor(), &kernel)),
            ] {
                // From a gradient of ones; candle's own additions and zeros are in the time.
                group.bench_function(BenchmarkId::new(name, algorithm.name()), |b| {
                    b.iter(|| black_box(y.backward().expect("gradients")))
                });
            }
        }
        group.finish();
    }
}

/// Twenty steps of the recurrence, forward and backward, by |V|: with 1 and 25 velocities for the
/// same number of slices, so that their times can be compared.
fn sequence(criterion: &mut Criterion) {
    const STEPS: usize = 20;
    for channels in [16usize, 64] {
        let mut group = criterion.benchmark_group(format!("sequence of 20, C = {channels}"));
        group.sample_size(10);
        for (batch, range) in [(50usize, 0i64), (2, 2), (2, 1), (2, 3)] {
            let side = -range..=range;
            let shifts: Vec<Shift> = side
                .clone()
                .flat_map(|right| side.clone().map(move |down| Shift { down, right }))
                .collect();
            let slices = batch * shifts.len();
            let flops = 3 * 2 * STEPS * slices * SIZE * SIZE * 9 * channels * channels;
            group.throughput(Throughput::Elements(flops as u64));
            let seen = tensor(&[batch, STEPS, SIZE, SIZE, 1], 0.5);
            let (u, w) =
                (tensor(&[channels, 1, 3, 3], 0.1), tensor(&[channels, channels, 3, 3], 1e-3));
            let kernels = [u, w].map(|k| Var::from_tensor(&k).expect("a variable"));
            for algorithm in ALGORITHMS {
                let recurrence = Recurrence { algorithm, ..Recurrence::default() };
                let name = format!("|V| = {}, batch {batch}", shifts.len());
                group.bench_function(BenchmarkId::new(name, algorithm.name()), |b| {
                    b.iter(|| {
                        let (input, recurrent) = (Some(kernels[0].as_tensor()), &kernels[1]);
                        let kernels = Kernels { input, recurrent };
                        let read_out = flow_sequence(
                            &seen,
                            kernels,
                            SliceAction::Shifts(&shifts),
                            recurrence,
                            ReadOut::Last,
                        )
                        .expect("a run");
                        black_box(read_out.sum_all().and_then(|s| s.backward()).expect("gradients"))
                    })
                });
            }
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    // Criterion's plots need a system font.
    config = Criterion::default().without_plots();
    targets = limits, convolution, sequence
}
criterion_main!(benches);
