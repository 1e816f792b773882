//! Properties of items: processes and sessions that lists name and jobs fetch one by one.

use crate::strategies::{DAY, HOUR, any_window, any_windows, at, full_answer, often, rules, window};
use crate::stream_simulation::StreamSimulation;
use chrono::TimeDelta;
use domain::backfill::Mode;
use domain::coverage::Completeness;
use domain::days::{DaysView, days};
use domain::fault::Fault;
use domain::item::{Item, ItemStatus, NamedItems, capped_version};
use domain::job::{Job, JobState, Purpose};
use domain::judge::{Answer, JudgeContext, Verdict, judge};
use domain::ledger::AnswerSummary;
use domain::slice::Slice;
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

/// A ledger six days later, whose list of the first two days named items at `seconds`.
fn listed(seconds: &[i64]) -> StreamSimulation {
    let mut stream = StreamSimulation::new(rules(), 0);
    stream.now = at(6 * DAY);
    let job = Job { id: 1, ..Job::new(Purpose::Settle, Slice::Window(window(0, 2 * DAY)), at(0), Duration::ZERO) };
    stream.ledger.jobs.push(job);
    let items =
        seconds.iter().enumerate().map(|(key, second)| item(&key.to_string(), *second)).collect::<Vec<_>>().into();
    answer(&mut stream, 1, &Verdict::Commit, &AnswerSummary { items, ..summary() });
    stream
}

fn summary() -> AnswerSummary {
    full_answer(at(6 * DAY), 3)
}

fn answer(stream: &mut StreamSimulation, id: i64, verdict: &Verdict, answer: &AnswerSummary) {
    stream.ledger.settle(id, verdict, Some(answer), &stream.rules, stream.now);
    for (id, job) in (100..).zip(stream.ledger.jobs.iter_mut().filter(|job| job.id == 0)) {
        job.id = id;
    }
}

fn states(stream: &StreamSimulation) -> Vec<Completeness> {
    let (ledger, rules, now) = (&stream.ledger, &stream.rules, stream.now);
    let view = DaysView { ledger, rules, zone: chrono_tz::UTC, now, due: now };
    let first = at(0).date_naive();
    days(view, first, first + TimeDelta::days(1)).into_iter().map(|day| day.state).collect()
}

proptest! {
    #![proptest_config(often())]

    /// A day is as complete as its least complete item, and as complete as its list once all items have ended.
    #[test]
    fn a_day_waits_for_all_items_of_its_list(seconds in prop::collection::btree_set(0..2 * DAY, 0..9), open in 0_usize..9) {
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
            answer(&mut stream, id, &Verdict::Recheck(at(7 * DAY)), &summary());
        }
        prop_assert_eq!(states(&stream), expected(rest, first));
        while let Some(job) = stream.ledger.jobs.first().cloned() {
            answer(&mut stream, job.id, &Verdict::Commit, &summary());
        }
        prop_assert_eq!(states(&stream), vec![Completeness::Final, Completeness::Final]);
    }

    /// The removed spans are absent, and all others remain.
    #[test]
    fn without_removes_missing_and_unsettled_spans(held in any_windows(DAY), settled in any_windows(DAY), missing_scope in any_windows(DAY), unsettled in any_windows(DAY), probe in any_window(DAY)) {
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

    /// An open item is fetched at growing intervals until it can change no more.
    #[test]
    fn open_items_are_fetched_again(rechecks in 0_u32..40, left in -HOUR..3 * DAY) {
        let job = Job { rechecks, ..Job::new(Purpose::Item, Slice::Item("1".to_owned()), at(0), Duration::ZERO) };
        let answer = Answer { rows: 1, rejects: 0, by_mail: false, is_over_budget: false, open_until: Some(at(DAY + left)) };
        let ended = Job { has_ended: true, ..job.clone() };
        let judge_context = JudgeContext { now: at(DAY), next_day: at(DAY), jitter: 0.5, previous_request_answered: true, refusals: 0 };
        prop_assert_eq!(judge(&rules(), &ended, Ok(&answer), judge_context).verdict, Verdict::Commit);
        match judge(&rules(), &job, Ok(&answer), judge_context).verdict {
            Verdict::Commit => prop_assert!(left <= 0),
            Verdict::Recheck(due) => {
                prop_assert!(left > 0 && due - at(DAY) >= TimeDelta::minutes(5) && due - at(DAY) <= TimeDelta::hours(1));
            }
            verdict => prop_assert!(false, "{verdict:?}"),
        }
    }
}

