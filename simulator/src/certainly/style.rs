//! How one CSV file is written, drawn from its style seed.

use super::spelling::Spelling;
use super::truth::generator;
use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::{IndexedRandom, SliceRandom};

/// Everything in which files differ that mean the same.
#[derive(Clone, Debug)]
pub(super) struct Style {
    pub(super) seed: u64,
    pub(super) bom: bool,
    pub(super) delimiter: char,
    pub(super) line_end: &'static str,
    /// Whether cells are quoted that need not be.
    pub(super) always_quoted: bool,
    /// How true and false are written.
    pub(super) booleans: (&'static str, &'static str),
    pub(super) spelling: Spelling,
    /// The columns in their order.
    pub(super) columns: Vec<Column>,
}

/// One column of a file.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) header: String,
    /// Where its value lies in a row; `None` for a column that nobody documented.
    pub(super) path: Option<&'static [&'static str]>,
}

/// Every field, flattened. `botuser_meta`, `kpis` and the like stay JSON in a cell.
const PATHS: [&[&str]; 31] = [
    &["id"],
    &["timestamp"],
    &["message"],
    &["response"],
    &["conversation_id"],
    &["through_bot_modules"],
    &["bot_module_id"],
    &["is_test"],
    &["external_agent"],
    &["through_connection_id"],
    &["is_global_module_match"],
    &["is_deleted"],
    &["id_message_evaluate"],
    &["data"],
    &["user_message_empty"],
    &["bot_response_empty"],
    &["bot_module", "name"],
    &["bot_module", "type"],
    &["bot_module", "instruction"],
    &["bot_module", "error_instruction"],
    &["bot_module", "is_global"],
    &["bot_module", "priority"],
    &["bot_module", "is_starting"],
    &["bot_module", "fallback_module_id"],
    &["bot_module", "skip_user_input"],
    &["bot_module", "skip_global_connection_evaluation"],
    &["bot_module", "group"],
    &["bot_module", "kpis"],
    &["botuser", "id"],
    &["botuser", "created_date"],
    &["botuser", "botuser_meta"],
];

/// Columns that nobody documented.
const UNKNOWN: [&str; 4] = ["Sentiment score", "channel_name", "nps", "Übergabe?"];

/// The ways to write a header.
#[derive(Clone, Copy, Debug)]
enum Header {
    /// `bot_module.name`
    Dotted,
    /// `bot_module_name`
    Snake,
    /// `botModuleName`
    Camel,
    /// `Bot module name`
    Sentence,
    /// `BOT MODULE NAME`
    Capitals,
    /// `Bot-Module: Name`
    Punctuated,
    /// `Bót módule name`: a letter here and there with an accent
    Accented,
}

const HEADERS: [Header; 7] = [
    Header::Dotted,
    Header::Snake,
    Header::Camel,
    Header::Sentence,
    Header::Capitals,
    Header::Punctuated,
    Header::Accented,
];

impl Style {
    pub(super) fn drawn(seed: u64) -> Self {
        let mut random = generator(seed, 0x0057_171E);
        Self {
            seed,
            bom: random.random(),
            delimiter: [',', ';', '\t'].choose(&mut random).copied().unwrap_or(','),
            line_end: if random.random() { "\r\n" } else { "\n" },
            always_quoted: random.random_bool(0.3),
            booleans: if random.random() { ("True", "False") } else { ("true", "false") },
            spelling: Spelling { ids_as_text: random.random(), capitals: random.random() },
            columns: columns(&mut random),
        }
    }
}

fn columns(random: &mut SmallRng) -> Vec<Column> {
    // One way for the whole file, or a way for each column.
    let one = HEADERS.choose(random).copied().unwrap_or(Header::Dotted);
    let mixed = random.random_bool(0.2);
    // `botuser.botuser_meta`, or without the prefix that says nothing new.
    let short_meta: bool = random.random();
    let mut columns: Vec<Column> = Vec::new();
    for path in PATHS {
        let way = if mixed { HEADERS.choose(random).copied().unwrap_or(one) } else { one };
        let shown = if short_meta && path == ["botuser", "botuser_meta"] { &["botuser_meta"] } else { path };
        columns.push(Column { header: way.write(shown), path: Some(path) });
    }
    let unknown = UNKNOWN.choose(random).copied().unwrap_or("nps");
    columns.push(Column { header: unknown.to_owned(), path: None });
    if random.random_bool(0.7) {
        columns.shuffle(random);
    }
    columns
}

impl Header {
    fn write(self, path: &[&str]) -> String {
        let words: Vec<&str> = path.iter().flat_map(|part| part.split('_')).collect();
        let first_large = |word: &str| word.chars().next().map_or(String::new(), |c| c.to_uppercase().to_string());
        let large = |word: &str| format!("{}{}", first_large(word), word.get(1..).unwrap_or_default());
        match self {
            Self::Dotted => path.join("."),
            Self::Snake => path.join("_"),
            Self::Camel => {
                let rest: String = words.iter().skip(1).map(|word| large(word)).collect();
                format!("{}{rest}", words.first().copied().unwrap_or_default())
            }
            Self::Sentence => large(&words.join(" ")),
            Self::Capitals => words.join(" ").to_uppercase(),
            Self::Punctuated => {
                let parts: Vec<String> =
                    path.iter().map(|part| part.split('_').map(large).collect::<Vec<_>>().join("-")).collect();
                parts.join(": ")
            }
            Self::Accented => large(&words.join(" ")).replacen('o', "ó", 2).replacen('e', "é", 1),
        }
    }
}
