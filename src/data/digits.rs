//! Handwritten digits, split for training, validation and test.

use super::idx::{FILES, gunzip_if_needed, parse_images, parse_labels, read_maybe_gzipped};
use super::split::Split;
use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::rng::Stream;
use std::fmt;
use std::path::{Path, PathBuf};

/// Images of one size with their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
    extents: (usize, usize),
    pixels: Vec<u8>,
    labels: Vec<u8>,
}

impl Images {
    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// (Height, width) of an image; MNIST's are (28, 28).
    pub fn extents(&self) -> (usize, usize) {
        self.extents
    }

    /// The pixels of an image, row by row.
    pub fn pixels(&self, index: usize) -> &[u8] {
        let size = self.extents.0 * self.extents.1;
        &self.pixels[index * size..][..size]
    }

    /// The digit that an image shows.
    pub fn label(&self, index: usize) -> u8 {
        self.labels[index]
    }
}

/// MNIST, the part of it that the crate carries, or other images in such files: training and test images.
#[derive(Clone)]
pub struct Digits {
    train: Images,
    test: Images,
    /// Places in `train` that belong to the training split, then to the validation split.
    train_places: Vec<usize>,
    validation_places: Vec<usize>,
    description: String,
    /// What a user should know, where the files are not MNIST's.
    note: Option<String>,
}

/// Without the pixels, of which there are millions.
impl fmt::Debug for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Digits").field(&self.description).finish()
    }
}

/// The fewest training images, of which a tenth is for validation.
const LEAST_IMAGES: usize = 10;

/// The content of one IDX file.
struct Part {
    bytes: Vec<u8>,
    path: PathBuf,
}

const EMBEDDED: [&[u8]; 4] = [
    include_bytes!("embedded/train-images-idx3-ubyte.gz"),
    include_bytes!("embedded/train-labels-idx1-ubyte.gz"),
    include_bytes!("embedded/t10k-images-idx3-ubyte.gz"),
    include_bytes!("embedded/t10k-labels-idx1-ubyte.gz"),
];

/// For each embedded image its split and its place in the full set, as CSV.
const SOURCE_INDICES: &str = include_str!("embedded/source_indices.csv");

impl Digits {
    /// The digits in a folder with four IDX files, gzipped or not.
    ///
    /// Only files with the published digests are called MNIST. Others are read all the same, any number of
    /// images of any one size: there are data sets made to take MNIST's place, and there is your own. But
    /// [`Self::description`] says what they are not, and [`Self::note`] says it in a sentence.
    ///
    /// # Errors
    /// [`crate::Error::Idx`] or [`crate::Error::Io`] naming the file at fault.
    pub fn in_folder(folder: &Path) -> Result<Self> {
        let mut parts = Vec::new();
        for file in FILES {
            let path = file.find(folder)?;
            parts.push(Part { bytes: read_maybe_gzipped(&path)?, path });
        }
        let digits = Self::from_parts(&parts)?;
        let foreign: Vec<String> = FILES
            .iter()
            .zip(&parts)
            .filter(|(file, part)| !file.is_published(&part.bytes))
            .map(|(_, part)| part.path.display().to_string())
            .collect();
        Ok(digits.named(&digest_of(&parts), &foreign))
    }

    /// The digits inside this crate.
    ///
    /// # Errors
    /// Only if the crate was built from damaged files.
    pub fn embedded() -> Result<Self> {
        let mut parts = Vec::new();
        for (bytes, file) in EMBEDDED.into_iter().zip(FILES) {
            let path = Path::new("embedded").join(file.name);
            parts.push(Part { bytes: gunzip_if_needed(bytes.to_vec(), &path)?, path });
        }
        let digits = Self::from_parts(&parts)?;
        let description =
            format!("embedded MNIST subset, {}, digest {}", digits.counts(), digest_of(&parts));
        Ok(Self { description, ..digits })
    }

    /// Digits without a description.
    fn from_parts(parts: &[Part]) -> Result<Self> {
        let pair = |i: usize| -> Result<Images> {
            let (images, labels) = (&parts[i], &parts[i + 1]);
            let (extents, pixels) = parse_images(&images.bytes, None, &images.path)?;
            let count = pixels.len() / (extents.0 * extents.1);
            let labels = parse_labels(&labels.bytes, Some(count), &labels.path)?;
            Ok(Images { extents, pixels, labels })
        };
        let (train, test) = (pair(0)?, pair(2)?);
        expect_alike((&train, &test), parts)?;
        let mut train_places: Vec<usize> = (0..train.len()).collect();
        // The division is part of the data set, not of a run: the same for every seed.
        Stream::new(0, "mnist/validation-split", 0).shuffle(&mut train_places);
        let validation_places = train_places.split_off(train.len() - train.len() / 10);
        let (description, note) = (String::new(), None);
        Ok(Self { train, test, train_places, validation_places, description, note })
    }

