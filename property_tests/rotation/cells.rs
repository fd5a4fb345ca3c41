//! Cells over the rotation group, in either order of carrying and convolving.

use crate::common::{normal, relative_error, values};
use candle_core::{DType, Device, Tensor};
use fernn::cells::{Cell, FlowGru, FlowLayer, FlowLstm, FlowRnn, MixingRnn};
use fernn::equivariance::state_error;
use fernn::flow::{
    CarryOrder, DegreesPerFrame, FlowGroup, FlowSpace, Input, Lift, LiftedState, Rotation,
    VelocitySet,
};
use fernn::ops::{ConvAlgorithm, SteerableBasis, Turn, turn_slices};
use fernn::{Error, Result};

/// Random steerable kernels of a cell with two fields over N orientations and some gates.
fn kernels(n: usize, gates: usize) -> Result<(Tensor, Tensor)> {
    let basis = SteerableBasis::new(n, 3)?;
    let u = normal(5, "u", &[2 * gates, 1, basis.len()], 0.5, DType::F64);
    let w = normal(5, "w", &[2 * gates, 2, n, basis.len()], 0.2, DType::F64);
    Ok((basis.lifting(&u)?, basis.regular(&w)?))
}

/// A simple cell with these kernels.
fn cell(
    (n, order): (usize, CarryOrder),
    set: VelocitySet<DegreesPerFrame>,
    lift: Lift,
) -> Result<FlowRnn<Rotation>> {
    let (u, w) = kernels(n, 1)?;
    FlowRnn::over(FlowSpace::new(Rotation::new(n)?.with_order(order), set, lift), u, w)
}

/// The state after two frames, and the one before.
fn two_states(layer: &impl FlowLayer, frames: &[Tensor; 2]) -> Result<[LiftedState; 2]> {
    let zero = layer.zero_state(2, (7, 7), DType::F64, &Device::Cpu)?;
    let first = layer.step(Input::Frame(&frames[0]), &zero)?;
    Ok([layer.step(Input::Frame(&frames[1]), &first)?, first])
}

fn two_frames() -> [Tensor; 2] {
    ["first", "second"].map(|name| normal(5, name, &[2, 1, 7, 7], 1.0, DType::F64))
}

#[test]
fn the_lab_frame_carries_and_convolves_in_the_order_of_its_group() -> Result<()> {
    let (n, set) = (8, VelocitySet::multiples(DegreesPerFrame(45), 1));
    let (u, w) = kernels(n, 1)?;
    let frames = two_frames();
    assert_eq!(Rotation::new(n)?.carry_order(), CarryOrder::CarryFirst, "the public code's");
    for order in CarryOrder::ALL {
        let cell = cell((n, order), set.clone(), Lift::Trivial)?;
        let [second, first] = two_states(&cell, &frames)?;
        let group = Rotation::new(n)?;
        let convolve = |x: &Tensor| group.convolve(x, &w, ConvAlgorithm::Direct);
        let turn = |x: &Tensor| group.act_on_slices(x, set.as_slice(), 1);
        let lifted = group.convolve_frame(&frames[1], &u)?.unsqueeze(1)?;
        let next = |carried: Tensor| Ok(values(&carried.broadcast_add(&lifted)?.relu()?));
        let turned_first: Result<_> = next(convolve(&turn(first.hidden())?)?);
        let convolved_first: Result<_> = next(turn(&convolve(first.hidden())?)?);
        // Between pixels the order matters.
        let (expected, other) = match order {
            CarryOrder::CarryFirst => (turned_first?, convolved_first?),
            CarryOrder::ConvolveFirst => (convolved_first?, turned_first?),
        };
        let ours = values(second.hidden());
        assert!(relative_error(&ours, &expected) < 1e-13, "{order:?}");
        assert!(relative_error(&ours, &other) > 1e-3, "{order:?}");
    }
    Ok(())
}

