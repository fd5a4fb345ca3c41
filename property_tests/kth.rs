//! KTH from its files to its frames: any annotation, and videos that are made here with known frames.
//!
//! Tests with videos need `ffmpeg`; where it is missing they say so and do nothing.

use fernn::Error;
use fernn::data::kth::{Annotation, CacheState, Recording};
use fernn::data::{
    Action, Clip, Division, FILES, Footage, KthFootage, KthVideos, Ranges, Sources, Window,
};
use proptest::prelude::*;
use std::cell::RefCell;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// (Height, width) of the videos, and of what they are shrunk to: no extent divides another.
const SOURCE: (usize, usize) = (24, 34);
const SMALL: (usize, usize) = (7, 11);

const ANNOTATION: &str = "person02_walking_d1\t\tframes\t1-4, 3-9\r\n\r\n\
                          person13_handclapping_d3\t*missing*\r\n\
                          person25_boxing_d4    frames 2-3\r\n";

fn recordings() -> [Recording; 2] {
    [
        Recording { person: 2, action: Action::Walking, scenario: 1 },
        Recording { person: 25, action: Action::Boxing, scenario: 4 },
    ]
}

/// Frames of one of the videos: 6 and 5, so that a range of the first reaches past the end.
fn frames(video: usize) -> Vec<Vec<u8>> {
    let pixel = |t: usize, i: usize| ((i * i * (7 + video) + 31 * t * i + 50 * t) % 256) as u8;
    (0..6 - video).map(|t| (0..SOURCE.0 * SOURCE.1).map(|i| pixel(t, i)).collect()).collect()
}

fn has_ffmpeg() -> bool {
    let is_there = Command::new("ffmpeg").arg("-version").stdout(Stdio::null()).status().is_ok();
    if !is_there {
        eprintln!("skipped: ffmpeg is not installed");
    }
    is_there
}

/// Writes a video without loss, with further options for its encoding; whether ffmpeg took them.
fn encode(
    path: &Path,
    pixel_format: &str,
    extents: (usize, usize),
    frames: &[Vec<u8>],
    options: &[&str],
) -> bool {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let size = format!("{}x{}", extents.1, extents.0);
    let mut ffmpeg = Command::new("ffmpeg")
        .args(["-loglevel", "error", "-y", "-f", "rawvideo", "-pix_fmt", pixel_format])
        .args(["-s", &size, "-r", "25", "-i", "-", "-c:v", "ffv1"])
        .args(options)
        .arg(path)
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that refuses an option reads nothing.
    let _ = ffmpeg.stdin.take().unwrap().write_all(&frames.concat());
    ffmpeg.wait().unwrap().success()
}

fn write_video(path: &Path, pixel_format: &str, extents: (usize, usize), frames: &[Vec<u8>]) {
    assert!(encode(path, pixel_format, extents, frames, &[]));
}

/// A folder with the annotation and both videos at the places that `place` gives them.
fn folder(place: impl Fn(&Recording) -> PathBuf) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("00sequences.txt"), ANNOTATION).unwrap();
    for (video, recording) in recordings().iter().enumerate() {
        let path = folder.path().join(place(recording)).join(recording.file_name());
        write_video(&path, "gray", SOURCE, &frames(video));
    }
    folder
}

fn of_action(recording: &Recording) -> PathBuf {
    recording.action.name().into()
}

/// The videos with what a user would be told.
fn read(folder: &Path, extents: (usize, usize)) -> (fernn::Result<KthVideos>, String) {
    let notes = RefCell::new(String::new());
    let videos = KthVideos::read(folder, extents, &|note| {
        *notes.borrow_mut() += &format!("{note}\n");
    });
    (videos, notes.into_inner())
}

fn footage(folder: &Path, ranges: Ranges) -> KthFootage {
    KthFootage::new(Arc::new(read(folder, SMALL).0.unwrap()), ranges)
}

/// The mean over areas, as a sum over parts so small that both sizes are multiples of them.
fn averaged(image: &[u8]) -> Vec<f32> {
    let mean = |y: usize, x: usize| {
        let mut sum = 0;
        for i in y * SOURCE.0..(y + 1) * SOURCE.0 {
            for j in x * SOURCE.1..(x + 1) * SOURCE.1 {
                sum += u64::from(image[i / SMALL.0 * SOURCE.1 + j / SMALL.1]);
            }
        }
        (sum as f64 / (SOURCE.0 * SOURCE.1) as f64).round_ties_even() as f32 / 255.0
    };
    (0..SMALL.0).flat_map(|y| (0..SMALL.1).map(move |x| mean(y, x))).collect()
}

