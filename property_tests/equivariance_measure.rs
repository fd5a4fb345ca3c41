//! The measure itself: it catches faulty cells, tells rounding, discretisation and breach apart, and
//! refuses comparisons that prove nothing.

mod common;

use candle_core::{DType, Device, Tensor};
use common::{normal, values};
use fernn::cells::{Cell, FlowCell, FlowRnn};
use fernn::equivariance::{
    Diagnosis, EquivarianceError, action_error, change_of_frame_error, diagnose, read_out_error,
    sequence_error, state_error, static_error,
};
use fernn::flow::{
    FlowGroup, FlowSpace, Input, Lift, LiftedState, PixelsPerFrame, Translation, VelocitySet,
};
use fernn::models::{Feedback, Forecaster};
use fernn::ops::{
    self, Activation, ConvAlgorithm, Layer, Padding, Shift, VelocityPooling, convolve_slices,
    pool_velocities, shift_slices,
};
use fernn::verification::{Selection, search, suite};
use fernn::{Error, Result};
use proptest::prelude::*;

const MARGIN: f64 = 0.1;

/// What is wrong with a [`HandMade`] cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    None,
    NoFlow,
    WrongSign,
    SwappedAxes,
    OtherOrderOfVelocities,
    InputFlowsToo,
    HalfTheFlow,
    FlowFromTheSecondFrameOn,
    FlowAfterANonCommutingMap,
    OneSliceReadsItsNeighbour,
}

const FAULTS: [Fault; 9] = [
    Fault::NoFlow,
    Fault::WrongSign,
    Fault::SwappedAxes,
    Fault::OtherOrderOfVelocities,
    Fault::InputFlowsToo,
    Fault::HalfTheFlow,
    Fault::FlowFromTheSecondFrameOn,
    Fault::FlowAfterANonCommutingMap,
    Fault::OneSliceReadsItsNeighbour,
];

/// A cell as a user of the crate would write it, from operations alone, with a fault to choose.
struct HandMade {
    velocities: VelocitySet<PixelsPerFrame>,
    u: Tensor,
    w: Tensor,
    fault: Fault,
}

impl HandMade {
    fn new(seed: u64, fault: Fault) -> Self {
        let draw =
            |name: &str, shape: &[usize], scale| normal(seed, name, shape, scale, DType::F64);
        let (u, w) = (draw("u", &[4, 2, 3, 3], 0.3), draw("w", &[4, 4, 3, 3], 0.17));
        Self { velocities: VelocitySet::square(2), u, w, fault }
    }

    fn shifts(&self, frames_seen: u32) -> Vec<Shift> {
        let mut velocities = self.velocities.as_slice().to_vec();
        if self.fault == Fault::OtherOrderOfVelocities {
            velocities.sort_by_key(|v| (v.y, v.x));
        }
        let shift = |v: PixelsPerFrame| {
            let (x, y) = (v.x as i64, v.y as i64);
            match self.fault {
                Fault::NoFlow => Shift::default(),
                Fault::WrongSign => Shift { down: -y, right: -x },
                Fault::SwappedAxes => Shift { down: x, right: y },
                Fault::HalfTheFlow => Shift { down: y, right: 0 },
                Fault::FlowFromTheSecondFrameOn if frames_seen < 2 => Shift::default(),
                _ => Shift { down: y, right: x },
            }
        };
        velocities.into_iter().map(shift).collect()
    }
}

impl Cell for HandMade {
    type State = LiftedState;

    fn zero_state(
        &self,
        batch: usize,
        (height, width): (usize, usize),
        dtype: DType,
        device: &Device,
    ) -> Result<LiftedState> {
        let shape = (batch, self.velocities.len(), height, width, 4);
        Ok(LiftedState::new(vec![Tensor::zeros(shape, dtype, device)?], 0))
    }

