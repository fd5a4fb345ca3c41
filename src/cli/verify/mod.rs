//! `fernn verify`: measures the equivariance of the crate's cells.

mod arguments;
mod command;
mod figures;
mod print;
mod search;
mod selection;
mod weights;

pub use arguments::Arguments;
pub use command::run;
