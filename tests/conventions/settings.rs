//! `config/default.toml` is the manual, so a comment explains each key.

use toml::Table;

/// Reports the keys without a comment above or beside them, or the error of the TOML parser.
pub fn unexplained(path: &str, text: &str) -> Vec<String> {
    if let Err(error) = text.parse::<Table>() {
        return vec![format!("{path} is no TOML: {error}")];
    }
    let mut keys = 0;
    let mut broken = Vec::new();
    let mut above = "";
    let mut value = Value::default();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        let inside = value.is_open();
        let is_key = !inside && !line.starts_with(['#', '[']) && line.contains('=');
        let (_, content) = line.split_once('=').filter(|_| is_key).unwrap_or(("", line));
        let commented = !line.starts_with('#') && value.read(content);
        keys += usize::from(is_key);
        if is_key && !above.starts_with('#') && !commented {
            broken.push(format!("{path}:{} {line}", index + 1));
        }
        if !inside {
            above = line;
        }
    }
    if keys == 0 {
        broken.push(format!("{path} has no key"));
    }
    broken
}

/// The open brackets and quotes of a value over several lines.
#[derive(Default)]
struct Value {
    brackets: usize,
    quote: Option<&'static str>,
}

impl Value {
    fn is_open(&self) -> bool {
        self.brackets > 0 || self.quote.is_some()
    }

    /// Reads one line of a value. Returns true if a comment follows on the line.
    fn read(&mut self, line: &str) -> bool {
        let mut rest = line;
        while let Some(first) = rest.chars().next() {
            let mut length = first.len_utf8();
            if let Some(quote) = self.quote {
                if rest.starts_with(quote) {
                    self.quote = None;
                    length = quote.len();
                } else if first == '\\' && quote.starts_with('"') {
                    length += rest[length..].chars().next().map_or(0, char::len_utf8);
                }
            } else if let Some(quote) = ["\"\"\"", "'''", "\"", "'"].into_iter().find(|quote| rest.starts_with(quote)) {
                self.quote = Some(quote);
                length = quote.len();
            } else {
                match first {
                    '#' => return true,
                    '[' | '{' => self.brackets += 1,
                    ']' | '}' => self.brackets = self.brackets.saturating_sub(1),
                    _ => {}
                }
            }
            rest = &rest[length..];
        }
        false
    }
}

#[test]
fn an_unexplained_key_is_reported() {
    let text = "[queue]\nurl = \"memory:#1\"\n\n# Why.\nwidth = 1\nspacing = \"5s\"\n";
    assert_eq!(unexplained("a.toml", text), ["a.toml:2 url = \"memory:#1\"", "a.toml:6 spacing = \"5s\""]);
    assert_eq!(unexplained("a.toml", "url =").len(), 1);
    assert_eq!(unexplained("a.toml", "# nothing").len(), 1);
}

#[test]
fn an_explained_key_passes() {
    let text = "# Why.\nurl = \"memory:\"\n[a]\nwidth = 1  # how many\n# Which.\nlist = [\n  \"a = [\", # b\n]\n# ExchangeOutcome.\ntext = \"\"\"\nno = key\n\"\"\"\n";
    assert!(unexplained("a.toml", text).is_empty(), "{:?}", unexplained("a.toml", text));
}
