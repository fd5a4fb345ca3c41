//! The IDX format of MNIST, gzipped or not, and the digests of the four published files.

use crate::digest::sha256_hex;
use crate::error::{Error, Result};
use flate2::bufread::GzDecoder;
use std::io::Read;
use std::path::{Path, PathBuf};

/// One of MNIST's four files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdxFile {
    /// The published name without `.gz`.
    pub name: &'static str,
    /// Images or labels in it.
    pub count: usize,
    /// SHA-256 of the uncompressed content.
    pub sha256: &'static str,
}

/// The four files of MNIST: train images and labels, test images and labels.
///
/// Digests are of the uncompressed content, so that they do not depend on who compressed it.
pub const FILES: [IdxFile; 4] = [
    IdxFile {
        name: "train-images-idx3-ubyte",
        count: 60_000,
        sha256: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    },
    IdxFile {
        name: "train-labels-idx1-ubyte",
        count: 60_000,
        sha256: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    },
    IdxFile {
        name: "t10k-images-idx3-ubyte",
        count: 10_000,
        sha256: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    },
    IdxFile {
        name: "t10k-labels-idx1-ubyte",
        count: 10_000,
        sha256: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    },
];

impl IdxFile {
    /// The file in `folder`, gzipped or not.
    ///
    /// It may be called as published, `train-images-idx3-ubyte`, or as unpackers call it,
    /// `train-images.idx3-ubyte`, and lie in a folder of that name. Where there are several, the first
    /// of the published name is taken, gzipped before plain.
    ///
    /// # Errors
    /// [`Error::Io`] naming the folder's file that is missing.
    pub fn find(&self, folder: &Path) -> Result<PathBuf> {
        let dotted = self.name.replace("-idx", ".idx");
        let spellings = [self.name, &dotted];
        let files = spellings.iter().flat_map(|name| [format!("{name}.gz"), name.to_string()]);
        let inside = spellings
            .iter()
            .flat_map(|name| [format!("{name}/{name}.gz"), format!("{name}/{name}")]);
        let mut paths = files.chain(inside).map(|name| folder.join(name));
        paths.find(|path| path.is_file()).ok_or_else(|| {
            let reason = format!(
                "not there, with or without .gz, nor as {dotted}; `fernn data fetch` downloads it"
            );
            let source = std::io::Error::new(std::io::ErrorKind::NotFound, reason);
            Error::Io { path: folder.join(format!("{}.gz", self.name)), source }
        })
    }

    /// Whether uncompressed content is the published one.
    pub fn is_published(&self, content: &[u8]) -> bool {
        sha256_hex(content) == self.sha256
    }
}

/// What the members of a gzip file hold, one after the other. Zeros behind the last one, as tapes and blocks of disks
/// leave them, are no part of it.
struct Members<'a>(GzDecoder<&'a [u8]>);

impl Read for Members<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        loop {
            let count = self.0.read(buffer)?;
            let rest = *self.0.get_ref();
            if count > 0 || buffer.is_empty() || rest.iter().all(|&byte| byte == 0) {
                return Ok(count);
            }
            self.0 = GzDecoder::new(rest);
        }
    }
}

/// Reads a file, and decompresses it when it begins like a gzip file.
pub fn read_maybe_gzipped(path: &Path) -> Result<Vec<u8>> {
    let bytes = std::fs::read(path).map_err(Error::io(path))?;
    gunzip_if_needed(bytes, path)
}

/// Decompresses bytes that begin like a gzip file and returns others as they are.
///
/// No more is decompressed than the header of an IDX file promises and a byte, and of other content than
/// [`MOST_BYTES`]: a small file may hold far more than memory does.
pub(crate) fn gunzip_if_needed(bytes: Vec<u8>, path: &Path) -> Result<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Ok(bytes);
    }
    let mut stream = Members(GzDecoder::new(bytes.as_slice()));
    let mut content = Vec::new();
    let mut read = |most: u64, content: &mut Vec<u8>| {
        stream.by_ref().take(most).read_to_end(content).map_err(|e| {
            refuse(path, "damaged gzip stream", "a complete gzip file".into(), e.to_string())
        })
    };
    read(LONGEST_HEADER, &mut content)?;
    let promised = promised_bytes(&content).unwrap_or(MOST_BYTES);
    if promised > MOST_BYTES {
        let most = format!("at most {MOST_BYTES} bytes");
        return Err(refuse(path, "too large", most, format!("{promised} bytes")));
    }
    read(promised + 1 - (content.len() as u64).min(promised), &mut content)?;
    match content.len() as u64 > MOST_BYTES {
        true => {
            Err(refuse(path, "too large", format!("at most {MOST_BYTES} bytes"), "more".into()))
        }
        false => Ok(content),
    }
}

