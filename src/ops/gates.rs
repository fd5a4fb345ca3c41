//! The point-wise part of gated recurrences, slice by slice, compiled for every instruction set.
//!
//! What convolutions make lies pixel by pixel, the gates of a pixel side by side; what is kept for the way
//! back lies map by map, so that all but the sums of both are loops over long rows.

use super::kernels::{Float, InstructionSet, Kernel, Lanes};
use super::pointwise::Moved;
use super::rule::Gated;

/// Maps kept of a step: r, z, n and W_n ⋆ h of the GRU, the gates i, a, g, o of the LSTM.
pub(super) const KEPT: usize = 4;

/// How the maps of a slice lie.
#[derive(Clone, Copy)]
pub(super) struct Gates {
    pub update: Gated,
    /// Where the input is read; its channels are those of memories, as stored.
    pub moved: Moved,
    /// Channels of what convolutions make, as stored: the gates, and padding.
    pub made: usize,
}

impl Gates {
    /// Memories after a step from those before it; keeps what the way back needs.
    pub fn advance<T: Float>(self, read: Read<'_, T>, next: Next<'_, T>) {
        T::run(InstructionSet::best(), Advance { gates: self, read, next });
    }

    /// The way back of [`Gates::advance`]. Gradients to the next memories become those to the memories
    /// before it, as far as they do not go through W.
    pub fn back<T: Float>(self, back: Back<'_, T>) {
        T::run(InstructionSet::best(), Backward { gates: self, back });
    }

    fn channels(self) -> usize {
        self.moved.channels
    }

    /// Rows of a slice: what is made of one stays in the cache. A list, for what is done with each is too much to
    /// be compiled into the loops of [`Moved`].
    fn rows(self) -> Vec<Row> {
        let mut rows = Vec::new();
        let moved = Moved { channels: 1, ..self.moved };
        moved.stretches(|to, from, pixels| rows.push(Row { to, from, pixels }));
        rows
    }

    /// Gate `number` of a row of made maps, pixel by pixel with the row of a map.
    #[inline(always)]
    fn each<T>(self, number: usize, made: &[T], first: usize) -> impl Iterator<Item = &[T]> {
        let (channels, row) = (self.channels(), &made[first * self.made..]);
        row.chunks(self.made).map(move |pixel| &pixel[number * channels..][..channels])
    }

    /// row = gate, or row += gate.
    #[inline(always)]
    fn take<T: Float>(
        self,
        number: usize,
        (made, first): (&[T], usize),
        row: &mut [T],
        take: impl Fn(&mut T, T),
    ) {
        let pixels = row.chunks_exact_mut(self.channels());
        for (row, gate) in pixels.zip(self.each(number, made, first)) {
            pairs(row, gate, &take);
        }
    }

    /// gate = row, or gate += row.
    #[inline(always)]
    fn give<T: Float>(
        self,
        number: usize,
        row: &[T],
        (made, first): (&mut [T], usize),
        give: impl Fn(&mut T, T),
    ) {
        let channels = self.channels();
        let pixels = made[first * self.made..].chunks_mut(self.made);
        for (row, pixel) in row.chunks_exact(channels).zip(pixels) {
            pairs(&mut pixel[number * channels..][..channels], row, &give);
        }
    }
}

#[inline(always)]
fn set<T: Float>(to: &mut T, from: T) {
    *to = from;
}

#[inline(always)]
fn add<T: Float>(to: &mut T, from: T) {
    *to += from;
}

/// Two rows side by side, in blocks whose length the compiler knows.
#[inline(always)]
fn pairs<T: Copy>(a: &mut [T], b: &[T], each: impl Fn(&mut T, T)) {
    const BLOCK: usize = 16;
    let ((a, rest_of_a), (b, rest_of_b)) = (a.as_chunks_mut::<BLOCK>(), b.as_chunks::<BLOCK>());
    for (a, b) in a.iter_mut().zip(b) {
        // All is read before any is written: the compiler cannot know that it does not overlap.
        let (mut given, taken) = (*a, *b);
        for i in 0..BLOCK {
            each(&mut given[i], taken[i]);
        }
        *a = given;
    }
    rest_of_a.iter_mut().zip(rest_of_b).for_each(|(a, &b)| each(a, b));
}

/// Pixels of a row, as [`Moved`] moves them.
#[derive(Clone, Copy)]
struct Row {
    to: usize,
    from: usize,
    pixels: usize,
}

/// What a step reads.
#[derive(Clone, Copy)]
pub(super) struct Read<'a, T> {
    /// U ⋆ f, unmoved.
    pub input: &'a [T],
    /// W ⋆ h.
    pub recurrent: &'a [T],
    /// h.
    pub hidden: &'a [T],
    /// c of the LSTM; empty otherwise.
    pub cell: &'a [T],
}