proptest! {
    #[test]
    fn no_line_of_an_annotation_makes_the_reader_panic(
        lines in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..40),
                "person[0-9]{2}_(boxing|running|x)_d[0-5][ \t]*(frames|\\*missing\\*)?[ \t]+([0-9]{1,4}-[0-9]{1,12}(, ?|))*\r?"
                    .prop_map(String::into_bytes),
                "person0[1-9]_(boxing|walking)_d[1-4]\t+frames\t[1-9]-[1-9]{2}(, [1-9]-[1-9]{3}){0,3}\r?"
                    .prop_map(String::into_bytes),
            ],
            0..6,
        ),
    ) {
        let bytes = lines.join(&b'\n');
        let count = bytes.split(|&byte| byte == b'\n').count() as u64;
        match Annotation::parse(&bytes, Path::new("fuzz")) {
            Ok(annotation) => {
                let mut names: Vec<String> =
                    annotation.entries().iter().map(|e| e.recording.name()).collect();
                prop_assert!(annotation.recorded().count() > 0);
                for stretch in annotation.entries().iter().flat_map(|e| &e.stretches) {
                    prop_assert!(1 <= stretch.first && stretch.first <= stretch.last);
                }
                names.sort();
                let all = names.len();
                names.dedup();
                prop_assert_eq!(names.len(), all);
            }
            Err(Error::Format { line, .. }) => {
                prop_assert!(line.is_none_or(|line| (1..=count).contains(&line)));
            }
            Err(other) => prop_assert!(false, "{other}"),
        }
    }

    #[test]
    fn sound_lines_of_an_annotation_are_read_as_they_are_written(
        ranges in prop::collection::vec((1u32..2000, 0u32..500), 1..6),
        person in 1u8..=25, label in 0usize..6, scenario in 1u8..=4,
        gap in "[ \t]{1,6}", end in "[ \t]{0,3}\r?\n?",
    ) {
        let recording = Recording { person, action: Action::ALL[label], scenario };
        let words: Vec<String> = ranges.iter().map(|(a, n)| format!("{a}-{}", a + n)).collect();
        let text = format!("{}{gap}frames{gap}{}{end}", recording.name(), words.join(", "));
        let annotation = Annotation::parse(text.as_bytes(), Path::new("x")).unwrap();
        let [entry] = annotation.entries() else { panic!("one entry") };
        prop_assert_eq!(entry.recording, recording);
        let read: Vec<(u32, u32)> =
            entry.stretches.iter().map(|s| (s.first, s.last - s.first)).collect();
        prop_assert_eq!(read, ranges);
    }
}

#[test]
fn the_published_annotation_alone_gives_the_published_counts() {
    let annotation = Annotation::published().unwrap();
    assert_eq!(annotation.counts(Division::PublicCode, 32), [1517, 380, 473]);
    assert_eq!(annotation.counts(Division::Traditional, 32), [754, 758, 858]);
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(Annotation::in_folder(folder.path()).unwrap(), annotation);
}

#[test]
fn clips_are_the_known_frames_in_either_reading_of_the_ranges() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder(of_action);
    for (ranges, places) in [
        // Of each clip the video, the first frame and the length; the second reaches past the end.
        (Ranges::OneBased, [(0, 0, 4), (0, 2, 4), (1, 1, 2)]),
        (Ranges::ZeroBased, [(0, 1, 4), (0, 3, 3), (1, 2, 2)]),
    ] {
        let footage = footage(folder.path(), ranges);
        let clips: Vec<Clip> = [(0, 0), (0, 1), (1, 0)]
            .iter()
            .zip(places)
            .map(|(&(video, take), (_, _, length))| {
                let Recording { person, action, scenario } = recordings()[video];
                Clip { person, action, scenario, take, length }
            })
            .collect();
        assert_eq!(footage.clips(), clips);
        assert_eq!((footage.extents(), footage.shortened()), (SMALL, 1));
        for (index, (video, first, length)) in places.into_iter().enumerate() {
            let expected: Vec<f32> =
                frames(video)[first..first + length].iter().flat_map(|f| averaged(f)).collect();
            assert!(expected.iter().any(|&v| v > 0.4) && expected.iter().any(|&v| v < 0.6));
            let whole = Window { first: 0, count: length, step: 1 };
            assert_eq!(footage.window(index, whole), expected, "{ranges:?}, clip {index}");
        }
        let window = footage.window(0, Window { first: 1, count: 2, step: 2 });
        let (_, first, _) = places[0];
        let expected = [first + 1, first + 3].map(|t| averaged(&frames(0)[t])).concat();
        assert_eq!(window, expected);
    }
}