/// The most bytes that are decompressed: 4 GiB, eighty times MNIST.
const MOST_BYTES: u64 = 4 << 30;
/// The longest header of an IDX file: of four extents.
const LONGEST_HEADER: u64 = 20;

/// The length that the header of an IDX file of bytes promises, where it is one.
fn promised_bytes(begin: &[u8]) -> Option<u64> {
    let [0, 0, 8, extents @ 1..=4] = *begin.first_chunk()? else { return None };
    let words = begin.get(4..4 * (usize::from(extents) + 1))?.chunks_exact(4);
    let extents = words.map(|word| u64::from(u32::from_be_bytes(word.try_into().expect("four"))));
    let items = extents.clone().fold(1, u64::saturating_mul);
    Some(items.saturating_add(4 * (extents.len() as u64 + 1)))
}

/// The most pixels along a side of an image.
const MOST_PIXELS: usize = 4096;

/// Parses an IDX image file into the (height, width) of its images and their pixels, row by row, image after
/// image.
///
/// # Errors
/// [`Error::Idx`] for a wrong magic number, count or size, and for truncated or trailing bytes;
/// `count` is what the header must say, where it is known.
pub fn parse_images(
    bytes: &[u8],
    count: Option<usize>,
    path: &Path,
) -> Result<((usize, usize), Vec<u8>)> {
    let [images, rows, columns] = header(bytes, 0x0803, path)?;
    for (what, extent) in [("wrong number of rows", rows), ("wrong number of columns", columns)] {
        if !(1..=MOST_PIXELS).contains(&extent) {
            return Err(refuse(path, what, format!("1 to {MOST_PIXELS}"), extent.to_string()));
        }
    }
    if images == 0 {
        return Err(refuse(path, "no image", "at least one".into(), "0".into()));
    }
    Ok(((rows, columns), body(bytes, 16, (images, rows * columns), count, path)?))
}

/// Parses an IDX label file. Errors as [`parse_images`].
pub fn parse_labels(bytes: &[u8], count: Option<usize>, path: &Path) -> Result<Vec<u8>> {
    let [labels] = header(bytes, 0x0801, path)?;
    body(bytes, 8, (labels, 1), count, path)
}

fn refuse(path: &Path, problem: &'static str, expected: String, got: String) -> Error {
    Error::Idx { path: path.to_path_buf(), problem, expected, got }
}

/// Checks the magic number and reads the big-endian extents.
fn header<const N: usize>(bytes: &[u8], magic: u32, path: &Path) -> Result<[usize; N]> {
    let word = |i: usize| {
        let bytes: [u8; 4] = bytes[4 * i..4 * i + 4].try_into().expect("four bytes");
        u32::from_be_bytes(bytes)
    };
    let length = 4 * (N + 1);
    if bytes.len() < length {
        let expected = format!("at least {length} bytes");
        return Err(refuse(path, "truncated header", expected, format!("{} bytes", bytes.len())));
    }
    if word(0) != magic {
        let (expected, got) = (format!("{magic:#010x}"), format!("{:#010x}", word(0)));
        return Err(refuse(path, "wrong magic number", expected, got));
    }
    Ok(std::array::from_fn(|i| word(i + 1) as usize))
}

