//! The data sets that there are, as an argument of several commands.

/// A data set with a name on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Set {
    /// Handwritten digits
    Mnist,
    /// Videos of six actions
    Kth,
}