#[test]
fn what_is_not_kth_is_never_called_kth() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder(of_action);
    let footage = footage(folder.path(), Ranges::OneBased);
    assert!(!footage.is_kth());
    let description = footage.description();
    assert!(description.starts_with("not KTH: digest "), "{description}");
    assert!(description.contains("3 clips of 2 videos with 11 frames"), "{description}");
    assert!(!description.contains(folder.path().to_str().unwrap()), "{description}");
    let [note] = &footage.notes()[..] else { panic!("one note") };
    assert!(note.contains(description), "{note}");
    let zero = KthFootage::new(Arc::new(read(folder.path(), SMALL).0.unwrap()), Ranges::ZeroBased);
    assert_ne!(zero.description(), description, "another reading is another data set");
}

#[test]
fn videos_are_the_same_wherever_they_lie() {
    if !has_ffmpeg() {
        return;
    }
    let of = |folder: &Path| {
        let footage = footage(folder, Ranges::OneBased);
        let first = |clip| footage.window(clip, Window { first: 1, count: 1, step: 1 });
        (footage.description().to_string(), [0, 1, 2].map(first))
    };
    let folders = folder(of_action);
    let expected = of(folders.path());
    assert_eq!(of(folder(|_| "".into()).path()), expected);
    assert_eq!(of(folder(|_| "kth_actions".into()).path()), expected);
    let zipped = tempfile::tempdir().unwrap();
    std::fs::write(zipped.path().join("00sequences.txt"), ANNOTATION).unwrap();
    for recording in recordings() {
        let (action, name) = (recording.action.name(), recording.file_name());
        let content = std::fs::read(folders.path().join(action).join(&name)).unwrap();
        let file = std::fs::File::create(zipped.path().join(format!("{action}.zip"))).unwrap();
        let mut zip = zip::ZipWriter::new(file);
        let options = zip::write::SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Deflated);
        for (name, content) in [("other.txt", &b"text"[..]), (&format!("a/{name}"), &content)] {
            zip.start_file(name, options).unwrap();
            zip.write_all(content).unwrap();
        }
        zip.finish().unwrap();
    }
    assert_eq!(of(zipped.path()), expected);
}

#[test]
fn a_gap_in_time_is_filled_with_no_frames() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder(of_action);
    let recording = recordings()[0];
    let path = folder.path().join(of_action(&recording)).join(recording.file_name());
    // Six times the time of a frame lies between the third frame and the fourth.
    let later = ["-vf", "setpts='if(gt(N,2),N+5,N)/25/TB'", "-r", "25"];
    let is_written = ["-fps_mode", "-vsync"].iter().any(|option| {
        let options = [&later[..], &[option, "passthrough"]].concat();
        encode(&path, "gray", SOURCE, &frames(0), &options)
    });
    assert!(is_written);
    let at_a_constant_rate = Command::new("ffmpeg")
        .args(["-loglevel", "error", "-i"])
        .arg(&path)
        .args(["-vf", "fps=25", "-pix_fmt", "gray", "-f", "rawvideo", "-"])
        .output()
        .unwrap();
    let count = at_a_constant_rate.stdout.len() / (SOURCE.0 * SOURCE.1);
    assert_eq!(count, 6 + 5, "there is a gap, which a constant rate fills");
    let footage = footage(folder.path(), Ranges::OneBased);
    assert_eq!(footage.videos().counts().next().unwrap().1, 6);
    let second = footage.window(1, Window { first: 0, count: 4, step: 1 });
    assert_eq!(second, frames(0)[2..].iter().flat_map(|f| averaged(f)).collect::<Vec<f32>>());
}

