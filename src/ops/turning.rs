//! Slices that turn: planes rotated between pixels, orientations moved on.

use super::gate_maps::GateMaps;
use super::kernels::{Buffer, Float, InstructionSet, Kernel, Lanes};
use super::resampling::{Resampling, Rotated, Turn, rotated};
use crate::error::{Error, Result};
use std::sync::Arc;

/// Whether turned or by the adjoint of the turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Forward,
    Adjoint,
}

/// A turn for every slice of a velocity axis, for maps that lie in a pixel in some way.
pub(super) struct Turns<T> {
    slices: Vec<[SliceTurn<T>; 2]>,
    pixels: usize,
    channels: usize,
}

/// Rotations of planes of some extents, each made ready once.
pub(super) struct Rotations<T> {
    extents: (usize, usize),
    ready: Vec<(f64, BothWays<T>)>,
}

type BothWays<T> = [Arc<Pixels<T>>; 2];

impl<T: Float> Rotations<T> {
    pub fn new(extents: (usize, usize)) -> Self {
        Self { extents, ready: Vec::new() }
    }

    /// A turn for each slice, whose maps are fields of `orientations` planes.
    ///
    /// # Errors
    /// [`Error::Configuration`] when they are no whole fields.
    pub fn turns(
        &mut self,
        maps: GateMaps,
        orientations: usize,
        turns: impl IntoIterator<Item = Turn>,
    ) -> Result<Turns<T>> {
        expect_fields(maps.channels(), orientations)?;
        let slice = |turn: Turn| {
            let by = turn.orientations.rem_euclid(orientations as i64) as usize;
            let [forward, adjoint] = self.both_ways(turn.degrees);
            [(forward, by), (adjoint, (orientations - by) % orientations)].map(|(pixels, by)| {
                let orientations = Orientations::new::<T>(maps, by, orientations);
                SliceTurn { pixels, orientations }
            })
        };
        let slices = turns.into_iter().map(slice).collect();
        Ok(Turns { slices, pixels: self.extents.0 * self.extents.1, channels: maps.made() })
    }

    fn both_ways(&mut self, degrees: f64) -> BothWays<T> {
        if let Some((_, ready)) = self.ready.iter().find(|(other, _)| *other == degrees) {
            return ready.clone();
        }
        let Rotated { forward, adjoint } = &*rotated(self.extents, degrees);
        let ready = [forward, adjoint].map(|map| Arc::new(Pixels::new(map)));
        self.ready.push((degrees, ready.clone()));
        ready
    }
}

impl<T: Float> Turns<T> {
    pub fn velocities(&self) -> usize {
        self.slices.len()
    }

    /// Numbers of a slice.
    pub fn slice(&self) -> usize {
        self.pixels * self.channels
    }

    /// Turns a slice of the velocity axis on this thread. What `y` held before does not matter.
    pub fn turn(&self, velocity: usize, x: &[T], y: &mut [T], way: Way) {
        self.put_turned(velocity, (x, way), (y, Put::Set));
    }

    /// Adds a turned slice to what `y` holds.
    pub fn add_turned(&self, velocity: usize, x: &[T], y: &mut [T], way: Way) {
        self.put_turned(velocity, (x, way), (y, Put::Add));
    }

    fn put_turned(&self, velocity: usize, (x, way): (&[T], Way), y: (&mut [T], Put)) {
        let turn = &self.slices[velocity][usize::from(way == Way::Adjoint)];
        T::run(InstructionSet::best(), TurnSlice { turn, channels: self.channels, x, y });
    }
}

/// Refuses channels that are no whole fields.
pub(super) fn expect_fields(channels: usize, orientations: usize) -> Result<()> {
    if orientations != 0 && channels.is_multiple_of(orientations) {
        return Ok(());
    }
    Err(Error::configuration(
        "the turned tensor",
        format!("has {channels} channels, no whole fields of {orientations} orientations"),
        "give a multiple of the number of orientations",
    ))
}

/// One turn, one way.
struct SliceTurn<T> {
    pixels: Arc<Pixels<T>>,
    /// `None` where planes keep their orientation.
    orientations: Option<Orientations>,
}

