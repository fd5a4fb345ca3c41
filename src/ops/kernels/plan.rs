//! One convolution layer made ready: its algorithm chosen, its weights packed for it.

use super::buffer::Buffer;
use super::geometry::{Geometry, Torus};
use super::lanes::{Float, InstructionSet};
use super::register_tile::{Product, block};
use super::thin::{Side, fold, unfold};
use super::{direct, winograd};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

/// How a convolution is computed.
///
/// [`ConvAlgorithm::Direct`] sums each output over taps and channels in one order for every pixel:
/// it commutes with translations bit for bit. [`ConvAlgorithm::Winograd`] is F(4×4, 3×3), two to
/// three times faster; its result depends in the last bits on where a pixel lies in its tile. In
/// f32, with 16 to 128 channels, its 2-norm error against f64 is about four times that of the
/// direct kernel, 1e-6 to 2.3e-6 of the result (AVX-512; a unit test prints it). Layers that it does not fit (other kernel sizes,
/// a single channel) are computed directly.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ConvAlgorithm {
    /// Sums over taps and channels.
    Direct,
    /// Winograd F(4×4, 3×3) wherever it fits.
    Winograd,
    /// Winograd for 3×3 kernels with at least 8 channels on both sides, on a torus that fills at
    /// least half of its 4×4 tiles; else direct.
    #[default]
    Auto,
}

impl ConvAlgorithm {
    /// `direct`, `winograd` or `auto`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Winograd => "winograd",
            Self::Auto => "auto",
        }
    }
}

/// What runs in the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Method {
    Direct,
    Winograd,
    /// One input channel: unfold it, then a matrix product.
    OneInput,
    /// One output channel: a matrix product, then fold.
    OneOutput,
}

/// A convolution's kernel as it comes: values (outputs, inputs, kh, kw).
#[derive(Clone, Copy)]
pub(crate) struct KernelView<'a, T> {
    pub values: &'a [T],
    pub outputs: usize,
    pub inputs: usize,
    pub height: usize,
    pub width: usize,
}

impl<T: Float> KernelView<'_, T> {
    /// Weight by output, input and tap; zero for channels that exist only as padding.
    fn at(&self, output: usize, input: usize, tap: usize) -> T {
        if output >= self.outputs || input >= self.inputs {
            return T::default();
        }
        self.values[(output * self.inputs + input) * self.height * self.width + tap]
    }
}

/// Channels that Winograd needs to pay off, and that are worth being padded to whole vectors.
const ENOUGH_CHANNELS: usize = 8;

/// Channels as stored: whole blocks of vectors, except for a few channels.
pub(crate) fn stored_channels<T: Float>(channels: usize) -> usize {
    match channels {
        ..ENOUGH_CHANNELS => channels,
        _ => padded(channels, T::lanes(InstructionSet::best())),
    }
}

/// A circular convolution of images (H, W, inputs) to (H, W, outputs), channels as stored.
pub(crate) struct Convolution<T> {
    set: InstructionSet,
    method: Method,
    g: Geometry,
    /// Channels of the kernel: (outputs, inputs).
    channels: (usize, usize),
    forward: Buffer<T>,
    adjoint: Buffer<T>,
    /// Winograd's tiles, forward and back.
    tilings: [winograd::Tiling; 2],
}

impl<T: Float> Convolution<T> {
    /// Packs `kernel` for images with `inputs` and `outputs` stored channels.
    pub fn new(
        algorithm: ConvAlgorithm,
        torus: Torus,
        kernel: KernelView<'_, T>,
        (inputs, outputs): (usize, usize),
    ) -> Self {
        Self::on(InstructionSet::best(), algorithm, torus, kernel, (inputs, outputs))
    }

    fn on(
        set: InstructionSet,
        algorithm: ConvAlgorithm,
        torus: Torus,
        kernel: KernelView<'_, T>,
        (inputs, outputs): (usize, usize),
    ) -> Self {
        let (kernel_height, kernel_width) = (kernel.height, kernel.width);
        let g = Geometry { torus, inputs, outputs, kernel_height, kernel_width };
        let method = choose::<T>(set, algorithm, &g, &kernel);
        let channels = (kernel.outputs, kernel.inputs);
        let lanes = T::lanes(set);
        let (forward, adjoint) = match method {
            Method::Winograd => pack_winograd(&g, &kernel, lanes),
            _ => pack_direct(&g, &kernel, method, lanes),
        };
        let tiling = winograd::Tiling::new::<T>(g);
        let back = tiling.transposed();
        Self { set, method, g, channels, forward, adjoint, tilings: [tiling, back] }
    }

