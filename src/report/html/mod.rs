//! The report as one page that needs nothing beside it: styles, script, figures and the numbers behind
//! them are inside.

mod board;
mod data;
mod element;
mod exhibit;
mod inline;
mod interval;
mod page;

pub(super) use page::page;
