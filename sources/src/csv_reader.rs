//! Reads CSV files that people download from a vendor's pages, or get by mail. The vendors document neither columns nor
//! spelling.

use crate::csv_header::{HeaderBuffer, sniff_delimiter};
use crate::encoding::Encoding;
use crate::error_body::ErrorBody;
use crate::malformed::malformed;
use crate::preamble::BOM;
use crate::reject_log::RejectLog;
use crate::response_reader::BodyParser;
use csv_core::ReadRecordResult;
use domain::fault::Fault;
use domain::item::Item;
use domain::source::{ResponseHead, ResponseSummary};
use entities::rows::RowBatch;

/// Handles the rows of a file.
pub trait CsvRowHandler: Send {
    /// Takes the names of the columns.
    ///
    /// # Errors
    /// Where they are the names of another file.
    fn header(&mut self, names: &[String]) -> Result<(), Fault>;

    /// Takes a row that has one cell per name.
    ///
    /// # Errors
    /// Why the row is rejected, or why the whole file is.
    fn row(&mut self, cells: &[String]) -> Result<(), RowError>;

    /// Whether a last row without a line end is complete for certain. Half an id looks like an id, so usually it is not.
    fn accepts_unended(&self, _cells: &[String]) -> bool {
        false
    }

    /// The next batch of rows.
    fn take(&mut self) -> Option<RowBatch>;

    /// Ends the file. Returns what the file names to be fetched.
    fn finish(&mut self) -> Vec<Item>;

    /// Drops all rows: the file does not count.
    fn discard(&mut self);
}

/// Why a row is not stored.
#[derive(Debug)]
pub enum RowError {
    /// The row is rejected. The text follows the words "line 7", and quotes nothing of the row.
    Reject(String),
    /// The whole file is refused. The text follows the words "line 7: ".
    RefuseFile(&'static str),
}

/// The longest row in bytes: the longest JSON response has 500 rows of 64 kB.
const MAX_ROW: usize = 8 * 1024 * 1024;
const CUT_OFF: &str = "the file is cut off in the middle of a row";

/// A file that is being read. It holds one row.
#[derive(Debug)]
pub struct CsvReader<H> {
    handler: H,
    encoding: Encoding,
    /// The first line, until its end and so the delimiter is known.
    header: HeaderBuffer,
    records: Option<Records>,
    /// The number of columns; 0 before the header.
    columns: usize,
    count: u64,
    rejects: RejectLog,
}

/// The parser of a file whose delimiter is known, and the row that it is in.
#[derive(Debug)]
struct Records {
    parser: csv_core::Reader,
    /// The row's bytes as they came.
    raw: Vec<u8>,
    /// The bytes of the row's cells without quotes, and where each cell ends.
    cells: Vec<u8>,
    cells_len: usize,
    ends: Vec<usize>,
    ends_len: usize,
    /// The line on which the row begins, counted from 1.
    line: u64,
    /// The last byte of the row before.
    previous: u8,
}

impl<H: CsvRowHandler> CsvReader<H> {
    /// A file of which nothing has arrived yet.
    pub fn new(handler: H) -> Self {
        Self {
            handler,
            encoding: Encoding::default(),
            header: HeaderBuffer::default(),
            records: None,
            columns: 0,
            count: 0,
            rejects: RejectLog::default(),
        }
    }

    /// Chooses the delimiter once the first line is complete.
    fn begin(&mut self) -> Result<(), Fault> {
        let first_line = self.header.take();
        if first_line.starts_with(b"\xFF\xFE") || first_line.starts_with(b"\xFE\xFF") || first_line.contains(&0) {
            return Err(malformed("the file is in UTF-16; save it as CSV in UTF-8"));
        }
        let text = first_line.strip_prefix(BOM);
        if text.is_some() {
            self.encoding = Encoding::Utf8;
        }
        let text = text.unwrap_or(&first_line);
        let decoded = self.encoding.decode(text).ok_or_else(|| malformed("the first line is not text"))?;
        // Excel writes the delimiter into a line of its own before the header.
        if let Some([delimiter]) = decoded.trim_end().strip_prefix("sep=").map(str::as_bytes) {
            let mut records = Records::new(*delimiter, self.header.line() + 1);
            records.previous = text.last().copied().unwrap_or_default();
            self.records = Some(records);
            return Ok(());
        }
        self.records = Some(Records::new(sniff_delimiter(&decoded), self.header.line()));
        self.parse(text)
    }

