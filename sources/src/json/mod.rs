//! Everything that several vendors need to parse JSON: values in one canonical spelling, and parsers of whole bodies,
//! of arrays and of long sequences.

pub mod array;
pub mod body;
pub mod compact;
pub mod sequence;
pub mod string;
pub mod value;

#[cfg(test)]
mod tests;

pub use value::Json;
