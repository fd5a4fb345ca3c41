//! A stack of convolutions with their non-linearities, as one differentiable operation.
//!
//! A decoder is such a stack. It can also be run piece by piece, as a forecaster does that needs
//! each output before the next input exists; [`StackRun::finish`] then puts the whole run on the
//! autograd graph without computing anything again.

use super::activation::Activation;
use super::kernels::{
    Buffer, ConvAlgorithm, Convolution, Float, KernelView, Padding, Plane, stored_channels,
};
use super::layer::{Layer, check_kernels};
use super::parts::{enough_images, images_per_part};
use super::storage::{CpuView, restore_channels};
use super::{composed, pointwise};
use crate::error::{Error, Result, expect_shape};
use candle_core::{CpuStorage, CustomOp2, DType, Layout, Shape, Tensor};
use rayon::prelude::*;
use std::sync::Mutex;

/// Cross-correlation with circular boundaries and an odd kernel, centred, then a non-linearity.
///
/// `y(p, o) = σ(Σ_{i, d} w(o, i, d) · x(p + d, i))`, indices modulo the torus.
///
/// # Shapes
/// `x` (B, H, W, C_in); `kernel` (C_out, C_in, kh, kw), kh and kw odd; result (B, H, W, C_out).
/// f32 or f64.
///
/// # Equivariance
/// Commutes with every shift of the torus, bit for bit with [`ConvAlgorithm::Direct`].
///
/// # Errors
/// [`Error::Shape`] when channels disagree, [`Error::Configuration`] for an even kernel.
pub fn circular_convolution(
    x: &Tensor,
    kernel: &Tensor,
    activation: Activation,
    algorithm: ConvAlgorithm,
) -> Result<Tensor> {
    let (kernel, padding) = (kernel.clone(), Padding::Circular);
    convolution_stack(x, &[Layer { kernel, activation, padding }], algorithm)
}

/// [`circular_convolution`] layer after layer, each with its own padding.
///
/// # Errors
/// As [`circular_convolution`].
pub fn convolution_stack(x: &Tensor, layers: &[Layer], algorithm: ConvAlgorithm) -> Result<Tensor> {
    let dims = ["B", "H", "W", "C_in"].map(|name| (name, None));
    expect_shape("convolution input", x, &dims)?;
    Ok(convolution_stack_of_slices(&x.unsqueeze(0)?, layers, algorithm)?.squeeze(0)?)
}

/// The same for x (S, B, H, W, C_in) with the result (S, B, H, W, C_out): as one operation, for each
/// change of shape costs a backward pass a copy of the gradient and a sum.
///
/// # Errors
/// As [`circular_convolution`].
pub(super) fn convolution_stack_of_slices(
    x: &Tensor,
    layers: &[Layer],
    algorithm: ConvAlgorithm,
) -> Result<Tensor> {
    let dims = ["S", "B", "H", "W", "C_in"].map(|name| (name, None));
    expect_shape("convolution inputs", x, &dims)?;
    let (slices, batch, height, width, channels) = x.dims5()?;
    if !x.device().is_cpu() {
        check_kernels(channels, layers)?;
        let y = composed::convolution_stack(&x.flatten(0, 1)?, layers)?;
        return Ok(y.reshape((slices, batch, height, width, y.dims()[3]))?);
    }
    let mut run = StackRun::new(layers, (height, width), algorithm)?;
    run.add(&x.flatten(0, 1)?)?;
    run.finish(x)
}

/// A stack that is run piece by piece, each piece a batch of images.
pub struct StackRun {
    layers: Vec<Layer>,
    weights: Tensor,
    algorithm: ConvAlgorithm,
    inner: Inner,
}

enum Inner {
    Single(Pieces<f32>),
    Double(Pieces<f64>),
    /// On another device than the CPU.
    Composed,
}

impl StackRun {
    /// A run over images of `extents` (H, W).
    ///
    /// # Errors
    /// As [`circular_convolution`].
    pub fn new(
        layers: &[Layer],
        extents: (usize, usize),
        algorithm: ConvAlgorithm,
    ) -> Result<Self> {
        let first = layers.first().ok_or_else(|| {
            Error::configuration("the stack", "has no layers", "give it at least one kernel")
        })?;
        check_kernels(first.kernel.dims4()?.1, layers)?;
        let flat = layers
            .iter()
            .map(|l| l.kernel.flatten_all())
            .collect::<candle_core::Result<Vec<_>>>()?;
        let weights = Tensor::cat(&flat, 0)?;
        let inner = match weights.dtype() {
            _ if !weights.device().is_cpu() => Inner::Composed,
            DType::F64 => Inner::Double(Pieces::new(layers, &weights, extents, algorithm)?),
            _ => Inner::Single(Pieces::new(layers, &weights, extents, algorithm)?),
        };
        Ok(Self { layers: layers.to_vec(), weights, algorithm, inner })
    }

