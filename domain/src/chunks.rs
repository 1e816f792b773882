//! Cuts a window into chunks that are requested one by one.

use crate::rules::Rules;
use crate::window::Window;
use chrono::TimeDelta;

/// Cuts `window` into chunks of equal length, at most `length` each, in whole steps or units, newest first; returns the
/// newest `most` of them. A window slightly longer than `length` becomes two halves, not one long and one tiny chunk.
pub(crate) fn chunks(window: Window, length: TimeDelta, rules: &Rules, most: usize) -> Vec<Window> {
    let (length, step) = (millis(length), millis(rules.step.max(rules.granularity)));
    let mut chunks = Vec::new();
    let mut rest = Some(window);
    while let Some(window) = rest.filter(|_| chunks.len() < most) {
        // The length counts in whole units, because the vendor scans whole units.
        let end = rules.ceil(window.to());
        let span = millis(end - window.from());
        let count = (span + length - 1) / length;
        let even = (span + count - 1) / count;
        let even = ((even + step - 1) / step * step).min(length);
        let (newest, older) = window.newest(window.to() - (end - TimeDelta::milliseconds(even)));
        chunks.push(newest);
        rest = older;
    }
    chunks
}

fn millis(span: TimeDelta) -> i64 {
    span.num_milliseconds().max(1)
}
