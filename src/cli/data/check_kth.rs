//! Whether a folder's videos and their annotation are KTH.

use super::check_mnist::yes;
use fernn::Error;
use fernn::data::kth::Annotation;
use fernn::data::{Action, Division, Footage, KthFootage, KthVideos, Ranges, Sources};

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
    let is_counted = check_counts(annotation)?;
    print_actions(footage.videos())?;
    let is_sound = check_decoding(&footage)?;
    Ok(annotation.is_published() && is_counted && is_sound)
}

/// Prints the clips of each split; whether they are as many as published.
fn check_counts(annotation: &Annotation) -> anyhow::Result<bool> {
    let mut is_fine = true;
    for (division, name, published) in PUBLISHED {
        let counts = annotation.counts(division, MINIMUM);
        let [train, validation, test] = counts;
        let is_published = counts == published;
        outln!(
            "clips of {MINIMUM} frames or more, {name} division: {train} training, {validation} \
             validation, {test} test"
        )?;
        outln!("  as published: {}", yes(is_published))?;
        is_fine &= is_published;
    }
    Ok(is_fine)
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
    let complaints = footage.videos().complaints();
    outln!("frames of {height}×{width}: {}", footage.videos().cache())?;
    outln!("  clips cut short by the end of their video: {}", footage.shortened())?;
    outln!("  decoded without errors: {}", yes(complaints.is_empty()))?;
    Ok(complaints.is_empty())
}
