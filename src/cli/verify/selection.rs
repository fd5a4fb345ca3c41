//! What the flags ask to be measured.

use super::arguments::{Arguments, Flows, Precision};
use candle_core::DType;
use fernn::Error;
use fernn::flow::AnyVelocity;
use fernn::verification::{Selection, Verified, cell_names};

/// The selection that the flags describe.
///
/// # Errors
/// [`Error::Configuration`] for a cell that does not exist, and for flags of a trained model.
pub fn selection(arguments: &Arguments, kinds: &[Box<dyn Verified>]) -> fernn::Result<Selection> {
    let names = cell_names(kinds);
    if let Some(name) = arguments.cell.iter().find(|name| !names.contains(&name.as_str())) {
        let remedy = format!("choose from {}", names.join(", "));
        return Err(Error::configuration(format!("--cell {name}"), "names no cell", remedy));
    }
    if let Some((flag, _)) = arguments.model.given().first() {
        let problem = "describes a trained model";
        return Err(Error::configuration(*flag, problem, "give --weights, or leave it out"));
    }
    let all = Selection::default();
    let is_translation = |flow: &AnyVelocity| matches!(flow, AnyVelocity::Translation(_));
    let flows: Vec<AnyVelocity> = match arguments.flow {
        Some(Flows::Single(flow)) => vec![flow],
        Some(Flows::Translations) => all.flows.into_iter().filter(is_translation).collect(),
        Some(Flows::Rotations) => all.flows.into_iter().filter(|f| !is_translation(f)).collect(),
        None => all.flows,
    };
    let dtypes = match arguments.dtype {
        Precision::F32 => vec![DType::F32],
        Precision::F64 => vec![DType::F64],
        Precision::Both => all.dtypes,
    };
    Ok(Selection { cells: arguments.cell.clone(), flows, dtypes, seed: arguments.seed })
}
