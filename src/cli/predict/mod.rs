//! `fernn predict`: runs models on tensors in safetensors files.

mod arguments;
mod classify;
mod command;
mod forecast;
mod tensors;

pub use arguments::Arguments;
pub use command::run;
