//! The numbers published with the paper, as far as they are known to us, with their sources.
//!
//! Keller, "Flow Equivariant Recurrent Neural Networks", 2025 (arXiv 2507.14793, NeurIPS 2025).
//! A number that is not listed is not known; it is left blank, never estimated.

/// Who published when.
pub const AUTHOR: &str = "Keller 2025";

/// The paper, for readers.
pub const CITATION: &str = "Keller 2025, arXiv 2507.14793";

/// Where the paper is.
pub const ADDRESS: &str = "https://arxiv.org/abs/2507.14793";

/// A published value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PublishedValue {
    /// Mean over seeds.
    pub mean: f64,
    /// Standard deviation over seeds.
    pub std: f64,
    /// How sure we are of it.
    pub source: &'static str,
}

/// A half of Table 1, next-step prediction on Flowing MNIST, and what the paper says beside it.
#[derive(Clone, Copy, Debug)]
pub struct Table1 {
    /// Test MSE of models by their names.
    values: &'static [(&'static str, PublishedValue)],
    /// How many times the G-RNN's error is that of the FERNN with all velocities.
    pub factor: f64,
    /// The same, in words.
    pub lower: &'static str,
    /// All values, in words.
    pub table: &'static str,
    /// Length generalization, in words.
    pub length: &'static str,
    /// Velocity generalization, in words.
    pub velocities: &'static str,
    /// Trained scalars, whatever V is.
    pub parameters: usize,
    /// The same, in words.
    pub same_parameters: &'static str,
}

impl Table1 {
    /// The test MSE of a model by its name.
    pub fn value(&self, model: &str) -> Option<PublishedValue> {
        self.values.iter().find(|(name, _)| *name == model).map(|(_, value)| *value)
    }
}

const fn value(mean: f64, std: f64, source: &'static str) -> PublishedValue {
    PublishedValue { mean, std, source }
}

/// Velocities V^T_2.
pub const TRANSLATION: Table1 = Table1 {
    values: &[
        ("G-RNN", value(8.1e-3, 6e-4, "Table 1; one summary traced")),
        ("FERNN-V1", value(5.3e-4, 8e-5, "Table 1; one summary")),
        ("FERNN-V2", value(1.5e-4, 2e-5, "Table 1; one summary")),
    ],
    factor: 54.0,
    lower: "54 times lower",
    table: "8.1e-3, 5.3e-4, 1.5e-4",
    length: "a figure to 70 predicted frames",
    velocities: "a heat map over {-2..2}²",
    parameters: 739_584,
    same_parameters: "the same number, 739,584",
};

/// Velocities V^R_4.
pub const ROTATION: Table1 = Table1 {
    values: &[
        ("G-RNN", value(4.0e-3, 5e-4, "Table 1; one summary")),
        ("FERNN-VR4", value(6.1e-4, 3e-5, "Table 1; one summary")),
    ],
    factor: 6.6,
    lower: "6.6 times lower",
    table: "4.0e-3, unknown, 6.1e-4",
    length: "a figure to 80 frames in all",
    velocities: "a figure over -50° to 50° per frame",
    parameters: 48_007_488,
    same_parameters: "the same number, 48,007,488",
};

/// Wall time of FERNN-V^T_2 over that of the G-RNN (second version of the paper; one summary).
pub const TIMES_SLOWER: &str = "about 30 times the G-RNN's time at V^T_2, linear in |V|";

/// Table 2, classification of Moving KTH.
#[derive(Clone, Copy, Debug)]
pub struct Table2 {
    /// Test accuracy of models by their names.
    values: &'static [(&'static str, PublishedValue)],
    /// By how much the FERNN's accuracy is above that of the G-RNN.
    pub lead: f64,
    /// All values, in words.
    pub table: &'static str,
    /// Velocity generalization, in words.
    pub velocities: &'static str,
    /// The number of parameters, in words.
    pub same_parameters: &'static str,
}

impl Table2 {
    /// The test accuracy of a model by its name.
    pub fn value(&self, model: &str) -> Option<PublishedValue> {
        self.values.iter().find(|(name, _)| *name == model).map(|(_, value)| *value)
    }
}

/// Velocities V^T_2 in training and test.
pub const KTH: Table2 = Table2 {
    values: &[
        ("3D-CNN", value(0.626, 0.02, "Table 2; one summary")),
        ("G-RNN", value(0.665, 0.03, "Table 2; one summary")),
        ("FERNN-V2", value(0.716, 0.04, "Table 2; one summary of v1, V_2 is our reading")),
    ],
    lead: 0.716 - 0.665,
    table: "0.626, 0.665, G-RNN+ and V_1 unknown, 0.716",
    velocities: "a figure over V_0, V_1 and V_2",
    same_parameters: "the same number, 241,638; G-RNN+ 242,263",
};
