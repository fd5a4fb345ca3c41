//! What was measured: a model, and what it departs in from the settings of its experiment.

use std::fmt;

/// A model of an experiment. Rows of other programs may name any.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject {
    /// The model, as in the paper: `G-RNN`, `FERNN-V2`.
    pub model: String,
    /// What differs from the settings that the experiment's models share; empty for nothing.
    pub variant: String,
}

impl Subject {
    /// A model with the settings of its experiment.
    pub fn new(model: impl Into<String>) -> Self {
        Self { model: model.into(), variant: String::new() }
    }

    /// The G-RNN, which every model is compared with.
    pub fn g_rnn() -> Self {
        Self::new("G-RNN")
    }

    /// The same model with a departure.
    pub fn with_variant(self, variant: impl Into<String>) -> Self {
        Self { variant: variant.into(), ..self }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.variant.as_str() {
            "" => f.write_str(&self.model),
            variant => write!(f, "{} {variant}", self.model),
        }
    }
}