/// An ended item is fetched once more, and no day waits for that. It is the last fetch unless the item has changed. A
/// new mention makes it due.
#[test]
fn an_ended_item_is_rechecked_once() {
    let mut stream = listed(&[HOUR]);
    let id = stream.ledger.jobs[0].id;
    answer(&mut stream, id, &Verdict::Commit, &AnswerSummary { item_status: Some(recheck_at(13)), ..summary() });
    let [look] = stream.ledger.jobs.as_slice() else { panic!("{:?}", stream.ledger.jobs) };
    assert_eq!(
        (look.due, look.scope, states(&stream)),
        (at(13 * DAY), None, vec![Completeness::Final, Completeness::Final])
    );
    let mut named = stream.ledger.clone();
    let (id, late) = (look.id, at(13 * DAY));
    let refetch = vec![item("0", HOUR)];
    stream.ledger.add_items(&NamedItems { refetch, ..NamedItems::default() }, Duration::ZERO, &rules(), at(6 * DAY));
    assert_eq!(states(&stream), vec![Completeness::Provisional, Completeness::Final]);
    stream.ledger = named.clone();
    answer(
        &mut stream,
        id,
        &Verdict::Commit,
        &AnswerSummary { sent_at: late, item_status: Some(recheck_at(13)), ..summary() },
    );
    assert!(stream.ledger.jobs.is_empty(), "an ended item is fetched without end");
    named.add_items(&vec![item("0", HOUR)].into(), Duration::ZERO, &rules(), at(6 * DAY));
    let [look] = named.jobs.as_slice() else { panic!("{:?}", named.jobs) };
    assert_eq!((look.due, look.scope), (at(6 * DAY), Some(window(HOUR, HOUR + 1))));
    assert_eq!(
        named.effective_coverage().held(),
        &[window(0, HOUR), window(HOUR + 1, 2 * DAY)].into_iter().collect::<Spans>()
    );
}

fn recheck_at(day: i64) -> ItemStatus {
    ItemStatus { recheck_at: Some(at(day * DAY)), ..ItemStatus::default() }
}

/// An item that is named during its fetch is fetched once more, by one job, at once.
#[test]
fn an_item_named_during_its_fetch_is_fetched_again() {
    for verdict in [Verdict::Commit, Verdict::Recheck(at(7 * DAY))] {
        let mut stream = listed(&[HOUR]);
        stream.ledger.jobs[0].state = JobState::Running { until: at(7 * DAY) };
        let id = stream.ledger.jobs[0].id;
        let again = Item { seen_version: Some(at(6 * DAY)), has_ended: true, ..item("0", HOUR) };
        stream.ledger.add_items(&vec![again].into(), Duration::ZERO, &rules(), at(6 * DAY));
        answer(&mut stream, id, &verdict, &AnswerSummary { item_status: Some(recheck_at(13)), ..summary() });
        let [left] = stream.ledger.jobs.as_slice() else { panic!("{verdict:?}: {:?}", stream.ledger.jobs) };
        assert!(left.is_ready(at(6 * DAY)), "{verdict:?}: {left:?}");
        assert_eq!(left.scope, Some(window(HOUR, HOUR + 1)), "the recheck did not replace the new mention");
        assert_eq!((left.seen_version, left.has_ended), (Some(at(6 * DAY)), true));
        assert_eq!(states(&stream)[0], Completeness::Provisional, "the stored answer stays valid meanwhile");
    }
}

/// A refetched item does not make its day missing, and the backfill waits for it.
#[test]
fn a_refetched_item_stays_held() {
    let mut stream = listed(&[]);
    assert_eq!(states(&stream), vec![Completeness::Final, Completeness::Final]);
    let id = stream.order(0, 2, Mode::All);
    stream.ledger.backfills[0].answered.add(window(0, 2 * DAY));
    let refetch = vec![item("0", HOUR)];
    stream.ledger.add_items(&NamedItems { refetch, ..NamedItems::default() }, Duration::ZERO, &rules(), at(6 * DAY));
    stream.ledger.jobs[0].id = 70;
    assert_eq!(states(&stream), vec![Completeness::Provisional, Completeness::Final]);
    assert_eq!(stream.plan().finished, [0; 0]);
    // Named as a first fetch, it is missing again.
    let before = stream.ledger.clone();
    stream.ledger.add_items(&vec![item("0", HOUR)].into(), Duration::ZERO, &rules(), at(6 * DAY));
    assert_eq!((states(&stream)[0], stream.ledger.jobs.len()), (Completeness::Missing, 1));
    stream.ledger = before;
    answer(&mut stream, 70, &Verdict::Commit, &summary());
    assert_eq!(states(&stream), vec![Completeness::Final, Completeness::Final]);
    assert_eq!(stream.plan().finished, [id]);
}

