//! What the flags ask to be measured.

use super::arguments::{Arguments, Flows, Precision};
use candle_core::DType;
use fernn::Error;
use fernn::flow::AnyVelocity;
use fernn::verification::{GroupKind, Row, Selection, Specimen};

/// The selection that the flags describe.
///
/// # Errors
/// [`Error::Configuration`] for a cell that does not exist, and for flags of a trained model.
pub fn selection(arguments: &Arguments) -> fernn::Result<Selection> {
    if let Some((flag, _)) = arguments.model.given().first() {
        let problem = "describes a trained model";
        return Err(Error::configuration(*flag, problem, "give --weights, or leave it out"));
    }
    let all = Selection::default();
    let named = arguments.cell.iter().map(|name| specimen(name)).collect::<fernn::Result<_>>()?;
    let cells = if arguments.cell.is_empty() { all.cells } else { named };
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
    Ok(Selection { cells, flows, dtypes, seed: arguments.seed })
}

fn specimen(name: &str) -> fernn::Result<Specimen> {
    Specimen::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
        let names: Vec<_> = Specimen::ALL.iter().map(|kind| kind.name()).collect();
        let remedy = format!("choose from {}", names.join(", "));
        Error::configuration(format!("--cell {name}"), "names no cell", remedy)
    })
}

/// Whether a baseline's row is about what is measured now.
pub fn is_selected(row: &Row, selection: &Selection) -> bool {
    let is_of_cell = |kind: &Specimen| kind.name() == row.cell;
    let has_flow = match row.property.split_once(" by ") {
        None => true,
        Some((_, name)) => selection.flows.iter().any(|flow| flow.name() == name),
    };
    let is_group = |group: &&GroupKind| row.group.split(' ').next() == Some(&group.name());
    let group = GroupKind::ALL.iter().find(is_group);
    let flows_in_group = group.is_some_and(|g| selection.flows.iter().any(|&flow| g.has(flow)));
    let is_of_group = row.cell == "-" && selection.cells.contains(&Specimen::Rnn);
    has_flow && flows_in_group && (is_of_group || selection.cells.iter().any(is_of_cell))
}
