//! `--out`: figures and a baseline.

use crate::cli::apart::expect_ours;
use crate::cli::provenance;
use candle_core::Device;
use fernn::atomic_file::{read_if_there, write_atomically};
use fernn::experiments::Origin;
use fernn::report::{EQUIVARIANCE_ROWS, VerifyResults, write_equivariance};
use fernn::verification::{
    Baseline, Row, counter_example, error_by_angle, error_by_step, error_by_velocity,
    rotation_error_by_step,
};
use std::path::{Path, PathBuf};

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
    let origin = Origin::here(provenance::COMMIT, &Device::Cpu);
    let provenance = [
        (VERSION, env!("CARGO_PKG_VERSION").to_string()),
        ("command", provenance::command_line()),
        ("commit", origin.commit),
        ("CPU", origin.cpu),
        ("kernels", origin.kernels),
    ];
    let lines = provenance.map(|(name, value)| format!("{name}: {value}\n")).concat();
    write_atomically(&provenance_of(folder), lines.as_bytes())?;
    write_equivariance(&measured, folder)?;
    errln!("baseline: {}", folder.join(EQUIVARIANCE_ROWS).display());
    errln!("figures: {}", folder.join("equivariance").display());
    Ok(())
}

/// Refuses a folder in which rows or figures would replace those of somebody else: rows are known by being read,
/// figures by the provenance beside them, which is written first.
pub fn expect_replaceable(folder: &Path) -> fernn::Result<()> {
    expect_ours(&folder.join(EQUIVARIANCE_ROWS), |path| Baseline::read(path).is_ok())?;
    expect_ours(&folder.join("equivariance"), |_| {
        let provenance = read_if_there(&provenance_of(folder)).ok().flatten();
        provenance.is_some_and(|text| text.starts_with(VERSION.as_bytes()))
    })
}

fn provenance_of(folder: &Path) -> PathBuf {
    folder.join("equivariance").join("provenance.txt")
}

/// What provenance begins with.
const VERSION: &str = "version";