/// What each pixel is a weighted sum of.
struct Pixels<T> {
    /// Where the terms of each pixel begin, and where the last one's end.
    starts: Vec<u32>,
    terms: Vec<(u32, T)>,
    /// Whether nothing moves.
    is_still: bool,
}

impl<T: Float> Pixels<T> {
    fn new(map: &Resampling) -> Self {
        let (mut starts, mut terms) = (vec![0], Vec::new());
        for pixel in 0..map.pixels() {
            terms.extend(map.terms(pixel).map(|(from, w)| (from as u32, T::from_f64(w))));
            starts.push(terms.len() as u32);
        }
        let still = |pixel| map.terms(pixel).eq([(pixel, 1.0)]);
        Self { starts, terms, is_still: (0..map.pixels()).all(still) }
    }

    #[inline(always)]
    fn terms(&self, pixel: usize) -> &[(u32, T)] {
        &self.terms[self.starts[pixel] as usize..self.starts[pixel + 1] as usize]
    }
}

/// How the planes of a pixel move on within their fields, in words of which a number has one or two: what
/// is moved is bits.
struct Orientations {
    /// By how many words planes move on, and the words of a field.
    by: usize,
    field: usize,
    /// All bits where a word comes from `by` before, and where it comes from the other end of the field; none
    /// where there is padding.
    stays: Vec<u32>,
    wraps: Vec<u32>,
}

impl Orientations {
    fn new<T>(maps: GateMaps, by: usize, n: usize) -> Option<Self> {
        let words = size_of::<T>() / size_of::<u32>();
        let [by_words, field] = [by, n].map(|planes| planes * words);
        let bits = |wraps: bool| {
            let places = (0..maps.made()).map(move |place| {
                let plane = maps.channel_at(place);
                if plane.is_some_and(|plane| (plane % n < by) == wraps) { u32::MAX } else { 0 }
            });
            places.flat_map(|all| std::iter::repeat_n(all, words)).collect()
        };
        (by > 0).then(|| Self { by: by_words, field, stays: bits(false), wraps: bits(true) })
    }

    /// Moves the planes of every pixel on.
    #[inline(always)]
    fn move_on<T: Float>(&self, x: &[T], y: &mut [T]) {
        let (x, y): (&[u32], &mut [u32]) = (bytemuck::cast_slice(x), bytemuck::cast_slice_mut(y));
        let words = self.stays.len();
        for (pixel, y) in y.chunks_exact_mut(words).enumerate() {
            let here = pixel * words;
            if self.by <= here && here + self.field - self.by + words <= x.len() {
                let (stay, wrap) = (&x[here - self.by..], &x[here + self.field - self.by..]);
                self.move_pixel(&stay[..words], &wrap[..words], y);
            } else {
                self.move_outer_pixel(x, here, y);
            }
        }
    }

    /// From what lies before and behind: both are read and one is taken bit by bit, for a choice between places
    /// would be read one by one.
    #[inline(always)]
    fn move_pixel(&self, stay: &[u32], wrap: &[u32], y: &mut [u32]) {
        let (blocks, rest) = y.as_chunks_mut::<WORDS>();
        let done = blocks.len() * WORDS;
        let masks = self.stays.as_chunks::<WORDS>().0.iter().zip(self.wraps.as_chunks::<WORDS>().0);
        let read = stay.as_chunks::<WORDS>().0.iter().zip(wrap.as_chunks::<WORDS>().0);
        for ((y, (stay, wrap)), (stays, wraps)) in blocks.iter_mut().zip(read).zip(masks) {
            // Aside from all that is read, or the compiler fears that they overlap and takes word after word.
            let mut taken = [0; WORDS];
            for i in 0..WORDS {
                taken[i] = (wrap[i] & wraps[i]) | (stay[i] & stays[i]);
            }
            *y = taken;
        }
        for (i, y) in (done..).zip(rest) {
            *y = (wrap[i] & self.wraps[i]) | (stay[i] & self.stays[i]);
        }
    }

