//! Decompresses a file. No header says whether a file is compressed; its first bytes do.

use crate::malformed::malformed;
use domain::fault::Fault;
use flate2::write::MultiGzDecoder;
use std::io::Write;

/// The first bytes of a gzip file.
const GZIP: [u8; 2] = [0x1F, 0x8B];
/// The parser gets pieces of this many bytes at most.
const PIECE: usize = 16 * 1024;

/// A file that is being decompressed.
pub enum Decompressor {
    /// The file is not compressed.
    Plain,
    /// The file is compressed with gzip.
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
}

impl Decompressor {
    /// The decompressor for a file with these first bytes; `None` while there are too few.
    pub fn detect(first: &[u8], is_last: bool) -> Option<Self> {
        match first.get(..GZIP.len()) {
            Some(first) if first == GZIP => Some(Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))),
            None if !is_last => None,
            _ => Some(Self::Plain),
        }
    }

    /// How many bytes to decompress at a time, so that the result has some 500 KiB at most: gzip makes at most 1032
    /// bytes of one.
    pub fn input_size(&self) -> usize {
        match self {
            Self::Plain => PIECE,
            Self::Gzip(_) => 512,
        }
    }

    /// Decompresses the next bytes, and gives the result to `output` in pieces.
    pub fn push(&mut self, bytes: &[u8], mut output: impl FnMut(&[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
        match self {
            Self::Plain => output(bytes),
            Self::Gzip(decoder) => {
                decoder.write_all(bytes).map_err(|_| damaged())?;
                drain(decoder.get_mut(), output)
            }
        }
    }

    /// Ends the file. A compressed file says itself where it ends.
    pub fn finish(&mut self, output: impl FnMut(&[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
        match self {
            Self::Plain => Ok(()),
            Self::Gzip(decoder) => {
                decoder.try_finish().map_err(|_| damaged())?;
                drain(decoder.get_mut(), output)
            }
        }
    }
}

fn drain(bytes: &mut Vec<u8>, mut output: impl FnMut(&[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
    let result = bytes.chunks(PIECE).try_for_each(&mut output);
    bytes.clear();
    result
}

fn damaged() -> Fault {
    malformed("a gzip file that is cut off or damaged")
}