    pub fn geometry(&self) -> &Geometry {
        &self.g
    }

    /// The convolution of every image of `x`, on this thread.
    pub fn forward(&self, x: &[T], y: &mut [T]) {
        let g = &self.g;
        assert_eq!(x.len() / g.input_len(), y.len() / g.output_len());
        match self.method {
            Method::Direct => direct::convolve(self.set, g, x, &self.forward, y),
            Method::Winograd => {
                let ([tiling, _], weights) = (&self.tilings, &self.forward);
                T::run(self.set, winograd::Convolve { tiling, x, weights, y });
            }
            Method::OneInput => {
                let mut patches = self.patches();
                for (x, y) in x.chunks_exact(g.input_len()).zip(y.chunks_exact_mut(g.output_len()))
                {
                    unfold(g, Side::Ahead, x, &mut patches, self.stride());
                    let terms = g.taps();
                    self.product((&patches, self.stride(), terms), &self.forward, y, g.outputs);
                }
            }
            Method::OneOutput => {
                let mut patches = self.patches();
                for (x, y) in x.chunks_exact(g.input_len()).zip(y.chunks_exact_mut(g.output_len()))
                {
                    let columns = self.stride();
                    self.product((x, g.inputs, g.inputs), &self.forward, &mut patches, columns);
                    fold(g, Side::Ahead, &patches, columns, y);
                }
            }
        }
    }

    /// Where asked, adds the weight gradient of every image to `sums`, in the algorithm's own order,
    /// and writes the gradient to the input; on this thread.
    pub fn backward(
        &self,
        x: &[T],
        gradient: &[T],
        sums: Option<&mut [T]>,
        to_x: Option<&mut [T]>,
    ) {
        let g = &self.g;
        assert_eq!(x.len() / g.input_len(), gradient.len() / g.output_len());
        assert!(sums.as_ref().is_none_or(|sums| sums.len() == self.sums_len()));
        match self.method {
            Method::Direct => {
                if let Some(sums) = sums {
                    direct::accumulate_weights(self.set, g, x, gradient, (sums, self.columns()));
                }
                if let Some(to_x) = to_x {
                    let adjoint = g.transposed();
                    direct::convolve(self.set, &adjoint, gradient, &self.adjoint, to_x);
                }
            }
            Method::Winograd => {
                let to_x = to_x.map(|to_x| (&*self.adjoint, to_x));
                let tilings = (&self.tilings[0], &self.tilings[1]);
                T::run(self.set, winograd::Backward { tilings, x, gradient, sums, to_x });
            }
            Method::OneInput => self.backward_one_input(x, gradient, sums, to_x),
            Method::OneOutput => self.backward_one_output(x, gradient, sums, to_x),
        }
    }

    fn backward_one_input(
        &self,
        x: &[T],
        gradient: &[T],
        mut sums: Option<&mut [T]>,
        mut to_x: Option<&mut [T]>,
    ) {
        let (g, mut patches, stride) = (&self.g, self.patches(), self.stride());
        for (n, gradient) in gradient.chunks_exact(g.output_len()).enumerate() {
            if let Some(sums) = &mut sums {
                let x = &x[n * g.input_len()..][..g.input_len()];
                unfold(g, Side::Ahead, x, &mut patches, stride);
                let a = (&*patches, stride, g.taps());
                self.outer_product(a, (gradient, g.outputs), sums);
            }
            if let Some(to_x) = &mut to_x {
                let a = (gradient, g.outputs, g.outputs);
                self.product(a, &self.adjoint, &mut patches, stride);
                let to_x = &mut to_x[n * g.input_len()..][..g.input_len()];
                fold(g, Side::Behind, &patches, stride, to_x);
            }
        }
    }

    fn backward_one_output(
        &self,
        x: &[T],
        gradient: &[T],
        mut sums: Option<&mut [T]>,
        mut to_x: Option<&mut [T]>,
    ) {
        let (g, mut patches, stride) = (&self.g, self.patches(), self.stride());
        for (n, gradient) in gradient.chunks_exact(g.output_len()).enumerate() {
            unfold(g, Side::Behind, gradient, &mut patches, stride);
            if let Some(sums) = &mut sums {
                let x = &x[n * g.input_len()..][..g.input_len()];
                self.outer_product((x, g.inputs, g.inputs), (&patches, stride), sums);
            }
            if let Some(to_x) = &mut to_x {
                let to_x = &mut to_x[n * g.input_len()..][..g.input_len()];
                self.product((&patches, stride, g.taps()), &self.adjoint, to_x, g.inputs);
            }
        }
    }