#[test]
fn luminance_is_spread_over_all_greys_and_no_frame_is_lost_or_doubled() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder(of_action);
    let recording = recordings()[0];
    let path = folder.path().join(of_action(&recording)).join(recording.file_name());
    // Video black, middle and white, repeated; colours without colour.
    let levels = [16u8, 126, 235, 235, 235, 126, 16, 16, 16];
    let pixels = SOURCE.0 * SOURCE.1;
    let image = |&level: &u8| [vec![level; pixels], vec![128; pixels / 2]].concat();
    write_video(&path, "yuv420p", SOURCE, &levels.iter().map(image).collect::<Vec<_>>());
    let footage = footage(folder.path(), Ranges::OneBased);
    assert_eq!(footage.videos().counts().map(|(_, n)| n).collect::<Vec<_>>(), [9, 5]);
    let grey = |clip, first| {
        let window = footage.window(clip, Window { first, count: 1, step: 1 });
        assert!(window.iter().all(|&v| v == window[0]));
        (window[0] * 255.0).round() as u8
    };
    // Clip 0 is frames 1 to 4 and clip 1 is 3 to 9. (126 − 16) · 255/219 = 128.08.
    assert_eq!([0, 1, 2, 3].map(|t| grey(0, t)), [0, 128, 255, 255]);
    assert_eq!([0, 1, 2, 3, 4, 5, 6].map(|t| grey(1, t)), [255, 255, 255, 128, 0, 0, 0]);
}

#[test]
fn kept_frames_are_used_unless_they_are_damaged_or_of_other_videos() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder(of_action);
    let kept = folder.path().join("fernn-frames-7x11.bin");
    let state = |note: &str| {
        let (videos, notes) = read(folder.path(), SMALL);
        assert!(notes.contains(note) && (!note.is_empty() || notes.is_empty()), "{notes}");
        let videos = videos.unwrap();
        (videos.cache().clone(), videos.digest().to_string())
    };
    let (first, digest) = state("decoding 2 videos to 7×11");
    assert_eq!(first, CacheState::Kept(kept.clone()));
    let sound = std::fs::read(&kept).unwrap();
    assert_eq!(state(""), (CacheState::Found(kept.clone()), digest.clone()));
    let mut flipped = sound.clone();
    flipped[sound.len() / 2] ^= 1;
    for wrong in [&flipped[..], &sound[..sound.len() - 1], b""] {
        std::fs::write(&kept, wrong).unwrap();
        assert_eq!(state("damaged"), (CacheState::Kept(kept.clone()), digest.clone()));
        assert_eq!(std::fs::read(&kept).unwrap(), sound);
    }
    // Another size has its own file and leaves this one alone.
    let (videos, _) = read(folder.path(), (5, 6));
    let other = folder.path().join("fernn-frames-5x6.bin");
    assert_eq!(videos.unwrap().cache(), &CacheState::Kept(other));
    assert_eq!(state("").0, CacheState::Found(kept.clone()));
    // One pixel of one frame.
    let recording = recordings()[1];
    let mut changed = frames(1);
    changed[4][0] ^= 1;
    let path = folder.path().join(of_action(&recording)).join(recording.file_name());
    write_video(&path, "gray", SOURCE, &changed);
    let (again, other_digest) = state("of other videos");
    assert_eq!(again, CacheState::Kept(kept));
    assert_ne!(other_digest, digest);
}

