//! The least number of requests, to compare a caller's number with.

/// The least number of spans, each of at most `longest` days and under `cap` rows, that contain all days with fewer
/// than `cap` rows; `counts` are the rows of consecutive days. A day at the cap is in no span, because no span with it
/// would be under the cap. Spans that are as long as possible are optimal.
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
fn a_span_ends_at_the_most_days_the_most_rows_or_a_day_at_the_cap() {
    assert_eq!(spans([], 15, 500), 0);
    assert_eq!(spans([0; 15], 15, 500), 1);
    assert_eq!(spans([0; 16], 15, 500), 2);
    assert_eq!(spans([40, 459], 15, 500), 1);
    assert_eq!(spans([40, 460], 15, 500), 2);
    assert_eq!(spans([499], 15, 500), 1);
    assert_eq!(spans([500], 15, 500), 0);
    assert_eq!(spans([1, 500, 1], 15, 500), 2);
    assert_eq!(spans([250, 250, 249, 1, 600, 3], 15, 500), 4);
}

#[test]
fn no_other_partition_has_fewer_spans() {
    let sizes = [0, 1, 2, 3, 4];
    for number in 0..5usize.pow(6) {
        let counts: Vec<usize> = (0..6).map(|place| sizes[number / 5usize.pow(place) % 5]).collect();
        // Each subset of the five borders between six days is a partition.
        let ways = (0..32u32).filter_map(|borders| {
            let mut pieces = vec![vec![counts[0]]];
            for (place, count) in counts.iter().enumerate().skip(1) {
                if borders >> (place - 1) & 1 == 1 {
                    pieces.push(Vec::new());
                }
                pieces.last_mut()?.push(*count);
            }
            pieces.retain(|piece| piece.iter().any(|count| *count < 4));
            let fits = |piece: &Vec<usize>| piece.len() <= 3 && piece.iter().sum::<usize>() < 4;
            pieces.iter().all(fits).then_some(pieces.len())
        });
        assert_eq!(ways.min(), Some(spans(counts.iter().copied(), 3, 4)), "{counts:?}");
    }
}
