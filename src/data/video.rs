//! Video of one's own: clips in a safetensors file.

use super::sequences::Sequences;
use super::split::Split;
use crate::digest::sha256_hex;
use crate::error::{Error, Result};
use crate::flow::PixelsPerFrame;
use crate::rng::Stream;
use crate::tensor_file::TensorFile;
use candle_core::{DType, Device, Tensor};
use std::path::Path;
use std::sync::Arc;

/// The file's name in a folder of data.
pub const VIDEO_FILE: &str = "video.safetensors";

/// The tensor of a file whose clips are not divided yet.
const UNDIVIDED: &str = "video";

/// Clips of one size, divided into splits.
#[derive(Debug)]
pub struct Video {
    splits: [Clips; 3],
    /// Frames, channels, height and width of a clip.
    shape: [usize; 4],
    description: String,
}

/// The clips of a split, one after the other.
#[derive(Debug, Default)]
struct Clips {
    count: usize,
    values: Vec<f32>,
}

impl Video {
    /// The clips of a file: tensors `train`, `validation` and `test`, or `video` alone, of which eight parts of
    /// ten train, one validates and one tests, drawn once and for all.
    ///
    /// # Shapes
    /// Each (B, T, C, H, W), floating-point values or bytes, which stand for 0 to 1.
    ///
    /// # Errors
    /// [`Error::Weights`] listing what is missing, misshapen or not a number; [`Error::Io`] for a file
    /// that cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let refuse =
            |problem: String| Error::Weights { path: path.to_path_buf(), problems: vec![problem] };
        let file = TensorFile::parse(&bytes, &Device::Cpu).map_err(&refuse)?;
        let tensor = |name: &str| file.tensors.get(name);
        let parts = match tensor(UNDIVIDED) {
            Some(all) => divided(all).map_err(&refuse)?,
            None => {
                let part = |split: Split| {
                    let missing = || {
                        refuse(format!(
                            "has no tensor `{split}`; name its clips train, validation and test, or `{UNDIVIDED}` \
                             for clips that are to be divided, each (B, T, C, H, W)"
                        ))
                    };
                    tensor(split.name()).cloned().ok_or_else(missing)
                };
                [part(Split::Train)?, part(Split::Validation)?, part(Split::Test)?]
            }
        };
        let shape = shape_of(&parts).map_err(&refuse)?;
        let mut splits = [Clips::default(), Clips::default(), Clips::default()];
        for (clips, part) in splits.iter_mut().zip(&parts) {
            let values = values_of(part)?;
            if let Some(place) = values.iter().position(|value| !value.is_finite()) {
                let clip = place / shape.iter().product::<usize>();
                return Err(refuse(format!("clip {clip} has values that are no number")));
            }
            *clips = Clips { count: part.dims()[0], values };
        }
        let [t, c, h, w] = shape;
        let counts: Vec<String> = splits.iter().map(|clips| clips.count.to_string()).collect();
        let description = format!(
            "own video, {} clips of {t}×{c}×{h}×{w}, digest {}",
            counts.join(" + "),
            &sha256_hex(&bytes)[..16]
        );
        Ok(Self { splits, shape, description })
    }

    /// Counts, extents and the beginning of the file's SHA-256, for provenance.
    pub fn description(&self) -> &str {
        &self.description
    }

    /// Frames, channels, height and width of a clip.
    pub fn shape(&self) -> [usize; 4] {
        self.shape
    }

    fn clips(&self, split: Split) -> &Clips {
        &self.splits[match split {
            Split::Train => 0,
            Split::Validation => 1,
            Split::Test => 2,
        }]
    }

    /// Values of one frame.
    fn frame(&self) -> usize {
        self.shape[1..].iter().product()
    }
}

