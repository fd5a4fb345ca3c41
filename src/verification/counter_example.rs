//! The paper's counter-example: a bump on a ring, identity kernels.

use crate::cells::{Cell, FlowCell, FlowRnn};
use crate::error::Result;
use crate::flow::{FlowSpace, Input, Lift, PixelsPerFrame, Translation, VelocitySet};
use candle_core::{DType, Device, Tensor};

/// A space–time picture: values (T, X), a row per frame.
pub type SpaceTime = Vec<Vec<f64>>;

/// What a bump leaves behind in each model.
#[derive(Clone, Debug)]
pub struct CounterExample {
    /// The bump's speed in pixels per frame.
    pub speed: i32,
    /// The input.
    pub input: SpaceTime,
    /// The hidden state of the G-RNN, V = {0}.
    pub g_rnn: SpaceTime,
    /// The FERNN's slice of the bump's velocity, in the lab frame.
    pub lab: SpaceTime,
    /// The same slice in the co-moving frame.
    pub co_moving: SpaceTime,
}

const RING: usize = 24;
const FRAMES: usize = 14;
/// How much of a state is remembered for another frame.
const MEMORY: f64 = 0.8;

/// Runs `h_{t+1} = max(0, 0.8·ψ_1(ν)·h_t + f_t)` over a bump that moves by `speed` pixels per frame
/// on a ring (Keller 2025, §3).
///
/// # Errors
/// Those of tensor operations.
pub fn counter_example(speed: i32) -> Result<CounterExample> {
    let bump = |t: usize, x: usize| {
        let centre = (5 + speed as i64 * t as i64).rem_euclid(RING as i64);
        let apart = (x as i64 - centre)
            .rem_euclid(RING as i64)
            .min((centre - x as i64).rem_euclid(RING as i64));
        (-0.5 * (apart as f64 / 1.2).powi(2)).exp()
    };
    let input: SpaceTime = (0..FRAMES).map(|t| (0..RING).map(|x| bump(t, x)).collect()).collect();
    let v = PixelsPerFrame::new(speed, 0);
    let fernn = || VelocitySet::square(speed.unsigned_abs());
    let resting = PixelsPerFrame::new(0, 0);
    Ok(CounterExample {
        speed,
        g_rnn: hidden(&input, VelocitySet::trivial(), Lift::Trivial, resting)?,
        lab: hidden(&input, fernn(), Lift::Trivial, v)?,
        co_moving: hidden(&input, fernn(), Lift::CoMoving, v)?,
        input,
    })
}

/// The slice of a velocity after every frame, in the frame of reference of the lift.
fn hidden(
    input: &SpaceTime,
    velocities: VelocitySet<PixelsPerFrame>,
    lift: Lift,
    velocity: PixelsPerFrame,
) -> Result<SpaceTime> {
    let one = |value: f64| Tensor::new(&[[[[value]]]], &Device::Cpu);
    let cell =
        FlowRnn::over(FlowSpace::new(Translation, velocities, lift), one(1.0)?, one(MEMORY)?)?;
    let place = cell.velocities().index_of(velocity).unwrap_or(0);
    let mut state = cell.zero_state(1, (1, RING), DType::F64, &Device::Cpu)?;
    let mut frames = Vec::with_capacity(input.len());
    for row in input {
        let frame = Tensor::from_vec(row.clone(), (1, 1, 1, RING), &Device::Cpu)?;
        state = cell.step(Input::Frame(&frame), &state)?;
        frames.push(state.hidden().narrow(1, place, 1)?.flatten_all()?.to_vec1()?);
    }
    Ok(frames)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_of_the_moving_bump_is_a_trail_without_the_flow_and_a_moved_copy_with_it() -> Result<()>
    {
        let (resting, moving) = (counter_example(0)?, counter_example(1)?);
        assert_eq!(resting.g_rnn, resting.lab, "nothing moves");
        assert_eq!(moving.co_moving, resting.lab, "at rest in the frame that moves along");
        for (t, (moved, rest)) in moving.lab.iter().zip(&resting.lab).enumerate() {
            for x in 0..RING {
                assert_eq!(moved[(x + t) % RING], rest[x]);
            }
        }
        let peak = |row: &[f64]| row.iter().fold(0.0f64, |max, &v| max.max(v));
        let last = FRAMES - 1;
        assert!(peak(&moving.g_rnn[last]) < 0.8 * peak(&resting.g_rnn[last]), "smeared out");
        Ok(())
    }
}
