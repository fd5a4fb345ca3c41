//! The parts into which every data set is divided.

use crate::error::Error;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// The three disjoint parts of the data; the text form is the lower-case name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Seen by the optimiser.
    Train,
    /// Chooses the best step; of the digits, a tenth of the training images.
    Validation,
    /// Measured once, at the end.
    Test,
}

impl Split {
    /// All of them.
    pub const ALL: [Split; 3] = [Split::Train, Split::Validation, Split::Test];

    /// `train`, `validation` or `test`.
    pub fn name(self) -> &'static str {
        match self {
            Split::Train => "train",
            Split::Validation => "validation",
            Split::Test => "test",
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Split {
    type Err = Error;

    /// # Errors
    /// [`Error::Configuration`] for anything but a name.
    fn from_str(name: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|split| split.name() == name).ok_or_else(|| {
            let problem = format!("cannot be `{name}`");
            Error::configuration("the split", problem, "use train, validation or test")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_form_and_the_stored_form_are_the_name() {
        for split in Split::ALL {
            assert_eq!(split.to_string().parse::<Split>().unwrap(), split);
            let stored = serde_json::to_string(&split).unwrap();
            assert_eq!(stored, format!("\"{}\"", split.name()));
            assert_eq!(serde_json::from_str::<Split>(&stored).unwrap(), split);
        }
        let error = "Train".parse::<Split>().unwrap_err();
        assert!(error.is_usage() && error.to_string().contains("`Train`"), "{error}");
    }
}
