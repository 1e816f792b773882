//! A CSV file's rows, chunk by chunk. At most one row is in memory.

use crate::quote::malformed;
use domain::fault::Fault;

/// The longest row: 500 rows of an answer are at most four times as long.
const ROW: usize = 8 * 1024 * 1024;
/// A byte order mark, which Excel puts first.
pub const MARK: &[u8] = b"\xEF\xBB\xBF";
/// What may stand between cells.
pub const DELIMITERS: [u8; 3] = [b',', b';', b'\t'];

/// A file that is being cut into rows.
#[derive(Debug)]
pub struct Lines {
    /// What stands between cells; `None` until the first row has told.
    pub delimiter: Option<u8>,
    row: Vec<u8>,
    place: Place,
    /// Whether the byte before was a carriage return that ended a row.
    is_after_return: bool,
    is_first: bool,
    line: u64,
    began: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    CellStart,
    Plain,
    Quoted,
    /// After a quote inside a quoted cell: its end, or one half of a quote.
    Quote,
}

/// The last row, where no line end follows it.
#[derive(Debug)]
pub struct Rest {
    /// As it came.
    pub row: Vec<u8>,
    /// The line on which it began.
    pub line: u64,
    /// Whether it ends inside quotes.
    pub is_open: bool,
}

impl Lines {
    /// A file of which nothing is read yet.
    pub fn new() -> Self {
        let (row, place) = (Vec::new(), Place::CellStart);
        Self { delimiter: None, row, place, is_after_return: false, is_first: true, line: 1, began: 1 }
    }

    /// Takes one byte. The row that it ends, and the line on which that row began; empty lines are none.
    pub fn push(&mut self, byte: u8) -> Result<Option<(Vec<u8>, u64)>, Fault> {
        if std::mem::take(&mut self.is_after_return) && byte == b'\n' {
            self.began = self.line;
            return Ok(None);
        }
        let is_end = matches!(byte, b'\n' | b'\r') && self.place != Place::Quoted;
        // Inside quotes a return with a line feed is one line end too; returns alone are none there.
        self.line += u64::from(byte == b'\n' || is_end);
        if is_end {
            self.is_after_return = byte == b'\r';
            self.place = Place::CellStart;
            let row = std::mem::take(&mut self.row);
            let began = std::mem::replace(&mut self.began, self.line);
            self.is_first &= row.is_empty();
            return Ok((!row.is_empty()).then_some((row, began)));
        }
        if self.row.len() >= ROW {
            return Err(malformed("a row longer than any message; is a quote left open?"));
        }
        self.place = self.next(byte);
        self.row.push(byte);
        Ok(None)
    }

    fn next(&self, byte: u8) -> Place {
        let is_mark = self.is_first && MARK.get(self.row.len()) == Some(&byte);
        let is_delimiter = self.delimiter.map_or(DELIMITERS.contains(&byte), |delimiter| delimiter == byte);
        match (self.place, byte) {
            (Place::CellStart, _) if is_mark => Place::CellStart,
            (Place::Quoted, b'"') => Place::Quote,
            (Place::CellStart | Place::Quote, b'"') | (Place::Quoted, _) => Place::Quoted,
            _ if is_delimiter => Place::CellStart,
            _ => Place::Plain,
        }
    }

    /// The file is over.
    pub fn finish(&mut self) -> Option<Rest> {
        let row = std::mem::take(&mut self.row);
        (!row.is_empty()).then_some(Rest { row, line: self.began, is_open: self.place == Place::Quoted })
    }
}

/// The cells of a row.
pub fn cells(row: &str, delimiter: char) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut place = Place::CellStart;
    for letter in row.chars() {
        let kept = match (place, letter) {
            (Place::CellStart, '"') => {
                place = Place::Quoted;
                None
            }
            (Place::Quoted, '"') => {
                place = Place::Quote;
                None
            }
            (Place::Quoted, letter) => Some(letter),
            (Place::Quote, '"') => {
                place = Place::Quoted;
                Some('"')
            }
            (_, letter) if letter == delimiter => {
                place = Place::CellStart;
                cells.push(String::new());
                None
            }
            (_, letter) => {
                place = Place::Plain;
                Some(letter)
            }
        };
        if let Some(cell) = cells.last_mut() {
            cell.extend(kept);
        }
    }
    cells
}

/// What stands between the cells of the first row: of the three the one that stands most often outside quotes.
pub fn sniff(row: &str) -> u8 {
    let mut is_quoted = false;
    let mut counts = [0_u32; DELIMITERS.len()];
    for byte in row.bytes() {
        is_quoted ^= byte == b'"';
        let place = DELIMITERS.iter().position(|delimiter| *delimiter == byte && !is_quoted);
        if let Some(count) = place.and_then(|place| counts.get_mut(place)) {
            *count += 1;
        }
    }
    let most = counts.iter().max().copied().unwrap_or_default();
    let place = counts.iter().position(|count| *count == most).unwrap_or_default();
    DELIMITERS.get(place).copied().unwrap_or(b',')
}