/// A layer of each kind over a space.
fn layers(
    n: usize,
    space: &FlowSpace<Rotation>,
) -> Result<Vec<Box<dyn FlowLayer<Group = Rotation>>>> {
    let ((u, w), (u3, w3), (u4, w4)) = (kernels(n, 1)?, kernels(n, 3)?, kernels(n, 4)?);
    let neighbourhood = space.velocities().as_slice()[..2].to_vec();
    let mixing = Tensor::stack(&[&w, &(&w * 0.5)?], 0)?;
    let with_space = || space.clone();
    Ok(vec![
        Box::new(FlowRnn::over(with_space(), u.clone(), w)?),
        Box::new(MixingRnn::over(with_space(), u, mixing, neighbourhood)?),
        Box::new(FlowGru::over(with_space(), u3, w3)?),
        Box::new(FlowLstm::over(with_space(), u4, w4)?),
    ])
}

#[test]
fn both_orders_are_one_network_over_quarter_turns_and_two_between_pixels() -> Result<()> {
    let frames = two_frames();
    let apart = |(n, step): (usize, i32), lift: Lift| -> Result<Vec<f64>> {
        let set = VelocitySet::multiples(DegreesPerFrame(step), 1);
        let states = |order| -> Result<Vec<Vec<f64>>> {
            let group = Rotation::new(n)?.with_order(order);
            let all = layers(n, &FlowSpace::new(group, set.clone(), lift))?;
            all.iter().map(|layer| Ok(values(two_states(layer, &frames)?[0].hidden()))).collect()
        };
        let [ours, theirs] = CarryOrder::ALL.map(states);
        Ok(ours?.iter().zip(&theirs?).map(|(a, b)| relative_error(a, b)).collect())
    };
    for group in [(4, 90), (8, 90), (8, -180)] {
        for error in apart(group, Lift::Trivial)? {
            assert!(error < 1e-13, "{group:?}: {error}"); // only moved numbers, summed in other orders
        }
    }
    for (kind, error) in apart((8, 45), Lift::Trivial)?.into_iter().enumerate() {
        assert!(error > 1e-3, "layer {kind}: {error}");
    }
    for error in apart((8, 45), Lift::CoMoving)? {
        assert_eq!(error, 0.0, "no state turns there");
    }
    Ok(())
}

#[test]
fn mixing_and_gates_follow_the_order_too() -> Result<()> {
    let (n, set) = (8, VelocitySet::multiples(DegreesPerFrame(45), 1));
    let frames = two_frames();
    let (plain, direct) = (Rotation::new(n)?, ConvAlgorithm::Direct);
    for order in CarryOrder::ALL {
        let space = FlowSpace::new(plain.with_order(order), set.clone(), Lift::Trivial);
        let carried = |x: &Tensor, w: &Tensor| match order {
            CarryOrder::CarryFirst => {
                plain.convolve(&plain.act_on_slices(x, set.as_slice(), 1)?, w, direct)
            }
            CarryOrder::ConvolveFirst => {
                plain.act_on_slices(&plain.convolve(x, w, direct)?, set.as_slice(), 1)
            }
        };
        // Mixing with the velocity itself alone is the simple cell.
        let (u, w) = kernels(n, 1)?;
        let own = vec![DegreesPerFrame(0)];
        let mixing = MixingRnn::over(space.clone(), u.clone(), w.unsqueeze(0)?, own)?;
        let [second, first] = two_states(&mixing, &frames)?;
        let lifted = plain.convolve_frame(&frames[1], &u)?.unsqueeze(1)?;
        let expected = carried(first.hidden(), &w)?.broadcast_add(&lifted)?.relu()?;
        assert!(relative_error(&values(second.hidden()), &values(&expected)) < 1e-13, "{order:?}");
        // A GRU: what it remembers is ψ_1(ν)·h in either order.
        let (u, w) = kernels(n, 3)?;
        let [second, first] = two_states(&FlowGru::over(space, u.clone(), w.clone())?, &frames)?;
        let lifted = plain.convolve_frame(&frames[1], &u)?.unsqueeze(1)?.broadcast_as((
            2,
            3,
            7,
            7,
            6 * n,
        ))?;
        let (maps, planes) = (carried(first.hidden(), &w)?, 2 * n);
        let gate = |number: usize| -> Result<(Tensor, Tensor)> {
            let part =
                |x: &Tensor| Ok::<_, Error>(x.narrow(4, number * planes, planes)?.contiguous()?);
            Ok((part(&lifted)?, part(&maps)?))
        };
        let sigmoid = |(u, w): (Tensor, Tensor)| candle_nn::ops::sigmoid(&(u + w)?);
        let (r, z, (u_n, w_n)) = (sigmoid(gate(0)?)?, sigmoid(gate(1)?)?, gate(2)?);
        let new = (u_n + (r * w_n)?)?.tanh()?;
        let m = plain.act_on_slices(first.hidden(), set.as_slice(), 1)?;
        let expected = ((z.affine(-1.0, 1.0)? * new)? + (z * m)?)?;
        assert!(relative_error(&values(second.hidden()), &values(&expected)) < 1e-13, "{order:?}");
    }
    Ok(())
}

