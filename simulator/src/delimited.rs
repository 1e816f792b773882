//! The notation of a delimited text file.

/// How a file is written. None of it changes the meaning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delimited {
    pub(crate) delimiter: char,
    pub(crate) line_end: &'static str,
    pub(crate) bom: bool,
    /// Whether also cells are quoted that need no quotes.
    pub(crate) always_quoted: bool,
}

impl Delimited {
    /// Commas, and quotes where a cell needs them.
    pub(crate) const PLAIN: Self = Self { delimiter: ',', line_end: "\n", bom: false, always_quoted: false };

    /// The first line of a file, with its byte order mark if it has one.
    pub(crate) fn head(&self, headers: &[String]) -> String {
        format!("{}{}", if self.bom { "\u{feff}" } else { "" }, self.line(headers))
    }

    /// A line with its end.
    pub(crate) fn line(&self, cells: &[String]) -> String {
        let quote = |cell: &String| {
            let needed = cell.contains([self.delimiter, '"', '\r', '\n']);
            if needed || self.always_quoted { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.clone() }
        };
        let cells: Vec<String> = cells.iter().map(quote).collect();
        format!("{}{}", cells.join(&self.delimiter.to_string()), self.line_end)
    }
}
