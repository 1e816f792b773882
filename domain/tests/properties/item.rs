//! Laws of what is asked for by itself: a process in a list, a session in a page.

use crate::any::{DAY, HOUR, any_window, any_windows, at, often, rules, window};
use crate::stream::Stream;
use chrono::TimeDelta;
use domain::backfill::Mode;
use domain::coverage::Completeness;
use domain::days::{View, days};
use domain::fault::Fault;
use domain::item::{Item, ItemStatus, NamedItems};
use domain::job::{Job, JobState, Purpose, Slice};
use domain::judge::{Answer, Circumstances, Verdict, judge};
use domain::ledger::AnswerSummary;
use domain::spans::Spans;
use proptest::prelude::*;
use std::time::Duration;

fn item(key: &str, second: i64) -> Item {
    Item {
        slice: Slice::Item(key.to_owned()),
        scope: Some(window(second, second + 1)),
        seen_version: None,
        has_ended: false,
    }
}

/// Six days on, a list of the first two days is answered and names what happened at `seconds`.
fn listed(seconds: &[i64]) -> Stream {
    let mut stream = Stream::new(rules(), 0);
    stream.now = at(6 * DAY);
    let job = Job { id: 1, ..Job::new(Purpose::Settle, Slice::Window(window(0, 2 * DAY)), at(0), Duration::ZERO) };
    stream.ledger.jobs.push(job);
    let items =
        seconds.iter().enumerate().map(|(key, second)| item(&key.to_string(), *second)).collect::<Vec<_>>().into();
    answer(&mut stream, 1, &Verdict::Commit, &AnswerSummary { items, ..heard() });
    stream
}

fn heard() -> AnswerSummary {
    let (elapsed, items) = (Duration::ZERO, NamedItems::default());
    AnswerSummary {
        sent_at: at(6 * DAY),
        elapsed,
        rows: 3,
        earliest_change: None,
        items,
        named: 0,
        item_status: None,
        histogram: None,
    }
}

fn answer(stream: &mut Stream, id: i64, verdict: &Verdict, heard: &AnswerSummary) {
    stream.ledger.settle(id, verdict, Some(heard), &stream.rules, stream.now);
    for (id, job) in (100..).zip(stream.ledger.jobs.iter_mut().filter(|job| job.id == 0)) {
        job.id = id;
    }
}

fn states(stream: &Stream) -> Vec<Completeness> {
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
        let expected = |unread: &[i64], open: &[i64]| -> Vec<Completeness> {
            let state = |day| if in_day(day, unread) { Completeness::Missing } else if in_day(day, open) { Completeness::Provisional } else { Completeness::Final };
            (0..2).map(state).collect()
        };
        prop_assert_eq!(states(&stream), expected(&seconds, &[]));
        let (first, rest) = seconds.split_at(open.min(seconds.len()));
        for key in 0..first.len() {
            let id = stream.ledger.jobs.iter().find(|job| job.slice == Slice::Item(key.to_string())).unwrap().id;
            answer(&mut stream, id, &Verdict::Recheck(at(7 * DAY)), &heard());
        }
        prop_assert_eq!(states(&stream), expected(rest, first));
        while let Some(job) = stream.ledger.jobs.first().cloned() {
            answer(&mut stream, job.id, &Verdict::Commit, &heard());
        }
        prop_assert_eq!(states(&stream), vec![Completeness::Final, Completeness::Final]);
    }

    /// What is taken away is not there, and everything else is.
    #[test]
    fn without_takes_away_what_it_is_told(held in any_windows(DAY), settled in any_windows(DAY), missing_scope in any_windows(DAY), unsettled in any_windows(DAY), probe in any_window(DAY)) {
        let mut coverage = domain::coverage::Coverage::default();
        for window in held {
            coverage.hold(window);
        }
        for window in settled {
            coverage.settle(window);
        }
        let [missing_scope, unsettled]: [Spans; 2] = [missing_scope, unsettled].map(|windows| windows.into_iter().collect());
        let left = coverage.without(&missing_scope, &unsettled);
        let at = probe.from();
        prop_assert_eq!(left.held().contains(at), coverage.held().contains(at) && !missing_scope.contains(at));
        let is_final = coverage.settled().contains(at) && !missing_scope.contains(at) && !unsettled.contains(at);
        prop_assert_eq!(left.settled().contains(at), is_final);
    }

    /// What is not at its end is asked for later and later, until it can change no more.
    #[test]
    fn the_open_are_asked_again(rechecks in 0_u32..40, left in -HOUR..3 * DAY) {
        let job = Job { rechecks, ..Job::new(Purpose::Item, Slice::Item("1".to_owned()), at(0), Duration::ZERO) };
        let answer = Answer { rows: 1, rejects: 0, awaited: false, open: Some(at(DAY + left)) };
        let ended = Job { has_ended: true, ..job.clone() };
        let circumstances = Circumstances { now: at(DAY), next_day: at(DAY), jitter: 0.5, others_answer: true };
        prop_assert_eq!(judge(&rules(), &ended, Ok(&answer), circumstances).verdict, Verdict::Commit);
        match judge(&rules(), &job, Ok(&answer), circumstances).verdict {
            Verdict::Commit => prop_assert!(left <= 0),
            Verdict::Recheck(due) => {
                prop_assert!(left > 0 && due - at(DAY) >= TimeDelta::minutes(5) && due - at(DAY) <= TimeDelta::hours(1));
            }
            verdict => prop_assert!(false, "{verdict:?}"),
        }
    }
}

