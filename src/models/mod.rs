//! Models built from cells: the sequence-to-sequence forecaster, and its parameters by name.

mod forecaster;
mod parameters;

pub use forecaster::{
    Feedback, Forecast, Forecaster, ForecasterShape, TranslationForecaster, parameter_shapes,
};
pub use parameters::{Parameters, load_f32};
