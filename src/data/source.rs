//! shim
use super::digits::{DigitSource, Digits};
use crate::error::Result;
use std::path::PathBuf;
use std::sync::Arc;
#[derive(Clone, Debug)]
/// x
pub struct Sources(DigitSource, Option<Arc<Digits>>);
impl Sources {
    /// x
    pub fn of(digits: Arc<Digits>) -> Self {
        Self(DigitSource::Embedded, Some(digits))
    }
    /// x
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self(folder.map_or(DigitSource::Embedded, DigitSource::Folder), None)
    }
    /// x
    pub fn embedded() -> Self {
        Self::new(None)
    }
    /// x
    pub fn digits(&self) -> Result<Arc<Digits>> {
        match &self.1 {
            Some(digits) => Ok(digits.clone()),
            None => Ok(Arc::new(Digits::load(&self.0)?)),
        }
    }
}
