//! Variants of the notation of lists and files. No variant changes the meaning.

use crate::random::{generator, unmix};

/// The notation of lists and files. A mixed variant is drawn for each request from the seed, the day and the request's
/// ordinal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Variants {
    /// The key of the URLs in a list.
    pub list_key: ListKey,
    /// How a file joins its rows.
    pub layout: Layout,
    /// Whether files are compressed.
    pub compression: Compression,
    /// The case of column names.
    pub column_case: ColumnCase,
    /// The names of columns.
    pub column_names: ColumnNames,
    /// The type of counts.
    pub counts: Counts,
    /// The notation of lists inside a row.
    pub nested: Nested,
    /// The format of timestamps, except inside lists.
    pub times: TimeFormat,
    /// The type of booleans, except inside lists.
    pub booleans: Booleans,
}

/// The key of the URLs in a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListKey {
    /// `urls`: two public clients expect it.
    #[default]
    Urls,
    /// `signed_urls`: the test of one client has it.
    SignedUrls,
    /// `signedUrls`: a guess.
    Camel,
    /// Any of them.
    Mixed,
}

/// How a file joins its rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// One JSON array.
    #[default]
    Array,
    /// One JSON object per line.
    Lines,
    /// One object over several lines where there is one row, otherwise an array.
    Object,
    /// Any of them.
    Mixed,
}

/// Whether files are compressed. A compressed file has no `Content-Encoding`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Compression {
    /// Not compressed.
    #[default]
    None,
    /// By gzip.
    Gzip,
    /// Either.
    Mixed,
}

/// The case of column names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColumnCase {
    /// As documented: small letters, except in `llm_notUnderstood_count` and the like.
    #[default]
    Documented,
    /// `ALL_CAPITALS`, as in the live export.
    Capitals,
    /// Either.
    Mixed,
}

/// The names of columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ColumnNames {
    /// `conversations_data`, `knowledge_notUnderstood_count`.
    #[default]
    Documented,
    /// `conversation_data`, `knowledge_notUndestood_count`, as in live files.
    Live,
    /// Either.
    Mixed,
}

/// The type of counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Counts {
    /// `"3"`
    #[default]
    Text,
    /// `3`
    Number,
    /// Either.
    Mixed,
}

/// The notation of lists inside a row.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nested {
    /// As arrays of objects, or of words.
    #[default]
    Objects,
    /// As arrays of texts with one object each; words stay words.
    Texts,
    /// As one text with the array.
    OneText,
    /// Any of them.
    Mixed,
}

/// The format of timestamps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeFormat {
    /// `2026-09-28T23:51:07.120Z`
    #[default]
    Zulu,
    /// `2026-09-28 23:51:07.120`, in UTC.
    Naive,
    /// Milliseconds since 1970, as a number.
    Epoch,
    /// Any of them.
    Mixed,
}

/// The type of booleans.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Booleans {
    /// `true`
    #[default]
    Bool,
    /// `"true"`
    Text,
    /// Either.
    Mixed,
}

impl Variants {
    /// All variants mixed.
    #[must_use]
    pub fn mixed() -> Self {
        Self {
            list_key: ListKey::Mixed,
            layout: Layout::Mixed,
            compression: Compression::Mixed,
            column_case: ColumnCase::Mixed,
            column_names: ColumnNames::Mixed,
            counts: Counts::Mixed,
            nested: Nested::Mixed,
            times: TimeFormat::Mixed,
            booleans: Booleans::Mixed,
        }
    }

    /// The variants of request `ordinal`, by `seed` and `day`; none is mixed.
    pub(super) fn draw(self, seed: u64, day: u64, ordinal: u64) -> Self {
        let mut random = generator(seed ^ day.wrapping_mul(0x5A4E), ordinal);
        let random = &mut random;
        Self {
            list_key: unmix(
                self.list_key,
                ListKey::Mixed,
                &[ListKey::Urls, ListKey::SignedUrls, ListKey::Camel],
                random,
            ),
            layout: unmix(self.layout, Layout::Mixed, &[Layout::Array, Layout::Lines, Layout::Object], random),
            compression: unmix(self.compression, Compression::Mixed, &[Compression::None, Compression::Gzip], random),
            column_case: unmix(
                self.column_case,
                ColumnCase::Mixed,
                &[ColumnCase::Documented, ColumnCase::Capitals],
                random,
            ),
            column_names: unmix(
                self.column_names,
                ColumnNames::Mixed,
                &[ColumnNames::Documented, ColumnNames::Live],
                random,
            ),
            counts: unmix(self.counts, Counts::Mixed, &[Counts::Text, Counts::Number], random),
            nested: unmix(self.nested, Nested::Mixed, &[Nested::Objects, Nested::Texts, Nested::OneText], random),
            times: unmix(
                self.times,
                TimeFormat::Mixed,
                &[TimeFormat::Zulu, TimeFormat::Naive, TimeFormat::Epoch],
                random,
            ),
            booleans: unmix(self.booleans, Booleans::Mixed, &[Booleans::Bool, Booleans::Text], random),
        }
    }

    /// The key of the URLs in a list.
    pub(super) fn list_key(self) -> &'static str {
        match self.list_key {
            ListKey::SignedUrls => "signed_urls",
            ListKey::Camel => "signedUrls",
            ListKey::Urls | ListKey::Mixed => "urls",
        }
    }
}
