//! Every method of every instruction set against plain loops.

use super::*;
use crate::rng::Stream;

fn random<T: Float>(name: &str, length: usize) -> Vec<T> {
    let mut stream = Stream::new(5, name, 0);
    (0..length).map(|_| T::from_f64(stream.normal())).collect()
}

/// Σ over taps and channels, index by index in f64: (y, gradient to x, gradient to w).
fn plain<T: Float>(
    (plane, padding): (Plane, Padding),
    kernel: &KernelView<'_, T>,
    x: &[T],
    gradient: &[T],
) -> [Vec<f64>; 3] {
    let (outputs, inputs) = (kernel.outputs, kernel.inputs);
    let images = x.len() / (plane.pixels() * inputs);
    let mut y = vec![0.0; images * plane.pixels() * outputs];
    let mut to_x = vec![0.0; x.len()];
    let mut to_w = vec![0.0; kernel.values.len()];
    for pixel in 0..images * plane.pixels() {
        let (n, place) = (pixel / plane.pixels(), pixel % plane.pixels());
        for tap in 0..kernel.height * kernel.width {
            let dy = (tap / kernel.width) as i64 - (kernel.height / 2) as i64;
            let dx = (tap % kernel.width) as i64 - (kernel.width / 2) as i64;
            let (y_of, x_of) =
                ((place / plane.width) as i64 + dy, (place % plane.width) as i64 + dx);
            let (row, column) = (plane.row(y_of), plane.column(x_of));
            let is_inside = (row as i64, column as i64) == (y_of, x_of);
            if padding == Padding::Zero && !is_inside {
                continue;
            }
            let source = (n * plane.pixels() + row * plane.width + column) * inputs;
            for o in 0..outputs {
                let g = gradient[pixel * outputs + o].to_f64();
                for i in 0..inputs {
                    let w = (o * inputs + i) * kernel.height * kernel.width + tap;
                    y[pixel * outputs + o] += x[source + i].to_f64() * kernel.values[w].to_f64();
                    to_x[source + i] += g * kernel.values[w].to_f64();
                    to_w[w] += g * x[source + i].to_f64();
                }
            }
        }
    }
    [y, to_x, to_w]
}

/// max |a − b| / max |b|.
fn relative_error<T: Float>(a: &[T], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    let largest = |values: &mut dyn Iterator<Item = f64>| {
        values.fold(0.0f64, |m, v| if v.abs() <= m { m } else { v.abs() })
    };
    let difference = largest(&mut a.iter().zip(b).map(|(a, b)| a.to_f64() - b));
    difference / largest(&mut b.iter().copied())
}

/// Every method of every instruction set against the plain loops; `epsilon` is T's.
fn agrees<T: Float>(epsilon: f64) {
    let planes = [(1, 1), (2, 3), (3, 2), (4, 4), (5, 7), (7, 5), (14, 14), (3, 29), (13, 28)];
    let channels =
        [(1, 1), (1, 16), (16, 1), (2, 3), (16, 16), (32, 16), (8, 64), (24, 48), (17, 33)];
    for set in InstructionSet::all() {
        for (height, width) in planes {
            for (inputs, outputs) in channels {
                for size in [(1, 1), (3, 3), (3, 5)] {
                    for algorithm in [ConvAlgorithm::Direct, ConvAlgorithm::Winograd] {
                        let plane = Plane { height, width };
                        let case = Case { inputs, outputs, size, algorithm };
                        for padding in [Padding::Circular, Padding::Zero] {
                            check::<T>(set, (plane, padding), case, epsilon);
                        }
                    }
                }
            }
        }
    }
}

/// The channels, the kernel's size and the algorithm asked for.
#[derive(Clone, Copy)]
struct Case {
    inputs: usize,
    outputs: usize,
    size: (usize, usize),
    algorithm: ConvAlgorithm,
}

fn check<T: Float>(
    set: InstructionSet,
    (plane, padding): (Plane, Padding),
    case: Case,
    epsilon: f64,
) {
    let Case { inputs, outputs, size: (height, width), algorithm } = case;
    let values = random::<T>("w", outputs * inputs * height * width);
    let kernel = KernelView { values: &values, outputs, inputs, height, width };
    // Enough images that a chunk of tiles ends inside one.
    let images = if plane.pixels() > 64 { 2 } else { 5 };
    let x = random::<T>("x", images * plane.pixels() * inputs);
    let gradient = random::<T>("g", images * plane.pixels() * outputs);
    let plan = Convolution::on(set, algorithm, (plane, padding), kernel, (inputs, outputs));
    let mut y = vec![T::from_f64(f64::NAN); gradient.len()];
    plan.forward(&x, &mut y);
    let mut to_x = vec![T::from_f64(f64::NAN); x.len()];
    let mut sums = Buffer::zeros(plan.sums_len());
    plan.backward(&x, &gradient, Some(&mut sums), Some(&mut to_x));
    let mut frozen = vec![T::default(); x.len()];
    plan.backward(&x, &gradient, None, Some(&mut frozen));
    assert!(frozen == to_x, "the gradient to x depends on whether weights want theirs");
    let to_w = plan.weight_gradient(&[sums]);
    // ε √terms for the sum; the transforms of Winograd enlarge rounding some thirty times.
    let growth = if plan.method == Method::Winograd { 30.0 } else { 4.0 };
    let terms = [inputs * height * width, outputs * height * width, x.len() / inputs];
    let results = [&y, &to_x, &to_w];
    let expected = plain((plane, padding), &kernel, &x, &gradient);
    for ((result, expected), terms) in results.iter().zip(&expected).zip(terms) {
        let error = relative_error(result, expected);
        assert!(
            error < growth * epsilon * (terms as f64).sqrt(),
            "{} {plane:?} {padding:?} {inputs}→{outputs} {height}×{width} {:?}: {error}",
            set.name(),
            plan.method
        );
    }
}

