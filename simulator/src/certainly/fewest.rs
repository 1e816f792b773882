//! The fewest questions that would do, for whoever wants to know how good a caller's were.

/// The least number of spans, of at most `longest` days and under `cap` rows each, that hold every day that has less
/// than `cap` rows; `counts` are the rows of consecutive days. A day at the cap is in no span: with it, no span would
/// be under the cap. To take each span as long as it may be is as good as anything can be.
pub(super) fn spans(counts: impl IntoIterator<Item = usize>, longest: usize, cap: usize) -> usize {
    let mut spans = 0;
    let mut open: Option<(usize, usize)> = None;
    for count in counts {
        if count >= cap {
            open = None;
            continue;
        }
        open = match open {
            Some((days, rows)) if days < longest && rows + count < cap => Some((days + 1, rows + count)),
            _ => {
                spans += 1;
                Some((1, count))
            }
        };
    }
    spans
}

#[test]
fn a_span_ends_with_its_days_its_rows_and_a_day_at_the_cap() {
    assert_eq!(spans([], 15, 500), 0);
    assert_eq!(spans([0; 15], 15, 500), 1);
    assert_eq!(spans([0; 16], 15, 500), 2);
    assert_eq!(spans([40, 459], 15, 500), 1);
    assert_eq!(spans([40, 460], 15, 500), 2);
    assert_eq!(spans([499], 15, 500), 1);
    assert_eq!(spans([500], 15, 500), 0);
    assert_eq!(spans([1, 500, 1], 15, 500), 2);
    assert_eq!(spans([250, 250, 249, 1, 600, 3], 15, 500), 3);
}
