//! Classifiers of clips (Keller 2025, the Moving KTH experiment): a frame encoder below a flow equivariant
//! recurrence, and the 3-D CNN that it is compared with; as data, as models, and as a learner.

mod block;
mod choice;
mod evaluation;
mod learner;
mod model;
mod names;
mod recurrent;
mod video_cnn;

pub use block::{MOMENTUM, Mode};
pub use choice::{AnyClassifier, ClassifierChoice, ClassifierKind, ClassifierShape};
pub use evaluation::{Confusion, confusion, predicted};
pub use learner::{BuildClassifier, ClassificationLearner};
pub use model::Classifier;
pub use recurrent::RecurrentClassifier;
pub use video_cnn::VideoCnn;