    fn step(&self, input: Input<'_>, state: &LiftedState) -> Result<LiftedState> {
        let (Input::Frame(frame) | Input::FormerFrame(frame)) = input else {
            return Err(Error::configuration("the cell", "lifts frames", "give it frames"));
        };
        let shifts = self.shifts(state.frames_seen());
        let convolved =
            convolve_slices(state.hidden(), &self.w, Padding::Circular, ConvAlgorithm::Direct)?;
        let convolved = match self.fault {
            // A ramp over the columns does not commute with shifts.
            Fault::FlowAfterANonCommutingMap => {
                let width = frame.dims()[3];
                let ramp: Vec<f64> = (0..width).map(|x| x as f64 / width as f64).collect();
                let ramp = Tensor::from_vec(ramp, (1, 1, 1, width, 1), frame.device())?;
                convolved.broadcast_mul(&ramp)?
            }
            _ => convolved,
        };
        let mut sum = shift_slices(&convolved, &shifts)?;
        if self.fault == Fault::OneSliceReadsItsNeighbour {
            let part = |from: usize, to: usize| sum.narrow(1, from, to - from);
            sum = Tensor::cat(&[part(0, 12)?, part(13, 14)?, part(13, sum.dims()[1])?], 1)?;
        }
        let u = Translation.convolve_frame(frame, &self.u)?.unsqueeze(1)?;
        let u = match self.fault {
            Fault::InputFlowsToo => shift_slices(&u.repeat((1, shifts.len(), 1, 1, 1))?, &shifts)?,
            _ => u,
        };
        let next = ops::activate(&sum.broadcast_add(&u)?, Activation::Relu)?;
        Ok(state.next(vec![next]))
    }

    fn read_out(&self, state: &LiftedState) -> Result<Tensor> {
        ops::to_channels_first(&pool_velocities(state.hidden(), VelocityPooling::Max)?)
    }

    fn detach(&self, state: &LiftedState) -> LiftedState {
        state.detach()
    }
}

impl FlowCell for HandMade {
    type Group = Translation;

    fn group(&self) -> &Translation {
        &Translation
    }

    fn velocities(&self) -> &VelocitySet<PixelsPerFrame> {
        &self.velocities
    }

    fn hidden(&self, state: &LiftedState) -> Result<Tensor> {
        Ok(state.hidden().clone())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn every_planted_fault_is_measured(
        seed in 0u64..1000,
        // Off the axes and the diagonals, so that a swap or a sign is another velocity.
        (x, y) in prop::sample::select(vec![(1, 2), (2, 1), (-1, 2), (2, -1)]),
    ) {
        let frames = normal(seed, "frames", &[1, 5, 2, 7, 11], 1.0, DType::F64);
        let flow = PixelsPerFrame::new(x, y);
        let sound = state_error(&HandMade::new(seed, Fault::None), &frames, flow).unwrap();
        prop_assert_eq!(sound.max(), 0.0);
        for fault in FAULTS {
            let error = state_error(&HandMade::new(seed, fault), &frames, flow).unwrap();
            prop_assert!(error.max() > MARGIN, "{fault:?}: {:?}", error.worst());
            prop_assert_eq!(diagnose(&error, &error, 0.0), Diagnosis::Broken);
        }
    }

    #[test]
    fn a_fault_of_one_slice_shows_at_that_slice(seed in 0u64..1000) {
        let frames = normal(seed, "frames", &[1, 4, 2, 7, 11], 1.0, DType::F64);
        let cell = HandMade::new(seed, Fault::OneSliceReadsItsNeighbour);
        // Slice 12, which rests, does what slice 13 should. ν̂ = (0, −1): slice 12 is compared with
        // slice 13, and slice 11 with slice 12.
        let error = state_error(&cell, &frames, PixelsPerFrame::new(0, -1)).unwrap();
        prop_assert!(error.by_step[0].unwrap().largest == 0.0, "nothing is remembered yet");
        for slice in &error.by_velocity {
            let is_hit = [11, 12].contains(&slice.velocity);
            prop_assert_eq!(slice.worst.largest > 0.0, is_hit, "{:?}", slice);
        }
    }

    #[test]
    fn over_a_closed_set_forecasts_flow_if_what_is_fed_back_does(
        seed in 0u64..1000, (x, y) in (-3i32..=3, -3i32..=3),
        lift in prop::sample::select(vec![Lift::Trivial, Lift::CoMoving]),
    ) {
        let (height, width) = (3, 5);
        prop_assume!(x.rem_euclid(width) != 0 || y.rem_euclid(height) != 0);
        let draw = |name: &str, shape: &[usize], scale| normal(seed, name, shape, scale, DType::F64);
        let space = FlowSpace::new(Translation, VelocitySet::torus(3, 5), lift);
        let cell = FlowRnn::over(space, draw("u", &[4, 1, 3, 3], 0.3), draw("w", &[4, 4, 3, 3], 0.17))
            .unwrap()
            .with_algorithm(ConvAlgorithm::Direct);
        let decoder =
            vec![Layer { kernel: draw("d", &[1, 4, 3, 3], 0.17), activation: Activation::Identity, padding: Padding::Circular }];
        let frames = draw("frames", &[1, 4, 1, 3, 5], 1.0);
        let flow = PixelsPerFrame::new(x, y);
        let error = |feedback| {
            let model = Forecaster::new(cell.clone(), decoder.clone(), ConvAlgorithm::Direct)
                .unwrap()
                .with_feedback(feedback);
            let predict = |seen: &Tensor| Ok(Tensor::cat(&[seen, &model.forecast(seen, 3)?], 1)?);
            sequence_error(&Translation, &frames, flow, predict).unwrap().max()
        };
        prop_assert_eq!(error(Feedback::Flowed), 0.0);
        // The paper feeds the last frame as if it were the next one, and so breaks the law.
        prop_assert!(error(Feedback::Output) > MARGIN);
        prop_assert!(error(Feedback::Silent) > MARGIN);
    }
}

#[test]
fn random_cases_hold_no_counterexample() {
    let selection = Selection { seed: 11, ..Selection::default() };
    let kinds = suite().unwrap();
    let found = search(&kinds, &selection, 0, 64).unwrap();
    assert!(found.is_none(), "{found:?}");
    let some = Selection { cells: ["rnn", "lstm"].map(String::from).to_vec(), ..selection };
    assert!(search(&kinds, &some, 1, 32).unwrap().is_none());
}

// ---- Discretisation: a group that the grid carries only by interpolation. ----

/// Translations by half pixels: `PixelsPerFrame` counts halves here, and odd ones are interpolated.
#[derive(Clone, Copy)]
struct HalfPixels {
    /// A breach for the control: content loses this part of its size whenever it moves.
    loss: f64,
}

impl FlowGroup for HalfPixels {
    type Velocity = PixelsPerFrame;