/// `fernn data check` on a folder, with a cache folder of its own: exit code, output, messages.
fn check(folder: &Path, cache: &Path, path: Option<&Path>) -> (i32, String, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fernn"));
    command.args(["data", "check", "--data-dir"]).arg(folder).env("XDG_CACHE_HOME", cache);
    if let Some(path) = path {
        command.env("PATH", path);
    }
    let output = command.output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn frames_of_a_folder_that_cannot_be_written_are_kept_in_the_users_cache() {
    if !has_ffmpeg() {
        return;
    }
    let (folder, cache) = (folder(of_action), tempfile::tempdir().unwrap());
    // In the file's place there is a folder, over which nobody can write, the superuser either.
    std::fs::create_dir(folder.path().join("fernn-frames-32x32.bin")).unwrap();
    for (video, recording) in recordings().iter().enumerate() {
        let image = vec![video as u8; 40 * 40];
        let path = folder.path().join(of_action(recording)).join(recording.file_name());
        write_video(&path, "gray", (40, 40), &vec![image; 9]);
    }
    let user = format!("{}/fernn/fernn-frames-32x32-", cache.path().display());
    for word in ["kept in", "read from"] {
        let (code, output, _) = check(folder.path(), cache.path(), None);
        assert_eq!(code, 1, "not as published");
        assert!(output.contains(&format!("{word} {user}")), "{output}");
        for line in ["as published: NO", "walking: 1 videos, 9 frames", "running: 0 videos"] {
            assert!(output.contains(line), "{output}");
        }
    }
    // Kept frames need no decoder.
    let (code, ..) = check(folder.path(), cache.path(), Some(cache.path()));
    assert_eq!(code, 1);
    let elsewhere = tempfile::tempdir().unwrap();
    let (code, output, message) = check(folder.path(), elsewhere.path(), Some(cache.path()));
    assert_eq!((code, output.as_str()), (2, ""));
    assert!(message.contains("apt install ffmpeg"), "{message}");
}

#[test]
fn a_video_that_is_missing_or_none_is_refused_by_name() {
    if !has_ffmpeg() {
        return;
    }
    let folder = folder(of_action);
    let recording = recordings()[1];
    let path = folder.path().join(of_action(&recording)).join(recording.file_name());
    let sound = std::fs::read(&path).unwrap();
    for wrong in [&b"no video at all"[..], b"", &sound[..400]] {
        std::fs::write(&path, wrong).unwrap();
        match read(folder.path(), SMALL).0.unwrap_err() {
            Error::Format { path: named, line: None, problem } => {
                assert_eq!(named, path);
                assert!(problem.contains("ffmpeg says"), "{problem}");
            }
            other => panic!("{other}"),
        }
    }
    std::fs::remove_file(&path).unwrap();
    let error = read(folder.path(), SMALL).0.unwrap_err();
    assert!(matches!(error, Error::Configuration { .. }), "{error}");
    assert!(error.to_string().contains("person25_boxing_d4; `fernn data fetch kth"), "{error}");
    std::fs::write(&path, &sound).unwrap();
    for extents in [(0, 3), (25, 34), (24, 35), (1 << 40, 1 << 40)] {
        let error = read(folder.path(), extents).0.unwrap_err();
        assert!(matches!(error, Error::Configuration { .. }), "{error}");
    }
    let part = folder.path().join("00sequences.txt");
    std::fs::remove_file(part).unwrap();
    let error = read(folder.path(), SMALL).0.unwrap_err().to_string();
    assert!(error.contains("lacks 597 of the 599 videos"), "the published annotation: {error}");
}

#[test]
fn sources_find_each_data_set_in_the_folder_or_in_its_own_below_and_read_it_once() {
    let empty = tempfile::tempdir().unwrap();
    let sources = Sources::in_folder(empty.path());
    assert!(sources.footage(SMALL, Ranges::OneBased).unwrap().is_none());
    let mnist = empty.path().join("mnist");
    assert_eq!(sources.digits_folder().unwrap(), empty.path());
    let torchvision = empty.path().join("MNIST/raw");
    std::fs::create_dir_all(&torchvision).unwrap();
    std::fs::write(torchvision.join(FILES[1].name), "").unwrap();
    assert_eq!(sources.digits_folder().unwrap(), torchvision);
    std::fs::create_dir(&mnist).unwrap();
    std::fs::write(mnist.join(FILES[2].name), "").unwrap();
    assert_eq!(sources.digits_folder().unwrap(), mnist);
    std::fs::write(empty.path().join(FILES[0].name), "").unwrap();
    assert_eq!(sources.digits_folder().unwrap(), empty.path());
    // A part of KTH is not nothing.
    std::fs::create_dir_all(empty.path().join("kth/jogging")).unwrap();
    sources.footage(SMALL, Ranges::OneBased).unwrap_err();
    if !has_ffmpeg() {
        return;
    }
    let folder = folder(|recording| Path::new("kth").join(of_action(recording)));
    let annotation = |inside: &str| folder.path().join(inside).join("00sequences.txt");
    std::fs::rename(annotation(""), annotation("kth")).unwrap();
    let sources = Sources::in_folder(folder.path());
    let clone = sources.clone();
    let one = sources.footage(SMALL, Ranges::OneBased).unwrap().unwrap();
    std::fs::remove_dir_all(folder.path()).unwrap();
    let again = clone.footage(SMALL, Ranges::OneBased).unwrap().unwrap();
    assert!(Arc::ptr_eq(&one, &again));
    let zero = clone.footage(SMALL, Ranges::ZeroBased).unwrap().unwrap();
    assert!(std::ptr::eq(one.videos(), zero.videos()));
    assert!(clone.footage((3, 3), Ranges::OneBased).unwrap().is_none(), "nothing is there now");
}
