//! Models built from cells, each as data, as a model, and as a learner: the sequence-to-sequence
//! forecaster, and the classifiers of clips.

mod choice;
mod classifier;
mod decoder;
mod evaluation;
mod expansion;
mod forecaster;
mod learner;
mod subject;
mod weights;

pub use choice::{AnyForecaster, ForecasterChoice, ForecasterShape};
pub use classifier::{
    AnyClassifier, BuildClassifier, ClassificationLearner, Classifier, ClassifierChoice,
    ClassifierKind, ClassifierShape, Confusion, MOMENTUM, Mode, RecurrentClassifier, VideoCnn,
    confusion, predicted,
};
pub use decoder::Decoder;
pub use evaluation::{HorizonErrors, mse_by_horizon, mse_over_batches};
pub use expansion::expanded;
pub use forecaster::{Feedback, Forecast, Forecaster};
pub use learner::{Build, ForecastLearner};
pub(crate) use subject::PREDICTED;
pub use subject::{FORECAST, check_classifier, check_forecaster};
pub use weights::KernelNames;