    /// The outputs (B, H, W, C_out) of images (B, H, W, C_in), off the graph.
    pub fn step(&mut self, x: &Tensor) -> Result<Tensor> {
        self.add(x)?;
        let mut dims = x.dims().to_vec();
        dims[3] = self.layers[self.layers.len() - 1].kernel.dims()[0];
        Ok(match &self.inner {
            Inner::Single(pieces) => Tensor::from_vec(pieces.newest(), dims, x.device())?,
            Inner::Double(pieces) => Tensor::from_vec(pieces.newest(), dims, x.device())?,
            Inner::Composed => composed::convolution_stack(x, &self.layers)?.detach(),
        })
    }

    /// Runs one more batch.
    fn add(&mut self, x: &Tensor) -> Result<()> {
        let keep = self.keeps(x);
        match &mut self.inner {
            Inner::Single(pieces) => pieces.add(x, keep),
            Inner::Double(pieces) => pieces.add(x, keep),
            Inner::Composed => Ok(()),
        }
    }

    /// Whether the maps between layers are kept for a backward pass.
    fn keeps(&self, x: &Tensor) -> bool {
        x.track_op() || self.weights.track_op()
    }

    /// All outputs so far (S, B, H, W, C_out) as a function of all inputs (S, B, H, W, C_in), which
    /// must have the values that [`StackRun::step`] was given.
    pub fn finish(self, x: &Tensor) -> Result<Tensor> {
        let dims = ["S", "B", "H", "W", "C_in"].map(|name| (name, None));
        expect_shape("convolution inputs", x, &dims)?;
        let x = x.contiguous()?;
        // Frozen weights behind tracked inputs: the pieces, run off the graph, kept nothing.
        let is_tracked = self.keeps(&x);
        Ok(match self.inner {
            Inner::Single(pieces) if !(is_tracked && pieces.lacks_maps()) => {
                x.apply_op2(&self.weights, StackOperation(pieces))?
            }
            Inner::Double(pieces) if !(is_tracked && pieces.lacks_maps()) => {
                x.apply_op2(&self.weights, StackOperation(pieces))?
            }
            _ => {
                let images = x.flatten(0, 1)?;
                let y = convolution_stack(&images, &self.layers, self.algorithm)?;
                let mut dims = x.dims().to_vec();
                dims[4] = y.dims()[3];
                y.reshape(dims)?
            }
        })
    }
}

/// The layers made ready, and what has been computed.
struct Pieces<T> {
    layers: Vec<ReadyLayer<T>>,
    plane: Plane,
    /// Channels of the images given and made, as their tensors have them.
    channels: (usize, usize),
    pieces: Vec<Piece<T>>,
    /// Of all pieces, one after the other.
    outputs: Mutex<Vec<T>>,
}

struct ReadyLayer<T> {
    convolution: Convolution<T>,
    activation: Activation,
}

/// One batch, with the maps between its layers where a backward pass may need them.
struct Piece<T> {
    images: usize,
    hidden: Vec<Buffer<T>>,
}

impl<T: Float> Pieces<T> {
    fn new(
        layers: &[Layer],
        weights: &Tensor,
        (height, width): (usize, usize),
        algorithm: ConvAlgorithm,
    ) -> Result<Self> {
        let plane = Plane { height, width };
        let view = CpuView::of(weights);
        let mut rest = view.slice::<T>()?;
        let mut ready = Vec::with_capacity(layers.len());
        for Layer { kernel, activation, padding } in layers {
            let (outputs, inputs, height, width) = kernel.dims4()?;
            let (values, others) = rest.split_at(kernel.elem_count());
            rest = others;
            let kernel = KernelView { values, outputs, inputs, height, width };
            let stored = (stored_channels::<T>(inputs), stored_channels::<T>(outputs));
            let convolution = Convolution::new(algorithm, (plane, *padding), kernel, stored);
            ready.push(ReadyLayer { convolution, activation: *activation });
        }
        let ends = (layers[0].kernel.dims()[1], layers[layers.len() - 1].kernel.dims()[0]);
        let (pieces, outputs) = (Vec::new(), Mutex::default());
        Ok(Self { layers: ready, plane, channels: ends, pieces, outputs })
    }

    /// Whether some piece kept no maps for a backward pass.
    fn lacks_maps(&self) -> bool {
        self.pieces.iter().any(|piece| piece.hidden.len() + 1 < self.layers.len())
    }

