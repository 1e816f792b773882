//! A file as it is, or unpacked where it is packed; no header says which.

use domain::fault::Fault;
use flate2::write::MultiGzDecoder;
use std::io::Write;

/// What a packed file begins with.
const MAGIC: [u8; 2] = [0x1F, 0x8B];

/// How a file is packed.
pub enum Unpack {
    /// Not at all.
    Plain,
    /// By gzip.
    Gzip(Box<MultiGzDecoder<Vec<u8>>>),
}

impl Unpack {
    /// As the file's first bytes say; `None` while they are too few.
    pub fn of(first: &[u8], is_last: bool) -> Option<Self> {
        match first.get(..MAGIC.len()) {
            Some(first) if first == MAGIC => Some(Self::Gzip(Box::new(MultiGzDecoder::new(Vec::new())))),
            None if !is_last => None,
            _ => Some(Self::Plain),
        }
    }

    /// How many bytes to unpack at once, so that what comes out has some 500 KiB at most: gzip cannot make a byte of
    /// more than 1032.
    pub fn bite(&self) -> usize {
        match self {
            Self::Plain => 16 * 1024,
            Self::Gzip(_) => 512,
        }
    }

    /// Unpacks the next bytes and gives out what has come of them.
    pub fn unpack(&mut self, bytes: &[u8], mut out: impl FnMut(&[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
        match self {
            Self::Plain => out(bytes),
            Self::Gzip(decoder) => {
                decoder.write_all(bytes).map_err(|_| broken())?;
                give(decoder.get_mut(), out)
            }
        }
    }

    /// The file is over: gives out what is left. A packed file says itself where it ends.
    pub fn finish(&mut self, out: impl FnMut(&[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
        match self {
            Self::Plain => Ok(()),
            Self::Gzip(decoder) => {
                decoder.try_finish().map_err(|_| broken())?;
                give(decoder.get_mut(), out)
            }
        }
    }
}

fn give(made: &mut Vec<u8>, mut out: impl FnMut(&[u8]) -> Result<(), Fault>) -> Result<(), Fault> {
    let given = made.chunks(16 * 1024).try_for_each(&mut out);
    made.clear();
    given
}

fn broken() -> Fault {
    Fault::Malformed("a packed file that is cut off or damaged".to_owned())
}
