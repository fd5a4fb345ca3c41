//! Rotating slices about the centre of the plane, with bilinear interpolation; differentiable.

use super::composed::{self, DenseTurn};
use super::kernels::{Float, InstructionSet, Kernel, Lanes};
use super::storage::{CpuView, contiguous};
use crate::error::{Error, Result, expect_shape};
use candle_core::{CpuStorage, CustomOp1, DType, Layout, Shape, Tensor};
use rayon::prelude::*;

/// A rotation of the plane, counter-clockwise as seen on the screen, together with a cyclic shift of
/// the orientations: the action of a rotation on a regular field.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Turn {
    /// The angle.
    pub degrees: f64,
    /// By how many places orientations move on; taken modulo their number.
    pub orientations: i64,
}

/// Turns slice v of (B, V, H, W, C) by `turns[v]`. Channels are fields of `orientations` planes each:
/// plane field · N + o moves to field · N + (o + shift) mod N. With N = 1 planes are only rotated.
///
/// Bilinear between pixel centres, zero outside the frame. Multiples of 90° only move numbers, where
/// pixel centres fall on pixel centres: on square frames, and for 180° on all.
///
/// # Errors
/// [`Error::Shape`] when the velocity axis and `turns` differ in length, [`Error::Configuration`] when
/// the channels are no whole fields.
pub fn turn_slices(x: &Tensor, orientations: usize, turns: &[Turn]) -> Result<Tensor> {
    expect_shape(
        "turned tensor",
        x,
        &[("B", None), ("V", Some(turns.len())), ("H", None), ("W", None), ("C", None)],
    )?;
    let (_, _, height, width, channels) = x.dims5()?;
    let operation = TurnSlices::new((height, width), channels, orientations, turns)?;
    if !x.device().is_cpu() {
        return composed::turn_slices(x, orientations, &operation.to_dense());
    }
    Ok(x.contiguous()?.apply_op1(operation)?)
}

/// Cosine and sine of an angle; exact at multiples of 90°, and the same numbers up to sign a quarter
/// turn apart.
pub(crate) fn cos_sin(degrees: f64) -> (f64, f64) {
    let quarters = (degrees / 90.0).floor();
    let rest = (degrees - 90.0 * quarters).to_radians();
    let (c, s) = (rest.cos(), rest.sin());
    match quarters.rem_euclid(4.0) as u8 {
        0 => (c, s),
        1 => (-s, c),
        2 => (-c, -s),
        _ => (s, -c),
    }
}

/// A linear map of the pixels of a plane: what each is a weighted sum of.
#[derive(Clone, Debug)]
pub(crate) struct Resampling {
    /// Where the terms of each pixel begin, and where the last one's end.
    starts: Vec<usize>,
    sources: Vec<usize>,
    weights: Vec<f64>,
}

impl Resampling {
    /// What a plane of H × W pixels is after its content was rotated about its centre.
    pub fn rotation((height, width): (usize, usize), degrees: f64) -> Self {
        let (cos, sin) = cos_sin(degrees);
        let (centre_y, centre_x) = ((height as f64 - 1.0) / 2.0, (width as f64 - 1.0) / 2.0);
        let mut map = Self { starts: vec![0], sources: vec![], weights: vec![] };
        for y in 0..height {
            for x in 0..width {
                let (right, down) = (x as f64 - centre_x, y as f64 - centre_y);
                // Where the content came from: rotated clockwise; rows count downwards.
                let from_x = centre_x + (right * cos - down * sin);
                let from_y = centre_y + (right * sin + down * cos);
                map.interpolate((height, width), (from_y, from_x));
            }
        }
        map
    }

