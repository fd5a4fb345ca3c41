//! Forecasters as flags describe them.

use super::flags::{Frame, ModelFlags, NonLinearity, Order, Pooling};
use fernn::Error;
use fernn::cells::{CellChoice, CellKind, Running};
use fernn::flow::{
    CarryOrder, DegreesPerFrame, FlowGroup, FlowSpace, Lift, Rotation, Translation, VelocitySet,
};
use fernn::models::ForecasterChoice;
use fernn::ops::{Activation, ConvAlgorithm, VelocityPooling};

/// The space of the translation flags.
pub fn over_translations(flags: &ModelFlags, cell: CellKind) -> FlowSpace<Translation> {
    let velocities = VelocitySet::square(flags.velocity_range.unwrap_or(2));
    // Learned shifts take the place of the lab frame's; elsewhere single steps of the other frame are faster.
    let lift = match cell {
        CellKind::LearnedShift => Lift::Trivial,
        _ => Lift::CoMoving,
    };
    FlowSpace::new(Translation, velocities, lift)
}

fn refuse_activation_of_gates(flags: &ModelFlags, kind: CellKind) -> fernn::Result<()> {
    let is_gated = matches!(kind, CellKind::Gru | CellKind::Lstm);
    if !is_gated || flags.activation.is_none_or(|a| a == NonLinearity::Relu) {
        return Ok(());
    }
    let problem = format!("means nothing for --cell {}, whose gates have their own", kind.name());
    Err(Error::configuration("--activation", problem, "leave it out, or change --cell"))
}

/// The space of the rotation flags.
pub fn over_rotations(flags: &ModelFlags) -> fernn::Result<FlowSpace<Rotation>> {
    let group = Rotation::new(flags.orientations.unwrap_or(0))?;
    let group = if flags.truncate { group.truncating() } else { group };
    let group = group.with_order(match flags.order {
        None => CarryOrder::default(),
        Some(Order::CarryFirst) => CarryOrder::CarryFirst,
        Some(Order::ConvolveFirst) => CarryOrder::ConvolveFirst,
    });
    let degrees = flags.velocities.clone().unwrap_or_else(|| vec![0]);
    let velocities: Vec<DegreesPerFrame> = degrees.into_iter().map(DegreesPerFrame).collect();
    let turned = |degrees: i64| degrees.rem_euclid(360);
    let is_twice = |(place, v): (usize, &DegreesPerFrame)| {
        velocities[..place].iter().any(|before| turned(before.0.into()) == turned(v.0.into()))
    };
    if velocities.iter().enumerate().any(is_twice) {
        let problem = "names a turn twice, where 360 degrees are none";
        return Err(Error::configuration("--velocities", problem, "list each once"));
    }
    group.check(&velocities).map_err(|e| match e {
        Error::Configuration { problem, .. } => Error::configuration(
            "--velocities",
            problem,
            "change --orientations, or pass --truncate as the public code does",
        ),
        other => other,
    })?;
    let lift = flags.frame.unwrap_or(Frame::Lab).lift();
    Ok(FlowSpace::new(group, VelocitySet::truncated(velocities)?, lift))
}

/// The model of the flags, apart from its space.
///
/// # Errors
/// [`Error::Configuration`] for a non-linearity of a cell whose gates have their own.
pub fn forecaster_choice(
    flags: &ModelFlags,
    cell: CellKind,
    algorithm: ConvAlgorithm,
) -> fernn::Result<ForecasterChoice> {
    refuse_activation_of_gates(flags, cell)?;
    let pooling = match flags.pooling.unwrap_or(Pooling::Max) {
        Pooling::Max => VelocityPooling::Max,
        Pooling::Mean => VelocityPooling::Mean,
        Pooling::Sum => VelocityPooling::Sum,
    };
    let activation = match flags.activation.unwrap_or(NonLinearity::Relu) {
        NonLinearity::Relu => Activation::Relu,
        NonLinearity::Tanh => Activation::Tanh,
        NonLinearity::Identity => Activation::Identity,
    };
    Ok(ForecasterChoice {
        cell: CellChoice { activation, ..CellChoice::of(cell) },
        running: Running { pooling, algorithm },
        ..ForecasterChoice::default()
    })
}
