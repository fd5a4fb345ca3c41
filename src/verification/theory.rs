//! What the theory says of a kind of cell, law by law.

use super::case::Case;
use super::group::{Velocities, VerifiedGroup};
use super::property::Property;
use crate::equivariance::Diagnosis;
use crate::error::Result;
use crate::flow::Lift;
use crate::ops::ConvAlgorithm;

/// What is claimed of a kind of cell.
///
/// ```
/// use fernn::equivariance::Diagnosis;
/// use fernn::flow::{Lift, Translation};
/// use fernn::ops::ConvAlgorithm;
/// use fernn::verification::{Case, Property, Theory, Velocities};
///
/// # fn main() -> fernn::Result<()> {
/// let (closed, direct) = (Velocities::Closed, ConvAlgorithm::Direct);
/// let case = Case::of_list(&Translation, Lift::CoMoving, closed, direct, 0);
/// let all = Theory::FLOW_EQUIVARIANT;
/// assert_eq!(all.expected(Property::State, &case)?, Some(Diagnosis::Exact));
/// let in_lab_only = Theory { flows_in: &[Lift::Trivial], ..all };
/// assert_eq!(in_lab_only.expected(Property::State, &case)?, Some(Diagnosis::Broken));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Theory {
    /// The frames of reference that it comes in.
    pub lifts: &'static [Lift],
    /// Those in which its state flows with the input.
    pub flows_in: &'static [Lift],
    /// Whether it commutes with still transformations.
    pub is_equivariant: bool,
    /// Whether it has hidden states over velocities.
    pub has_velocities: bool,
    /// Whether the decoder below which it predicts is equivariant: one of plain kernels over rotations is
    /// not.
    pub has_equivariant_decoder: bool,
}

/// Both frames of reference.
pub(super) const BOTH: &[Lift] = &[Lift::Trivial, Lift::CoMoving];

impl Theory {
    /// That of flow equivariant cells: every law, in both frames of reference.
    pub const FLOW_EQUIVARIANT: Self = Self {
        lifts: BOTH,
        flows_in: BOTH,
        is_equivariant: true,
        has_velocities: true,
        has_equivariant_decoder: true,
    };

    /// What is said of a case by a law; nothing where the law has no meaning for it.
    ///
    /// # Errors
    /// As [`VerifiedGroup::set`].
    pub fn expected<G: VerifiedGroup>(
        &self,
        property: Property,
        case: &Case<G>,
    ) -> Result<Option<Diagnosis>> {
        let acting = match case.group.is_exact() {
            true => Diagnosis::Exact,
            false => Diagnosis::Discretisation,
        };
        // Winograd's tiles lie still: what moves across them is rounded in other places. A turned kernel
        // sums its taps in another order, and what is chosen by itself may do either.
        let is_in_order =
            case.algorithm == ConvAlgorithm::Direct && case.group.keeps_order_of_sums();
        let across_tiles = match is_in_order {
            true => acting,
            false => acting.max(Diagnosis::Rounding),
        };
        let flowing = match case.lift {
            Lift::CoMoving if case.algorithm != ConvAlgorithm::Auto => acting, // each slice lies still
            _ => across_tiles,
        };
        let is_flowing = self.flows_in.contains(&case.lift);
        let is_moving = case.velocities != Velocities::Truncated(0);
        let is_closed = case.velocities == Velocities::Closed;
        let if_so = |holds: bool, how: Diagnosis| Some(if holds { how } else { Diagnosis::Broken });
        Ok(match property {
            Property::Action => Some(acting),
            Property::Static | Property::StaticForecast => if_so(self.is_equivariant, across_tiles),
            Property::State if !self.has_velocities || !is_moving => None,
            Property::State => if_so(is_flowing, flowing),
            Property::ChangeOfFrame if self.lifts.len() < 2 || case.lift == Lift::Trivial => None,
            Property::ChangeOfFrame => if_so(self.is_equivariant || !is_moving, across_tiles),
            Property::ReadOut | Property::FlowedForecast if goes_round(case)? => None,
            Property::ReadOut => if_so(is_closed && is_flowing, flowing),
            // The decoder convolves in the lab frame.
            Property::FlowedForecast => {
                if_so(is_closed && is_flowing && self.has_equivariant_decoder, across_tiles)
            }
            Property::Forecast => Some(Diagnosis::Broken),
        })
    }
}

/// Whether truncated velocities go all the way round, so that a law of closed sets may hold of them as well.
fn goes_round<G: VerifiedGroup>(case: &Case<G>) -> Result<bool> {
    let Velocities::Truncated(range) = case.velocities else { return Ok(false) };
    let (all, some) = (case.group.closed(case.extents())?, case.group.steps(range)?);
    let is_there = |place| some.as_slice().iter().any(|&ours| all.index_of(ours) == Some(place));
    Ok((0..all.len()).all(is_there))
}
