//! Reference implementation and reproducibility benchmark suite for *Flow Equivariant Recurrent
//! Neural Networks* (Keller, 2025, arXiv 2507.14793).
//!
//! # The theory in three equations
//!
//! A flow with velocity ν moves a frame on by ψ at every step. A network is *flow equivariant* when moving its
//! input along a flow moves its hidden states by a known action, and a recurrent network that is equivariant to
//! still transformations is not: its memory stays where the stimulus was. A flow equivariant network carries a
//! hidden state for every velocity of a set V, each moving along with its own (§4 of the paper):
//!
//! <math display="block"><mrow>
//! <msub><mi>h</mi><mrow><mi>t</mi><mo>+</mo><mn>1</mn></mrow></msub><mo>(</mo><mi>ν</mi><mo>)</mo>
//! <mo>=</mo><mi>σ</mi><mo>(</mo>
//! <mi>W</mi><mo>⋆</mo><mo>[</mo><msub><mi>ψ</mi><mn>1</mn></msub><mo>(</mo><mi>ν</mi><mo>)</mo><mo>·</mo>
//! <msub><mi>h</mi><mi>t</mi></msub><mo>(</mo><mi>ν</mi><mo>)</mo><mo>]</mo>
//! <mo>+</mo><mi>U</mi><mo>⋆</mo><msub><mi>f</mi><mi>t</mi></msub><mo>)</mo></mrow></math>
//!
//! Then, for an input that flows with the velocity ν̂,
//!
//! <math display="block"><mrow>
//! <msub><mi>h</mi><mrow><mi>t</mi><mo>+</mo><mn>1</mn></mrow></msub>
//! <mo>[</mo><mi>ψ</mi><mo>(</mo><mover><mi>ν</mi><mo>^</mo></mover><mo>)</mo><mo>·</mo><mi>f</mi><mo>]</mo>
//! <mo>(</mo><mi>ν</mi><mo>)</mo><mo>=</mo>
//! <msub><mi>ψ</mi><mi>t</mi></msub><mo>(</mo><mover><mi>ν</mi><mo>^</mo></mover><mo>)</mo><mo>·</mo>
//! <msub><mi>h</mi><mrow><mi>t</mi><mo>+</mo><mn>1</mn></mrow></msub><mo>[</mo><mi>f</mi><mo>]</mo>
//! <mo>(</mo><mi>ν</mi><mo>−</mo><mover><mi>ν</mi><mo>^</mo></mover><mo>)</mo></mrow></math>
//!
//! wherever both velocities are in V: states flow, and their slices are permuted. In the *co-moving* frame of
//! reference the same network moves its input back instead of its states on,
//!
//! <math display="block"><mrow>
//! <msub><mover><mi>h</mi><mo>&#x7E;</mo></mover><mrow><mi>t</mi><mo>+</mo><mn>1</mn></mrow></msub><mo>(</mo><mi>ν</mi><mo>)</mo>
//! <mo>=</mo><mi>σ</mi><mo>(</mo><mi>W</mi><mo>⋆</mo>
//! <msub><mover><mi>h</mi><mo>&#x7E;</mo></mover><mi>t</mi></msub><mo>(</mo><mi>ν</mi><mo>)</mo>
//! <mo>+</mo><mi>U</mi><mo>⋆</mo><mo>[</mo><msub><mi>ψ</mi><mrow><mo>−</mo><mi>t</mi></mrow></msub>
//! <mo>(</mo><mi>ν</mi><mo>)</mo><mo>·</mo><msub><mi>f</mi><mi>t</mi></msub><mo>]</mo><mo>)</mo></mrow></math>
//!
//! a plain convolution of every slice. With V = {0} all of them are the paper's baseline, the G-RNN, with the same
//! parameters.
//!
//! # A tour
//!
//! - [`cells::TranslationRnn`], [`cells::FlowRnn`] and the others of [`cells`] are such networks, over a
//!   [`flow::FlowGroup`] (translations of a torus, rotations of a square), a [`flow::VelocitySet`] and a [`flow::Lift`],
//!   which is the frame of reference.
//! - [`equivariance::check`] and [`equivariance::check_both_lifts`] measure every law of a cell or a model, yours too, in
//!   one call; [`equivariance::state_error`] is the theorem above as a number. [`verification`] lists the statements of
//!   the theory with a baseline and a search for counterexamples.
//! - [`models`] are forecasters and classifiers over any cell, [`training::Trainer`] trains what implements
//!   [`training::Learner`].
//! - `data`, `experiments` and `report` (of the features below, on by default) are the paper's experiments: sequences, units of
//!   work with claims and exhibits, records, verdicts and figures. The binary `fernn` runs them.
//! - [`ops`] are the differentiable operations below all of it, on channels-last tensors.
//!
//! The modules are the argument of the paper, from the ground up; a module uses only those above it in the list of
//! modules. The guide (`docs/own_cell.md`, the module `guide`) leads to a cell of your own in twenty lines; [`prelude`]
//! has what they use.
//!
//! ```
//! use candle_core::{Device, Tensor};
//! use fernn::cells::{Cell, TranslationRnn};
//! use fernn::equivariance::state_error;
//! use fernn::flow::{PixelsPerFrame, Translation, VelocitySet};
//!
//! # fn main() -> fernn::Result<()> {
//! let kernel = |shape: (usize, usize, usize, usize)| Tensor::randn(0f32, 0.3, shape, &Device::Cpu);
//! let cell =
//!     TranslationRnn::new(Translation, VelocitySet::square(2), kernel((4, 1, 3, 3))?, kernel((4, 4, 3, 3))?)?;
//! let frames = Tensor::randn(0f32, 1.0, (1, 5, 1, 7, 11), &Device::Cpu)?;
//! let error = state_error(&cell, &frames, PixelsPerFrame::new(1, -1))?;
//! assert_eq!(error.max(), 0.0, "flow equivariant, bit for bit");
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! `cli` (default) is the binary, with `figures` (`report`), `download` (`data::fetch`) and `experiments` (`data`,
//! `experiments`, `statistics`). With `default-features = false` the crate is cells, models, training and the check. `cuda`
//! runs candle's operations on a GPU.
#![deny(missing_docs)]

pub mod atomic_file;
mod comma_separated;
pub mod digest;
pub mod error;
mod foreign;
#[cfg(feature = "cli")]
pub mod process;
pub mod rng;

pub mod flow;
pub mod ops;
pub mod parameters;
pub mod tensor_file;

pub mod cells;
pub mod training;

pub mod equivariance;
pub mod models;

pub mod verification;

#[cfg(feature = "experiments")]
pub mod data;

#[cfg(feature = "experiments")]
pub mod experiments;
#[cfg(feature = "experiments")]
pub mod statistics;

#[cfg(feature = "figures")]
pub mod report;

pub mod prelude;

#[cfg(feature = "experiments")]
pub mod guide;

pub use error::{Error, Result};