    /// Runs one more batch.
    fn add(&mut self, x: &Tensor, keep: bool) -> Result<()> {
        let Plane { height, width } = self.plane;
        let (inputs, outputs) = self.channels;
        let dims = [("B", None), ("H", Some(height)), ("W", Some(width)), ("C_in", Some(inputs))];
        expect_shape("convolution input", x, &dims)?;
        let (images, x) = (x.dims()[0], x.contiguous()?);
        let view = CpuView::of(&x);
        let mut hidden: Vec<Buffer<T>> = self.layers[..self.layers.len() - 1]
            .iter()
            .map(|layer| Buffer::take(images * layer.convolution.geometry().output_len()))
            .collect();
        let mut made = vec![T::default(); images * self.plane.pixels() * outputs];
        self.forward(view.slice()?, &mut hidden, &mut made);
        match self.outputs.get_mut().expect("no panic while this is locked") {
            all if all.is_empty() => *all = made,
            all => all.extend(made),
        }
        if !keep {
            hidden.clear();
        }
        self.pieces.push(Piece { images, hidden });
        Ok(())
    }

    /// The outputs of the newest batch.
    fn newest(&self) -> Vec<T> {
        let all = self.outputs.lock().expect("no panic while this is locked");
        let images = self.pieces.last().map_or(0, |piece| piece.images);
        all[all.len() - images * self.plane.pixels() * self.channels.1..].to_vec()
    }

    fn forward(&self, x: &[T], hidden: &mut [Buffer<T>], outputs: &mut [T]) {
        let Plane { height, width } = self.plane;
        let per_task = enough_images(height, width);
        let pixels = per_task * self.plane.pixels();
        let mut tasks: Vec<Vec<&mut [T]>> =
            outputs.chunks_mut(pixels * self.channels.1).map(|part| vec![part]).collect();
        for (hidden, layer) in hidden.iter_mut().zip(&self.layers) {
            let length = per_task * layer.convolution.geometry().output_len();
            tasks.iter_mut().zip(hidden.chunks_mut(length)).for_each(|(task, h)| task.push(h));
        }
        tasks.into_par_iter().zip(x.par_chunks(pixels * self.channels.0)).for_each(
            |(mut maps, x)| {
                let hidden = maps.split_off(1);
                self.forward_images(x, hidden, maps.swap_remove(0));
            },
        );
    }

    /// Some images through all layers, on this thread.
    fn forward_images(&self, x: &[T], hidden: Vec<&mut [T]>, outputs: &mut [T]) {
        let first = self.layers[0].convolution.geometry();
        let mut input = Buffer::take(x.len() / self.channels.0 * first.inputs);
        restore_channels(x, self.channels.0, &mut input, first.inputs);
        let (last, others) = self.layers.split_last().expect("a stack has a layer");
        let mut x: &[T] = &input;
        for (layer, y) in others.iter().zip(hidden) {
            layer.convolution.forward(x, y);
            pointwise::activate(layer.activation, y);
            x = y;
        }
        let stored = last.convolution.geometry().outputs;
        let mut y = Buffer::take(outputs.len() / self.channels.1 * stored);
        last.convolution.forward(x, &mut y);
        pointwise::activate(last.activation, &mut y);
        restore_channels(&y, stored, outputs, self.channels.1);
    }

    /// Gradients to the flat weights and to the inputs, where wanted.
    ///
    /// Layer after layer over all images, so that a layer's weights and sums stay in the cache.
    fn backward(
        &self,
        x: &[T],
        y: &[T],
        gradient: &[T],
        wanted: Wanted,
    ) -> (Option<Vec<T>>, Option<Vec<T>>) {
        let Plane { height, width } = self.plane;
        let images = x.len() / (self.plane.pixels() * self.channels.0);
        let per_part = images_per_part(images, height, width);
        let mut inner = self.inner_of_last_layer(y, gradient, images);
        let mut by_layer = Vec::with_capacity(self.layers.len());
        for (number, layer) in self.layers.iter().enumerate().rev() {
            let g = layer.convolution.geometry();
            let is_before_wanted = number > 0 || wanted.inputs;
            let mut before =
                Buffer::take(if is_before_wanted { images * g.input_len() } else { 0 });
            let mut targets: Vec<&mut [T]> = before.chunks_mut(per_part * g.input_len()).collect();
            targets.resize_with(images.div_ceil(per_part), Default::default);
            let sums: Vec<Buffer<T>> = inner
                .par_chunks_mut(per_part * g.output_len())
                .zip(targets)
                .enumerate()
                .map(|(part, (inner, target))| {
                    let length = layer.convolution.sums_len();
                    let mut sums = Buffer::zeros(if wanted.weights { length } else { 0 });
                    self.backward_part(number, x, part * per_part, inner, (&mut sums, target));
                    sums
                })
                .collect();
            if wanted.weights {
                by_layer.push(layer.convolution.weight_gradient(&sums));
            }
            inner = before;
        }
        by_layer.reverse();
        let to_x = wanted.inputs.then(|| {
            let mut to_x = vec![T::default(); x.len()];
            let stored = self.layers[0].convolution.geometry().inputs;
            restore_channels(&inner, stored, &mut to_x, self.channels.0);
            to_x
        });
        (wanted.weights.then(|| by_layer.concat()), to_x)
    }