/// Partitions: at first nothing is held before each is answered; later the held windows stay held.
#[test]
fn partitions_named_again_keep_their_coverage() {
    let mut stream = StreamSimulation::new(rules(), 0);
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
        answer(&mut stream, 1, &Verdict::Commit, &AnswerSummary { items: vec![part.clone()].into(), ..summary() });
        assert_eq!(states(&stream), vec![state, state], "{round}");
        let [open] = stream.ledger.jobs.as_slice() else { panic!("{:?}", stream.ledger.jobs) };
        let open = open.id;
        answer(&mut stream, open, &Verdict::Commit, &summary());
        assert_eq!(states(&stream), vec![Completeness::Final, Completeness::Final], "{round}");
    }
}

/// A partition job for held and new windows: only the new window is missing.
#[test]
fn a_partition_that_grows_keeps_its_coverage() {
    let mut stream = StreamSimulation::new(rules(), 0);
    stream.now = at(6 * DAY);
    stream.ledger.coverage.hold(window(0, DAY));
    for hours in [DAY / HOUR, 2 * DAY / HOUR] {
        let slice = Slice::Partition("1".to_owned(), window(0, hours * HOUR));
        let items = vec![Item { slice, scope: None, seen_version: None, has_ended: false }].into();
        let list = Job::new(Purpose::Live, Slice::Window(window(0, 2 * DAY)), at(0), Duration::ZERO);
        stream.ledger.jobs.push(Job { id: 1, ..list });
        if hours * HOUR == DAY {
            stream.ledger.add_items(&items, Duration::ZERO, &rules(), at(6 * DAY));
            assert_eq!(
                states(&stream),
                vec![Completeness::Provisional, Completeness::Missing],
                "the held window is read again"
            );
        } else {
            answer(&mut stream, 1, &Verdict::Commit, &AnswerSummary { items, ..summary() });
            assert_eq!(states(&stream), vec![Completeness::Provisional, Completeness::Missing], "one job for both");
            assert_eq!(stream.ledger.jobs[0].missing_window(), Some(window(DAY, 2 * DAY)));
        }
        stream.ledger.jobs.retain(|job| job.slice.is_named());
        assert_eq!(stream.ledger.jobs.len(), 1);
    }
}

/// A backfill of everything applies to items that began in its window.
#[test]
fn refetch_since_applies_to_items_that_began_in_the_backfill() {
    let mut stream = listed(&[]);
    stream.order(0, 1, Mode::Missing);
    assert_eq!(stream.ledger.refetch_since(window(HOUR, HOUR + 1)), None);
    stream.order(0, 1, Mode::All);
    stream.now = at(7 * DAY);
    stream.order(0, 2, Mode::All);
    let since = |second: i64| stream.ledger.refetch_since(window(second, second + 1));
    assert_eq!([since(HOUR), since(DAY), since(2 * DAY)], [Some(at(7 * DAY)), Some(at(7 * DAY)), None]);
    stream.ledger.backfills.pop();
    assert_eq!(stream.ledger.refetch_since(window(HOUR, HOUR + 1)), Some(at(6 * DAY)));
}

