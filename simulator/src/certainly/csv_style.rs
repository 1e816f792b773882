//! The notation of one CSV file, by its style seed.

use super::variants::Variant;
use crate::delimited::Delimited;
use crate::random::generator;
use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::{IndexedRandom, SliceRandom};

/// All differences between files with one meaning.
#[derive(Clone, Debug)]
pub(super) struct CsvStyle {
    pub(super) seed: u64,
    pub(super) notation: Delimited,
    /// The words for true and false.
    pub(super) booleans: (&'static str, &'static str),
    pub(super) variant: Variant,
    /// The columns in their order.
    pub(super) columns: Vec<Column>,
}

/// One column of a file.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) header: String,
    /// The path of its value in a row; `None` for an undocumented column.
    pub(super) path: Option<&'static [&'static str]>,
}

/// All fields, flattened. `botuser_meta`, `kpis` and the like are JSON in a cell.
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

/// Undocumented columns.
const UNKNOWN: [&str; 4] = ["Sentiment score", "channel_name", "nps", "Übergabe?"];

/// The notations of a header.
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
    /// `Bót módule name`: some letters have an accent
    Accented,
}

const SALT_STYLE: u64 = 0x0057_171E;
const HEADERS: [Header; 7] = [
    Header::Dotted,
    Header::Snake,
    Header::Camel,
    Header::Sentence,
    Header::Capitals,
    Header::Punctuated,
    Header::Accented,
];

impl CsvStyle {
    pub(super) fn draw(seed: u64) -> Self {
        let mut random = generator(seed, SALT_STYLE);
        Self {
            seed,
            notation: Delimited {
                bom: random.random(),
                delimiter: [',', ';', '\t'].choose(&mut random).copied().unwrap_or(','),
                line_end: if random.random() { "\r\n" } else { "\n" },
                always_quoted: random.random_bool(0.3),
            },
            booleans: if random.random() { ("True", "False") } else { ("true", "false") },
            variant: Variant { ids_as_text: random.random(), capitals: random.random() },
            columns: columns(&mut random),
        }
    }
}

fn columns(random: &mut SmallRng) -> Vec<Column> {
    // One notation for the whole file, or one for each column.
    let common = HEADERS.choose(random).copied().unwrap_or(Header::Dotted);
    let mixed = random.random_bool(0.2);
    // `botuser.botuser_meta`, or without the redundant prefix.
    let short_meta: bool = random.random();
    let mut columns: Vec<Column> = Vec::new();
    for path in PATHS {
        let notation = if mixed { HEADERS.choose(random).copied().unwrap_or(common) } else { common };
        let header = if short_meta && path == ["botuser", "botuser_meta"] { &["botuser_meta"] } else { path };
        columns.push(Column { header: notation.write(header), path: Some(path) });
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
