//! The code of the guide, [`fernn::guide`]: a cell of one's own is checked, over translations, over
//! rotations and in a stack, then trained and compared with the paper's.
//!
//! `cargo run --release --example own_cell`

use fernn::cells::{AnyLayer, Between, CellChoice, CellShape, Fields, Running, parameter_count};
use fernn::data::{Canvas, Sequences, Sources, Split, TranslatingMnist};
use fernn::flow::{PixelsPerFrame, ZeroPaddedTranslation};
use fernn::models::{ForecastLearner, Forecaster, mse_over_batches};
use fernn::ops::{Activation, ConvAlgorithm, Layer, Padding};
use fernn::parameters::{Draw, Initial, Parameters, Tensors};
use fernn::prelude::*;
use fernn::training::{AdamConfig, Alone, RunName, Schedule, Trainer};
use fernn::verification::{
    Baseline, Kind, Paint, Selection, Verified, at_a_glance, run, search, statements,
};
use std::borrow::Cow;
use std::path::Path;

/// A leaky integrator over V × G with a leak for each channel: h' = λ ⊙ ψ_1(ν)·h + U ⋆ f.
struct Leaky<G: FlowGroup> {
    space: FlowSpace<G>,
    u: Tensor,    // (C, C_in, 3, 3)
    leak: Tensor, // λ (C)
}

impl<G: FlowGroup> FlowLayer for Leaky<G> {
    type Group = G;

    fn space(&self) -> &FlowSpace<G> {
        &self.space
    }

    fn channels(&self) -> usize {
        self.leak.elem_count()
    }

    fn parameters(&self) -> Vec<&Tensor> {
        vec![&self.u, &self.leak]
    }

    fn advance(&self, input: Input<'_>, state: &LiftedState) -> Result<LiftedState> {
        let memory = self.space.carry(state.hidden())?;
        let driven = self.space.drive_by(input, &self.u, state)?;
        Ok(state.next(vec![memory.broadcast_mul(&self.leak)?.broadcast_add(&driven)?]))
    }
}

/// The same random numbers at every run.
fn random(name: &str, shape: &[usize]) -> Result<Tensor> {
    let initial = Initial::trained(name, shape, Draw::Uniform(0.9));
    let drawn = Parameters::draw(&[initial], 0, &Device::Cpu)?;
    Ok(drawn.detached()[name].to_dtype(DType::F64)?)
}

fn over_translations() -> Result<Report> {
    let (u, leak) = (random("u", &[4, 1, 3, 3])?, random("leak", &[4])?);
    let cell =
        |dtype, space| Ok(Leaky { space, u: u.to_dtype(dtype)?, leak: leak.to_dtype(dtype)? });
    check_both_lifts(cell, &Options::over(Translation))
}

/// Broken: the same cell with convolutions that pad with zeros.
pub fn zero_padded() -> Result<Report> {
    let (u, leak) = (random("u", &[4, 1, 3, 3])?, random("leak", &[4])?);
    let cell =
        |dtype, space| Ok(Leaky { space, u: u.to_dtype(dtype)?, leak: leak.to_dtype(dtype)? });
    check_both_lifts(cell, &Options::over(ZeroPaddedTranslation))
}

fn over_rotations() -> Result<Report> {
    let (fields, orientations) = (2, 4);
    let basis = SteerableBasis::new(orientations, 3)?;
    let u = basis.lifting(&random("u", &[fields, 1, basis.len()])?)?;
    let leak = random("leak", &[fields, 1])?.repeat((1, orientations))?.flatten_all()?;
    let cell =
        |dtype, space| Ok(Leaky { space, u: u.to_dtype(dtype)?, leak: leak.to_dtype(dtype)? });
    check_both_lifts(cell, &Options::over(Rotation::new(orientations)?))
}

fn in_a_stack() -> Result<Report> {
    let leak = random("leak", &[4])?;
    let (lower, upper) = (random("u", &[4, 1, 3, 3])?, random("upper u", &[4, 4, 3, 3])?);
    let cell = |dtype, space: FlowSpace<Translation>| {
        let layer = |u: &Tensor| -> Result<_> {
            let space = space.clone();
            Ok(Leaky { space, u: u.to_dtype(dtype)?, leak: leak.to_dtype(dtype)? })
        };
        Stacked::new(vec![layer(&lower)?, layer(&upper)?])
    };
    check_both_lifts(cell, &Options::over(Translation))
}

/// The cell as `fernn verify` lists cells: every law over every set of velocities, then random cases.
fn in_a_list(baseline: &Path) -> Result<()> {
    let kind = Kind::new("leaky", Translation, |case, dtype| {
        let (channels, inputs) = (case.sizes.channels, case.sizes.inputs);
        let u = case.weights("u", &[channels, inputs, 3, 3], dtype)?;
        let leak = case.weights("leak", &[channels], dtype)?;
        Ok(Leaky { space: case.space()?, u, leak })
    });
    let kinds: [Box<dyn Verified>; 1] = [Box::new(kind)];
    let selection = Selection::default();
    let rows = run(&statements(&kinds, &selection)?, &selection.dtypes, |_| ())?;
    println!("{}\n", at_a_glance(&rows, Paint::of_standard_output()).join("\n"));
    assert!(rows.iter().all(|row| row.holds));
    if std::env::var_os("REMEASURE").is_some() || !baseline.exists() {
        Baseline::of(rows.clone()).write(baseline)?; // look at the difference, and commit it
    }
    let worse = Baseline::read(baseline)?.deviations(&rows, |_| true);
    worse.iter().for_each(|deviation| eprintln!("worse than the baseline: {deviation}"));
    assert!(worse.is_empty());
    if let Some(found) = search(&kinds, &selection, 0, 64)? {
        panic!("{found}");
    }
    Ok(())
}

