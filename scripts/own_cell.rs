//! How a project that depends on this crate uses it for a cell of its own: implement [`FlowLayer`],
//! measure the laws in f32 and f64 and fail on anything but what the theory promises, then train it and
//! measure it with the same trainer as the crate's own cells.
//!
//! `cargo run --release --example own_cell`; in a project of your own the check is a test.

use candle_core::{DType, Device, Tensor};
use fernn::cells::FlowLayer;
use fernn::data::{Canvas, Sequences, Sources, Split, TranslatingMnist};
use fernn::equivariance::{Diagnosis, action_error, diagnose, read_out_error, state_error};
use fernn::flow::{FlowSpace, Input, Lift, LiftedState, PixelsPerFrame, Translation, VelocitySet};
use fernn::models::{ForecastLearner, Forecaster, mse_over_batches};
use fernn::ops::{Activation, ConvAlgorithm, Layer, Padding, VelocityPooling};
use fernn::parameters::{Draw, Initial, Parameters, Tensors};
use fernn::rng::Stream;
use fernn::training::{AdamConfig, RunName, Schedule, Trainer};
use fernn::{Error, Result};

/// A leaky integrator over V × G with a leak for each channel: h' = λ ⊙ ψ_1(ν)·h + U ⋆ f.
struct Leaky {
    space: FlowSpace<Translation>,
    kernel: Tensor, // U (C, C_in, 3, 3)
    leak: Tensor,   // λ (C)
}

impl FlowLayer for Leaky {
    type Group = Translation;

    fn space(&self) -> &FlowSpace<Translation> {
        &self.space
    }

    fn channels(&self) -> usize {
        self.kernel.dims()[0]
    }

    fn pooling(&self) -> VelocityPooling {
        VelocityPooling::Max
    }

    fn parameters(&self) -> Vec<&Tensor> {
        vec![&self.kernel, &self.leak]
    }

    fn advance(&self, input: Input<'_>, state: &LiftedState) -> Result<LiftedState> {
        let (Input::Frame(_) | Input::FormerFrame(_)) = input else {
            return Err(Error::configuration("the leaky cell", "lifts frames", "give it frames"));
        };
        // Carried by the flow in the lab frame, left alone in the co-moving one; the input as each
        // velocity sees it.
        let carried = self.space.carry(state.hidden())?;
        let drive = fernn::flow::Drive::new(Some(self.kernel.clone()), self.channels());
        let driven = self.space.drive(input, &drive, state.frames_seen(), ConvAlgorithm::Direct)?;
        Ok(state.next(vec![carried.broadcast_mul(&self.leak)?.broadcast_add(&driven)?]))
    }
}

fn random(name: &str, shape: &[usize], dtype: DType) -> Result<Tensor> {
    let mut stream = Stream::new(1, name, 0);
    let values: Vec<f64> = (0..shape.iter().product()).map(|_| stream.normal()).collect();
    Ok(Tensor::from_vec(values, shape, &Device::Cpu)?.to_dtype(dtype)?)
}

/// Fails unless the cell is flow equivariant, and a control without velocities is not.
fn check() -> Result<()> {
    let flow = PixelsPerFrame::new(1, -1);
    let frames = |dtype| random("frames", &[1, 6, 2, 5, 7], dtype);
    let cell = |dtype, velocities| -> Result<Leaky> {
        let space = FlowSpace::new(Translation, velocities, Lift::Trivial);
        let (kernel, leak) =
            (random("kernel", &[4, 2, 3, 3], dtype)?, random("leak", &[4], dtype)?);
        Ok(Leaky { space, kernel, leak })
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

/// Trains a forecaster of the cell on moving digits for a moment; its test error before and after.
fn train() -> Result<(f64, f64)> {
    const CHANNELS: usize = 4;
    let canvas = Canvas { size: 14, digit: 14 };
    let velocities = VelocitySet::square(1);
    let digits = Sources::embedded().digits()?;
    let data = TranslatingMnist::new(digits, canvas, 6, velocities.as_slice(), 0)?;
    let space = FlowSpace::new(Translation, velocities, Lift::CoMoving);

    let build = |tensors: &Tensors| {
        let (kernel, leak) = (tensors["cell.u"].clone(), tensors["cell.leak"].clone());
        let kernel_of_decoder = tensors["decoder"].clone();
        let (activation, padding) = (Activation::Identity, Padding::Circular);
        let decoder = vec![Layer { kernel: kernel_of_decoder, activation, padding }];
        let cell = Leaky { space: space.clone(), kernel, leak };
        Forecaster::new(cell, decoder, ConvAlgorithm::Auto)
    };
    let initial = vec![
        Initial::convolution("cell.u", [CHANNELS, 1, 3, 3]),
        Initial::trained("cell.leak", &[CHANNELS], Draw::Uniform(1.0)),
        Initial::convolution("decoder", [1, CHANNELS, 3, 3]),
    ];
    let parameters = Parameters::draw(&initial, 0, &Device::Cpu)?;
    let test =
        |tensors: &Tensors| mse_over_batches(&build(tensors)?, data.pairs(Split::Test, 32, 16, 3));
    let before = test(&parameters.snapshot()?)?;
    let validation = data.pairs(Split::Validation, 16, 16, 3).collect::<Result<Vec<_>>>()?;
    let trained = Trainer {
        name: RunName { experiment: "own cell".into(), model: "leaky".into(), seed: 0 },
        learner: &ForecastLearner { initial, build: &build },
        parameters: &parameters,
        schedule: Schedule {
            steps: 60,
            interval: 20,
            clip: Some(1.0),
            adam: AdamConfig { learning_rate: 1e-2, ..AdamConfig::default() },
        },
        batch: &|step| data.pair(Split::Train, step * 4..(step + 1) * 4, 3),
        validation: &|_| Ok(std::borrow::Cow::Borrowed(&validation)),
        checkpoint: None,
        fingerprint: String::new(),
        progress: &|_, _| (),
    }
    .run()?;
    Ok((before, test(&trained.best_weights)?))
}

fn main() -> Result<()> {
    check()?;
    let (before, after) = train()?;
    println!("test MSE of its forecaster: {before:.4} untrained, {after:.4} after 60 steps");
    assert!(after < 0.8 * before, "it learns");
    Ok(())
}
