//! Models built from cells: the sequence-to-sequence forecaster, as data, as a model, and as a learner.

mod choice;
mod decoder;
mod evaluation;
mod forecaster;
mod learner;
mod weights;

pub use choice::{AnyForecaster, ForecasterChoice, ForecasterShape};
pub use decoder::Decoder;
pub use evaluation::{mse_by_horizon, mse_over_batches};
pub use forecaster::{Feedback, Forecast, Forecaster};
pub use learner::{Build, ForecastLearner};
