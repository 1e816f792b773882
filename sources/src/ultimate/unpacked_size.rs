//! The limits of size of a file: a small one may unpack to any length.

/// The most bytes of one file. A day of a million conversations has about two GiB.
const LARGEST: u64 = 16 << 30;
/// The most bytes to which one byte may unpack. JSON unpacks to 5 to 50; gzip itself makes at most 1032 of one.
const LARGEST_RATIO: u64 = 200;
/// The ratio counts from here on: a short file of few repeated words is harmless.
const RATIO_FROM: u64 = 64 << 20;

/// The bytes of a file so far, as they arrived and unpacked.
#[derive(Clone, Copy, Debug, Default)]
pub struct UnpackedSize {
    packed: u64,
    unpacked: u64,
}

impl UnpackedSize {
    /// Counts bytes that arrived.
    pub fn add_packed(&mut self, bytes: usize) {
        self.packed = self.packed.saturating_add(bytes as u64);
    }

    /// Counts bytes of the unpacked file.
    ///
    /// # Errors
    /// The limit that the file is over, as a predicate of the file.
    pub fn add_unpacked(&mut self, bytes: usize) -> Result<(), String> {
        self.unpacked = self.unpacked.saturating_add(bytes as u64);
        if self.unpacked > LARGEST {
            return Err(format!("unpacks to more than {} GiB, the limit of one file", LARGEST >> 30));
        }
        if self.unpacked > RATIO_FROM && self.unpacked > self.packed.saturating_mul(LARGEST_RATIO) {
            return Err(format!(
                "unpacks to {} MiB, more than {LARGEST_RATIO} times its length, which is the limit",
                self.unpacked >> 20
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_has_a_largest_size_and_a_largest_ratio() {
        let mut plain = UnpackedSize::default();
        for _ in 0..LARGEST >> 26 {
            plain.add_packed(1 << 26);
            plain.add_unpacked(1 << 26).unwrap();
        }
        assert!(plain.add_unpacked(1).unwrap_err().contains("more than 16 GiB"));

        let mut packed = UnpackedSize::default();
        packed.add_packed(1 << 10);
        packed.add_unpacked(1 << 26).unwrap();
        assert!(packed.add_unpacked(1).unwrap_err().contains("64 MiB, more than 200 times"));
        packed.add_packed(1 << 20);
        packed.add_unpacked(1).unwrap();
    }
}
