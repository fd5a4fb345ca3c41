//! A kind of cell over whatever group.

use super::drawn::Drawn;
use super::property::Property;
use super::statement::{Flows, Statement};
use crate::error::Result;
use crate::flow::AnyVelocity;

/// A [`Kind`](super::Kind) over whatever group.
pub trait Verified: Send + Sync {
    /// The name of the cell.
    fn cell(&self) -> &str;

    /// The name of the group.
    fn group(&self) -> String;

    /// Whether a flow is one of the group's.
    fn has(&self, flow: AnyVelocity) -> bool;

    /// Whether random cases are worth drawing: of controls nothing is claimed, and what is interpolated has
    /// no fixed bound.
    fn is_searched(&self) -> bool;

    /// Whether flows are told one by one as well.
    fn has_single_flows(&self) -> bool;

    /// What a law says of it, case by case; a law of the group itself once.
    ///
    /// # Errors
    /// Of sets of velocities that the group does not have.
    fn statements(
        &self,
        property: Property,
        flows: Flows<'_>,
        seed: u64,
    ) -> Result<Vec<Statement<'_>>>;

    /// What a law says of a random case, made such that it is one of the kind's.
    ///
    /// # Errors
    /// [`crate::Error::Vacuous`] where the theory says nothing.
    fn random_statement(&self, drawn: &Drawn) -> Result<Statement<'_>>;
}
