//! A training curve in the bytes of an event file: TensorFlow's records, each of which is an `Event` of its
//! protocol buffers.

use super::checksum::masked;
use fernn::training::CurvePoint;

/// The tag of the mean training loss since the last evaluation.
const TRAIN_LOSS: &str = "loss/train";
/// The tag of the score on the validation split, by which the best weights are chosen: a loss, or an accuracy.
const SCORE: &str = "score/validation";
/// What the first event says of all.
const FILE_VERSION: &str = "brain.Event:2";

/// The event file of a curve. The file of a longer curve begins with the same bytes.
///
/// Events have no wall time: a curve is a function of seed and settings, and so is its file.
pub fn event_file(curve: &[CurvePoint]) -> Vec<u8> {
    let mut file = record(&field_of_bytes(3, FILE_VERSION.as_bytes())); // Event.file_version
    for point in curve {
        let values = [(TRAIN_LOSS, point.train_loss), (SCORE, point.score)];
        let summary =
            values.map(|(tag, value)| field_of_bytes(1, &summary_value(tag, value))).concat();
        let event = [field_of_integer(2, point.step), field_of_bytes(5, &summary)].concat(); // Event.step, .summary
        file.extend(record(&event));
    }
    file
}

/// `Summary.Value` with its tag and `simple_value`.
fn summary_value(tag: &str, value: f64) -> Vec<u8> {
    [field_of_bytes(1, tag.as_bytes()), field_of_float(2, value as f32)].concat()
}

/// A record: length, its checksum, the bytes, their checksum, all little-endian.
fn record(bytes: &[u8]) -> Vec<u8> {
    let length = (bytes.len() as u64).to_le_bytes();
    let (of_length, of_bytes) = (masked(&length).to_le_bytes(), masked(bytes).to_le_bytes());
    [&length, &of_length[..], bytes, &of_bytes].concat()
}

/// A field of bytes, of text or of another message: wire type 2.
fn field_of_bytes(number: u64, bytes: &[u8]) -> Vec<u8> {
    [varint(number << 3 | 2), varint(bytes.len() as u64), bytes.to_vec()].concat()
}

/// A field of an integer that is not negative: wire type 0.
fn field_of_integer(number: u64, value: u64) -> Vec<u8> {
    [varint(number << 3), varint(value)].concat()
}

/// A field of a float: wire type 5.
fn field_of_float(number: u64, value: f32) -> Vec<u8> {
    [varint(number << 3 | 5), value.to_le_bytes().to_vec()].concat()
}

/// Seven bits a byte, the lowest first; all but the last have the eighth.
fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_has_the_bytes_that_the_protocol_says() {
        let event = [&b"\x1a\x0dbrain.Event:2"[..]].concat();
        assert_eq!(field_of_bytes(3, FILE_VERSION.as_bytes()), event);
        assert_eq!(field_of_integer(2, 300), [0x10, 0xAC, 0x02]);
        assert_eq!(field_of_float(2, 1.0), [0x15, 0, 0, 0x80, 0x3F]);
        assert_eq!(varint(u64::MAX).len(), 10);
        // What every event file begins with, but for its wall time.
        let first = event_file(&[]);
        assert_eq!(first[..8], 15u64.to_le_bytes());
        assert_eq!((first.len(), &first[12..27]), (15 + 16, &event[..]));
    }

    #[test]
    fn the_file_of_a_longer_curve_begins_with_that_of_a_shorter_one() {
        let point = |step| CurvePoint { step, train_loss: 0.5, score: 1.0 / step as f64 };
        let curve: Vec<CurvePoint> = (1..300).map(point).collect();
        let whole = event_file(&curve);
        for length in [0, 1, 127, 128, 299] {
            assert!(whole.starts_with(&event_file(&curve[..length])));
        }
    }
}
