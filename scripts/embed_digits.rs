//! Draws the digits that the crate embeds from the full MNIST set:
//! `cargo run --release --example embed_digits -- FOLDER`, once, by a maintainer.

use fernn::data::{Digits, FILES, parse_images, parse_labels, read_maybe_gzipped};
use flate2::{Compression, write::GzEncoder};
use std::io::Write;
use std::path::Path;

fn main() -> anyhow::Result<()> {
    let folder =
        std::env::args().nth(1).ok_or_else(|| anyhow::anyhow!("usage: embed_digits FOLDER"))?;
    let target = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/data/embedded"));
    let mut indices = String::from("split,index\n");
    for (split, per_class, [images, labels]) in
        [("train", 500, [FILES[0], FILES[1]]), ("test", 100, [FILES[2], FILES[3]])]
    {
        let (image_path, label_path) =
            (images.find(folder.as_ref())?, labels.find(folder.as_ref())?);
        let (_, pixels) =
            parse_images(&read_maybe_gzipped(&image_path)?, Some(images.count), &image_path)?;
        let digits =
            parse_labels(&read_maybe_gzipped(&label_path)?, Some(labels.count), &label_path)?;
        let chosen = Digits::draw_balanced(&digits, per_class, &format!("embed/{split}"));
        let chosen_pixels = chosen.iter().flat_map(|&i| pixels[i * 784..][..784].to_vec());
        let chosen_labels = chosen.iter().map(|&i| digits[i]);
        let count = chosen.len() as u32;
        write(target, images.name, &[0x0803, count, 28, 28], chosen_pixels.collect())?;
        write(target, labels.name, &[0x0801, count], chosen_labels.collect())?;
        chosen.iter().for_each(|i| indices += &format!("{split},{i}\n"));
    }
    std::fs::write(target.join("source_indices.csv"), indices)?;
    Ok(())
}

fn write(folder: &Path, name: &str, header: &[u32], body: Vec<u8>) -> anyhow::Result<()> {
    let file = std::fs::File::create(folder.join(format!("{name}.gz")))?;
    let mut encoder = GzEncoder::new(file, Compression::best());
    header.iter().try_for_each(|word| encoder.write_all(&word.to_be_bytes()))?;
    encoder.write_all(&body)?;
    encoder.finish()?;
    Ok(())
}