/// What a step makes.
pub(super) struct Next<'a, T> {
    pub hidden: &'a mut [T],
    /// c of the LSTM; empty otherwise.
    pub cell: &'a mut [T],
    /// [`KEPT`] maps.
    pub kept: &'a mut [T],
}

/// What the way back reads and makes.
pub(super) struct Back<'a, T> {
    pub kept: &'a [T],
    /// Memories before the step.
    pub before: (&'a [T], &'a [T]),
    /// Gradients to h' and c', which become those to h and c.
    pub hidden: &'a mut [T],
    pub cell: &'a mut [T],
    /// The gradient to W ⋆ h.
    pub to_recurrent: &'a mut [T],
    /// The gradient to U ⋆ f, unmoved, to which is added.
    pub to_input: &'a mut [T],
}

struct Advance<'a, T> {
    gates: Gates,
    read: Read<'a, T>,
    next: Next<'a, T>,
}

impl<T: Float> Kernel<T> for Advance<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Number = T>>(self, _: L) {
        let Self { gates, read, next } = self;
        let map = next.hidden.len();
        let [a, b, c, d] = maps_mut(next.kept, map);
        for Row { to, from, pixels } in gates.rows() {
            let here = to * gates.channels()..(to + pixels) * gates.channels();
            let kept = [
                &mut a[here.clone()],
                &mut b[here.clone()],
                &mut c[here.clone()],
                &mut d[here.clone()],
            ];
            let (u, w) = ((read.input, from), (read.recurrent, to));
            match gates.update {
                Gated::Gru => {
                    gates.gru(u, w, kept, (&read.hidden[here.clone()], &mut next.hidden[here]));
                }
                Gated::Lstm => {
                    let cells = (&read.cell[here.clone()], &mut next.cell[here.clone()]);
                    gates.lstm(u, w, kept, cells, &mut next.hidden[here]);
                }
            }
        }
    }
}

impl Gates {
    #[inline(always)]
    fn gru<T: Float>(
        self,
        u: (&[T], usize),
        w: (&[T], usize),
        [r, z, n, wn]: [&mut [T]; KEPT],
        (h, next): (&[T], &mut [T]),
    ) {
        for (number, gate) in [(0, &mut *r), (1, &mut *z)] {
            self.take(number, w, gate, set);
            self.take(number, u, gate, add);
            sigmoid(gate);
        }
        self.take(2, w, wn, set);
        for ((n, &r), &wn) in n.iter_mut().zip(&*r).zip(&*wn) {
            *n = r * wn;
        }
        self.take(2, u, n, add);
        tanh(n);
        let one = T::from_f64(1.0);
        for (((next, &h), &z), &n) in next.iter_mut().zip(h).zip(&*z).zip(&*n) {
            *next = (one - z) * n + z * h;
        }
    }

    #[inline(always)]
    fn lstm<T: Float>(
        self,
        u: (&[T], usize),
        w: (&[T], usize),
        [i, a, g, o]: [&mut [T]; KEPT],
        (c, next_c): (&[T], &mut [T]),
        next: &mut [T],
    ) {
        for (number, gate) in [(0, &mut *i), (1, &mut *a), (2, &mut *g), (3, &mut *o)] {
            self.take(number, w, gate, set);
            self.take(number, u, gate, add);
            if number == 2 { tanh(gate) } else { sigmoid(gate) }
        }
        for ((((next, &c), &a), &i), &g) in next_c.iter_mut().zip(c).zip(&*a).zip(&*i).zip(&*g) {
            *next = a * c + i * g;
        }
        for ((next, &c), &o) in next.iter_mut().zip(&*next_c).zip(&*o) {
            *next = o * c.hyperbolic_tangent();
        }
    }
}

struct Backward<'a, T> {
    gates: Gates,
    back: Back<'a, T>,
}