    /// Pixels × terms (rows `a_row` apart) times packed weights.
    fn product(&self, (a, a_row, terms): (&[T], usize, usize), b: &[T], c: &mut [T], n: usize) {
        let block = block(n, T::lanes(self.set));
        let product = Product {
            rows: self.g.torus.pixels(),
            terms,
            a: (a, a_row, 1),
            b,
            b_steps: (block, terms * block),
            c,
            c_row: n,
            columns: n,
            accumulate: false,
        };
        T::run(self.set, product);
    }

    /// sums[m][n] += Σ_pixels a[pixel][m] · b[pixel][n], for `m` columns of a.
    fn outer_product(
        &self,
        (a, a_row, m): (&[T], usize, usize),
        (b, n): (&[T], usize),
        sums: &mut [T],
    ) {
        let product = Product {
            rows: m,
            terms: self.g.torus.pixels(),
            a: (a, 1, a_row),
            b,
            b_steps: (n, block(n, T::lanes(self.set))),
            c: sums,
            c_row: n,
            columns: n,
            accumulate: true,
        };
        T::run(self.set, product);
    }

    /// Outputs rounded up to whole blocks.
    fn columns(&self) -> usize {
        padded(self.g.outputs, T::lanes(self.set))
    }

    /// Distance of two pixels' unfolded patches.
    fn stride(&self) -> usize {
        padded(self.g.taps(), T::lanes(self.set))
    }

    /// Room for one unfolded image; the padding between patches is zero.
    fn patches(&self) -> Buffer<T> {
        Buffer::zeros(self.g.torus.pixels() * self.stride())
    }

    /// Numbers of the sums that [`Convolution::backward`] adds to.
    pub fn sums_len(&self) -> usize {
        let g = &self.g;
        match self.method {
            Method::Direct => g.taps() * g.inputs * self.columns(),
            Method::Winograd => winograd::FREQUENCIES * g.inputs * g.outputs,
            Method::OneInput => g.taps() * g.outputs,
            Method::OneOutput => g.inputs * self.stride(),
        }
    }

    /// The weight gradient (outputs, inputs, kh, kw) from parts, which are added in their order.
    pub fn weight_gradient(&self, parts: &[Buffer<T>]) -> Vec<T> {
        let (g, (outputs, inputs), taps) = (&self.g, self.channels, self.g.taps());
        let sums = add_up(parts, self.sums_len());
        let mut gradient = vec![T::default(); outputs * inputs * taps];
        gradient.par_chunks_mut(inputs * taps).enumerate().for_each(|(o, gradient)| {
            for (i, gradient) in gradient.chunks_exact_mut(taps).enumerate() {
                if self.method == Method::Winograd {
                    let place = |f| (f * g.inputs + i) * g.outputs + o;
                    let u = std::array::from_fn(|f| sums[place(f)].to_f64());
                    gradient.copy_from_slice(&winograd::transform_gradient(u).map(T::from_f64));
                    continue;
                }
                for (tap, gradient) in gradient.iter_mut().enumerate() {
                    *gradient = sums[match self.method {
                        Method::OneOutput => i * self.stride() + tap,
                        Method::OneInput => tap * g.outputs + o,
                        _ => (tap * g.inputs + i) * self.columns() + o,
                    }];
                }
            }
        });
        gradient
    }
}

/// The sum of all parts, added in their order.
fn add_up<T: Float>(parts: &[Buffer<T>], length: usize) -> Buffer<T> {
    let mut sums = Buffer::zeros(length);
    sums.par_chunks_mut(1 << 14).enumerate().for_each(|(chunk, sums)| {
        for part in parts {
            let part = &part[chunk << 14..][..sums.len()];
            sums.iter_mut().zip(part).for_each(|(sum, &value)| *sum += value);
        }
    });
    sums
}

fn padded(columns: usize, lanes: usize) -> usize {
    columns.next_multiple_of(block(columns, lanes))
}

fn choose<T: Float>(
    set: InstructionSet,
    algorithm: ConvAlgorithm,
    g: &Geometry,
    kernel: &KernelView<'_, T>,
) -> Method {
    let whole = |channels: usize| channels.is_multiple_of(block(channels, T::lanes(set)));
    let Torus { height, width } = g.torus;
    let fits = g.kernel_height == 3 && g.kernel_width == 3 && whole(g.inputs) && whole(g.outputs);
    let pays = kernel.inputs.min(kernel.outputs) >= ENOUGH_CHANNELS
        && 2 * g.torus.pixels() >= height.next_multiple_of(4) * width.next_multiple_of(4);
    if g.inputs == 1 && whole(g.outputs) {
        return Method::OneInput;
    }
    if g.outputs == 1 && whole(g.inputs) {
        return Method::OneOutput;
    }
    match algorithm {
        ConvAlgorithm::Winograd if fits => Method::Winograd,
        ConvAlgorithm::Auto if fits && pays => Method::Winograd,
        _ => Method::Direct,
    }
}

