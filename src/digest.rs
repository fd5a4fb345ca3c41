//! shim
pub use crate::data::sha256_hex;