/// One more look at what is at its end, and no day waits for it. It is the last, unless something has changed since. What
/// names it makes it due.
#[test]
fn the_ended_is_looked_at_once_more() {
    let mut stream = listed(&[HOUR]);
    let id = stream.ledger.jobs[0].id;
    answer(&mut stream, id, &Verdict::Commit, &AnswerSummary { item_status: Some(look_again(13)), ..heard() });
    let [look] = stream.ledger.jobs.as_slice() else { panic!("{:?}", stream.ledger.jobs) };
    assert_eq!(
        (look.due, look.scope, states(&stream)),
        (at(13 * DAY), None, vec![Completeness::Final, Completeness::Final])
    );
    let mut named = stream.ledger.clone();
    let (id, late) = (look.id, at(13 * DAY));
    let again = vec![item("0", HOUR)];
    stream.ledger.follow(&NamedItems { again, ..NamedItems::default() }, Duration::ZERO, &rules(), at(6 * DAY));
    assert_eq!(states(&stream), vec![Completeness::Provisional, Completeness::Final]);
    stream.ledger = named.clone();
    answer(
        &mut stream,
        id,
        &Verdict::Commit,
        &AnswerSummary { sent_at: late, item_status: Some(look_again(13)), ..heard() },
    );
    assert!(stream.ledger.jobs.is_empty(), "looked at for ever");
    named.follow(&vec![item("0", HOUR)].into(), Duration::ZERO, &rules(), at(6 * DAY));
    let [look] = named.jobs.as_slice() else { panic!("{:?}", named.jobs) };
    assert_eq!((look.due, look.scope), (at(6 * DAY), Some(window(HOUR, HOUR + 1))));
    assert_eq!(named.known().held(), &[window(0, HOUR), window(HOUR + 1, 2 * DAY)].into_iter().collect::<Spans>());
}

fn look_again(day: i64) -> ItemStatus {
    ItemStatus { look_again: Some(at(day * DAY)), ..ItemStatus::default() }
}