    fn act_on_frame(&self, frame: &Tensor, velocity: PixelsPerFrame, steps: i64) -> Result<Tensor> {
        let slice = ops::to_channels_last(frame)?.unsqueeze(1)?;
        // Frames are moved soundly: the loss is the cell's fault.
        let sound = Self { loss: 0.0 };
        ops::to_channels_first(&sound.act_on_slices(&slice, &[velocity], steps)?.squeeze(1)?)
    }

    fn act_on_slices(
        &self,
        slices: &Tensor,
        velocities: &[PixelsPerFrame],
        steps: i64,
    ) -> Result<Tensor> {
        let halves: Vec<(i64, i64)> =
            velocities.iter().map(|v| (v.x as i64 * steps, v.y as i64 * steps)).collect();
        let corner = |up_x: i64, up_y: i64| -> Result<Tensor> {
            let shift = |&(x, y): &(i64, i64)| Shift {
                down: (y + up_y * y.rem_euclid(2)).div_euclid(2),
                right: (x + up_x * x.rem_euclid(2)).div_euclid(2),
            };
            shift_slices(slices, &halves.iter().map(shift).collect::<Vec<_>>())
        };
        let sum = (((corner(0, 0)? + corner(1, 0)?)? + corner(0, 1)?)? + corner(1, 1)?)?;
        Ok((sum * (0.25 * (1.0 - self.loss)))?)
    }

    fn convolve_frame(&self, frame: &Tensor, kernel: &Tensor) -> Result<Tensor> {
        Translation.convolve_frame(frame, kernel)
    }

