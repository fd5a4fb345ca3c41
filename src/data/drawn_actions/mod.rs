//! Drawn actions: figures that walk, jog, run, box, wave and clap, a stand-in for KTH that needs no
//! files.

mod figure;
mod footage;
mod performance;
mod person;
mod pose;
mod raster;
mod scene;

pub use footage::DrawnActions;