/// What was named again while somebody asked for it is asked for once more, by one job, and at once.
#[test]
fn what_is_named_while_it_is_asked_for_is_asked_for_again() {
    for verdict in [Verdict::Commit, Verdict::Recheck(at(7 * DAY))] {
        let mut stream = listed(&[HOUR]);
        stream.ledger.jobs[0].state = JobState::Running { until: at(7 * DAY) };
        let id = stream.ledger.jobs[0].id;
        let again = Item { seen_version: Some(at(6 * DAY)), has_ended: true, ..item("0", HOUR) };
        stream.ledger.follow(&vec![again].into(), Duration::ZERO, &rules(), at(6 * DAY));
        answer(&mut stream, id, &verdict, &AnswerSummary { item_status: Some(look_again(13)), ..heard() });
        let [left] = stream.ledger.jobs.as_slice() else { panic!("{verdict:?}: {:?}", stream.ledger.jobs) };
        assert!(left.is_ready(at(6 * DAY)), "{verdict:?}: {left:?}");
        assert_eq!(left.scope, Some(window(HOUR, HOUR + 1)), "not a last look beside it");
        assert_eq!((left.seen_version, left.has_ended), (Some(at(6 * DAY)), true));
        assert_eq!(states(&stream)[0], Completeness::Provisional, "what was heard holds meanwhile");
    }
}

/// What was heard to its end and is asked for once more takes nothing away from its day; and who ordered it waits for it.
#[test]
fn what_is_asked_for_again_stays_held() {
    let mut stream = listed(&[]);
    assert_eq!(states(&stream), vec![Completeness::Final, Completeness::Final]);
    let id = stream.order(0, 2, Mode::All);
    stream.ledger.backfills[0].answered.add(window(0, 2 * DAY));
    let again = vec![item("0", HOUR)];
    stream.ledger.follow(&NamedItems { again, ..NamedItems::default() }, Duration::ZERO, &rules(), at(6 * DAY));
    stream.ledger.jobs[0].id = 70;
    assert_eq!(states(&stream), vec![Completeness::Provisional, Completeness::Final]);
    assert_eq!(stream.plan().finished, [0; 0]);
    // Named as something new, it is something new.
    let before = stream.ledger.clone();
    stream.ledger.follow(&vec![item("0", HOUR)].into(), Duration::ZERO, &rules(), at(6 * DAY));
    assert_eq!((states(&stream)[0], stream.ledger.jobs.len()), (Completeness::Missing, 1));
    stream.ledger = before;
    answer(&mut stream, 70, &Verdict::Commit, &heard());
    assert_eq!(states(&stream), vec![Completeness::Final, Completeness::Final]);
    assert_eq!(stream.plan().finished, [id]);
}

/// Lists of lists: the first time nothing is held before each part is; after that what is held stays held.
#[test]
fn parts_of_a_list_that_is_read_again_take_nothing_away() {
    let mut stream = Stream::new(rules(), 0);
    stream.now = at(6 * DAY);
    let part = Item {
        slice: Slice::Partition("1".to_owned(), window(0, 2 * DAY)),
        scope: None,
        seen_version: None,
        has_ended: false,
    };
    for (round, state) in [Completeness::Missing, Completeness::Provisional].into_iter().enumerate() {
        let list = Job::new(Purpose::Settle, Slice::Window(window(0, 2 * DAY)), at(0), Duration::ZERO);
        stream.ledger.jobs.push(Job { id: 1, ..list });
        answer(&mut stream, 1, &Verdict::Commit, &AnswerSummary { items: vec![part.clone()].into(), ..heard() });
        assert_eq!(states(&stream), vec![state, state], "{round}");
        let [open] = stream.ledger.jobs.as_slice() else { panic!("{:?}", stream.ledger.jobs) };
        let open = open.id;
        answer(&mut stream, open, &Verdict::Commit, &heard());
        assert_eq!(states(&stream), vec![Completeness::Final, Completeness::Final], "{round}");
    }
}