#[test]
fn quarter_turns_flow_without_error_and_other_angles_do_not() -> Result<()> {
    let frames = normal(6, "frames", &[2, 5, 1, 9, 9], 1.0, DType::F64);
    for (lift, order) in [
        (Lift::Trivial, CarryOrder::CarryFirst),
        (Lift::Trivial, CarryOrder::ConvolveFirst),
        (Lift::CoMoving, CarryOrder::CarryFirst),
    ] {
        let cell = |n| cell((n, order), VelocitySet::cyclic(n as u32)?, lift);
        for n in [4, 8] {
            let error = state_error(&cell(n)?, &frames, DegreesPerFrame(90))?.max();
            // The co-moving frame of a 45° velocity resamples twice where once would do.
            let is_exact = n == 4 || lift == Lift::Trivial;
            assert!(!is_exact || error < 1e-12, "{lift:?} {order:?} {n}: {error}");
        }
        let diagonal = state_error(&cell(8)?, &frames, DegreesPerFrame(45))?;
        assert!(diagonal.max() > 1e-3, "noise cannot be turned by 45° on a grid");
    }
    Ok(())
}

#[test]
fn velocities_between_orientations_are_refused_unless_truncation_is_asked_for() -> Result<()> {
    let frames = normal(7, "frames", &[1, 1, 5, 5], 1.0, DType::F64);
    let run = |group: Rotation, degrees: i32| -> Result<Vec<f64>> {
        let basis = SteerableBasis::new(8, 3)?;
        let u = basis.lifting(&normal(7, "u", &[1, 1, 6], 0.5, DType::F64))?;
        let w = basis.regular(&normal(7, "w", &[1, 1, 8, 6], 0.2, DType::F64))?;
        let set = VelocitySet::truncated(vec![DegreesPerFrame(degrees)])?;
        let cell = FlowRnn::over(FlowSpace::new(group, set, Lift::Trivial), u, w)?;
        let state = cell.zero_state(1, (5, 5), DType::F64, &Device::Cpu)?;
        let state = cell.step(Input::Frame(&frames), &cell.step(Input::Frame(&frames), &state)?)?;
        Ok(values(state.hidden()))
    };
    let group = Rotation::new(8)?;
    for degrees in [50, -89] {
        assert!(matches!(run(group, degrees), Err(Error::Configuration { .. })));
        assert!(run(group.truncating(), degrees).is_ok());
    }
    assert_eq!(run(group, 45)?, run(group.truncating(), 45)?);
    // −89° is −1.98 places: one, toward zero.
    let state = normal(7, "state", &[1, 1, 5, 5, 8], 1.0, DType::F64);
    let acted = group.truncating().act_on_slices(&state, &[DegreesPerFrame(-89)], 1)?;
    let expected = turn_slices(&state, 8, &[Turn { degrees: -89.0, orientations: -1 }])?;
    assert_eq!(values(&acted), values(&expected));
    // The same on a lifted state alone, every memory of it.
    let set = VelocitySet::truncated(vec![DegreesPerFrame(-89)])?;
    let space = FlowSpace::new(group.truncating(), set, Lift::Trivial);
    let acted = space.act(&LiftedState::new(vec![state.clone(), (state * 2.0)?], 3), 1)?;
    assert_eq!((acted.memories().len(), acted.frames_seen()), (2, 3));
    assert_eq!(values(acted.hidden()), values(&expected));
    assert_eq!(values(&acted.memories()[1]), values(&(expected * 2.0)?));
    Ok(())
}