/// Weights by frequency: [frequency][block of outputs][input][output in block], and the adjoint's.
fn pack_winograd<T: Float>(
    g: &Geometry,
    kernel: &KernelView<'_, T>,
    lanes: usize,
) -> (Buffer<T>, Buffer<T>) {
    let (outputs, inputs) = (kernel.outputs, kernel.inputs);
    // Both transforms of every pair of channels, [output][input][frequency], as T.
    let mut transformed = Buffer::<T>::take(outputs * inputs * 2 * winograd::FREQUENCIES);
    transformed.par_chunks_mut(inputs * 2 * winograd::FREQUENCIES).enumerate().for_each(
        |(o, transformed)| {
            for (i, pair) in transformed.chunks_exact_mut(2 * winograd::FREQUENCIES).enumerate() {
                let mut w: [f64; 9] = std::array::from_fn(|tap| kernel.at(o, i, tap).to_f64());
                let (forward, adjoint) = pair.split_at_mut(winograd::FREQUENCIES);
                forward.copy_from_slice(&winograd::transform_kernel(w).map(T::from_f64));
                w.reverse();
                adjoint.copy_from_slice(&winograd::transform_kernel(w).map(T::from_f64));
            }
        },
    );
    let at = |o: usize, i: usize, f: usize| {
        transformed[(o * inputs + i) * 2 * winograd::FREQUENCIES + f]
    };
    let plane = g.inputs * g.outputs;
    let length = winograd::FREQUENCIES * plane;
    let (mut forward, mut adjoint) = (Buffer::zeros(length), Buffer::zeros(length));
    let planes = forward.par_chunks_mut(plane).zip(adjoint.par_chunks_mut(plane));
    planes.enumerate().for_each(|(f, (forward, adjoint))| {
        for o in 0..outputs {
            for i in 0..inputs {
                forward[blocked(i, o, g.inputs, block(g.outputs, lanes))] = at(o, i, f);
                adjoint[blocked(o, i, g.outputs, block(g.inputs, lanes))] =
                    at(o, i, winograd::FREQUENCIES + f);
            }
        }
    });
    (forward, adjoint)
}

/// Place of (row, column) in [block of columns][row][column in block].
fn blocked(row: usize, column: usize, rows: usize, block: usize) -> usize {
    (column / block * rows + row) * block + column % block
}