    fn parse(&mut self, mut input: &[u8]) -> Result<(), Fault> {
        while !input.is_empty() {
            let Some(records) = &mut self.records else { return Ok(()) };
            let (is_record, used) = records.advance(input)?;
            input = input.get(used..).unwrap_or_default();
            if is_record {
                self.end_row()?;
            }
        }
        Ok(())
    }

    /// Hands the complete row to the handler.
    fn end_row(&mut self) -> Result<(), Fault> {
        let Some(records) = &mut self.records else { return Ok(()) };
        let line = records.line + leading_line_ends(&records.raw, records.previous);
        let row = trim_line_ends(&records.raw);
        let cells = match self.encoding.decode(row) {
            Some(_) => records.cells(&mut self.encoding),
            None => None,
        };
        let result = match cells {
            None if self.columns == 0 => Err(malformed("the first line is not text")),
            None => {
                self.count += 1;
                self.rejects.push(format!("line {line} has bytes that are not UTF-8"), row);
                Ok(())
            }
            Some(names) if self.columns == 0 => {
                self.columns = names.len();
                self.handler.header(&names)
            }
            Some(cells) if cells.len() != self.columns => {
                let reason = format!("line {line} has {} cells, and the header has {}", cells.len(), self.columns);
                self.count += 1;
                self.rejects.push(reason, row);
                Ok(())
            }
            // Spreadsheets write empty rows at the end.
            Some(cells) if cells.iter().all(|cell| cell.trim().is_empty()) => Ok(()),
            Some(cells) => {
                self.count += 1;
                match self.handler.row(&cells) {
                    Ok(()) => Ok(()),
                    Err(RowError::Reject(reason)) => {
                        self.rejects.push(format!("line {line} {reason}"), row);
                        Ok(())
                    }
                    Err(RowError::RefuseFile(reason)) => Err(Fault::Refused(format!("line {line}: {reason}"))),
                }
            }
        };
        records.next_row();
        result
    }

    /// Takes a last row without a line end where the handler says that it is complete.
    fn end_file(&mut self) -> Result<(), Fault> {
        if !self.header.is_empty() {
            return Err(malformed(CUT_OFF));
        }
        let Some(records) = &mut self.records else { return Err(malformed("the file is empty")) };
        if !trim_line_ends(&records.raw).is_empty() {
            // Inside quotes the line end is part of a cell.
            let (is_record, _) = records.advance(b"\n")?;
            let cells = records.cells(&mut self.encoding).filter(|cells| is_record && cells.len() == self.columns);
            if !cells.is_some_and(|cells| self.handler.accepts_unended(&cells)) {
                return Err(malformed(CUT_OFF));
            }
            self.end_row()?;
        }
        if self.columns == 0 { Err(malformed("the file is empty")) } else { Ok(()) }
    }
}

impl<H: CsvRowHandler> BodyParser for CsvReader<H> {
    fn feed(&mut self, chunk: &[u8]) -> Result<(), Fault> {
        let mut rest = chunk;
        if self.records.is_none() {
            let Some(used) = self.header.push(rest)? else { return Ok(()) };
            rest = rest.get(used..).unwrap_or_default();
            self.begin()?;
        }
        self.parse(rest)
    }

    fn take(&mut self) -> Result<Option<RowBatch>, Fault> {
        Ok(self.handler.take())
    }

