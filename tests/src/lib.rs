//! Nothing: the package is its tests, `house` and `line`.
