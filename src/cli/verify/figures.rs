//! `--out`: figures and a baseline.

use crate::cli::provenance;
use candle_core::Device;
use fernn::atomic_file::write_atomically;
use fernn::experiments::Origin;
use fernn::report::{EQUIVARIANCE_ROWS, VerifyResults, write_equivariance};
use fernn::verification::{
    Row, counter_example, error_by_angle, error_by_step, error_by_velocity, rotation_error_by_step,
};
use std::path::Path;

/// Measures what only figures show, and writes them beside the rows and their provenance.
pub fn write_figures(rows: &[Row], folder: &Path) -> anyhow::Result<()> {
    let measured = VerifyResults {
        rows,
        by_step: &error_by_step()?,
        by_velocity: &error_by_velocity()?,
        rotation_by_step: &rotation_error_by_step()?,
        by_angle: &error_by_angle()?,
        counter_examples: &[counter_example(0)?, counter_example(1)?],
    };
    write_equivariance(&measured, folder)?;
    let origin = Origin::here(provenance::COMMIT, &Device::Cpu);
    let provenance = [
        ("version", env!("CARGO_PKG_VERSION").to_string()),
        ("command", provenance::command_line()),
        ("commit", origin.commit),
        ("CPU", origin.cpu),
        ("kernels", origin.kernels),
    ];
    let lines = provenance.map(|(name, value)| format!("{name}: {value}\n")).concat();
    write_atomically(&folder.join("equivariance").join("provenance.txt"), lines.as_bytes())?;
    errln!("baseline: {}", folder.join(EQUIVARIANCE_ROWS).display());
    errln!("figures: {}", folder.join("equivariance").display());
    Ok(())
}
