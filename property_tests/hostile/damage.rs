//! What happens to a file on its way: bytes that flip, go, come, are cut off, and numbers beyond all measure.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// Numbers that a text holds in the place of its own.
const NUMBERS: [&str; 16] = [
    "0",
    "-1",
    "1",
    "255",
    "65536",
    "2147483647",
    "-2147483648",
    "4294967295",
    "9223372036854775807",
    "18446744073709551615",
    "1e308",
    "-1e308",
    "1e-320",
    "NaN",
    "-inf",
    "340282350000000000000000000000000000000",
];

/// The same as the bytes of a binary number.
const WORDS: [u64; 9] = [
    0,
    1,
    u64::MAX,
    i64::MAX as u64,
    i32::MAX as u64,
    u32::MAX as u64,
    0x7ff8_0000_7fc0_0000, // NaN as f64, and as f32 behind it
    1 << 40,
    100_000_000, // the longest header of a safetensors file
];

/// One change of a file.
#[derive(Clone, Debug)]
pub enum Damage {
    Flip { at: Index, bit: u8 },
    Put { at: Index, byte: u8 },
    Delete { at: Index, most: usize },
    Insert { at: Index, bytes: Vec<u8> },
    Repeat { at: Index, most: usize, to: Index },
    Splice { from: Index, most: usize, to: Index },
    Cut { at: Index },
    Number { which: Index, by: usize },
    Word { at: Index, bytes: usize, by: usize, is_big_endian: bool },
    Line { at: Index, to: Index },
}

/// A few changes, one after the other.
pub fn damages() -> impl Strategy<Value = Vec<Damage>> {
    let at = any::<Index>;
    let one = prop_oneof![
        1 => (at(), 0..8u8).prop_map(|(at, bit)| Damage::Flip { at, bit }),
        1 => (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Put { at, byte }),
        1 => (at(), 1..40usize).prop_map(|(at, most)| Damage::Delete { at, most }),
        1 => (at(), vec(any::<u8>(), 1..12)).prop_map(|(at, bytes)| Damage::Insert { at, bytes }),
        1 => (at(), 1..200usize, at()).prop_map(|(at, most, to)| Damage::Repeat { at, most, to }),
        1 => (at(), 1..200usize, at()).prop_map(|(from, most, to)| Damage::Splice { from, most, to }),
        1 => at().prop_map(|at| Damage::Cut { at }),
        3 => (at(), 0..NUMBERS.len()).prop_map(|(which, by)| Damage::Number { which, by }),
        2 => (at(), 0..4u32, 0..WORDS.len(), any::<bool>()).prop_map(|(at, power, by, is_big_endian)| {
            Damage::Word { at, bytes: 1 << power, by, is_big_endian }
        }),
        2 => (at(), at()).prop_map(|(at, to)| Damage::Line { at, to }),
    ];
    vec(one, 1..5)
}

/// The bytes with all changes made; `other` is a file of which parts may come.
pub fn damaged(bytes: &[u8], other: &[u8], changes: &[Damage]) -> Vec<u8> {
    changes.iter().fold(bytes.to_vec(), |bytes, change| change.make(bytes, other))
}

/// A stretch of at most so many bytes.
fn stretch(bytes: &[u8], at: &Index, most: usize) -> std::ops::Range<usize> {
    let start = at.index(bytes.len() + 1);
    start..(start + most).min(bytes.len())
}

impl Damage {
    fn make(&self, mut bytes: Vec<u8>, other: &[u8]) -> Vec<u8> {
        if bytes.is_empty() {
            return other.to_vec();
        }
        let place = |at: &Index| at.index(bytes.len());
        match self {
            Self::Flip { at, bit } => {
                let at = place(at);
                bytes[at] ^= 1 << bit;
            }
            Self::Put { at, byte } => {
                let at = place(at);
                bytes[at] = *byte;
            }
            Self::Delete { at, most } => drop(bytes.drain(stretch(&bytes, at, *most))),
            Self::Insert { at, bytes: new } => insert(&mut bytes, at, new),
            Self::Repeat { at, most, to } => {
                let part = bytes[stretch(&bytes, at, *most)].to_vec();
                insert(&mut bytes, to, &part);
            }
            Self::Splice { from, most, to } => {
                let part = &other[stretch(other, from, *most)];
                let start = place(to);
                let end = (start + part.len()).min(bytes.len());
                bytes.splice(start..end, part.iter().copied());
            }
            Self::Cut { at } => bytes.truncate(place(at)),
            Self::Number { which, by } => return with_number(&bytes, which, NUMBERS[*by]),
            Self::Word { at, bytes: length, by, is_big_endian } => {
                let word = WORDS[*by];
                let (big, small) = (word.to_be_bytes(), word.to_le_bytes());
                let word = if *is_big_endian { &big[8 - length..] } else { &small[..*length] };
                let range = stretch(&bytes, at, *length);
                let word = &word[..range.len()];
                bytes[range].copy_from_slice(word);
            }
            Self::Line { at, to } => return with_line(&bytes, at, to),
        }
        bytes
    }
}

fn insert(bytes: &mut Vec<u8>, at: &Index, new: &[u8]) {
    let at = at.index(bytes.len() + 1);
    bytes.splice(at..at, new.iter().copied());
}

/// The text with another number in the place of one of its own, where it has any.
fn with_number(bytes: &[u8], which: &Index, new: &str) -> Vec<u8> {
    let is_part = |byte: u8| byte.is_ascii_digit() || byte == b'.';
    let starts: Vec<usize> = (0..bytes.len())
        .filter(|&i| bytes[i].is_ascii_digit() && (i == 0 || !is_part(bytes[i - 1])))
        .collect();
    if starts.is_empty() {
        return bytes.to_vec();
    }
    let start = starts[which.index(starts.len())];
    let length = bytes[start..].iter().take_while(|&&byte| is_part(byte)).count();
    [&bytes[..start], new.as_bytes(), &bytes[start + length..]].concat()
}

/// The text with one of its lines once more before another.
fn with_line(bytes: &[u8], at: &Index, to: &Index) -> Vec<u8> {
    let mut lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    let (at, to) = (at.index(lines.len()), to.index(lines.len()));
    lines.insert(to, lines[at]);
    lines.concat()
}