/// Weights [block of outputs][tap][input][output in block] and the adjoint's; where one side has
/// a single channel, the taps take its place.
fn pack_direct<T: Float>(
    g: &Geometry,
    kernel: &KernelView<'_, T>,
    method: Method,
    lanes: usize,
) -> (Buffer<T>, Buffer<T>) {
    let taps = g.taps();
    let pack = |rows: usize, columns: usize, at: &dyn Fn(usize, usize) -> T| {
        let block = block(columns, lanes);
        let mut packed = Buffer::zeros(rows * columns.next_multiple_of(block));
        for row in 0..rows {
            for column in 0..columns {
                packed[blocked(row, column, rows, block)] = at(row, column);
            }
        }
        packed
    };
    match method {
        Method::OneInput => (
            pack(taps, g.outputs, &|tap, o| kernel.at(o, 0, tap)),
            pack(g.outputs, taps, &|o, tap| kernel.at(o, 0, tap)),
        ),
        Method::OneOutput => (
            pack(g.inputs, taps, &|i, tap| kernel.at(0, i, tap)),
            pack(taps, g.inputs, &|tap, i| kernel.at(0, i, tap)),
        ),
        _ => (
            pack(taps * g.inputs, g.outputs, &|row, o| {
                kernel.at(o, row % g.inputs, row / g.inputs)
            }),
            pack(taps * g.outputs, g.inputs, &|row, i| {
                kernel.at(row % g.outputs, i, taps - 1 - row / g.outputs)
            }),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::Stream;

    fn random<T: Float>(name: &str, length: usize) -> Vec<T> {
        let mut stream = Stream::new(5, name, 0);
        (0..length).map(|_| T::from_f64(stream.normal())).collect()
    }

    /// Σ over taps and channels, index by index in f64: (y, gradient to x, gradient to w).
    fn plain<T: Float>(
        torus: Torus,
        kernel: &KernelView<'_, T>,
        x: &[T],
        gradient: &[T],
    ) -> [Vec<f64>; 3] {
        let (outputs, inputs) = (kernel.outputs, kernel.inputs);
        let images = x.len() / (torus.pixels() * inputs);
        let mut y = vec![0.0; images * torus.pixels() * outputs];
        let mut to_x = vec![0.0; x.len()];
        let mut to_w = vec![0.0; kernel.values.len()];
        for pixel in 0..images * torus.pixels() {
            let (n, place) = (pixel / torus.pixels(), pixel % torus.pixels());
            for tap in 0..kernel.height * kernel.width {
                let dy = (tap / kernel.width) as i64 - (kernel.height / 2) as i64;
                let dx = (tap % kernel.width) as i64 - (kernel.width / 2) as i64;
                let row = torus.row((place / torus.width) as i64 + dy);
                let column = torus.column((place % torus.width) as i64 + dx);
                let source = (n * torus.pixels() + row * torus.width + column) * inputs;
                for o in 0..outputs {
                    let g = gradient[pixel * outputs + o].to_f64();
                    for i in 0..inputs {
                        let w = (o * inputs + i) * kernel.height * kernel.width + tap;
                        y[pixel * outputs + o] +=
                            x[source + i].to_f64() * kernel.values[w].to_f64();
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
        let tori = [(1, 1), (2, 3), (3, 2), (4, 4), (5, 7), (7, 5), (14, 14), (3, 29), (13, 28)];
        let channels = [(1, 1), (1, 16), (16, 1), (2, 3), (16, 16), (32, 16), (8, 64), (17, 33)];
        for set in [InstructionSet::best()] {
            for (height, width) in tori {
                for (inputs, outputs) in channels {
                    for size in [(1, 1), (3, 3), (3, 5)] {
                        for algorithm in [ConvAlgorithm::Direct, ConvAlgorithm::Winograd] {
                            let torus = Torus { height, width };
                            let case = (inputs, outputs, size, algorithm);
                            check::<T>(set, torus, case, epsilon);
                        }
                    }
                }
            }
        }
    }

    fn check<T: Float>(
        set: InstructionSet,
        torus: Torus,
        (inputs, outputs, (height, width), algorithm): (
            usize,
            usize,
            (usize, usize),
            ConvAlgorithm,
        ),
        epsilon: f64,
    ) {
        let values = random::<T>("w", outputs * inputs * height * width);
        let kernel = KernelView { values: &values, outputs, inputs, height, width };
        // Enough images that a chunk of tiles ends inside one.
        let images = if torus.pixels() > 64 { 2 } else { 5 };
        let x = random::<T>("x", images * torus.pixels() * inputs);
        let gradient = random::<T>("g", images * torus.pixels() * outputs);
        let plan = Convolution::on(set, algorithm, torus, kernel, (inputs, outputs));
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
        let expected = plain(torus, &kernel, &x, &gradient);
        for ((result, expected), terms) in results.iter().zip(&expected).zip(terms) {
            let error = relative_error(result, expected);
            assert!(
                error < growth * epsilon * (terms as f64).sqrt(),
                "{} {torus:?} {inputs}→{outputs} {height}×{width} {:?}: {error}",
                set.name(),
                plan.method
            );
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
        let torus = Torus { height: 28, width: 28 };
        for channels in [16, 32, 64, 128] {
            let wide = random::<f64>("w", channels * channels * 9);
            let narrow: Vec<f32> = wide.iter().map(|&w| w as f32).collect();
            let exact: Vec<f64> = narrow.iter().map(|&w| w as f64).collect();
            let x: Vec<f32> = random("x", torus.pixels() * channels);
            let run = |algorithm| {
                let (outputs, inputs, height, width) = (channels, channels, 3, 3);
                let kernel = KernelView { values: &narrow, outputs, inputs, height, width };
                let mut y = vec![0.0; x.len()];
                Convolution::new(algorithm, torus, kernel, (inputs, outputs)).forward(&x, &mut y);
                y
            };
            let mut reference = vec![0.0; x.len()];
            let (outputs, inputs, height, width) = (channels, channels, 3, 3);
            let kernel = KernelView { values: &exact, outputs, inputs, height, width };
            let x64: Vec<f64> = x.iter().map(|&x| x as f64).collect();
            Convolution::new(ConvAlgorithm::Direct, torus, kernel, (inputs, outputs))
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
}