    /// Calls the digits of a folder what they are: MNIST, unless there are files that are `foreign`.
    ///
    /// The folder's name does not enter, so that provenance does not depend on where files lie.
    fn named(self, digest: &str, foreign: &[String]) -> Self {
        let counts = self.counts();
        if foreign.is_empty() {
            return Self { description: format!("full MNIST, {counts}, digest {digest}"), ..self };
        }
        let description = format!("not MNIST: digest {digest}, {counts}");
        let note = format!(
            "these files under MNIST's names are not the published ones: {}; they are recorded as \
             `{description}`",
            foreign.join(", ")
        );
        Self { description, note: Some(note), ..self }
    }

    fn counts(&self) -> String {
        let size = match self.train.extents {
            (28, 28) => String::new(), // MNIST's, of which nobody need be told
            (height, width) => format!(" of {height}×{width} pixels"),
        };
        format!("{} training and {} test images{size}", self.train.len(), self.test.len())
    }

    /// Source, counts and the beginning of the content's SHA-256, for provenance.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// A sentence for the user when files under MNIST's names are not MNIST's.
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The training images, the validation split's among them.
    pub fn train(&self) -> &Images {
        &self.train
    }

    /// The test images.
    pub fn test(&self) -> &Images {
        &self.test
    }

    /// Number of images in a split.
    pub fn len(&self, split: Split) -> usize {
        match split {
            Split::Train => self.train_places.len(),
            Split::Validation => self.validation_places.len(),
            Split::Test => self.test.len(),
        }
    }

    /// (Height, width) of all images.
    pub fn extents(&self) -> (usize, usize) {
        self.train.extents
    }

    /// The pixels of a split's image.
    pub fn pixels(&self, split: Split, index: usize) -> &[u8] {
        match split {
            Split::Train => self.train.pixels(self.train_places[index]),
            Split::Validation => self.train.pixels(self.validation_places[index]),
            Split::Test => self.test.pixels(index),
        }
    }

    /// Where the embedded images stand in the full set: (training places, test places).
    pub fn embedded_source_indices() -> (Vec<usize>, Vec<usize>) {
        let of = |split: &str| {
            let rows =
                SOURCE_INDICES.lines().filter_map(|l| l.strip_prefix(split)?.strip_prefix(','));
            rows.filter_map(|index| index.parse().ok()).collect()
        };
        (of("train"), of("test"))
    }

    /// Draws the embedded subset's places: `per_class` of each label (all, where there are fewer), in
    /// ascending order.
    pub fn draw_balanced(labels: &[u8], per_class: usize, purpose: &str) -> Vec<usize> {
        let mut chosen = Vec::new();
        for digit in 0..10 {
            let mut places: Vec<usize> =
                (0..labels.len()).filter(|&i| labels[i] == digit).collect();
            Stream::new(0, purpose, digit as u64).shuffle(&mut places);
            places.truncate(per_class);
            chosen.extend(places);
        }
        chosen.sort_unstable();
        chosen
    }
}

/// Refuses images that cannot be divided for training and validation, or are of another size in the test.
fn expect_alike((train, test): (&Images, &Images), parts: &[Part]) -> Result<()> {
    let refuse = |part: &Part, problem, expected, got| {
        Err(Error::Idx { path: part.path.clone(), problem, expected, got })
    };
    if train.len() < LEAST_IMAGES {
        let (expected, got) = (format!("at least {LEAST_IMAGES}"), train.len().to_string());
        return refuse(&parts[0], "too few images to train and validate with", expected, got);
    }
    if train.extents != test.extents {
        let words = |(height, width): (usize, usize)| format!("{height}×{width}");
        let (expected, got) = (words(train.extents), words(test.extents));
        return refuse(&parts[2], "another size than the training images", expected, got);
    }
    Ok(())
}

/// The beginning of the SHA-256 of all four files, one after the other.
fn digest_of(parts: &[Part]) -> String {
    let mut digest = Digest::new();
    parts.iter().for_each(|part| digest.update(&part.bytes));
    digest.hex()[..16].to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_foreign_files_take_the_name_and_leave_a_note() -> Result<()> {
        let digits = Digits::embedded()?;
        let named = digits.clone().named("0123", &[]);
        let counts = "5000 training and 1000 test images";
        assert_eq!(named.description(), format!("full MNIST, {counts}, digest 0123"));
        assert_eq!(named.note(), None);
        let named = digits.named("0123", &["some/labels".into()]);
        assert_eq!(named.description(), format!("not MNIST: digest 0123, {counts}"));
        let note = named.note().expect("a user must be told");
        assert!(note.contains("some/labels") && note.contains(named.description()), "{note}");
        Ok(())
    }
}
