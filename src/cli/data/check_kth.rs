//! Whether a folder's videos and their annotation are KTH.

use super::check_mnist::yes;
use fernn::Error;
use fernn::data::kth::Annotation;
use fernn::data::{Action, Clip, Division, Footage, KthFootage, KthVideos, Ranges, Sources, Split};

/// (Height, width) of the frames that the check decodes to: those of the paper's Moving KTH.
const EXTENTS: (usize, usize) = (32, 32);

/// The shortest clip that is counted: the 16 frames of the paper's public code, each the second.
const MINIMUM: usize = 16 * 2;

/// Clips of training, validation and test in the published annotation.
const PUBLISHED: [(Division, &str, [usize; 3]); 2] = [
    (Division::PublicCode, "public code", [1517, 380, 473]),
    (Division::Traditional, "traditional", [754, 758, 858]),
];

/// Prints what the folder's KTH is, decoding all videos unless that was done before; whether it is as
/// published.
pub(super) fn check_kth(sources: &Sources) -> anyhow::Result<bool> {
    let footage = sources.footage(EXTENTS, Ranges::default())?.ok_or_else(|| {
        Error::configuration(
            "`data check kth`",
            "finds nothing of KTH in the folder of --data-dir, nor in `kth` there",
            "`fernn data fetch kth --data-dir FOLDER` downloads it",
        )
    })?;
    let annotation = footage.videos().annotation();
    outln!("{}", footage.description())?;
    outln!("annotation {}: SHA-256 {}", Annotation::FILE_NAME, annotation.digest())?;
    outln!("  as published: {}", yes(annotation.is_published()))?;
    let is_counted = check_counts(&footage)?;
    print_actions(footage.videos())?;
    let is_sound = check_decoding(&footage)?;
    Ok(annotation.is_published() && is_counted && is_sound)
}

/// Prints the clips of each split, as the annotation has them and as the videos' lengths leave them;
/// whether the former are as many as published.
fn check_counts(footage: &KthFootage) -> anyhow::Result<bool> {
    let mut is_fine = true;
    for (division, name, published) in PUBLISHED {
        let counts = footage.videos().annotation().counts(division, MINIMUM);
        let is_published = counts == published;
        outln!("clips of {MINIMUM} frames or more, {name} division: {}", words(counts))?;
        outln!("  as published: {}", yes(is_published))?;
        outln!("  with the videos' lengths: {}", words(counts_of(footage.clips(), division)))?;
        is_fine &= is_published;
    }
    Ok(is_fine)
}

/// Clips of each split that are long enough.
fn counts_of(clips: &[Clip], division: Division) -> [usize; 3] {
    let is_of = |clip: &Clip, split| division.split(clip.person) == split && clip.length >= MINIMUM;
    Split::ALL.map(|split| clips.iter().filter(|clip| is_of(clip, split)).count())
}

fn words([train, validation, test]: [usize; 3]) -> String {
    format!("{train} training, {validation} validation, {test} test")
}

fn print_actions(videos: &KthVideos) -> anyhow::Result<()> {
    for action in Action::ALL {
        let of_action = videos.counts().filter(|(recording, _)| recording.action == action);
        let (count, frames) = of_action.fold((0, 0), |(n, all), (_, frames)| (n + 1, all + frames));
        outln!("{}: {count} videos, {frames} frames", action.name())?;
    }
    Ok(())
}

/// Prints where the frames are from and what is wrong with them; whether nothing is.
fn check_decoding(footage: &KthFootage) -> anyhow::Result<bool> {
    let (height, width) = footage.extents();
    let (is_sound, is_whole) = (footage.videos().complaints().is_empty(), footage.lost() == 0);
    outln!("frames of {height}×{width}: {}", footage.videos().cache())?;
    outln!("  clips cut short by the end of their video: {}", footage.shortened())?;
    outln!("  every clip begins before the end of its video: {}", yes(is_whole))?;
    outln!("  decoded without errors: {}", yes(is_sound))?;
    Ok(is_sound && is_whole)
}
