//! Flags that say which model weights belong to.

use clap::{Args, ValueEnum};
use fernn::Error;
use fernn::cells::CellKind;
use fernn::flow::Lift;

/// The model of some weights, apart from its task and its cell.
#[derive(Args)]
pub struct ModelFlags {
    /// Translation: velocities {-N..N}² of the model; 0 is the G-RNN [default: 2]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=64))]
    pub velocity_range: Option<u32>,
    /// Rotation: orientations N of every hidden field
    #[arg(
        long,
        value_name = "N",
        required_if_eq("task", "rotation"),
        value_parser = orientations
    )]
    pub orientations: Option<usize>,
    /// Rotation: velocities in degrees per frame, separated by commas, such as -45,0,45 [default: 0]
    #[arg(long, value_name = "DEGREES", value_delimiter = ',', allow_hyphen_values = true)]
    pub velocities: Option<Vec<i32>>,
    /// Rotation: take velocities between orientations too, and move orientations by the whole places
    /// in them, truncated toward zero
    #[arg(long)]
    pub truncate: bool,
    /// Rotation: the frame of reference of hidden states [default: lab, as the public code has it]
    #[arg(long, value_enum)]
    pub frame: Option<Frame>,
    /// Rotation, lab frame: what comes first at a step, turning states or convolving them [default:
    /// carry-first, as the public code has it]
    #[arg(long, value_enum)]
    pub order: Option<Order>,
    /// Translation and rotation: non-linearity of cells without gates [default: relu]
    #[arg(long, value_enum)]
    pub activation: Option<NonLinearity>,
    /// Translation and rotation: read-out over velocities [default: max]
    #[arg(long, value_enum)]
    pub pooling: Option<Pooling>,
    #[command(flatten)]
    pub kth: KthFlags,
}

/// Flags that mean something for `--task kth` alone.
#[derive(Args)]
pub struct KthFlags {
    /// KTH: the classifier
    #[arg(long, value_enum, required_if_eq("task", "kth"))]
    pub model: Option<Model>,
    /// KTH: velocities {-N..N} of the model along x [default: 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=64))]
    pub velocity_range_x: Option<u32>,
    /// KTH: velocities {-N..N} of the model along y [default: 0]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=64))]
    pub velocity_range_y: Option<u32>,
    /// KTH: recurrent layers [default: 1]
    #[arg(long, value_name = "L", value_parser = clap::value_parser!(u32).range(1..=16))]
    pub layers: Option<u32>,
    /// KTH: what the encoder reads beyond the border [default: zero, as the public code has it]
    #[arg(long, value_enum)]
    pub padding: Option<Border>,
}

/// The classifiers as values of a flag.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Model {
    /// Flow equivariant over the velocities given
    Fernn,
    /// The FERNN without velocities
    Grnn,
    /// Learned shifts in the place of velocities
    GrnnPlus,
    /// The 3-D CNN
    #[value(name = "3dcnn")]
    VideoCnn,
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Border {
    Zero,
    Circular,
}

/// What is predicted, as values of a flag.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Task {
    /// Translations of a torus by whole pixels
    Translation,
    /// Rotations about the centre of the frame
    Rotation,
    /// The action in clips of a moving camera
    Kth,
}

impl Task {
    /// Those whose models forecast frames.
    pub const FORECASTS: &[Self] = &[Self::Translation, Self::Rotation];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Translation => "translation",
            Self::Rotation => "rotation",
            Self::Kth => "kth",
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Order {
    /// Convolves the turned state
    CarryFirst,
    /// Turns the convolved state, as the paper prints the equation
    ConvolveFirst,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum Frame {
    /// Every remembered tensor is moved at every step
    Lab,
    /// Each input is moved back instead
    CoMoving,
}

impl Frame {
    /// The lift whose states are in this frame of reference.
    pub fn lift(self) -> Lift {
        match self {
            Self::Lab => Lift::Trivial,
            Self::CoMoving => Lift::CoMoving,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub enum Pooling {
    Max,
    Mean,
    Sum,
}

#[derive(Clone, Copy, PartialEq, ValueEnum)]
pub enum NonLinearity {
    Relu,
    Tanh,
    Identity,
}

impl ModelFlags {
    /// Flags with the tasks that they mean something for, where they were given.
    pub fn given(&self) -> Vec<(&'static str, &'static [Task])> {
        use Task::{Kth, Rotation, Translation};
        let Self { kth, .. } = self;
        let all: [(bool, &str, &[Task]); 13] = [
            (self.velocity_range.is_some(), "--velocity-range", &[Translation]),
            (self.orientations.is_some(), "--orientations", &[Rotation]),
            (self.velocities.is_some(), "--velocities", &[Rotation]),
            (self.truncate, "--truncate", &[Rotation]),
            (self.frame.is_some(), "--frame", &[Rotation]),
            (self.order.is_some(), "--order", &[Rotation]),
            (self.activation.is_some(), "--activation", &[Translation, Rotation]),
            (self.pooling.is_some(), "--pooling", &[Translation, Rotation]),
            (kth.model.is_some(), "--model", &[Kth]),
            (kth.velocity_range_x.is_some(), "--velocity-range-x", &[Kth]),
            (kth.velocity_range_y.is_some(), "--velocity-range-y", &[Kth]),
            (kth.layers.is_some(), "--layers", &[Kth]),
            (kth.padding.is_some(), "--padding", &[Kth]),
        ];
        let given = all.into_iter().filter(|(is_given, ..)| *is_given);
        given.map(|(_, flag, of)| (flag, of)).collect()
    }

    /// Refuses flags of other tasks; `others` are further flags that were given, with their tasks.
    pub fn refuse_foreign(
        &self,
        task: Task,
        others: &[(&'static str, &'static [Task])],
    ) -> fernn::Result<()> {
        let given = [others, &self.given()].concat();
        if let Some((flag, _)) = given.into_iter().find(|(_, of)| !of.contains(&task)) {
            let problem = format!("means nothing for --task {}", task.name());
            return Err(Error::configuration(flag, problem, "leave it out, or change --task"));
        }
        if self.order.is_some() && self.frame == Some(Frame::CoMoving) {
            let problem = "means nothing in the co-moving frame, where no state turns";
            return Err(Error::configuration(
                "--order",
                problem,
                "leave it out, or change --frame",
            ));
        }
        Ok(())
    }
}

/// As many orientations as there are whole degrees.
fn orientations(text: &str) -> Result<usize, String> {
    let orientations: usize = text.parse().map_err(|_| "give a number of orientations")?;
    match orientations <= 360 {
        true => Ok(orientations),
        false => Err("there are 360 whole degrees; give no more orientations".into()),
    }
}

/// A kind of cell by its name.
pub fn cell_kind(name: &str) -> Result<CellKind, String> {
    CellKind::ALL.into_iter().find(|kind| kind.name() == name).ok_or_else(|| {
        let names: Vec<_> = CellKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("there is no such cell; choose from {}", names.join(", "))
    })
}