    /// The gradient before the last non-linearity, channels as stored.
    fn inner_of_last_layer(&self, y: &[T], gradient: &[T], images: usize) -> Buffer<T> {
        let last = &self.layers[self.layers.len() - 1];
        let g = last.convolution.geometry();
        let [mut stored_y, mut inner] = [0; 2].map(|_| Buffer::take(images * g.output_len()));
        restore_channels(y, self.channels.1, &mut stored_y, g.outputs);
        restore_channels(gradient, self.channels.1, &mut inner, g.outputs);
        pointwise::chain(last.activation, &stored_y, &mut inner);
        inner
    }

    /// The images from `first` on back through one layer, on this thread: turns the gradient to the
    /// layer's result into that before its non-linearity, adds to the sums of its weights and writes
    /// the gradient to its input; empty ones are not wanted.
    fn backward_part(
        &self,
        number: usize,
        x: &[T],
        first: usize,
        inner: &mut [T],
        (sums, target): (&mut [T], &mut [T]),
    ) {
        let layer = &self.layers[number];
        let g = layer.convolution.geometry();
        let (read, made) = (g.input_len(), g.output_len());
        let end = first + inner.len() / made;
        let mut start_of_piece = 0;
        for piece in &self.pieces {
            let (from, to) = (first.max(start_of_piece), end.min(start_of_piece + piece.images));
            if from < to {
                let in_piece = from - start_of_piece..to - start_of_piece;
                let inner = &mut inner[(from - first) * made..(to - first) * made];
                if let Some(y) = piece.hidden.get(number) {
                    let y = &y[in_piece.start * made..in_piece.end * made];
                    pointwise::chain(layer.activation, y, inner);
                }
                let target = target.get_mut((from - first) * read..(to - first) * read);
                let target = target.filter(|target| !target.is_empty());
                let sums = Some(&mut *sums).filter(|sums| !sums.is_empty());
                match number.checked_sub(1) {
                    Some(before) => {
                        let x = &piece.hidden[before][in_piece.start * read..in_piece.end * read];
                        layer.convolution.backward(x, inner, sums, target);
                    }
                    None => {
                        let image = self.plane.pixels() * self.channels.0;
                        let mut stored = Buffer::take((to - from) * read);
                        let x = &x[from * image..to * image];
                        restore_channels(x, self.channels.0, &mut stored, g.inputs);
                        layer.convolution.backward(&stored, inner, sums, target);
                    }
                }
            }
            start_of_piece += piece.images;
        }
    }
}

/// Which gradients are asked for.
#[derive(Clone, Copy)]
struct Wanted {
    weights: bool,
    inputs: bool,
}

struct StackOperation<T>(Pieces<T>);

impl<T: Float> CustomOp2 for StackOperation<T> {
    fn name(&self) -> &'static str {
        "convolution-stack"
    }

    fn cpu_fwd(
        &self,
        _: &CpuStorage,
        x_layout: &Layout,
        _: &CpuStorage,
        _: &Layout,
    ) -> candle_core::Result<(CpuStorage, Shape)> {
        // Computed already, piece by piece.
        let outputs =
            std::mem::take(&mut *self.0.outputs.lock().expect("no panic while this is locked"));
        let mut dims = x_layout.dims().to_vec();
        *dims.last_mut().expect("images have dimensions") = self.0.channels.1;
        Ok((T::to_cpu_storage_owned(outputs), dims.into()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        weights: &Tensor,
        y: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<(Option<Tensor>, Option<Tensor>)> {
        let gradient = gradient.contiguous()?;
        let views = [x, y, &gradient].map(CpuView::of);
        let wanted = Wanted { weights: weights.track_op(), inputs: x.track_op() };
        let [x_values, y_values, gradient] = &views;
        let (to_weights, to_x) =
            self.0.backward(x_values.slice()?, y_values.slice()?, gradient.slice()?, wanted);
        let tensor = |values: Option<Vec<T>>, like: &Tensor| {
            values.map(|values| Tensor::from_vec(values, like.shape(), like.device())).transpose()
        };
        Ok((tensor(to_x, x)?, tensor(to_weights, weights)?))
    }
}
