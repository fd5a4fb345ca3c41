//! Everything that the theory says of some kinds of cells, as a list that is measured.

use super::property::Property;
use super::statement::{Flows, Statement};
use super::verified::Verified;
use crate::equivariance::{Key, Row};
use crate::error::{Error, Result};
use crate::flow::{AnyVelocity, DegreesPerFrame, PixelsPerFrame};
use candle_core::DType;
use rayon::prelude::*;

/// What is measured.
#[derive(Clone, Debug)]
pub struct Selection {
    /// Only cells of these names; of every name if there is none.
    pub cells: Vec<String>,
    /// Flows of the input.
    pub flows: Vec<AnyVelocity>,
    /// Precisions; both are needed to tell rounding from a breach.
    pub dtypes: Vec<DType>,
    /// Seed of weights and frames.
    pub seed: u64,
}

impl Default for Selection {
    fn default() -> Self {
        let translation = |(x, y)| AnyVelocity::Translation(PixelsPerFrame::new(x, y));
        let rotation = |degrees| AnyVelocity::Rotation(DegreesPerFrame(degrees));
        let mut flows = [(1, 0), (0, 1), (-1, 2)].map(translation).to_vec();
        flows.extend([90, -90, 45].map(rotation));
        Self { cells: Vec::new(), flows, dtypes: vec![DType::F32, DType::F64], seed: 0 }
    }
}

impl Selection {
    /// Whether a kind of cell is asked for.
    pub(super) fn has(&self, kind: &dyn Verified) -> bool {
        self.cells.is_empty() || self.cells.iter().any(|name| name == kind.cell())
    }

    /// Whether a baseline's row is about what is measured now of `kinds`.
    pub fn asks_for(&self, row: &Row, kinds: &[Box<dyn Verified>]) -> bool {
        let is_told = match row.flow.parse::<AnyVelocity>() {
            Ok(flow) => self.flows.contains(&flow),
            Err(_) => row.flow == Key::NONE,
        };
        let is_of = |kind: &dyn Verified| {
            row.group == kind.group()
                && (row.cell == Key::NONE || row.cell == kind.cell())
                && self.has(kind)
                && self.flows.iter().any(|&flow| kind.has(flow))
        };
        is_told && kinds.iter().any(|kind| is_of(&**kind))
    }
}

/// Everything that the theory says of the selected cells among `kinds`, law by law.
///
/// # Errors
/// [`Error::Configuration`] where the selection names a cell that is not there, a cell stands there twice over
/// one group, or nothing is said; that of sets of velocities that a group does not have.
pub fn statements<'a>(
    kinds: &'a [Box<dyn Verified>],
    selection: &Selection,
) -> Result<Vec<Statement<'a>>> {
    refuse_unknown_and_repeated(kinds, selection)?;
    let selected: Vec<&dyn Verified> =
        kinds.iter().map(|kind| &**kind).filter(|&kind| selection.has(kind)).collect();
    let (all, seed) = (Flows::Together(&selection.flows), selection.seed);
    let mut statements = Vec::new();
    for property in Property::ALL {
        for (place, kind) in selected.iter().enumerate() {
            let is_new = || selected[..place].iter().all(|other| other.group() != kind.group());
            if property != Property::Action || is_new() {
                statements.extend(kind.statements(property, all, seed)?);
            }
        }
        for &flow in selection.flows.iter().filter(|_| property == Property::FlowedForecast) {
            for kind in selected.iter().filter(|kind| kind.has_single_flows()) {
                statements.extend(kind.statements(property, Flows::Alone(flow), seed)?);
            }
        }
    }
    match statements.is_empty() {
        true => Err(Error::configuration("the list", "says nothing", "give it kinds of cells")),
        false => Ok(statements),
    }
}

fn refuse_unknown_and_repeated(kinds: &[Box<dyn Verified>], selection: &Selection) -> Result<()> {
    for (place, kind) in kinds.iter().enumerate() {
        let name = |kind: &dyn Verified| (kind.cell().to_string(), kind.group());
        if kinds[..place].iter().any(|other| name(&**other) == name(&**kind)) {
            let what = format!("the cell `{}` over {}", kind.cell(), kind.group());
            return Err(Error::configuration(what, "is listed twice", "give each its name"));
        }
    }
    let names = cell_names(kinds);
    match selection.cells.iter().find(|name| !names.contains(&name.as_str())) {
        None => Ok(()),
        Some(name) => {
            let remedy = format!("choose from {}", names.join(", "));
            Err(Error::configuration(format!("the cell `{name}`"), "is none of the list", remedy))
        }
    }
}

/// Statements that are measured side by side: enough that no core waits long for the last of them.
const AT_ONCE: usize = 64;

/// Measures statements side by side, handing rows to `show` in their order, soon after they are there.
///
/// # Errors
/// Those of the cells; a law that cannot be measured is an error, not a pass, and so is a list of which nothing
/// is measured.
pub fn run(
    statements: &[Statement<'_>],
    dtypes: &[DType],
    mut show: impl FnMut(&Row),
) -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for some in statements.chunks(AT_ONCE) {
        let measured: Vec<_> = some.par_iter().map(|one| one.measure(dtypes)).collect();
        for (statement, measured) in some.iter().zip(measured) {
            let Some(measured) = measured? else { continue };
            let row = statement.row(&measured);
            show(&row);
            rows.push(row);
        }
    }
    match rows.is_empty() || dtypes.is_empty() {
        true => {
            let problem = "leaves nothing to measure";
            Err(Error::configuration("the selection", problem, "select more flows or precisions"))
        }
        false => Ok(rows),
    }
}

/// The names of the cells, each once.
pub fn cell_names(kinds: &[Box<dyn Verified>]) -> Vec<&str> {
    let mut names: Vec<&str> = Vec::new();
    for kind in kinds {
        if !names.contains(&kind.cell()) {
            names.push(kind.cell());
        }
    }
    names
}
