//! One convolution layer made ready: its algorithm chosen, its weights packed for it.

use super::algorithm::{ConvAlgorithm, Method, padded};
use super::buffer::Buffer;
use super::geometry::{Geometry, Padding, Plane};
use super::lanes::{Float, InstructionSet};
use super::pack::{KernelView, pack_direct, pack_winograd};
use super::register_tile::{Product, Strides, block};
use super::thin::{Side, fold, unfold};
use super::tiling::Tiling;
use super::transforms::{FREQUENCIES, transform_gradient};
use super::{direct, winograd};
use rayon::prelude::*;

/// A convolution of images (H, W, inputs) to (H, W, outputs), channels as stored.
pub(crate) struct Convolution<T> {
    set: InstructionSet,
    method: Method,
    g: Geometry,
    /// Channels of the kernel: (outputs, inputs).
    channels: (usize, usize),
    forward: Buffer<T>,
    adjoint: Buffer<T>,
    /// Winograd's tiles, forward and back.
    tilings: [Tiling; 2],
}

/// A matrix with a row for every pixel; rows lie `stride` numbers apart.
#[derive(Clone, Copy)]
struct Pixels<'a, T> {
    values: &'a [T],
    stride: usize,
    columns: usize,
}

impl<'a, T> Pixels<'a, T> {
    /// Rows without a gap.
    fn whole(values: &'a [T], columns: usize) -> Self {
        Self { values, stride: columns, columns }
    }
}

impl<T: Float> Convolution<T> {
    /// Packs `kernel` for images with `inputs` and `outputs` stored channels.
    pub fn new(
        algorithm: ConvAlgorithm,
        border: (Plane, Padding),
        kernel: KernelView<'_, T>,
        (inputs, outputs): (usize, usize),
    ) -> Self {
        Self::on(InstructionSet::best(), algorithm, border, kernel, (inputs, outputs))
    }

    fn on(
        set: InstructionSet,
        algorithm: ConvAlgorithm,
        (plane, padding): (Plane, Padding),
        kernel: KernelView<'_, T>,
        (inputs, outputs): (usize, usize),
    ) -> Self {
        let (kernel_height, kernel_width) = (kernel.height, kernel.width);
        let g = Geometry { plane, padding, inputs, outputs, kernel_height, kernel_width };
        let method = Method::choose::<T>(set, algorithm, &g, (kernel.outputs, kernel.inputs));
        let channels = (kernel.outputs, kernel.inputs);
        let lanes = T::lanes(set);
        let (forward, adjoint) = match method {
            Method::Winograd => pack_winograd(&g, &kernel, lanes),
            _ => pack_direct(&g, &kernel, method, lanes),
        };
        let tiling = Tiling::new::<T>(g, kernel.inputs);
        let back = tiling.transposed(kernel.outputs);
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
            Method::OneInput | Method::OneOutput => {
                let (mut patches, stride) = (self.patches(), self.stride());
                for (x, y) in x.chunks_exact(g.input_len()).zip(y.chunks_exact_mut(g.output_len()))
                {
                    if self.method == Method::OneInput {
                        unfold(g, Side::Ahead, x, &mut patches, stride);
                        let a = Pixels { values: &patches, stride, columns: g.taps() };
                        self.product(a, &self.forward, y, g.outputs);
                    } else {
                        self.product(
                            Pixels::whole(x, g.inputs),
                            &self.forward,
                            &mut patches,
                            stride,
                        );
                        fold(g, Side::Ahead, &patches, stride, y);
                    }
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
                let a = Pixels { values: &patches, stride, columns: g.taps() };
                self.outer_product(a, Pixels::whole(gradient, g.outputs), sums);
            }
            if let Some(to_x) = &mut to_x {
                let a = Pixels::whole(gradient, g.outputs);
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
                let b = Pixels::whole(&patches, stride);
                self.outer_product(Pixels::whole(x, g.inputs), b, sums);
            }
            if let Some(to_x) = &mut to_x {
                let to_x = &mut to_x[n * g.input_len()..][..g.input_len()];
                let a = Pixels { values: &patches, stride, columns: g.taps() };
                self.product(a, &self.adjoint, to_x, g.inputs);
            }
        }
    }

    /// a times packed weights: pixels × `n`.
    fn product(&self, a: Pixels<'_, T>, b: &[T], c: &mut [T], n: usize) {
        let block = block(n, T::lanes(self.set));
        let product = Product {
            rows: self.g.plane.pixels(),
            terms: a.columns,
            a: a.values,
            a_strides: Strides { row: a.stride, step: 1 },
            b,
            b_steps: (block, a.columns * block),
            c,
            c_row: n,
            columns: n,
            accumulate: false,
        };
        T::run(self.set, product);
    }

    /// sums[m][n] += Σ_pixels a[pixel][m] · b[pixel][n].
    fn outer_product(&self, a: Pixels<'_, T>, b: Pixels<'_, T>, sums: &mut [T]) {
        let n = b.columns;
        let product = Product {
            rows: a.columns,
            terms: self.g.plane.pixels(),
            a: a.values,
            a_strides: Strides { row: 1, step: a.stride },
            b: b.values,
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
        Buffer::zeros(self.g.plane.pixels() * self.stride())
    }

    /// Numbers of the sums that [`Convolution::backward`] adds to.
    pub fn sums_len(&self) -> usize {
        let g = &self.g;
        match self.method {
            Method::Direct => g.taps() * g.inputs * self.columns(),
            Method::Winograd => FREQUENCIES * g.inputs * g.outputs,
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
                    gradient.copy_from_slice(&transform_gradient(u).map(T::from_f64));
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

#[cfg(test)]
mod tests;
