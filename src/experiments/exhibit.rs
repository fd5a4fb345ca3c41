//! Tables and figures as data; the module `report` draws them.

use super::subject::Subject;

/// A table or figure with what stands below it.
#[derive(Clone, Debug, PartialEq)]
pub struct Exhibit {
    /// The name of its files.
    pub name: String,
    /// What it shows, in words.
    pub caption: String,
    /// What it is.
    pub body: Body,
}

/// The kinds of exhibits.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// A table.
    Table(Table),
    /// A line chart.
    Lines(Lines),
    /// Line charts that belong together, as panels (a), (b) of one figure.
    Charts(Vec<Lines>),
    /// Heat maps side by side.
    HeatMaps(HeatMaps),
    /// Confusion matrices side by side.
    Confusions(Confusions),
    /// Rows of frames.
    Film(Film),
}

impl Body {
    /// Whether there is nothing to show.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Table(table) => table.rows.is_empty(),
            Self::Lines(lines) => lines.is_empty(),
            Self::Charts(charts) => charts.iter().all(Lines::is_empty),
            Self::Confusions(confusions) => confusions.matrices.is_empty(),
            Self::HeatMaps(maps) => maps.panels.iter().all(|panel| panel.cells.is_empty()),
            Self::Film(film) => film.rows.iter().all(|row| row.frames.iter().all(Option::is_none)),
        }
    }
}

/// A table with a header.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Titles of the columns.
    pub header: Vec<String>,
    /// Cells, as wide as the header.
    pub rows: Vec<Vec<String>>,
}

/// A line chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lines {
    /// What a panel among others shows; empty where it stands alone.
    pub title: String,
    /// Title of the horizontal axis.
    pub x_label: String,
    /// Title of the vertical axis.
    pub y_label: String,
    /// The lines.
    pub series: Vec<Series>,
    /// The horizontal axis; a linear one goes from the first to the last point.
    pub x_scale: Scale,
    /// Where it is marked, and how; empty leaves it to the drawing.
    pub x_ticks: Vec<(f64, String)>,
    /// The vertical axis.
    pub scale: Scale,
    /// The end of what was trained, on the horizontal axis.
    pub trained: Option<f64>,
    /// A stretch of the horizontal axis that was trained.
    pub shade: Option<(f64, f64)>,
}

impl Lines {
    /// Whether there is no point.
    pub fn is_empty(&self) -> bool {
        self.series.iter().all(|series| series.points.is_empty())
    }
}

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its name in the figure.
    pub name: String,
    /// The model that it is of, which decides how it looks.
    pub subject: Subject,
    /// How it is drawn.
    pub trace: Trace,
    /// Its points, from left to right.
    pub points: Vec<Point>,
}

/// How a series is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trace {
    /// Joined by a line.
    #[default]
    Line,
    /// Joined by a broken line, with open markers: a model before its training.
    Untrained,
    /// Markers alone.
    Points,
    /// A thin line without markers: what theory says, or what is reached without a model.
    Theory,
}

/// A point with its spread.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Position on the horizontal axis.
    pub x: f64,
    /// The value.
    pub mean: f64,
    /// The lowest value behind it.
    pub low: f64,
    /// The highest value behind it.
    pub high: f64,
}

/// How a value becomes a height.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Scale {
    /// log10, for errors that differ by powers of ten.
    Logarithmic,
    /// log10 above a lowest value, at which zero is drawn.
    LogarithmicOrZero(f64),
    /// From zero, for costs that are to be seen as proportional.
    #[default]
    Linear,
}

/// Heat maps over velocities (vx, vy) on one colour scale.
#[derive(Clone, Debug, PartialEq)]
pub struct HeatMaps {
    /// The maps.
    pub panels: Vec<Panel>,
    /// Velocities up to this are outlined.
    pub trained: u32,
    /// What colours stand for.
    pub colours: Colours,
    /// What the numbers are.
    pub label: String,
}

/// How a value becomes a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colours {
    /// Errors on a logarithmic scale, the smallest brightest.
    Error,
    /// Shares on a linear scale, the largest brightest.
    Share,
}

/// Confusion matrices.
#[derive(Clone, Debug, PartialEq)]
pub struct Confusions {
    /// Names of the classes.
    pub classes: Vec<String>,
    /// The matrices.
    pub matrices: Vec<Matrix>,
}

/// How often each class was taken for each.
#[derive(Clone, Debug, PartialEq)]
pub struct Matrix {
    /// Its title.
    pub name: String,
    /// A row for each true class.
    pub counts: Vec<Vec<f64>>,
}

/// One heat map.
#[derive(Clone, Debug, PartialEq)]
pub struct Panel {
    /// Its title.
    pub name: String,
    /// (vx, vy, value) for each cell.
    pub cells: Vec<(i32, i32, f64)>,
}

/// Rows of frames under column titles.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Film {
    /// Titles of the columns.
    pub columns: Vec<String>,
    /// The rows.
    pub rows: Vec<FilmRow>,
    /// Whether it is also shown in motion.
    pub in_motion: bool,
}

/// A row of a film.
#[derive(Clone, Debug, PartialEq)]
pub struct FilmRow {
    /// The label at its left.
    pub name: String,
    /// Frames; `None` leaves a gap.
    pub frames: Vec<Option<Pixels>>,
    /// What its values are.
    pub tone: Tone,
}

/// What values of a frame are, and how they become colours; what lies beyond is cut off, and marked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tone {
    /// Intensities in [0, 1], black to white.
    #[default]
    Intensity,
    /// Errors in [−1, 1], blue to red.
    Error,
    /// Hidden states from 0 to the largest of all such rows of the film.
    Hidden,
}

/// A frame as rows of pixels.
pub type Pixels = Vec<Vec<f64>>;
