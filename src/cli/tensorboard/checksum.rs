//! The checksum of TensorFlow's records: CRC-32C (Castagnoli), masked.

/// What CRC-32C divides by, its bits in reverse order.
const POLYNOMIAL: u32 = 0x82F6_3B78;

/// The remainder of every byte.
const REMAINDERS: [u32; 256] = remainders();

const fn remainders() -> [u32; 256] {
    let mut all = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let (mut remainder, mut bit) = (byte as u32, 0);
        while bit < 8 {
            let divides = remainder & 1 == 1;
            remainder = (remainder >> 1) ^ if divides { POLYNOMIAL } else { 0 };
            bit += 1;
        }
        all[byte] = remainder;
        byte += 1;
    }
    all
}

fn crc32c(bytes: &[u8]) -> u32 {
    let add = |crc: u32, byte: &u8| (crc >> 8) ^ REMAINDERS[usize::from(crc as u8 ^ byte)];
    !bytes.iter().fold(!0, add)
}

/// The CRC-32C of bytes, turned and shifted, so that checksums of data that hold checksums are as good as others.
pub fn masked(bytes: &[u8]) -> u32 {
    crc32c(bytes).rotate_right(15).wrapping_add(0xA282_EAD8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checksums_are_those_that_were_published() {
        assert_eq!(crc32c(b"123456789"), 0xE306_9283, "the check value of the catalogue");
        // RFC 3720, B.4.
        assert_eq!(crc32c(&[0; 32]), 0x8A91_36AA);
        assert_eq!(crc32c(&[0xFF; 32]), 0x62A8_AB43);
        assert_eq!(crc32c(b""), 0);
    }
}