    /// The same where there is nothing before or behind.
    fn move_outer_pixel(&self, x: &[u32], here: usize, y: &mut [u32]) {
        for (place, y) in y.iter_mut().enumerate() {
            *y = match (self.stays[place], self.wraps[place]) {
                (0, 0) => 0,
                (0, _) => x[here + place + self.field - self.by],
                _ => x[here + place - self.by],
            };
        }
    }
}

/// What becomes of a number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Put {
    Set,
    Add,
}

impl Put {
    #[inline(always)]
    fn into<T: Float>(self, to: &mut T, value: T) {
        *to = if self == Self::Add { *to + value } else { value };
    }
}

struct TurnSlice<'a, T> {
    turn: &'a SliceTurn<T>,
    channels: usize,
    x: &'a [T],
    y: (&'a mut [T], Put),
}

/// Channels that are summed together, in registers: of f32 two vectors of AVX2 or one of AVX-512. Where channels are
/// no multiple of that, half as many.
const BLOCK: usize = 16;
const HALF_BLOCK: usize = BLOCK / 2;

/// Words that are moved together.
const WORDS: usize = 8;

impl<T: Float> Kernel<T> for TurnSlice<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Number = T>>(self, _: L) {
        let Self { turn, channels, x, y: (y, put) } = self;
        // Orientations first, all pixels in a row: turned pixels are read across the slice, which memory far
        // from the CPU answers slowly.
        let near = turn.orientations.as_ref().map(|orientations| {
            let mut near = Buffer::take(x.len());
            orientations.move_on(x, &mut near);
            near
        });
        let near = near.as_deref().unwrap_or(x);
        match channels {
            _ if turn.pixels.is_still => y.iter_mut().zip(near).for_each(|(y, &x)| put.into(y, x)),
            1 => resample_numbers(&turn.pixels, near, (y, put)),
            _ if channels.is_multiple_of(BLOCK) => {
                resample_blocks::<T, BLOCK>(&turn.pixels, channels, near, (y, put));
            }
            _ if channels.is_multiple_of(HALF_BLOCK) => {
                resample_blocks::<T, HALF_BLOCK>(&turn.pixels, channels, near, (y, put));
            }
            _ => resample_rows(&turn.pixels, channels, near, (y, put)),
        }
    }
}

/// Every pixel from those of `x`, in blocks of `N` channels.
#[inline(always)]
fn resample_blocks<T: Float, const N: usize>(
    pixels: &Pixels<T>,
    channels: usize,
    x: &[T],
    (y, put): (&mut [T], Put),
) {
    let (x, blocks) = (x.as_chunks::<N>().0, channels / N);
    for (pixel, y) in y.as_chunks_mut::<N>().0.chunks_exact_mut(blocks).enumerate() {
        let terms = pixels.terms(pixel);
        for (block, y) in y.iter_mut().enumerate() {
            let mut sum = [T::default(); N];
            for &(from, weight) in terms {
                let x = &x[from as usize * blocks + block];
                sum.iter_mut().zip(x).for_each(|(sum, &x)| *sum += weight * x);
            }
            y.iter_mut().zip(sum).for_each(|(y, sum)| put.into(y, sum));
        }
    }
}

/// The same of a single channel.
#[inline(always)]
fn resample_numbers<T: Float>(pixels: &Pixels<T>, x: &[T], (y, put): (&mut [T], Put)) {
    for (pixel, y) in y.iter_mut().enumerate() {
        let terms = pixels.terms(pixel).iter();
        let sum = terms.fold(T::default(), |sum, &(from, weight)| sum + weight * x[from as usize]);
        put.into(y, sum);
    }
}

/// The same of any number of channels.
#[inline(always)]
fn resample_rows<T: Float>(
    pixels: &Pixels<T>,
    channels: usize,
    x: &[T],
    (y, put): (&mut [T], Put),
) {
    let mut sum = vec![T::default(); channels];
    for (pixel, y) in y.chunks_exact_mut(channels).enumerate() {
        sum.fill(T::default());
        for &(from, weight) in pixels.terms(pixel) {
            let x = &x[from as usize * channels..][..channels];
            sum.iter_mut().zip(x).for_each(|(sum, &x)| *sum += weight * x);
        }
        y.iter_mut().zip(&sum).for_each(|(y, &sum)| put.into(y, sum));
    }
}
