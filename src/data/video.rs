//! Video of one's own: clips in a safetensors file.

use super::sequences::Sequences;
use super::split::Split;
use crate::digest::sha256_hex;
use crate::error::{Error, Result};
use crate::flow::PixelsPerFrame;
use crate::parameters::Tensors;
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
    /// The clips of a file: tensors `train`, `validation` and `test`, or `video` alone, of which a tenth validates,
    /// a tenth tests (a clip at least) and the others train, drawn once and for all.
    ///
    /// # Shapes
    /// Each (B, T, C, H, W), floating-point values from 0 to 1, or bytes, which stand for them.
    ///
    /// # Errors
    /// [`Error::Weights`] listing what is missing, misshapen or not a number; [`Error::Io`] for a file
    /// that cannot be read.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(Error::io(path))?;
        let refuse =
            |problem: String| Error::Weights { path: path.to_path_buf(), problems: vec![problem] };
        let file = TensorFile::parse(&bytes, &Device::Cpu).map_err(&refuse)?;
        let [train, validation, test] = Split::ALL.map(Split::name);
        let names = match file.tensors.contains_key(UNDIVIDED) {
            true => vec![UNDIVIDED],
            false => vec![train, validation, test],
        };
        expect_alone(&file.tensors, &names).map_err(&refuse)?;
        let parts: Vec<&Tensor> = names.iter().map(|name| &file.tensors[*name]).collect();
        let shape = shape_of(&names, &parts).map_err(&refuse)?;
        let read = |(name, part): (&&str, &&Tensor)| clips_of(name, part).map_err(&refuse);
        let read: Vec<Clips> = names.iter().zip(&parts).map(read).collect::<Result<_>>()?;
        let splits = match <[Clips; 3]>::try_from(read) {
            Ok(parts) => parts,
            Err(whole) => divided(&whole[0]).map_err(&refuse)?,
        };
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

/// Refuses files that lack a tensor, or have others beside those that are read.
fn expect_alone(tensors: &Tensors, names: &[&str]) -> std::result::Result<(), String> {
    if let Some(missing) = names.iter().find(|name| !tensors.contains_key(**name)) {
        return Err(format!(
            "has no tensor `{missing}`; name its clips train, validation and test, or `{UNDIVIDED}` alone for clips \
             that are to be divided, each (B, T, C, H, W)"
        ));
    }
    match tensors.keys().find(|name| !names.contains(&name.as_str())) {
        Some(other) => {
            Err(format!("has `{other}` beside {}; which is meant? leave one out", names.join(", ")))
        }
        None => Ok(()),
    }
}

/// The extents of a clip, which all tensors share.
fn shape_of(names: &[&str], parts: &[&Tensor]) -> std::result::Result<[usize; 4], String> {
    let mut shapes = Vec::new();
    for (name, part) in names.iter().zip(parts) {
        match *part.dims() {
            [b, t, c, h, w] if b * t * c * h * w > 0 => shapes.push([t, c, h, w]),
            _ => return Err(format!("`{name}` is {:?}, not (B, T, C, H, W)", part.dims())),
        }
    }
    match shapes.iter().all(|shape| *shape == shapes[0]) {
        true => Ok(shapes[0]),
        false => Err(format!("clips of {} differ in (T, C, H, W): {shapes:?}", names.join(", "))),
    }
}

/// The clips of a tensor, bytes as 0 to 1.
fn clips_of(name: &str, part: &Tensor) -> std::result::Result<Clips, String> {
    let (count, is_bytes) = (part.dims()[0], part.dtype() == DType::U8);
    if !is_bytes && !part.dtype().is_float() {
        return Err(format!("`{name}` is {:?}; store bytes, or numbers from 0 to 1", part.dtype()));
    }
    let values = part.flatten_all().and_then(|all| all.to_dtype(DType::F32)?.to_vec1::<f32>());
    let mut values = values.map_err(|e| e.to_string())?;
    if is_bytes {
        values.iter_mut().for_each(|value| *value /= 255.0);
    }
    match values.iter().position(|value| !(0.0..=1.0).contains(value)) {
        None => Ok(Clips { count, values }),
        Some(place) => {
            let (clip, value) = (place / (values.len() / count), values[place]);
            Err(format!(
                "clip {clip} of `{name}` holds {value}, and values lie from 0 to 1: divide by the largest, or \
                 store bytes"
            ))
        }
    }
}