/// Clips divided for training, validation and test, in an order that is the same for every seed.
fn divided(all: &Tensor) -> std::result::Result<[Tensor; 3], String> {
    let count = all.dims().first().copied().unwrap_or(0);
    if count < 3 {
        return Err(format!("has {count} clips; three at least can be divided"));
    }
    let mut order: Vec<u32> = (0..count as u32).collect();
    Stream::new(0, "video/split", 0).shuffle(&mut order);
    let tenth = (count / 10).max(1);
    let (train, rest) = order.split_at(count - 2 * tenth);
    let (validation, test) = rest.split_at(tenth);
    let take = |places: &[u32]| {
        let places = Tensor::new(places, &Device::Cpu)?;
        all.index_select(&places, 0)
    };
    let parts = (|| Ok::<_, candle_core::Error>([take(train)?, take(validation)?, take(test)?]))();
    parts.map_err(|e| e.to_string())
}

/// The extents of a clip, which all parts share.
fn shape_of(parts: &[Tensor; 3]) -> std::result::Result<[usize; 4], String> {
    let mut shapes = Vec::new();
    for (split, part) in Split::ALL.iter().zip(parts) {
        match *part.dims() {
            [b, t, c, h, w] if b * t * c * h * w > 0 => shapes.push([t, c, h, w]),
            _ => return Err(format!("`{split}` is {:?}, not (B, T, C, H, W)", part.dims())),
        }
    }
    match shapes.iter().all(|shape| *shape == shapes[0]) {
        true => Ok(shapes[0]),
        false => {
            Err(format!("clips of train, validation and test differ in (T, C, H, W): {shapes:?}"))
        }
    }
}

fn values_of(part: &Tensor) -> Result<Vec<f32>> {
    let values = part.flatten_all()?;
    let is_bytes = values.dtype() == DType::U8;
    let values = values.to_dtype(DType::F32)?.to_vec1::<f32>()?;
    Ok(if is_bytes { values.iter().map(|value| value / 255.0).collect() } else { values })
}

/// Windows of clips: in training begun anywhere, drawn by (seed, index); else begun with the clip, one each.
#[derive(Clone, Debug)]
pub struct VideoClips {
    video: Arc<Video>,
    frames: usize,
    seed: u64,
    device: Device,
}

impl VideoClips {
    /// Windows of `frames` frames.
    ///
    /// # Errors
    /// [`Error::Configuration`] when clips are shorter.
    pub fn new(video: Arc<Video>, frames: usize, seed: u64, device: &Device) -> Result<Self> {
        let longest = video.shape[0];
        if !(1..=longest).contains(&frames) {
            let problem =
                format!("has clips of {longest} frames, and sequences are to have {frames}");
            let remedy = "set `seen` and `predicted` to as many in all at most";
            return Err(Error::configuration("the video", problem, remedy));
        }
        Ok(Self { video, frames, seed, device: device.clone() })
    }
}

impl Sequences for VideoClips {
    /// That of the models' slices: how a video moves nobody knows.
    type Velocity = PixelsPerFrame;

    fn frames(&self) -> usize {
        self.frames
    }

    fn channels(&self) -> usize {
        self.video.shape[1]
    }

    fn extents(&self) -> (usize, usize) {
        (self.video.shape[2], self.video.shape[3])
    }

    fn device(&self) -> &Device {
        &self.device
    }

    fn with_velocities(&self, _velocities: &[PixelsPerFrame]) -> Self {
        self.clone()
    }

    /// At most as long as the clips are.
    fn with_frames(&self, frames: usize) -> Self {
        Self { frames: frames.min(self.video.shape[0]), ..self.clone() }
    }

    fn sample(&self, split: Split, index: u64) -> Vec<f32> {
        let clips = self.video.clips(split);
        let (clip, start) = match split {
            Split::Train => {
                let mut stream = Stream::new(self.seed, "video/train", index);
                (stream.below(clips.count), stream.below(self.video.shape[0] - self.frames + 1))
            }
            _ => (index as usize % clips.count, 0),
        };
        let frame = self.video.frame();
        clips.values[(clip * self.video.shape[0] + start) * frame..][..self.frames * frame].to_vec()
    }

