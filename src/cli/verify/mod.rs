//! `fernn verify`: measures the equivariance of the crate's cells.

mod arguments;
mod command;
mod counts;
mod figures;
mod glance;
mod print;
mod rows;
mod search;
mod selection;
mod weights;

pub use arguments::Arguments;
pub use command::run;