    /// Adds a pixel that is read between the pixels around (y, x).
    fn interpolate(&mut self, (height, width): (usize, usize), (y, x): (f64, f64)) {
        let (part_y, part_x) = (y - y.floor(), x - x.floor());
        for (row, weight_y) in [(y.floor(), 1.0 - part_y), (y.floor() + 1.0, part_y)] {
            for (column, weight_x) in [(x.floor(), 1.0 - part_x), (x.floor() + 1.0, part_x)] {
                let is_inside =
                    (0.0..height as f64).contains(&row) && (0.0..width as f64).contains(&column);
                let weight = weight_y * weight_x;
                if is_inside && weight != 0.0 {
                    self.sources.push(row as usize * width + column as usize);
                    self.weights.push(weight);
                }
            }
        }
        self.starts.push(self.sources.len());
    }

    fn pixels(&self) -> usize {
        self.starts.len() - 1
    }

    /// The pixels that one is made of, with their weights.
    #[inline(always)]
    fn terms(&self, pixel: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let terms = self.starts[pixel]..self.starts[pixel + 1];
        self.sources[terms.clone()].iter().copied().zip(self.weights[terms].iter().copied())
    }

    /// The map applied to one image of one channel.
    pub fn apply(&self, image: &[f32]) -> Vec<f32> {
        let value =
            |pixel| self.terms(pixel).map(|(from, w)| w * f64::from(image[from])).sum::<f64>();
        (0..self.pixels()).map(|pixel| value(pixel) as f32).collect()
    }

    /// The map as a dense matrix (pixels, pixels), row by row.
    pub fn to_matrix(&self) -> Vec<f64> {
        let pixels = self.pixels();
        let mut matrix = vec![0.0; pixels * pixels];
        for (pixel, row) in matrix.chunks_exact_mut(pixels).enumerate() {
            self.terms(pixel).for_each(|(from, weight)| row[from] += weight);
        }
        matrix
    }
}

/// A turn made ready for slices (H, W, fields · N).
#[derive(Clone, Debug)]
pub(super) struct ReadyTurn {
    pub resampling: Resampling,
    /// By how many places orientations move on, in 0..N.
    pub shift: usize,
    /// The plane that moves to each, and the plane that each moves to.
    from: Vec<usize>,
    to: Vec<usize>,
}

impl ReadyTurn {
    fn new(extents: (usize, usize), channels: usize, orientations: usize, turn: &Turn) -> Self {
        let resampling = Resampling::rotation(extents, turn.degrees);
        let shift = turn.orientations.rem_euclid(orientations as i64) as usize;
        let moved = |by: usize| {
            let plane = |c: usize| {
                let (field, orientation) = (c / orientations, c % orientations);
                field * orientations + (orientation + by) % orientations
            };
            (0..channels).map(plane).collect()
        };
        Self { resampling, shift, from: moved(orientations - shift), to: moved(shift) }
    }
}

/// Turns made ready for slices of some extents.
pub(super) struct TurnSlices {
    pub turns: Vec<ReadyTurn>,
    channels: usize,
}

impl TurnSlices {
    pub fn new(
        extents: (usize, usize),
        channels: usize,
        orientations: usize,
        turns: &[Turn],
    ) -> Result<Self> {
        if orientations == 0 || !channels.is_multiple_of(orientations) {
            return Err(Error::configuration(
                "the turned tensor",
                format!("has {channels} channels, no whole fields of {orientations} orientations"),
                "give a multiple of the number of orientations",
            ));
        }
        let ready = |turn: &Turn| ReadyTurn::new(extents, channels, orientations, turn);
        Ok(Self { turns: turns.iter().map(ready).collect(), channels })
    }

    /// The turns as matrices, for devices that the kernels do not run on.
    pub fn to_dense(&self) -> Vec<DenseTurn> {
        let dense =
            |turn: &ReadyTurn| DenseTurn { matrix: turn.resampling.to_matrix(), shift: turn.shift };
        self.turns.iter().map(dense).collect()
    }

    fn run<T: Float>(&self, x: &[T], way: Way) -> Vec<T> {
        let slice = self.turns.first().map_or(1, |t| t.resampling.pixels()) * self.channels;
        let mut y = vec![T::default(); x.len()];
        let each = y.par_chunks_mut(slice).zip(x.par_chunks(slice)).enumerate();
        each.for_each(|(number, (y, x))| self.turn_slice(number, x, y, way));
        y
    }