/// Clips divided for training, validation and test, in an order that is the same for every seed.
fn divided(all: &Clips) -> std::result::Result<[Clips; 3], String> {
    let count = all.count;
    if count < 3 {
        return Err(format!("has {count} clips; three at least can be divided"));
    }
    let mut order: Vec<usize> = (0..count).collect();
    Stream::new(0, "video/split", 0).shuffle(&mut order);
    let tenth = (count / 10).max(1);
    let (train, rest) = order.split_at(count - 2 * tenth);
    let (validation, test) = rest.split_at(tenth);
    let size = all.values.len() / count;
    let take = |places: &[usize]| {
        let clips = places.iter().map(|place| &all.values[place * size..][..size]);
        Clips { count: places.len(), values: clips.collect::<Vec<_>>().concat() }
    };
    Ok([take(train), take(validation), take(test)])
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

    /// A file of clips whose every value is the clip's hundredth and the frame's thousandth.
    fn file(tensors: &[(&str, [usize; 5])]) -> (tempfile::TempDir, std::path::PathBuf) {
        let tensor = |shape: [usize; 5]| {
            let size: usize = shape[2..].iter().product();
            let value = |clip: usize, frame: usize| (10 * clip + frame) as f32 / 1000.0;
            let values: Vec<f32> = (0..shape[0])
                .flat_map(|clip| (0..shape[1]).map(move |frame| (clip, frame)))
                .flat_map(|(clip, frame)| vec![value(clip, frame); size])
                .collect();
            Tensor::from_vec(values, shape.to_vec(), &Device::Cpu).unwrap()
        };
        let tensors = tensors.iter().map(|(name, shape)| (name.to_string(), tensor(*shape)));
        saved(tensors.collect())
    }

    fn saved(tensors: Tensors) -> (tempfile::TempDir, std::path::PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(VIDEO_FILE);
        TensorFile { tensors, text: String::new() }.save(&path).unwrap();
        (folder, path)
    }

    /// Clip and frame that a sample begins with.
    fn place(data: &VideoClips, split: Split, index: u64) -> (u32, u32) {
        let thousandths = (data.sample(split, index)[0] * 1000.0).round() as u32;
        (thousandths / 10, thousandths % 10)
    }

    #[test]
    fn clips_are_divided_once_and_none_is_in_two_parts() {
        let (_folder, path) = file(&[("video", [20, 5, 2, 3, 4])]);
        let video = Arc::new(Video::read(&path).unwrap());
        assert_eq!(video.shape(), [5, 2, 3, 4]);
        let data = VideoClips::new(video, 3, 0, &Device::Cpu).unwrap();
        let clips = |split, count| -> BTreeSet<u32> {
            (0..count).map(|i| place(&data, split, i).0).collect()
        };
        let (validation, test) = (clips(Split::Validation, 2), clips(Split::Test, 2));
        let train = clips(Split::Train, 400);
        assert_eq!((train.len(), validation.len(), test.len()), (16, 2, 2));
        assert_ne!(validation, BTreeSet::from([16, 17]), "drawn, not cut off");
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
        let of_seed = |seed| VideoClips::new(video.clone(), 3, seed, &Device::Cpu).unwrap();
        let data = of_seed(0);
        let places = |data: &VideoClips| -> Vec<(u32, u32)> {
            (0..99).map(|i| place(data, Split::Train, i)).collect()
        };
        let starts: BTreeSet<u32> = places(&data).iter().map(|place| place.1).collect();
        assert_eq!(starts, BTreeSet::from([0, 1, 2]));
        assert_ne!(places(&data), places(&of_seed(1)));
        assert!((0..2).all(|i| place(&data, Split::Test, i) == (i as u32, 0)));
        let sample = data.sample(Split::Test, 1);
        let expected = [0.01, 0.011, 0.012].map(|value| [value; 4]).concat();
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
        assert!(refused(&[("video", [9, 5, 1, 2, 2]), ("test", shape)]).contains("`test` beside"));
        assert!(
            refused(&[("video", [200, 1, 1, 1, 1])]).contains("clip 101 of `video` holds 1.01")
        );
        let refused = |video: Tensor| {
            let (_folder, path) = saved([("video".to_string(), video)].into());
            Video::read(&path).unwrap_err().to_string()
        };
        let broken = Tensor::full(f32::NAN, (9, 2, 1, 1, 1), &Device::Cpu).unwrap();
        assert!(refused(broken).contains("clip 0 of `video` holds NaN"));
        let whole = Tensor::zeros((9, 2, 1, 1, 1), DType::I64, &Device::Cpu).unwrap();
        assert!(refused(whole).contains("store bytes"));
        assert!(refused(Tensor::new(&[0f32], &Device::Cpu).unwrap()).contains("`video` is [1]"));
    }

    #[test]
    fn bytes_stand_for_zero_to_one() {
        let bytes = Tensor::from_vec(
            (0..30).map(|i| 5 * i).collect::<Vec<u8>>(),
            (3, 10, 1, 1, 1),
            &Device::Cpu,
        );
        let names = Split::ALL.map(|split| split.name().to_string());
        let tensors = names.map(|name| (name, bytes.as_ref().unwrap().clone()));
        let (_folder, path) = saved(tensors.into());
        let data = VideoClips::new(Arc::new(Video::read(&path).unwrap()), 10, 0, &Device::Cpu);
        let sample = data.unwrap().sample(Split::Test, 2);
        assert_eq!((sample[0], sample[9]), (100.0 / 255.0, 145.0 / 255.0));
    }
}
