//! The numbers published with the paper, as far as they are known to us, with their sources.
//!
//! Keller, "Flow Equivariant Recurrent Neural Networks", 2025 (arXiv 2507.14793, NeurIPS 2025).
//! A number that is not listed is not known; it is left blank, never estimated.

/// A published value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Published {
    /// Mean over seeds.
    pub mean: f64,
    /// Standard deviation over seeds.
    pub std: f64,
    /// How sure we are of it.
    pub source: &'static str,
}

/// Table 1, translation V^T_2, test MSE of a model by its name.
pub fn table1_translation(model: &str) -> Option<Published> {
    let (mean, std, source) = match model {
        "G-RNN" => (8.1e-3, 6e-4, "Table 1; two independent summaries agree"),
        "FERNN-V1" => (5.3e-4, 8e-5, "Table 1; one summary"),
        "FERNN-V2" => (1.5e-4, 2e-5, "Table 1; one summary"),
        _ => return None,
    };
    Some(Published { mean, std, source })
}

/// Table 1, rotation V^R_4, test MSE of a model by its name.
pub fn table1_rotation(model: &str) -> Option<Published> {
    let (mean, std) = match model {
        "G-RNN" => (4.0e-3, 5e-4),
        "FERNN-VR4" => (6.1e-4, 3e-5),
        _ => return None,
    };
    Some(Published { mean, std, source: "Table 1; one summary" })
}

/// Parameters of the rotation model at the paper's size, whatever V is.
pub const ROTATION_PARAMETERS: usize = 48_007_488;

/// Parameters of the translation model at the paper's size, whatever V is.
pub const TRANSLATION_PARAMETERS: usize = 739_584;