    fn at_most(&self, split: Split, count: u64) -> u64 {
        match split {
            Split::Train => count,
            _ => count.min(self.video.clips(split).count as u64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    /// A file of clips whose every value is the clip's number and the frame's hundredth.
    fn file(tensors: &[(&str, [usize; 5])]) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(VIDEO_FILE);
        let tensor = |shape: [usize; 5]| {
            let size: usize = shape[2..].iter().product();
            let value = |clip: usize, frame: usize| clip as f32 + frame as f32 / 100.0;
            let values: Vec<f32> = (0..shape[0])
                .flat_map(|clip| (0..shape[1]).map(move |frame| (clip, frame)))
                .flat_map(|(clip, frame)| vec![value(clip, frame); size])
                .collect();
            Tensor::from_vec(values, shape.to_vec(), &Device::Cpu).unwrap()
        };
        let tensors = tensors.iter().map(|(name, shape)| (name.to_string(), tensor(*shape)));
        TensorFile { tensors: tensors.collect(), text: String::new() }.save(&path).unwrap();
        (folder, path)
    }

    #[test]
    fn clips_are_divided_once_and_none_is_in_two_parts() {
        let (_folder, path) = file(&[("video", [20, 5, 2, 3, 4])]);
        let video = Arc::new(Video::read(&path).unwrap());
        assert_eq!(video.shape(), [5, 2, 3, 4]);
        let data = VideoClips::new(video, 3, 0, &Device::Cpu).unwrap();
        let clips = |split, count| -> BTreeSet<u32> {
            (0..count).map(|i| data.sample(split, i)[0] as u32).collect()
        };
        let (validation, test) = (clips(Split::Validation, 2), clips(Split::Test, 2));
        let train = clips(Split::Train, 400);
        assert_eq!((train.len(), validation.len(), test.len()), (16, 2, 2));
        let all: BTreeSet<u32> = [train, validation, test].into_iter().flatten().collect();
        assert_eq!(all, (0..20).collect());
        assert_eq!((data.at_most(Split::Test, 9), data.at_most(Split::Train, 99)), (2, 99));
    }

    #[test]
    fn training_windows_begin_anywhere_and_others_with_the_clip() {
        let shape = |count| [count, 5, 1, 2, 2];
        let parts = [("train", shape(3)), ("validation", shape(2)), ("test", shape(2))];
        let (_folder, path) = file(&parts);
        let video = Arc::new(Video::read(&path).unwrap());
        let data = VideoClips::new(video.clone(), 3, 0, &Device::Cpu).unwrap();
        let start = |split, i| (data.sample(split, i)[0] * 100.0).round() as usize % 100;
        let starts: BTreeSet<usize> = (0..99).map(|i| start(Split::Train, i)).collect();
        assert_eq!(starts, BTreeSet::from([0, 1, 2]));
        assert!((0..2).all(|i| start(Split::Test, i) == 0));
        let sample = data.sample(Split::Test, 1);
        let expected = [1.0, 1.01, 1.02].map(|value| [value; 4]).concat();
        assert!(sample.iter().zip(&expected).all(|(a, b): (&f32, &f32)| (a - b).abs() < 1e-6));
        assert_eq!(data.with_frames(99).frames(), 5);
        let error = VideoClips::new(video, 6, 0, &Device::Cpu).unwrap_err().to_string();
        assert!(error.contains("5 frames") && error.contains("`seen`"), "{error}");
    }

    #[test]
    fn a_file_that_holds_no_clips_is_refused_with_what_is_wrong() {
        let refused = |tensors: &[(&str, [usize; 5])]| {
            let (_folder, path) = file(tensors);
            Video::read(&path).unwrap_err().to_string()
        };
        let shape = [2, 5, 1, 2, 2];
        assert!(refused(&[("train", shape)]).contains("no tensor `validation`"));
        let other = [2, 4, 1, 2, 2];
        let differ = refused(&[("train", shape), ("validation", shape), ("test", other)]);
        assert!(differ.contains("differ in (T, C, H, W)"), "{differ}");
        assert!(refused(&[("video", shape)]).contains("three at least"));
        let (_folder, path) = file(&[("video", [9, 2, 1, 1, 1])]);
        let mut file = TensorFile::parse(&std::fs::read(&path).unwrap(), &Device::Cpu).unwrap();
        let broken = Tensor::full(f32::NAN, (9, 2, 1, 1, 1), &Device::Cpu).unwrap();
        file.tensors.insert("video".into(), broken);
        file.save(&path).unwrap();
        assert!(Video::read(&path).unwrap_err().to_string().contains("no number"));
    }
}
