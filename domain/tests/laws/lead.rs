//! Laws of what is asked for by itself: a process in a list, a session in a page.

use crate::any::{DAY, HOUR, any_window, any_windows, at, often, rules, window};
use crate::stream::Stream;
use chrono::TimeDelta;
use domain::coverage::Trust;
use domain::days::{View, days};
use domain::judge::{Answer, Circumstances, Verdict, judge};
use domain::lead::Lead;
use domain::ledger::Heard;
use domain::spans::Spans;
use domain::want::{Purpose, Slice, Want};
use proptest::prelude::*;
use std::time::Duration;

fn lead(key: &str, second: i64) -> Lead {
    Lead { slice: Slice::Key(key.to_owned()), of: window(second, second + 1), seen: None }
}

/// Six days on, a list of the first two days is answered and names what happened at `seconds`.
fn listed(seconds: &[i64]) -> Stream {
    let mut stream = Stream::new(rules(), 0);
    stream.now = at(6 * DAY);
    let want = Want { id: 1, ..Want::new(Purpose::Settle, Slice::Window(window(0, 2 * DAY)), at(0), Duration::ZERO) };
    stream.ledger.wants.push(want);
    let leads = seconds.iter().enumerate().map(|(key, second)| lead(&key.to_string(), *second)).collect();
    answer(&mut stream, 1, &Verdict::Commit, &Heard { leads, ..heard() });
    stream
}

fn heard() -> Heard {
    let (elapsed, leads) = (Duration::ZERO, Vec::new());
    Heard { asked_at: at(6 * DAY), elapsed, rows: 3, earliest_change: None, leads, again: None, tally: None }
}

fn answer(stream: &mut Stream, id: i64, verdict: &Verdict, heard: &Heard) {
    stream.ledger.settle(id, verdict, Some(heard), &stream.rules, stream.now);
    for (id, want) in (100..).zip(stream.ledger.wants.iter_mut().filter(|want| want.id == 0)) {
        want.id = id;
    }
}

fn states(stream: &Stream) -> Vec<Trust> {
    let (ledger, rules, now) = (&stream.ledger, &stream.rules, stream.now);
    let view = View { ledger, rules, zone: chrono_tz::UTC, now, due: now };
    let first = at(0).date_naive();
    days(view, first, first + TimeDelta::days(1)).into_iter().map(|day| day.state).collect()
}

proptest! {
    #![proptest_config(often())]

    /// A day is as good as the least of what happened in it; and as good as its list, once all of that is at its end.
    #[test]
    fn a_day_waits_for_all_that_its_list_names(seconds in prop::collection::btree_set(0..2 * DAY, 0..9), open in 0_usize..9) {
        let seconds: Vec<i64> = seconds.into_iter().collect();
        let mut stream = listed(&seconds);
        let in_day = |day: i64, seconds: &[i64]| seconds.iter().any(|second| second / DAY == day);
        let expected = |unread: &[i64], open: &[i64]| -> Vec<Trust> {
            let state = |day| if in_day(day, unread) { Trust::Missing } else if in_day(day, open) { Trust::Provisional } else { Trust::Final };
            (0..2).map(state).collect()
        };
        prop_assert_eq!(states(&stream), expected(&seconds, &[]));
        let (first, rest) = seconds.split_at(open.min(seconds.len()));
        for key in 0..first.len() {
            let id = stream.ledger.wants.iter().find(|want| want.slice == Slice::Key(key.to_string())).unwrap().id;
            answer(&mut stream, id, &Verdict::Recheck(at(7 * DAY)), &heard());
        }
        prop_assert_eq!(states(&stream), expected(rest, first));
        while let Some(want) = stream.ledger.wants.first().cloned() {
            answer(&mut stream, want.id, &Verdict::Commit, &heard());
        }
        prop_assert_eq!(states(&stream), vec![Trust::Final, Trust::Final]);
    }

    /// What is taken away is not there, and everything else is.
    #[test]
    fn without_takes_away_what_it_is_told(held in any_windows(DAY), settled in any_windows(DAY), unheld in any_windows(DAY), unsettled in any_windows(DAY), probe in any_window(DAY)) {
        let mut coverage = domain::coverage::Coverage::default();
        for window in held {
            coverage.hold(window);
        }
        for window in settled {
            coverage.settle(window);
        }
        let [unheld, unsettled]: [Spans; 2] = [unheld, unsettled].map(|windows| windows.into_iter().collect());
        let left = coverage.without(&unheld, &unsettled);
        let at = probe.from();
        prop_assert_eq!(left.held().contains(at), coverage.held().contains(at) && !unheld.contains(at));
        let is_final = coverage.settled().contains(at) && !unheld.contains(at) && !unsettled.contains(at);
        prop_assert_eq!(left.settled().contains(at), is_final);
    }

    /// What is not at its end is asked for later and later, until it can change no more.
    #[test]
    fn the_open_are_asked_again(rechecks in 0_u32..40, left in -HOUR..3 * DAY) {
        let want = Want { rechecks, ..Want::new(Purpose::Lead, Slice::Key("1".to_owned()), at(0), Duration::ZERO) };
        let answer = Answer { rows: 1, rejects: 0, awaited: false, open: Some(at(DAY + left)) };
        let circumstances = Circumstances { now: at(DAY), next_day: at(DAY), jitter: 0.5 };
        match judge(&rules(), &want, Ok(&answer), circumstances).verdict {
            Verdict::Commit => prop_assert!(left <= 0),
            Verdict::Recheck(due) => {
                prop_assert!(left > 0 && due - at(DAY) >= TimeDelta::minutes(5) && due - at(DAY) <= TimeDelta::hours(1));
            }
            verdict => prop_assert!(false, "{verdict:?}"),
        }
    }
}

/// One more look at what is at its end: once, and no day waits for it. A webhook that names it makes it due.
#[test]
fn the_ended_is_looked_at_once_more() {
    let mut stream = listed(&[HOUR]);
    let id = stream.ledger.wants[0].id;
    answer(&mut stream, id, &Verdict::Commit, &Heard { again: Some(at(13 * DAY)), ..heard() });
    let [look] = stream.ledger.wants.as_slice() else { panic!("{:?}", stream.ledger.wants) };
    assert_eq!((look.due, look.of, states(&stream)), (at(13 * DAY), None, vec![Trust::Final, Trust::Final]));
    let mut named = stream.ledger.clone();
    let id = look.id;
    answer(&mut stream, id, &Verdict::Commit, &Heard { again: Some(at(20 * DAY)), ..heard() });
    assert!(stream.ledger.wants.is_empty(), "looked at for ever");
    let want = Want { id: 9, ..Want::new(Purpose::Settle, Slice::Window(window(0, DAY)), at(0), Duration::ZERO) };
    named.wants.push(want);
    named.settle(9, &Verdict::Commit, Some(&Heard { leads: vec![lead("0", HOUR)], ..heard() }), &rules(), at(6 * DAY));
    let [look] = named.wants.as_slice() else { panic!("{:?}", named.wants) };
    assert_eq!((look.due, look.of), (at(6 * DAY), Some(window(HOUR, HOUR + 1))));
    assert_eq!(named.known().held(), &[window(0, HOUR), window(HOUR + 1, 2 * DAY)].into_iter().collect::<Spans>());
}
