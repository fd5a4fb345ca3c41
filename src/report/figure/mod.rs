//! Figures, drawn for print: laid out in points at the width that they have on paper, in one style.

mod axis;
mod by_cell;
mod chart;
mod colours;
mod confusion;
mod drawing;
mod film;
mod font;
mod heatmap;
mod legend;
mod lines;
mod look;
mod motion;
mod pdf;
mod png;
mod shape;
mod sheet;
mod space_time;
mod svg;
mod width;

pub(super) use by_cell::error_by_cell;
pub use drawing::Drawing;
pub use film::film_strip;
pub(super) use lines::draw as charts;
pub(super) use look::{Look, Marker, looks};
pub(super) use motion::in_motion;
pub use shape::Rect;
pub use sheet::{Part, PartKind};
pub(super) use space_time::counter_examples;
pub use width::Width;
pub(super) use {confusion::draw as confusions, heatmap::draw as heat_maps};