/// A failing or parked partition stays one job however often its windows are named, and none is lost.
#[test]
fn windows_of_one_partition_form_one_job() {
    let part = |name: &str, from: i64, to: i64| {
        let slice = Slice::Partition(name.to_owned(), window(from * HOUR, to * HOUR));
        Item { slice, scope: None, seen_version: None, has_ended: false }
    };
    for parked in [false, true] {
        let mut stream = listed(&[]);
        let follow = |item: Item, stream: &mut StreamSimulation| {
            stream.ledger.add_items(&vec![item].into(), Duration::ZERO, &rules(), at(6 * DAY));
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
        assert_eq!(follow(part("1", 3, 4 + 31 * 24), &mut stream).len(), 3, "longer than one request may ask for");
        assert_eq!(
            states(&stream)[0],
            if parked { Completeness::Blocked } else { Completeness::Provisional },
            "its list is held"
        );
        // A worker runs the job with its present window.
        stream.ledger.jobs[1].state = JobState::Running { until: at(7 * DAY) };
        assert_eq!(follow(part("2", 4, 6), &mut stream).len(), 4);
    }
}

/// A backfill is done when all items of its lists were read once, and it counts their rows.
#[test]
fn a_backfill_waits_for_its_items() {
    let mut stream = listed(&[]);
    let id = stream.order(0, 2, Mode::All);
    stream.ledger.jobs.push(Job {
        id: 50,
        ..Job::new(Purpose::Backfill(id), Slice::Window(window(0, 2 * DAY)), at(0), Duration::ZERO)
    });
    let items = vec![item("a", HOUR), item("b", DAY + HOUR)].into();
    answer(&mut stream, 50, &Verdict::Commit, &AnswerSummary { rows: 0, items, ..summary() });
    assert_eq!(stream.plan().finished, [0; 0]);
    let open = |stream: &StreamSimulation| stream.ledger.jobs.iter().find(|job| job.rechecks == 0).map(|job| job.id);
    let (one, later) = (open(&stream).unwrap(), at(7 * DAY));
    answer(&mut stream, one, &Verdict::Recheck(later), &summary());
    assert_eq!(stream.plan().finished, [0; 0]);
    let other = open(&stream).unwrap();
    answer(&mut stream, other, &Verdict::Commit, &summary());
    assert_eq!((stream.plan().finished, stream.ledger.backfills[0].rows), (vec![id], 6));
    // The first item is still open: another fetch brings the same rows.
    answer(&mut stream, one, &Verdict::Recheck(later), &summary());
    assert_eq!(stream.ledger.backfills[0].rows, 6);
}

/// An item that fails repeatedly is parked, but not while the vendor is down.
#[test]
fn an_item_that_fails_alone_is_parked() {
    let verdict = |slice: Slice, failures: u32, previous_request_answered: bool| {
        let job = Job { failures, ..Job::new(Purpose::Item, slice, at(0), Duration::ZERO) };
        let judge_context =
            JudgeContext { now: at(DAY), next_day: at(DAY), jitter: 0.5, previous_request_answered, refusals: 0 };
        judge(&rules(), &job, Err(&Fault::Unreachable("HTTP 500".to_owned())), judge_context).verdict
    };
    let part = || Slice::Partition("7".to_owned(), window(0, 1));
    assert!(matches!(verdict(part(), 8, true), Verdict::Park(_)));
    assert!(matches!(verdict(Slice::Item("7".to_owned()), 8, true), Verdict::Park(_)));
    assert!(matches!(verdict(part(), 7, true), Verdict::Retry(_)));
    assert!(matches!(verdict(part(), 100, false), Verdict::Retry(_)));
    assert!(matches!(verdict(Slice::Window(window(0, DAY)), 100, true), Verdict::Retry(_)));
}

/// A newer version makes a waiting item due, unless its job has failed or is parked.
#[test]
fn a_newer_version_makes_an_open_item_due() {
    let later = at(8 * DAY);
    let named = |seen_version: Option<i64>, has_ended: bool| Item {
        seen_version: seen_version.map(at),
        has_ended,
        ..item("0", HOUR)
    };
    let due = |change: fn(&mut Job), newer: Item| {
        let mut stream = listed(&[HOUR]);
        let job = &mut stream.ledger.jobs[0];
        (job.due, job.seen_version) = (later, Some(at(DAY)));
        change(job);
        stream.ledger.add_items(&vec![newer].into(), Duration::ZERO, &rules(), at(6 * DAY));
        stream.ledger.jobs[0].due
    };
    let (now, open): (_, fn(&mut Job)) = (at(6 * DAY), |_| {});
    assert_eq!(due(open, named(Some(2 * DAY), false)), now);
    assert_eq!(due(open, named(None, true)), now);
    assert_eq!(due(open, named(Some(DAY), false)), later, "nothing new was named");
    assert_eq!(due(|job| job.failures = 3, named(Some(2 * DAY), true)), later);
    let park: fn(&mut Job) = |job| job.state = JobState::Parked { reason: "404".to_owned() };
    assert_eq!(due(park, named(Some(2 * DAY), true)), later);
}

proptest! {
    /// A version in the far future counts as the same instant for the rest of the hour, so that a list that repeats it
    /// names nothing new.
    #[test]
    fn a_version_in_the_far_future_counts_as_the_end_of_the_hour(now in 0..9 * DAY, ahead in -DAY..9 * DAY) {
        let (now, version) = (at(now), at(now + ahead));
        let (stored, hour) = (capped_version(version, now), TimeDelta::hours(1));
        if version <= now + hour {
            prop_assert_eq!(stored, version);
        } else {
            prop_assert!(stored > now && stored <= now + hour && stored.timestamp() % HOUR == 0, "{}", stored);
        }
    }
}