impl<T: Float> Kernel<T> for Backward<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lanes<Number = T>>(self, _: L) {
        let Self { gates, back } = self;
        let map = back.hidden.len();
        let kept: [&[T]; KEPT] = std::array::from_fn(|number| &back.kept[number * map..][..map]);
        let (h, c) = back.before;
        let mut scratch = vec![T::default(); KEPT * map / gates.moved.plane.height];
        for Row { to, from, pixels } in gates.rows() {
            let length = pixels * gates.channels();
            let here = to * gates.channels()..(to + pixels) * gates.channels();
            let kept = kept.map(|map| &map[here.clone()]);
            let made = maps_mut(&mut scratch[..KEPT * length], length);
            let to_hidden = &mut back.hidden[here.clone()];
            // The candidate reads U ⋆ f beside r ⊙ (W ⋆ h): its gradients to the two differ.
            let last_of_recurrent = match gates.update {
                Gated::Gru => {
                    gru_back(kept, &h[here], to_hidden, made);
                    3
                }
                Gated::Lstm => {
                    lstm_back(kept, &c[here.clone()], (to_hidden, &mut back.cell[here]), made);
                    2
                }
            };
            let row = |number: usize| &scratch[number * length..][..length];
            for number in 0..gates.update.gates() {
                let recurrent = if number == 2 { last_of_recurrent } else { number };
                gates.give(number, row(recurrent), (back.to_recurrent, to), set);
                gates.give(number, row(number), (back.to_input, from), add);
            }
        }
        let (used, made) = (gates.channels() * gates.update.gates(), gates.made);
        if used < made {
            let pixels = back.to_recurrent.chunks_exact_mut(made);
            pixels.for_each(|pixel| pixel[used..].fill(T::default()));
        }
    }
}

/// Gradients to r, z and n before their non-linearities, and to W_n ⋆ h; that to h' becomes that to h.
#[inline(always)]
fn gru_back<T: Float>(
    [r, z, n, wn]: [&[T]; KEPT],
    h: &[T],
    to_hidden: &mut [T],
    [to_r, to_z, to_n, to_wn]: [&mut [T]; KEPT],
) {
    let one = T::from_f64(1.0);
    let length = to_hidden.len();
    let (r, z, n, wn, h) = (&r[..length], &z[..length], &n[..length], &wn[..length], &h[..length]);
    let (to_r, to_z) = (&mut to_r[..length], &mut to_z[..length]);
    let (to_n, to_wn) = (&mut to_n[..length], &mut to_wn[..length]);
    for k in 0..length {
        let g = to_hidden[k];
        let before_n = g * (one - z[k]) * (one - n[k] * n[k]);
        to_z[k] = g * (h[k] - n[k]) * z[k] * (one - z[k]);
        to_n[k] = before_n;
        to_wn[k] = before_n * r[k];
        to_r[k] = before_n * wn[k] * r[k] * (one - r[k]);
        to_hidden[k] = g * z[k];
    }
}

/// Gradients to i, a, g and o before their non-linearities; those to h' and c' become those to h, which is
/// none but through W, and c.
#[inline(always)]
fn lstm_back<T: Float>(
    [i, a, g, o]: [&[T]; KEPT],
    c: &[T],
    (to_hidden, to_cell): (&mut [T], &mut [T]),
    [to_i, to_a, to_g, to_o]: [&mut [T]; KEPT],
) {
    let one = T::from_f64(1.0);
    let length = to_hidden.len();
    let (i, a, g, o, c) = (&i[..length], &a[..length], &g[..length], &o[..length], &c[..length]);
    let (to_i, to_a) = (&mut to_i[..length], &mut to_a[..length]);
    let (to_g, to_o) = (&mut to_g[..length], &mut to_o[..length]);
    let to_cell = &mut to_cell[..length];
    for k in 0..length {
        let tanh = (a[k] * c[k] + i[k] * g[k]).hyperbolic_tangent();
        let to_next = to_cell[k] + to_hidden[k] * o[k] * (one - tanh * tanh);
        to_o[k] = to_hidden[k] * tanh * o[k] * (one - o[k]);
        to_i[k] = to_next * g[k] * i[k] * (one - i[k]);
        to_a[k] = to_next * c[k] * a[k] * (one - a[k]);
        to_g[k] = to_next * i[k] * (one - g[k] * g[k]);
        to_cell[k] = to_next * a[k];
        to_hidden[k] = T::default();
    }
}

/// Maps of `length` numbers each.
fn maps_mut<T>(maps: &mut [T], length: usize) -> [&mut [T]; KEPT] {
    let (ab, cd) = maps.split_at_mut(2 * length);
    let ((a, b), (c, d)) = (ab.split_at_mut(length), cd.split_at_mut(length));
    [a, b, c, d]
}

/// 1 / (1 + exp(−x)), which is (1 + tanh(x / 2)) / 2.
#[inline(always)]
fn sigmoid<T: Float>(x: &mut [T]) {
    let half = T::from_f64(0.5);
    x.iter_mut().for_each(|x| *x = half + half * (half * *x).hyperbolic_tangent());
}

#[inline(always)]
fn tanh<T: Float>(x: &mut [T]) {
    x.iter_mut().for_each(|x| *x = x.hyperbolic_tangent());
}