/// The items after the header, which must end the file exactly.
fn body(
    bytes: &[u8],
    start: usize,
    (items, size): (usize, usize),
    count: Option<usize>,
    path: &Path,
) -> Result<Vec<u8>> {
    if let Some(count) = count.filter(|&count| count != items) {
        return Err(refuse(
            path,
            "wrong count in the header",
            count.to_string(),
            items.to_string(),
        ));
    }
    let (expected, got) = (start.saturating_add(items.saturating_mul(size)), bytes.len());
    if got != expected {
        let problem = if got < expected { "truncated file" } else { "trailing bytes" };
        return Err(refuse(path, problem, format!("{expected} bytes"), format!("{got} bytes")));
    }
    Ok(bytes[start..].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(magic: u32, count: u32, rows: u32, pixels: usize) -> Vec<u8> {
        let mut bytes: Vec<u8> =
            [magic, count, rows, 28].iter().flat_map(|word| word.to_be_bytes()).collect();
        bytes.extend((0..pixels).map(|i| (i % 251) as u8));
        bytes
    }

    fn problem<T>(result: Result<T>) -> &'static str {
        match result {
            Err(Error::Idx { problem, .. }) => problem,
            _ => panic!("expected an IDX error"),
        }
    }

    #[test]
    fn no_more_is_decompressed_than_the_header_promises() {
        let zipped = |bytes: &[u8]| {
            let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            std::io::Write::write_all(&mut zip, bytes).unwrap();
            zip.finish().unwrap()
        };
        let unzipped = |zipped: Vec<u8>| gunzip_if_needed(zipped, Path::new("x"));
        let mut bytes = images(0x0803, 2, 28, 2 * 784);
        assert_eq!(unzipped(zipped(&bytes)).unwrap(), bytes);
        // In two members, as programs that append write it.
        let (head, tail) = bytes.split_at(700);
        let members = [zipped(head), zipped(tail)].concat();
        assert_eq!(unzipped(members.clone()).unwrap(), bytes);
        // Filled up with zeros to a block, as tapes are; with anything else it is damaged.
        assert_eq!(unzipped([&members[..], &[0; 512]].concat()).unwrap(), bytes);
        let foreign = [&members[..], &[0; 8], b"more"].concat();
        assert_eq!(problem(unzipped(foreign)), "damaged gzip stream");
        bytes.extend(vec![0; 1 << 20]);
        let read = unzipped(zipped(&bytes)).unwrap();
        assert_eq!(read.len(), 16 + 2 * 784 + 1, "one too many, of a megabyte");
        let parsed = parse_images(&read, Some(2), Path::new("x"));
        assert_eq!(problem(parsed), "trailing bytes");
        let terabytes = images(0x0803, u32::MAX, 4096, 100);
        assert_eq!(problem(unzipped(zipped(&terabytes))), "too large");
        assert_eq!(unzipped(zipped(b"short")).unwrap(), b"short");
    }

    #[test]
    fn a_sound_file_gives_its_pixels() -> Result<()> {
        let bytes = images(0x0803, 2, 28, 2 * 784);
        let (extents, pixels) = parse_images(&bytes, Some(2), Path::new("x"))?;
        assert_eq!((extents, &pixels[..]), ((28, 28), &bytes[16..]));
        let bytes = images(0x0803, 3, 5, 3 * 5 * 28);
        let (extents, pixels) = parse_images(&bytes, None, Path::new("x"))?;
        assert_eq!((extents, &pixels[..]), ((5, 28), &bytes[16..]));
        Ok(())
    }

    #[test]
    fn every_defect_of_a_file_is_named() {
        let path = Path::new("x");
        assert_eq!(problem(parse_images(&[0; 7], None, path)), "truncated header");
        let labels = images(0x0801, 1, 28, 784);
        assert_eq!(problem(parse_images(&labels, None, path)), "wrong magic number");
        let flat = images(0x0803, 1, 0, 0);
        assert_eq!(problem(parse_images(&flat, None, path)), "wrong number of rows");
        assert_eq!(problem(parse_images(&images(0x0803, 0, 28, 0), None, path)), "no image");
        let short = images(0x0803, 2, 28, 2 * 784 - 1);
        assert_eq!(problem(parse_images(&short, None, path)), "truncated file");
        let long = images(0x0803, 2, 28, 2 * 784 + 1);
        assert_eq!(problem(parse_images(&long, None, path)), "trailing bytes");
        let two = images(0x0803, 2, 28, 2 * 784);
        assert_eq!(problem(parse_images(&two, Some(3), path)), "wrong count in the header");
        let two_labels: Vec<u8> = [0, 0, 8, 1, 0, 0, 0, 2, 10].to_vec();
        assert_eq!(problem(parse_labels(&two_labels, None, path)), "truncated file");
    }

    #[test]
    fn files_are_found_under_the_names_that_unpackers_give_them() -> Result<()> {
        let names = [
            "train-images-idx3-ubyte.gz",
            "train-images-idx3-ubyte",
            "train-images.idx3-ubyte.gz",
            "train-images.idx3-ubyte",
            "train-images-idx3-ubyte/train-images-idx3-ubyte",
            "train-images.idx3-ubyte/train-images.idx3-ubyte",
        ];
        for name in names {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join(name);
            crate::atomic_file::write_atomically(&path, b"content")?;
            assert_eq!(FILES[0].find(folder.path())?, path);
            // Labels are no images, whatever their name.
            let error = FILES[1].find(folder.path()).expect_err("another file");
            assert!(matches!(&error, Error::Io { path, .. } if path.starts_with(folder.path())));
        }
        Ok(())
    }

    #[test]
    fn a_cut_gzip_stream_is_refused() {
        use std::io::Write;
        let mut encoder = flate2::write::GzEncoder::new(vec![], flate2::Compression::best());
        encoder.write_all(&images(0x0803, 2, 28, 2 * 784)).expect("writes to memory");
        let bytes = encoder.finish().expect("writes to memory");
        let cut = bytes[..bytes.len() - 9].to_vec();
        assert_eq!(problem(gunzip_if_needed(cut, Path::new("x"))), "damaged gzip stream");
    }
}
