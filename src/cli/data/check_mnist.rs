//! Whether a folder's digits are MNIST.

use fernn::data::{
    Digits, FILES, IdxFile, Images, Sources, parse_images, parse_labels, read_maybe_gzipped,
};
use fernn::digest::sha256_hex;
use std::path::Path;

/// Prints what the digits inside this program are.
pub(super) fn check_embedded() -> anyhow::Result<bool> {
    outln!("{}", Digits::embedded()?.description())?;
    Ok(true)
}

/// Prints digests and counts of the four files in a folder, from which the sources read; whether they
/// are the published ones, and the embedded digits are among theirs.
pub(super) fn check_mnist(folder: &Path, sources: &Sources) -> anyhow::Result<bool> {
    let digits = Digits::embedded()?;
    let mut is_fine = true;
    for file in FILES {
        is_fine &= check_file(&file, folder)?;
    }
    let full = sources.digits()?;
    outln!("{}", full.description())?;
    let (train, test) = Digits::embedded_source_indices();
    let matches = |embedded: &Images, full: &Images, places: &[usize]| {
        places.len() == embedded.len()
            && places.iter().enumerate().all(|(i, &place)| {
                place < full.len()
                    && embedded.pixels(i) == full.pixels(place)
                    && embedded.label(i) == full.label(place)
            })
    };
    let is_subset =
        matches(digits.train(), full.train(), &train) && matches(digits.test(), full.test(), &test);
    outln!("embedded digits are those of the recorded source indices: {}", yes(is_subset))?;
    Ok(is_fine && is_subset)
}

/// Prints digest and count of one file; whether the digest is the published one.
fn check_file(file: &IdxFile, folder: &Path) -> anyhow::Result<bool> {
    let path = file.find(folder)?;
    let bytes = read_maybe_gzipped(&path)?;
    let count = if file.name.contains("images") {
        let ((height, width), pixels) = parse_images(&bytes, None, &path)?;
        pixels.len() / (height * width)
    } else {
        parse_labels(&bytes, None, &path)?.len()
    };
    let digest = sha256_hex(&bytes);
    let is_published = digest == file.sha256;
    outln!("{}: {count} items", path.display())?;
    outln!("  SHA-256 of the content {digest}")?;
    outln!("  as published: {}", yes(is_published))?;
    Ok(is_published)
}

/// The answer to a question that is hoped to be answered with yes.
pub(super) fn yes(is_true: bool) -> &'static str {
    if is_true { "yes" } else { "NO" }
}
