//! The crate's error type: what was expected, what was found, and where.

use std::path::{Path, PathBuf};

/// Result of every fallible function of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, with the fields that a caller needs to react.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Tensor extents disagree.
    #[error("{what}: expected shape {expected}, got {got:?}")]
    Shape {
        /// The tensor or argument.
        what: &'static str,
        /// The shape that the operation needs, in words or letters.
        expected: String,
        /// The shape that came.
        got: Vec<usize>,
    },
    /// A configuration that cannot be run.
    #[error("{what} {problem}; {remedy}")]
    Configuration {
        /// The flag, field or type.
        what: String,
        /// What is wrong with it.
        problem: String,
        /// What to do instead.
        remedy: String,
    },
    /// An IDX file that is not what its header or its reader promises.
    #[error("{}: {problem}: expected {expected}, got {got}", path.display())]
    Idx {
        /// The file.
        path: PathBuf,
        /// Which part of the format is violated.
        problem: &'static str,
        /// The value that the format asks for.
        expected: String,
        /// The value found.
        got: String,
    },
    /// A file whose digest is not the published one.
    #[error("{}: SHA-256 is {got}, expected {expected}; {remedy}", path.display())]
    Digest {
        /// The file.
        path: PathBuf,
        /// The published digest of the uncompressed content.
        expected: String,
        /// The digest of the content found.
        got: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A download that no mirror could complete.
    #[error("could not download {file}: {}", attempts.join("; "))]
    Download {
        /// The file asked for.
        file: String,
        /// One line per mirror that was tried.
        attempts: Vec<String>,
    },
    /// Weights or tensors in a file that do not fit the model.
    #[error("{}: {}", path.display(), problems.join("; "))]
    Weights {
        /// The safetensors file.
        path: PathBuf,
        /// Every missing, unexpected or misshapen tensor.
        problems: Vec<String>,
    },
    /// A record, configuration or checkpoint file that cannot be read.
    #[error("{}{}: {problem}", path.display(), line.map(|l| format!(", line {l}")).unwrap_or_default())]
    Format {
        /// The file.
        path: PathBuf,
        /// The 1-based line, where there is one.
        line: Option<u64>,
        /// What is wrong.
        problem: String,
    },
    /// A loss that is infinite or not a number.
    #[error(
        "{experiment}, {model}, seed {seed}: the loss is {loss} at step {step}; lower the learning rate or clip the gradient"
    )]
    NonFinite {
        /// The experiment.
        experiment: String,
        /// The model.
        model: String,
        /// The seed.
        seed: u64,
        /// The optimiser step, counted from 1.
        step: u64,
        /// The loss.
        loss: f64,
    },
    /// A comparison that would pass on anything: nothing compared, or all of it zero or constant.
    #[error("the comparison proves nothing: {0}")]
    Vacuous(String),
    /// An operation of the file system failed.
    #[error("{}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A picture that could not be drawn or encoded.
    #[error("{what} could not be drawn: {problem}")]
    Drawing {
        /// The picture.
        what: &'static str,
        /// What the library says.
        problem: String,
    },
    /// A tensor operation failed.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

impl Error {
    /// Wraps an I/O error with its path; for `map_err`.
    pub fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error + '_ {
        move |source| Error::Io { path: path.to_path_buf(), source: with_remedy(source) }
    }

    /// A [`Error::Configuration`] from its three parts.
    pub fn configuration(
        what: impl Into<String>,
        problem: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Error {
        Error::Configuration { what: what.into(), problem: problem.into(), remedy: remedy.into() }
    }

    /// Whether the user's input (a flag, a file, a configuration) is at fault: exit code 2 of the binary.
    pub fn is_usage(&self) -> bool {
        match self {
            Error::Tensor(_)
            | Error::NonFinite { .. }
            | Error::Vacuous(_)
            | Error::Drawing { .. } => false,
            Error::Io { source, .. } => {
                use std::io::ErrorKind::*;
                let is_place = matches!(
                    source.kind(),
                    NotFound
                        | PermissionDenied
                        | AlreadyExists
                        | NotADirectory
                        | IsADirectory
                        | ReadOnlyFilesystem
                        | InvalidFilename
                        | InvalidData
                );
                is_place || is_full(source) || is_circle(source)
            }
            _ => true,
        }
    }
}

/// Whether there is no room, or not for this user.
fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::*;
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// Whether links lead in a circle, for which `ErrorKind` has no stable name.
fn is_circle(error: &std::io::Error) -> bool {
    cfg!(target_os = "linux") && error.raw_os_error() == Some(40) // ELOOP
}

/// The error with what to do about it, where that is not plain.
fn with_remedy(error: std::io::Error) -> std::io::Error {
    let remedy = match error.kind() {
        _ if is_full(&error) => "make room, then start the same command again",
        std::io::ErrorKind::ReadOnlyFilesystem | std::io::ErrorKind::PermissionDenied => {
            "choose a place where this user may read and write"
        }
        _ => return error,
    };
    std::io::Error::new(error.kind(), format!("{error}; {remedy}"))
}

/// Checks a tensor's extents against a pattern; `None` matches any extent.
///
/// # Errors
/// [`Error::Shape`] naming the tensor as `what`, with the pattern in letters.
///
/// ```
/// use candle_core::{DType, Device, Tensor};
/// use fernn::error::{Error, expect_shape};
///
/// # fn main() -> fernn::Result<()> {
/// let frame = Tensor::zeros((2, 3, 5, 7), DType::F32, &Device::Cpu)?;
/// expect_shape("frame", &frame, &[("B", None), ("C_in", Some(3)), ("H", None), ("W", None)])?;
/// let error = expect_shape("frame", &frame, &[("B", None), ("C_in", Some(1)), ("H", None), ("W", None)]);
/// match error {
///     Err(Error::Shape { what, expected, got }) => {
///         assert_eq!((what, expected.as_str()), ("frame", "(B, C_in=1, H, W)"));
///         assert_eq!(got, [2, 3, 5, 7]);
///     }
///     other => panic!("{other:?}"),
/// }
/// # Ok(())
/// # }
/// ```
pub fn expect_shape(
    what: &'static str,
    tensor: &candle_core::Tensor,
    pattern: &[(&str, Option<usize>)],
) -> Result<()> {
    let dims = tensor.dims();
    let fits = dims.len() == pattern.len()
        && dims.iter().zip(pattern).all(|(d, (_, want))| want.is_none_or(|w| w == *d));
    if fits {
        return Ok(());
    }
    let words: Vec<String> = pattern
        .iter()
        .map(|(name, want)| want.map_or(name.to_string(), |w| format!("{name}={w}")))
        .collect();
    Err(Error::Shape { what, expected: format!("({})", words.join(", ")), got: dims.to_vec() })
}
