//! The ways of writing one and the same thing. None changes what a conversation says.

use super::draw::generator;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;

/// How lists and files are written. What is mixed is drawn for each request from the seed, the day and the
/// request's ordinal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// The name under which the list holds its URLs.
    pub list: ListKey,
    /// How the rows of a file are put together.
    pub format: Format,
    /// Whether files are compressed.
    pub packing: Packing,
    /// How the names of columns are written.
    pub letters: Letters,
    /// Which names the columns have.
    pub names: Names,
    /// How counts are written.
    pub counts: Counts,
    /// How lists inside a row are written.
    pub nested: Nested,
    /// How instants are written, but for those inside lists.
    pub times: Times,
    /// How yes and no are written, but for those inside lists.
    pub booleans: Booleans,
}

/// The name under which the list holds its URLs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ListKey {
    /// `urls`: two clients.
    #[default]
    Urls,
    /// `signed_urls`: one client's test.
    SignedUrls,
    /// `signedUrls`: nobody yet.
    Camel,
    /// Any of them.
    Mixed,
}

/// How the rows of a file are put together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// One JSON array.
    #[default]
    Array,
    /// One JSON object a line.
    Lines,
    /// A lone object, over several lines, where there is one row; otherwise an array.
    Object,
    /// Any of them.
    Mixed,
}

/// Whether files are compressed. Where they are, it is the file that is; no header says so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Packing {
    /// As they are.
    #[default]
    Plain,
    /// By gzip.
    Gzip,
    /// Either.
    Mixed,
}

/// How the names of columns are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Letters {
    /// As documented: small ones, but for `llm_notUnderstood_count` and the like.
    #[default]
    Documented,
    /// `ALL_CAPITALS`, as in the live export.
    Capitals,
    /// Either.
    Mixed,
}

/// Which names the columns have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Names {
    /// `conversations_data`, `knowledge_notUnderstood_count`.
    #[default]
    Documented,
    /// `conversation_data`, `knowledge_notUndestood_count`, as clients found them.
    Found,
    /// Either.
    Mixed,
}

/// How counts are written.
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

/// How lists inside a row are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Nested {
    /// As arrays of objects, or of words.
    #[default]
    Objects,
    /// As arrays of texts that hold an object each; words stay words.
    Texts,
    /// As one text that holds the array.
    OneText,
    /// Any of them.
    Mixed,
}

/// How instants are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Times {
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

/// How yes and no are written.
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

impl Shape {
    /// Everything mixed.
    #[must_use]
    pub fn mixed() -> Self {
        Self {
            list: ListKey::Mixed,
            format: Format::Mixed,
            packing: Packing::Mixed,
            letters: Letters::Mixed,
            names: Names::Mixed,
            counts: Counts::Mixed,
            nested: Nested::Mixed,
            times: Times::Mixed,
            booleans: Booleans::Mixed,
        }
    }

    /// With nothing mixed any more: what `seed` and `day` decide for request `ordinal`.
    pub(super) fn drawn(self, seed: u64, day: u64, ordinal: u64) -> Self {
        let mut random = generator(seed ^ day.wrapping_mul(0x5A4E), ordinal);
        let random = &mut random;
        Self {
            list: one(self.list, ListKey::Mixed, &[ListKey::Urls, ListKey::SignedUrls, ListKey::Camel], random),
            format: one(self.format, Format::Mixed, &[Format::Array, Format::Lines, Format::Object], random),
            packing: one(self.packing, Packing::Mixed, &[Packing::Plain, Packing::Gzip], random),
            letters: one(self.letters, Letters::Mixed, &[Letters::Documented, Letters::Capitals], random),
            names: one(self.names, Names::Mixed, &[Names::Documented, Names::Found], random),
            counts: one(self.counts, Counts::Mixed, &[Counts::Text, Counts::Number], random),
            nested: one(self.nested, Nested::Mixed, &[Nested::Objects, Nested::Texts, Nested::OneText], random),
            times: one(self.times, Times::Mixed, &[Times::Zulu, Times::Naive, Times::Epoch], random),
            booleans: one(self.booleans, Booleans::Mixed, &[Booleans::Bool, Booleans::Text], random),
        }
    }

    /// The name that the list's URLs stand under.
    pub(super) fn list_key(self) -> &'static str {
        match self.list {
            ListKey::SignedUrls => "signed_urls",
            ListKey::Camel => "signedUrls",
            ListKey::Urls | ListKey::Mixed => "urls",
        }
    }
}

/// `chosen`, or one `of` many where that is `mixed`. Draws either way, so that one switch does not move another.
fn one<T: Copy + PartialEq>(chosen: T, mixed: T, of: &[T], random: &mut SmallRng) -> T {
    let drawn = of.choose(random).copied().unwrap_or(chosen);
    if chosen == mixed { drawn } else { chosen }
}