/// A poll asks for what is held once more together with what is new: nothing but the new is missing.
#[test]
fn a_part_that_reaches_further_takes_nothing_away() {
    let mut stream = Stream::new(rules(), 0);
    stream.now = at(6 * DAY);
    stream.ledger.coverage.hold(window(0, DAY));
    for hours in [DAY / HOUR, 2 * DAY / HOUR] {
        let slice = Slice::Partition("1".to_owned(), window(0, hours * HOUR));
        let items = vec![Item { slice, scope: None, seen_version: None, has_ended: false }].into();
        let list = Job::new(Purpose::Live, Slice::Window(window(0, 2 * DAY)), at(0), Duration::ZERO);
        stream.ledger.jobs.push(Job { id: 1, ..list });
        if hours * HOUR == DAY {
            stream.ledger.follow(&items, Duration::ZERO, &rules(), at(6 * DAY));
            assert_eq!(
                states(&stream),
                vec![Completeness::Provisional, Completeness::Missing],
                "what is held is looked at again"
            );
        } else {
            answer(&mut stream, 1, &Verdict::Commit, &AnswerSummary { items, ..heard() });
            assert_eq!(states(&stream), vec![Completeness::Provisional, Completeness::Missing], "one job for both");
            assert_eq!(stream.ledger.jobs[0].unknown(), Some(window(DAY, 2 * DAY)));
        }
        stream.ledger.jobs.retain(|job| job.slice.is_named());
        assert_eq!(stream.ledger.jobs.len(), 1);
    }
}

/// An order to ask for everything once more holds for what began in its span.
#[test]
fn an_order_for_everything_is_known_by_what_began_in_it() {
    let mut stream = listed(&[]);
    stream.order(0, 1, Mode::Missing);
    assert_eq!(stream.ledger.anew_since(window(HOUR, HOUR + 1)), None);
    stream.order(0, 1, Mode::All);
    stream.now = at(7 * DAY);
    stream.order(0, 2, Mode::All);
    let since = |second: i64| stream.ledger.anew_since(window(second, second + 1));
    assert_eq!([since(HOUR), since(DAY), since(2 * DAY)], [Some(at(7 * DAY)), Some(at(7 * DAY)), None]);
    stream.ledger.backfills.pop();
    assert_eq!(stream.ledger.anew_since(window(HOUR, HOUR + 1)), Some(at(6 * DAY)));
}

/// A poll that fails, or waits for a person, is one job however often its stretches are named, and none of them is lost.
#[test]
fn stretches_of_a_part_are_one_job() {
    let part = |name: &str, from: i64, to: i64| {
        let slice = Slice::Partition(name.to_owned(), window(from * HOUR, to * HOUR));
        Item { slice, scope: None, seen_version: None, has_ended: false }
    };
    for parked in [false, true] {
        let mut stream = listed(&[]);
        let follow = |item: Item, stream: &mut Stream| {
            stream.ledger.follow(&vec![item].into(), Duration::ZERO, &rules(), at(6 * DAY));
            stream.ledger.jobs.iter().map(|job| (job.slice.clone(), job.is_parked())).collect::<Vec<_>>()
        };
        follow(part("1", 0, 2), &mut stream);
        if parked {
            stream.ledger.jobs[0].state = JobState::Parked { reason: "404".to_owned() };
        }
        let slice = |name, from, to| part(name, from, to).slice;
        assert_eq!(follow(part("1", 1, 3), &mut stream), [(slice("1", 0, 3), parked)]);
        assert_eq!(follow(part("1", 3, 4), &mut stream), [(slice("1", 0, 4), parked)]);
        assert_eq!(follow(part("1", 0, 1), &mut stream), [(slice("1", 0, 4), parked)]);
        let two = [(slice("1", 0, 4), parked), (slice("2", 3, 5), false)];
        assert_eq!(follow(part("2", 3, 5), &mut stream), two);
        assert_eq!(follow(part("1", 40, 41), &mut stream).len(), 3, "far apart");
        stream.ledger.jobs.truncate(2);
        assert_eq!(follow(part("1", 3, 4 + 31 * 24), &mut stream).len(), 3, "longer than one may ask for");
        assert_eq!(
            states(&stream)[0],
            if parked { Completeness::Blocked } else { Completeness::Provisional },
            "its list is held"
        );
        // Somebody asks with what was known then.
        stream.ledger.jobs[1].state = JobState::Running { until: at(7 * DAY) };
        assert_eq!(follow(part("2", 4, 6), &mut stream).len(), 4);
    }
}