    fn convolve(&self, slices: &Tensor, kernel: &Tensor, how: ConvAlgorithm) -> Result<Tensor> {
        Translation.convolve(slices, kernel, how)
    }
}

/// Waves of long wavelength on a torus of `size` × `size` pixels.
fn smooth_frames(size: usize, dtype: DType) -> Tensor {
    let length = 4;
    let wave = |t: usize, y: usize, x: usize| {
        let angle =
            |cycles: f64, place: usize| std::f64::consts::TAU * cycles * place as f64 / size as f64;
        1.0 + (angle(1.0, x) + t as f64).sin() * (angle(1.0, y) - 0.5 * t as f64).cos()
    };
    let values: Vec<f64> = (0..length)
        .flat_map(|t| (0..size).flat_map(move |y| (0..size).map(move |x| wave(t, y, x))))
        .collect();
    let frames = Tensor::from_vec(values, (1, length, 1, size, size), &Device::Cpu).unwrap();
    frames.to_dtype(dtype).unwrap()
}

fn half_pixel_errors(size: usize, loss: f64) -> ([EquivarianceError; 2], f64) {
    let flow = PixelsPerFrame::new(1, 0);
    let velocities = VelocitySet::square(1);
    let error = |dtype| {
        let draw = |name: &str, shape: &[usize], scale| normal(5, name, shape, scale, dtype);
        let space = FlowSpace::new(HalfPixels { loss }, velocities.clone(), Lift::Trivial);
        let cell =
            FlowRnn::over(space, draw("u", &[4, 1, 3, 3], 0.3), draw("w", &[4, 4, 3, 3], 0.1))
                .unwrap()
                .with_activation(Activation::Tanh);
        state_error(&cell, &smooth_frames(size, dtype), flow).unwrap()
    };
    let action =
        action_error(&HalfPixels { loss: 0.0 }, &smooth_frames(size, DType::F64), flow).unwrap();
    ([error(DType::F32), error(DType::F64)], action.max())
}

#[test]
fn interpolation_is_diagnosed_as_discretisation_and_falls_with_the_grid() {
    let ([single, double], action) = half_pixel_errors(24, 0.0);
    assert!(action > 1e-4, "half a pixel is not carried exactly: {action}");
    assert_eq!(diagnose(&single, &double, action), Diagnosis::Discretisation);
    let (_, finer_action) = half_pixel_errors(48, 0.0);
    let ([_, finer], _) = half_pixel_errors(48, 0.0);
    // Bilinear interpolation is of second order: a quarter, with some room for higher orders.
    assert!(finer.max() < 0.3 * double.max(), "{} {}", finer.max(), double.max());
    assert!(finer_action < 0.3 * action);
}

#[test]
fn a_breach_behind_interpolation_is_still_one() {
    let ([single, double], action) = half_pixel_errors(24, 0.2);
    assert_eq!(diagnose(&single, &double, action), Diagnosis::Broken);
    assert!(double.max() > MARGIN);
}

#[test]
fn an_exact_action_leaves_no_room_for_discretisation() {
    let frames = normal(1, "frames", &[1, 4, 2, 5, 7], 1.0, DType::F64);
    let error = action_error(&Translation, &frames, PixelsPerFrame::new(2, -3)).unwrap();
    assert_eq!(error.max(), 0.0);
}

// ---- Vacuous comparisons. ----

fn sound_cell(lift: Lift) -> FlowRnn<Translation> {
    let draw = |name: &str, shape: &[usize]| normal(2, name, shape, 0.2, DType::F32);
    let space = FlowSpace::new(Translation, VelocitySet::square(1), lift);
    FlowRnn::over(space, draw("u", &[3, 2, 3, 3]), draw("w", &[3, 3, 3, 3])).unwrap()
}

#[test]
fn comparisons_that_prove_nothing_are_refused() {
    let cell = sound_cell(Lift::Trivial);
    let frames = normal(2, "frames", &[1, 3, 2, 5, 7], 1.0, DType::F32);
    let flow = PixelsPerFrame::new(1, 0);
    let still = PixelsPerFrame::new(0, 0);
    let is_vacuous = |result: Result<EquivarianceError>| matches!(result, Err(Error::Vacuous(_)));
    assert!(is_vacuous(state_error(&cell, &frames, still)), "no flow");
    assert!(is_vacuous(read_out_error(&cell, &Translation, &frames, still)));
    assert!(is_vacuous(static_error(&cell, &Translation, &frames, still)));
    assert!(is_vacuous(state_error(&cell, &frames, PixelsPerFrame::new(3, 0))), "no pair");
    let zero = frames.zeros_like().unwrap();
    assert!(is_vacuous(state_error(&cell, &zero, flow)), "zero states");
    let constant = frames.ones_like().unwrap();
    assert!(
        is_vacuous(static_error(&cell, &Translation, &constant, flow)) || {
            // Channels may differ from each other though none of them varies in space.
            let state = static_error(&cell, &Translation, &constant, flow).unwrap();
            state.max() == 0.0
        }
    );
    let other = sound_cell(Lift::CoMoving);
    assert!(change_of_frame_error(&cell, &other, &frames).is_ok());
    assert!(change_of_frame_error(&other, &cell, &frames).is_err(), "in the wrong order");
}

#[test]
fn errors_that_are_not_numbers_are_breaches() {
    let cell = sound_cell(Lift::Trivial);
    let mut poisoned = values(&normal(2, "frames", &[1, 3, 2, 5, 7], 1.0, DType::F32));
    poisoned[100] = f64::NAN;
    let frames = Tensor::from_vec(poisoned, (1, 3, 2, 5, 7), &Device::Cpu).unwrap();
    let frames = frames.to_dtype(DType::F32).unwrap();
    let error = state_error(&cell, &frames, PixelsPerFrame::new(1, 0)).unwrap();
    assert!(error.max().is_nan());
    assert_eq!(diagnose(&error, &error, 1.0), Diagnosis::Broken);
}
