//! SHA-256, the one digest of this crate: of files, of settings, of streams' names.

use sha2::Digest as _;

/// The digest of parts, one after the other: the same as of all of them in one piece.
///
/// ```
/// use fernn::digest::{Digest, sha256_hex};
/// let mut digest = Digest::new();
/// digest.update("flow ");
/// digest.update("equivariant");
/// assert_eq!(digest.hex(), sha256_hex("flow equivariant"));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Digest(sha2::Sha256);

impl Digest {
    /// The digest of nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a part.
    pub fn update(&mut self, part: impl AsRef<[u8]>) {
        self.0.update(part);
    }

    /// The 32 bytes.
    pub fn bytes(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    /// The 64 digits in lower-case hexadecimal.
    pub fn hex(self) -> String {
        self.bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// SHA-256 in lower-case hexadecimal.
pub fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    let mut digest = Digest::new();
    digest.update(bytes);
    digest.hex()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standard() {
        // FIPS 180-2, appendix B.1, and the digest of nothing.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256_hex("abc"), abc);
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Digest::new().hex(), empty);
    }
}