const CHANNELS: usize = 4;

/// A cell to train: what it is made of, and how.
struct Candidate {
    name: &'static str,
    initial: Vec<Initial>,
    layer: Box<BuildLayer>,
}

type BuildLayer = dyn Fn(&Tensors) -> Result<AnyLayer<Translation>>;

fn own(velocities: VelocitySet<PixelsPerFrame>) -> Candidate {
    let initial = vec![
        Initial::convolution("cell.u", [CHANNELS, 1, 3, 3]),
        Initial::trained("cell.leak", &[CHANNELS], Draw::Uniform(0.9)),
    ];
    let layer = move |tensors: &Tensors| -> Result<AnyLayer<Translation>> {
        let space = FlowSpace::new(Translation, velocities.clone(), Lift::CoMoving);
        let (u, leak) = (tensors["cell.u"].clone(), tensors["cell.leak"].clone());
        Ok(Box::new(Leaky { space, u, leak }))
    };
    Candidate { name: "own cell", initial, layer: Box::new(layer) }
}

fn simple(name: &'static str, velocities: VelocitySet<PixelsPerFrame>) -> Candidate {
    let (fields, reads) = (Fields::Plain, Between::FrameAndHidden);
    let shape = CellShape { fields, reads, inputs: 1, channels: CHANNELS, kernels: (3, 3) };
    let initial = CellChoice::SIMPLE.parameters("cell", &shape, &velocities);
    let layer = move |tensors: &Tensors| {
        let space = FlowSpace::new(Translation, velocities.clone(), Lift::CoMoving);
        let source = (Running::default(), Path::new("drawn"));
        CellChoice::SIMPLE.layer(space, ("cell", &shape), tensors, source)
    };
    Candidate { name, initial, layer: Box::new(layer) }
}

/// Digits that move on a torus, by at most a pixel per frame along either axis.
fn moving_digits() -> Result<TranslatingMnist> {
    let velocities = VelocitySet::square(1);
    let canvas = Canvas { size: 14, digit: 14 };
    TranslatingMnist::new(Sources::embedded().digits()?, canvas, 6, velocities.as_slice(), 0)
}

const STEPS: u64 = 60;
const SEEN: usize = 3;

/// Trains a forecaster of the cell for a moment; its test error before and after.
fn train(cell: &Candidate, data: &TranslatingMnist) -> Result<(f64, f64)> {
    let build = |tensors: &Tensors| {
        let (activation, padding) = (Activation::Identity, Padding::Circular);
        let decoder = Layer { kernel: tensors["decoder"].clone(), activation, padding };
        Forecaster::new((cell.layer)(tensors)?, vec![decoder], ConvAlgorithm::Auto)
    };
    let decoder = Initial::convolution("decoder", [1, CHANNELS, 3, 3]);
    let initial = [cell.initial.clone(), vec![decoder]].concat();
    let parameters = Parameters::draw(&initial, 0, &Device::Cpu)?;
    let test = |tensors: &Tensors| {
        mse_over_batches(&build(tensors)?, data.pairs(Split::Test, 32, 16, SEEN))
    };
    let untrained = test(&parameters.snapshot()?)?;
    let validation = data.pairs(Split::Validation, 16, 16, SEEN).collect::<Result<Vec<_>>>()?;
    let trained = Trainer {
        name: RunName { experiment: "own cell".into(), model: cell.name.into(), seed: 0 },
        learner: &ForecastLearner { initial, build: &build },
        parameters: &parameters,
        schedule: Schedule {
            steps: STEPS,
            interval: 20,
            clip: Some(1.0),
            parts: 1,
            adam: AdamConfig { learning_rate: 1e-2, ..AdamConfig::default() },
        },
        batch: &|step, part| {
            data.pair(Split::Train, part.within(&(step * 4..(step + 1) * 4)), SEEN)
        },
        validation: &|_| Ok(Cow::Borrowed(&validation)),
        checkpoint: None,
        ranks: &Alone,
        progress: &|_| (),
    }
    .run()?;
    Ok((untrained, test(&trained.best_weights)?))
}

/// Every cell trained the same way on the same data.
fn compare() -> Result<()> {
    let data = moving_digits()?;
    let candidates = [
        own(VelocitySet::square(1)),
        simple("simple FERNN", VelocitySet::square(1)),
        simple("G-RNN", VelocitySet::trivial()),
    ];
    println!("a moment of training at small scale ({STEPS} steps, one seed): no ranking of cells");
    println!("cell          parameters  test MSE untrained  trained");
    for cell in &candidates {
        let drawn = Parameters::draw(&cell.initial, 0, &Device::Cpu)?.detached();
        let (name, count) = (cell.name, parameter_count(&(cell.layer)(&drawn)?));
        let (untrained, trained) = train(cell, &data)?;
        println!("{name:<13} {count:>10}  {untrained:>18.4}  {trained:.4}");
        assert!(trained < 0.8 * untrained, "{name} learns");
    }
    Ok(())
}

fn main() -> Result<()> {
    println!("{}\n", over_translations()?);
    over_translations()?.assert_holds();
    over_rotations()?.assert_holds();
    in_a_stack()?.assert_holds();
    let broken = zero_padded()?;
    assert!(!broken.holds());
    println!("with zero padding:\n{broken}\n");
    let folder = tempfile::tempdir().expect("a folder for temporary files");
    in_a_list(&folder.path().join("leaky.csv"))?;
    compare()
}
