//! The package has no library: it is its tests, `conventions` and `integration`, and the benchmark `ingest`.