    /// Turns the slice of that number, batch and velocities counted together; `y` is zero before.
    pub fn turn_slice<T: Float>(&self, number: usize, x: &[T], y: &mut [T], way: Way) {
        let turn = &self.turns[number % self.turns.len()];
        T::run(InstructionSet::best(), TurnSlice { turn, channels: self.channels, way, x, y });
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Way {
    Forward,
    Adjoint,
}

/// One slice; `y` is zero before.
struct TurnSlice<'a, T> {
    turn: &'a ReadyTurn,
    channels: usize,
    way: Way,
    x: &'a [T],
    y: &'a mut [T],
}

impl<T: Float> Kernel<T> for TurnSlice<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Number = T>>(self, _: L) {
        let (channels, map) = (self.channels, &self.turn.resampling);
        let mut row = vec![T::default(); channels];
        for pixel in 0..map.pixels() {
            let here = pixel * channels;
            match self.way {
                Way::Forward => {
                    row.fill(T::default());
                    for (from, weight) in map.terms(pixel) {
                        add_weighted(weight, &self.x[from * channels..][..channels], &mut row);
                    }
                    permute(&self.turn.from, &row, &mut self.y[here..here + channels]);
                }
                Way::Adjoint => {
                    permute(&self.turn.to, &self.x[here..here + channels], &mut row);
                    for (to, weight) in map.terms(pixel) {
                        add_weighted(weight, &row, &mut self.y[to * channels..][..channels]);
                    }
                }
            }
        }
    }
}

/// sum += weight · x.
#[inline(always)]
fn add_weighted<T: Float>(weight: f64, x: &[T], sum: &mut [T]) {
    let weight = T::from_f64(weight);
    for (sum, &x) in sum.iter_mut().zip(x) {
        *sum += weight * x;
    }
}

/// to = from, place by place. No copying of stretches: those of a field are too short for it.
#[inline(always)]
fn permute<T: Copy>(places: &[usize], from: &[T], to: &mut [T]) {
    for (to, &place) in to.iter_mut().zip(places) {
        *to = from[place];
    }
}

impl CustomOp1 for TurnSlices {
    fn name(&self) -> &'static str {
        "turn-slices"
    }

    fn cpu_fwd(&self, x: &CpuStorage, layout: &Layout) -> candle_core::Result<(CpuStorage, Shape)> {
        let turned = match x {
            CpuStorage::F64(_) => CpuStorage::F64(self.run(contiguous(x, layout)?, Way::Forward)),
            _ => CpuStorage::F32(self.run(contiguous(x, layout)?, Way::Forward)),
        };
        Ok((turned, layout.shape().clone()))
    }

    fn bwd(
        &self,
        x: &Tensor,
        _result: &Tensor,
        gradient: &Tensor,
    ) -> candle_core::Result<Option<Tensor>> {
        let gradient = gradient.contiguous()?;
        let view = CpuView::of(&gradient);
        let (shape, device) = (x.shape(), x.device());
        Ok(Some(match x.dtype() {
            DType::F64 => {
                Tensor::from_vec(self.run::<f64>(view.slice()?, Way::Adjoint), shape, device)?
            }
            _ => Tensor::from_vec(self.run::<f32>(view.slice()?, Way::Adjoint), shape, device)?,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quarter_turns_have_the_same_cosines_up_to_sign() {
        assert_eq!(cos_sin(90.0), (0.0, 1.0));
        assert_eq!(cos_sin(-90.0), (0.0, -1.0));
        assert_eq!(cos_sin(720.0), (1.0, 0.0));
        for degrees in [10.0, 33.25, -71.0, 189.5] {
            let (c, s) = cos_sin(degrees);
            assert_eq!(cos_sin(degrees + 90.0), (-s, c));
            assert!((c - f64::to_radians(degrees).cos()).abs() < 1e-15);
            assert!((s - f64::to_radians(degrees).sin()).abs() < 1e-15);
        }
    }
}
