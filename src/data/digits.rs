//! Handwritten digits, split for training, validation and test.

use super::idx::{FILES, gunzip_if_needed, parse_images, parse_labels, read_maybe_gzipped};
use super::split::Split;
use crate::digest::Digest;
use crate::error::Result;
use crate::rng::Stream;
use std::path::{Path, PathBuf};

/// Where digits come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DigitSource {
    /// The 5,000 + 1,000 digits inside this crate.
    Embedded,
    /// A folder with MNIST's four IDX files, gzipped or not.
    Folder(PathBuf),
}

/// Images of 28×28 pixels with their labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Images {
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

    /// The 784 pixels of an image, row by row.
    pub fn pixels(&self, index: usize) -> &[u8] {
        &self.pixels[index * 784..][..784]
    }

    /// The digit that an image shows.
    pub fn label(&self, index: usize) -> u8 {
        self.labels[index]
    }
}

/// MNIST, or the part of it that the crate carries: training and test images.
#[derive(Clone, Debug)]
pub struct Digits {
    train: Images,
    test: Images,
    /// Places in `train` that belong to the training split, then to the validation split.
    train_places: Vec<usize>,
    validation_places: Vec<usize>,
    description: String,
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
    /// Reads the digits of a source.
    ///
    /// # Errors
    /// [`crate::Error::Idx`] or [`crate::Error::Io`] naming the file at fault.
    pub fn load(source: &DigitSource) -> Result<Self> {
        match source {
            DigitSource::Embedded => Self::embedded(),
            DigitSource::Folder(folder) => {
                let mut parts = Vec::new();
                for file in FILES {
                    let path = file.find(folder)?;
                    parts.push((read_maybe_gzipped(&path)?, Some(file.count), path));
                }
                Self::from_parts(&parts, "full MNIST")
            }
        }
    }

    /// The digits inside this crate.
    ///
    /// # Errors
    /// Only if the crate was built from damaged files.
    pub fn embedded() -> Result<Self> {
        let mut parts = Vec::new();
        for (bytes, file) in EMBEDDED.into_iter().zip(FILES) {
            let path = Path::new("embedded").join(file.name);
            parts.push((gunzip_if_needed(bytes.to_vec(), &path)?, None, path));
        }
        Self::from_parts(&parts, "embedded MNIST subset")
    }

    fn from_parts(parts: &[(Vec<u8>, Option<usize>, PathBuf)], name: &str) -> Result<Self> {
        let images = |i: usize| parse_images(&parts[i].0, parts[i].1, &parts[i].2);
        let labels = |i: usize, count: usize| {
            parse_labels(&parts[i].0, parts[i].1.or(Some(count)), &parts[i].2)
        };
        let pair = |i: usize| -> Result<Images> {
            let pixels = images(i)?;
            let labels = labels(i + 1, pixels.len() / 784)?;
            Ok(Images { pixels, labels })
        };
        let (train, test) = (pair(0)?, pair(2)?);
        let mut places: Vec<usize> = (0..train.len()).collect();
        // The division is part of the data set, not of a run: the same for every seed.
        Stream::new(0, "mnist/validation-split", 0).shuffle(&mut places);
        let validation_places = places.split_off(train.len() - train.len() / 10);
        let mut digest = Digest::new();
        parts.iter().for_each(|(bytes, ..)| digest.update(bytes));
        let digest = &digest.hex()[..16];
        let description = format!(
            "{name}, {} training and {} test images, digest {digest}",
            train.len(),
            test.len()
        );
        Ok(Self { train, test, train_places: places, validation_places, description })
    }

    /// Source, counts and the beginning of the content's SHA-256, for provenance.
    pub fn description(&self) -> &str {
        &self.description
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

/// A 28×28 image as values in [0, 1], averaged over blocks to `size`×`size`.
pub(super) fn averaged_down(pixels: &[u8], size: usize) -> Vec<f32> {
    let factor = 28 / size;
    (0..size * size)
        .map(|i| {
            let (row, column) = (i / size * factor, i % size * factor);
            let block = (0..factor * factor)
                .map(|k| pixels[(row + k / factor) * 28 + column + k % factor] as u32);
            block.sum::<u32>() as f32 / (255 * factor * factor) as f32
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn averaging_keeps_the_mean_and_the_place() {
        let mut pixels = vec![0u8; 784];
        pixels[2 * 28 + 5] = 255; // row 2, column 5: block (1, 2) of 2×2
        let small = averaged_down(&pixels, 14);
        assert_eq!(small[14 + 2], 0.25);
        assert_eq!(small.iter().sum::<f32>(), 0.25);
        assert_eq!(averaged_down(&pixels, 28)[2 * 28 + 5], 1.0);
    }
}
