//! How a project that depends on this crate checks a cell of its own: implement `Cell` and `FlowCell`,
//! measure in f32 and f64, and fail on anything but what the theory promises.
//!
//! `cargo run --release --example own_cell`; in a project of your own this is a test.

use candle_core::{DType, Device, Tensor};
use fernn::cells::{Cell, FlowCell};
use fernn::equivariance::{Diagnosis, action_error, diagnose, read_out_error, state_error};
use fernn::flow::{FlowGroup, Input, LiftedState, PixelsPerFrame, Translation, VelocitySet};
use fernn::ops::{VelocityPooling, pool_velocities, to_channels_first};
use fernn::rng::Stream;
use fernn::{Error, Result};

/// A leaky integrator over V × G: h' = 0.9·ψ_1(ν)·h + U ⋆ f.
struct Leaky {
    velocities: VelocitySet<PixelsPerFrame>,
    kernel: Tensor, // U (C, C_in, 3, 3)
}

impl Cell for Leaky {
    type State = LiftedState;

    fn zero_state(
        &self,
        batch: usize,
        (height, width): (usize, usize),
        dtype: DType,
        device: &Device,
    ) -> Result<LiftedState> {
        let shape = (batch, self.velocities.len(), height, width, self.kernel.dims()[0]);
        Ok(LiftedState::new(vec![Tensor::zeros(shape, dtype, device)?], 0))
    }

    fn step(&self, input: Input<'_>, state: &LiftedState) -> Result<LiftedState> {
        let Input::Frame(frame) = input else {
            return Err(Error::configuration("the leaky cell", "lifts frames", "give it frames"));
        };
        let flowed = Translation.act_on_slices(state.hidden(), self.velocities.as_slice(), 1)?;
        let lifted = Translation.convolve_frame(frame, &self.kernel)?.unsqueeze(1)?; // the same for every ν
        Ok(state.next(vec![(flowed * 0.9)?.broadcast_add(&lifted)?]))
    }

    fn read_out(&self, state: &LiftedState) -> Result<Tensor> {
        to_channels_first(&pool_velocities(state.hidden(), VelocityPooling::Max)?)
    }

    fn detach(&self, state: &LiftedState) -> LiftedState {
        state.detach()
    }
}

impl FlowCell for Leaky {
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

fn random(name: &str, shape: &[usize], dtype: DType) -> Result<Tensor> {
    let mut stream = Stream::new(1, name, 0);
    let values: Vec<f64> = (0..shape.iter().product()).map(|_| stream.normal()).collect();
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)?)
}

fn main() -> Result<()> {
    let flow = PixelsPerFrame::new(1, -1);
    let frames = |dtype| random("frames", &[1, 6, 2, 5, 7], dtype);
    let cell = |dtype, velocities| -> Result<Leaky> {
        Ok(Leaky { velocities, kernel: random("kernel", &[4, 2, 3, 3], dtype)? })
    };
    let action = action_error(&Translation, &frames(DType::F64)?, flow)?.max();

    let state = |dtype| state_error(&cell(dtype, VelocitySet::square(2))?, &frames(dtype)?, flow);
    let (single, double) = (state(DType::F32)?, state(DType::F64)?);
    assert!(diagnose(&single, &double, action) <= Diagnosis::Rounding, "{double:?}");

    // The control: without velocities the same cell must break the law, or the check is worthless.
    let read_out = |dtype| {
        read_out_error(&cell(dtype, VelocitySet::trivial())?, &Translation, &frames(dtype)?, flow)
    };
    let (control, control_f64) = (read_out(DType::F32)?, read_out(DType::F64)?);
    assert_eq!(diagnose(&control, &control_f64, action), Diagnosis::Broken);
    println!("flow equivariant; largest error {:e}, control {:.1}", double.max(), control.max());
    Ok(())
}