/// Whatever lies in channels that are stored without being there is left out, and nothing comes of them.
#[test]
fn stored_channels_beyond_the_kernels_own_change_nothing() {
    let border = (Plane { height: 6, width: 5 }, Padding::Circular);
    let (outputs, inputs, height, width) = (20, 10, 3, 3);
    let values = random::<f32>("w", outputs * inputs * 9);
    let own = KernelView { values: &values, outputs, inputs, height, width };
    for set in InstructionSet::all() {
        let [all_inputs, all_outputs] = [inputs, outputs].map(|n| padded(n, f32::lanes(set)));
        let place = |o: usize, i: usize| (o * all_inputs + i) * 9;
        let mut wide = vec![0.0; all_outputs * all_inputs * 9];
        for (pair, taps) in values.chunks_exact(9).enumerate() {
            wide[place(pair / inputs, pair % inputs)..][..9].copy_from_slice(taps);
        }
        let stored = KernelView { values: &wide, outputs: all_outputs, inputs: all_inputs, ..own };
        let [x, gradient] = [("x", all_inputs), ("g", all_outputs)]
            .map(|(name, channels)| random::<f32>(name, 2 * border.0.pixels() * channels));
        let expected = plain(border, &stored, &x, &gradient);
        let to_own: Vec<f64> = (0..outputs * inputs)
            .flat_map(|pair| expected[2][place(pair / inputs, pair % inputs)..][..9].to_vec())
            .collect();
        for algorithm in [ConvAlgorithm::Direct, ConvAlgorithm::Winograd] {
            let plan = Convolution::on(set, algorithm, border, own, (all_inputs, all_outputs));
            let mut y = vec![f32::NAN; gradient.len()];
            plan.forward(&x, &mut y);
            let (mut to_x, mut sums) = (vec![f32::NAN; x.len()], Buffer::zeros(plan.sums_len()));
            plan.backward(&x, &gradient, Some(&mut sums), Some(&mut to_x));
            let to_w = plan.weight_gradient(&[sums]);
            for (got, expected) in [(&y, &expected[0]), (&to_x, &expected[1]), (&to_w, &to_own)] {
                let error = relative_error(got, expected);
                assert!(error < 1e-4, "{} {algorithm:?}: {error}", set.name());
            }
        }
    }
}

#[test]
fn every_method_of_every_instruction_set_agrees_with_the_plain_loops_in_f32() {
    agrees::<f32>(f32::EPSILON as f64);
}

#[test]
fn every_method_of_every_instruction_set_agrees_with_the_plain_loops_in_f64() {
    agrees::<f64>(f64::EPSILON);
}

#[test]
fn the_rounding_error_of_winograd_is_as_documented() {
    let plane = Plane { height: 28, width: 28 };
    let border = (plane, Padding::Circular);
    for channels in [16, 32, 64, 128] {
        let wide = random::<f64>("w", channels * channels * 9);
        let narrow: Vec<f32> = wide.iter().map(|&w| w as f32).collect();
        let exact: Vec<f64> = narrow.iter().map(|&w| w as f64).collect();
        let x: Vec<f32> = random("x", plane.pixels() * channels);
        let run = |algorithm| {
            let (outputs, inputs, height, width) = (channels, channels, 3, 3);
            let kernel = KernelView { values: &narrow, outputs, inputs, height, width };
            let mut y = vec![0.0; x.len()];
            Convolution::new(algorithm, border, kernel, (inputs, outputs)).forward(&x, &mut y);
            y
        };
        let mut reference = vec![0.0; x.len()];
        let (outputs, inputs, height, width) = (channels, channels, 3, 3);
        let kernel = KernelView { values: &exact, outputs, inputs, height, width };
        let x64: Vec<f64> = x.iter().map(|&x| x as f64).collect();
        Convolution::new(ConvAlgorithm::Direct, border, kernel, (inputs, outputs))
            .forward(&x64, &mut reference);
        let norm = |values: &mut dyn Iterator<Item = f64>| values.map(|v| v * v).sum::<f64>();
        let error = |y: Vec<f32>| {
            let difference = norm(&mut y.iter().zip(&reference).map(|(y, r)| *y as f64 - r));
            (difference / norm(&mut reference.iter().copied())).sqrt()
        };
        let [direct, winograd] =
            [ConvAlgorithm::Direct, ConvAlgorithm::Winograd].map(|a| error(run(a)));
        println!("C = {channels}: {direct:.1e}, {winograd:.1e}, {:.1}", winograd / direct);
        // Roundings of random sign: at most ε per term, adding up as a random walk.
        assert!(direct < f32::EPSILON as f64 * ((9 * channels) as f64).sqrt());
        assert!((2.0..6.5).contains(&(winograd / direct)));
    }
}
