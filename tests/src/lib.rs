//! This package has no library. It holds the tests `conventions` and `integration` and the benchmark `ingest`.