/// A backfill has ended when all that its lists have named was read once, and counts its rows.
#[test]
fn a_backfill_waits_for_what_was_named() {
    let mut stream = listed(&[]);
    let id = stream.order(0, 2, Mode::All);
    stream.ledger.jobs.push(Job {
        id: 50,
        ..Job::new(Purpose::Backfill(id), Slice::Window(window(0, 2 * DAY)), at(0), Duration::ZERO)
    });
    let items = vec![item("a", HOUR), item("b", DAY + HOUR)].into();
    answer(&mut stream, 50, &Verdict::Commit, &AnswerSummary { rows: 0, items, ..heard() });
    assert_eq!(stream.plan().finished, [0; 0]);
    let open = |stream: &Stream| stream.ledger.jobs.iter().find(|job| job.rechecks == 0).map(|job| job.id);
    let (one, later) = (open(&stream).unwrap(), at(7 * DAY));
    answer(&mut stream, one, &Verdict::Recheck(later), &heard());
    assert_eq!(stream.plan().finished, [0; 0]);
    let other = open(&stream).unwrap();
    answer(&mut stream, other, &Verdict::Commit, &heard());
    assert_eq!((stream.plan().finished, stream.ledger.backfills[0].rows), (vec![id], 6));
    // The first is still open: another look brings the same rows.
    answer(&mut stream, one, &Verdict::Recheck(later), &heard());
    assert_eq!(stream.ledger.backfills[0].rows, 6);
}

/// One thing that fails and fails waits for a person, but never because the vendor is down.
#[test]
fn what_fails_alone_is_parked() {
    let verdict = |slice: Slice, failures: u32, others_answer: bool| {
        let job = Job { failures, ..Job::new(Purpose::Item, slice, at(0), Duration::ZERO) };
        let circumstances = Circumstances { now: at(DAY), next_day: at(DAY), jitter: 0.5, others_answer };
        judge(&rules(), &job, Err(&Fault::Unreachable("HTTP 500".to_owned())), circumstances).verdict
    };
    let part = || Slice::Partition("7".to_owned(), window(0, 1));
    assert!(matches!(verdict(part(), 8, true), Verdict::Park(_)));
    assert!(matches!(verdict(Slice::Item("7".to_owned()), 8, true), Verdict::Park(_)));
    assert!(matches!(verdict(part(), 7, true), Verdict::Retry(_)));
    assert!(matches!(verdict(part(), 100, false), Verdict::Retry(_)));
    assert!(matches!(verdict(Slice::Window(window(0, DAY)), 100, true), Verdict::Retry(_)));
}

/// News make it due, unless it has failed a moment ago, or waits for a person.
#[test]
fn news_make_what_is_open_due() {
    let later = at(8 * DAY);
    let told = |seen_version: Option<i64>, has_ended: bool| Item {
        seen_version: seen_version.map(at),
        has_ended,
        ..item("0", HOUR)
    };
    let due = |change: fn(&mut Job), news: Item| {
        let mut stream = listed(&[HOUR]);
        let job = &mut stream.ledger.jobs[0];
        (job.due, job.seen_version) = (later, Some(at(DAY)));
        change(job);
        stream.ledger.follow(&vec![news].into(), Duration::ZERO, &rules(), at(6 * DAY));
        stream.ledger.jobs[0].due
    };
    let (now, open): (_, fn(&mut Job)) = (at(6 * DAY), |_| {});
    assert_eq!(due(open, told(Some(2 * DAY), false)), now);
    assert_eq!(due(open, told(None, true)), now);
    assert_eq!(due(open, told(Some(DAY), false)), later, "no news");
    assert_eq!(due(|job| job.failures = 3, told(Some(2 * DAY), true)), later);
    let park: fn(&mut Job) = |job| job.state = JobState::Parked { reason: "404".to_owned() };
    assert_eq!(due(park, told(Some(2 * DAY), true)), later);
}