    fn finish(&mut self, _: ResponseHead) -> Result<ResponseSummary, Fault> {
        self.end_file()?;
        let (items, rejects) = (self.handler.finish(), self.rejects.take());
        Ok(ResponseSummary { rows: self.count, rejects, items, ..ResponseSummary::default() })
    }

    fn discard(&mut self) {
        self.handler.discard();
    }

    /// A file comes without a status, and callers pass 200.
    fn refusal(&self, head: ResponseHead, body: &ErrorBody) -> Result<ResponseSummary, Fault> {
        Err(Fault::Refused(body.describe(&format!("HTTP {}", head.status))))
    }
}

impl Records {
    fn new(delimiter: u8, line: u64) -> Self {
        Self {
            parser: csv_core::ReaderBuilder::new().delimiter(delimiter).build(),
            raw: Vec::new(),
            cells: vec![0; 1024],
            cells_len: 0,
            ends: vec![0; 64],
            ends_len: 0,
            line,
            previous: 0,
        }
    }

    /// Parses to the end of the row, or of `input`: whether the row is complete, and how much of `input` it took.
    fn advance(&mut self, input: &[u8]) -> Result<(bool, usize), Fault> {
        let mut at = 0;
        loop {
            let rest = input.get(at..).unwrap_or_default();
            if rest.is_empty() {
                return Ok((false, at));
            }
            let cells = self.cells.get_mut(self.cells_len..).unwrap_or_default();
            let ends = self.ends.get_mut(self.ends_len..).unwrap_or_default();
            let (result, used, written, ended) = self.parser.read_record(rest, cells, ends);
            self.raw.extend(rest.iter().take(used));
            (at, self.cells_len, self.ends_len) = (at + used, self.cells_len + written, self.ends_len + ended);
            if self.raw.len() > MAX_ROW {
                return Err(malformed("a row of more than 8 MiB; is a quote left open?"));
            }
            match result {
                ReadRecordResult::InputEmpty => {}
                ReadRecordResult::OutputFull => self.cells.resize(self.cells.len() * 2, 0),
                ReadRecordResult::OutputEndsFull => self.ends.resize(self.ends.len() * 2, 0),
                ReadRecordResult::Record => return Ok((true, at)),
                ReadRecordResult::End => return Ok((false, at)),
            }
        }
    }

    /// The cells of the row; `None` where one is not text.
    fn cells(&self, encoding: &mut Encoding) -> Option<Vec<String>> {
        let mut start = 0;
        let ends = self.ends.get(..self.ends_len)?;
        let cell = |end: &usize| {
            let cell = self.cells.get(start..*end)?;
            start = *end;
            encoding.decode(cell).map(std::borrow::Cow::into_owned)
        };
        ends.iter().map(cell).collect()
    }

    fn next_row(&mut self) {
        // Inside quotes a return alone ends no line; the end of the row does.
        let row = trim_line_ends(&self.raw);
        let inside = u64::try_from(memchr::memchr_iter(b'\n', row).count()).unwrap_or(u64::MAX);
        self.line += leading_line_ends(&self.raw, self.previous) + inside + 1;
        self.previous = self.raw.last().copied().unwrap_or_default();
        self.raw.clear();
        (self.cells_len, self.ends_len) = (0, 0);
    }
}

/// The number of line ends before a row, which begins with empty lines or with the second half of `\r\n`.
fn leading_line_ends(raw: &[u8], mut previous: u8) -> u64 {
    let mut count = 0;
    for byte in raw.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')) {
        count += u64::from(!(*byte == b'\n' && previous == b'\r'));
        previous = *byte;
    }
    count
}

/// A row without the line ends around it.
fn trim_line_ends(raw: &[u8]) -> &[u8] {
    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let from = raw.iter().position(|byte| !is_end(byte)).unwrap_or(raw.len());
    let to = raw.iter().rposition(|byte| !is_end(byte)).map_or(from, |last| last + 1);
    raw.get(from..to).unwrap_or_default()
}
