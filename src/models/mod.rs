//! Models built from cells: the sequence-to-sequence forecaster, and its parameters by name.

mod forecaster;
mod parameters;
mod rotation;

pub use forecaster::{
    Feedback, Forecast, Forecaster, ForecasterShape, TranslationForecaster, parameter_shapes,
};
pub use parameters::{Draw, Initial, Parameters, load_f32};
pub use rotation::{Decoder, RotationForecaster, RotationShape};
