//! Files that carry the test's date.

use convosync::clock::SystemClock;
use domain::clock::Clock;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Writes a file and dates it by the test's clock, which `scripts/test --date` shifts; the file system dates by its own.
pub fn write_dated(path: &Path, content: impl AsRef<[u8]>) {
    let mut file = File::create(path).unwrap();
    file.write_all(content.as_ref()).unwrap();
    file.set_modified(SystemClock::start().now().into()).unwrap();
}
