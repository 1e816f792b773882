//! Files with the date of the test.

use convosync::clock::SystemClock;
use domain::clock::Clock;
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Writes a file and sets its time from the test's clock, which `scripts/test --date` shifts. The file system would use the
/// real clock.
pub fn write_dated(path: &Path, content: impl AsRef<[u8]>) {
    let mut file = File::create(path).unwrap();
    file.write_all(content.as_ref()).unwrap();
    file.set_modified(SystemClock::start().now().into()).unwrap();
}
