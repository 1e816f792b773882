//! Lanes: made once, shared by those who share a credential, and their work handed out once.

use super::Store;
use crate::stage::Engine;
use chrono::TimeDelta;
use domain::job::Job;
use domain::lane::Closing;
use entities::lanes::{Next, account_of, claim, ensure, give_back, hand_out, load, set_closed};
use entities::tables::wants;
use sea_orm::EntityTrait;
use serde_json::json;
use std::time::Duration;

async fn standing(store: &Store, id: i64) -> String {
    wants::Entity::find_by_id(id).one(store.db().connection()).await.unwrap().unwrap().standing
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_is_made_once_and_follows_its_settings() {
    made_once(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lane_is_made_once_and_follows_its_settings_on_sqlite() {
    made_once(Engine::Sqlite).await;
}

async fn made_once(engine: Engine) {
    let store = Store::fresh(engine).await;
    store.claimed().await;
    let used = load(store.db().connection(), &store.lane().key).await.unwrap().unwrap();
    assert_eq!((used.1.slots.len(), used.1.slots[0].fence, used.0.quota_used), (1, 1, 1));
    let mut spec = store.lane().clone();
    ensure(store.db(), &spec).await.unwrap();
    assert_eq!(
        load(store.db().connection(), &spec.key).await.unwrap(),
        Some(used.clone()),
        "a lane in use stays as it is"
    );
    (spec.rules.width, spec.rules.spacing) = (3, Duration::from_secs(7));
    for _ in 0..2 {
        ensure(store.db(), &spec).await.unwrap();
        let (row, lane) = load(store.db().connection(), &spec.key).await.unwrap().unwrap();
        assert_eq!((row.width, lane.spacing, lane.slots.len()), (3, Duration::from_secs(7), 3));
        assert_eq!((lane.slots[0], lane.slots[2].fence), (used.1.slots[0], 0));
    }
    spec.rules.width = 1;
    ensure(store.db(), &spec).await.unwrap();
    let (row, lane) = load(store.db().connection(), &spec.key).await.unwrap().unwrap();
    assert_eq!((row.width, lane.slots), (1, used.1.slots));
    assert_eq!(store.count("lanes").await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_want_is_handed_out_once_and_again_when_its_ticket_is_lost() {
    handed_once(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_want_is_handed_out_once_and_again_when_its_ticket_is_lost_on_sqlite() {
    handed_once(Engine::Sqlite).await;
}

async fn handed_once(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (db, lane) = (store.db(), store.lane());
    assert_eq!(hand_out(db, lane).await.unwrap(), Next::Nothing, "nothing is wanted");
    let want = store.want("a", 0).await;
    store.want("a", 1).await;
    let first = Job { want: store.want("a", 2).await, attempt: 1 };
    assert_eq!(hand_out(db, lane).await.unwrap(), Next::Job(first), "the newest window of the three");
    for _ in 0..3 {
        assert_eq!(hand_out(db, lane).await.unwrap(), Next::Nothing, "one slot, one ticket");
    }
    store.expire().await;
    let second = Job { attempt: 2, ..first };
    assert_eq!(hand_out(db, lane).await.unwrap(), Next::Job(second));
    assert!(claim(db, lane, first, "late").await.unwrap().is_none(), "the old ticket is worth nothing");
    assert_eq!(account_of(db, first).await.unwrap(), None);
    assert_eq!(account_of(db, second).await.unwrap().as_deref(), Some("a"));
    assert_eq!(standing(&store, first.want).await, "handed", "and does no harm");
    let claimed = claim(db, lane, second, "in time").await.unwrap().unwrap();
    assert_eq!((claimed.job, claimed.want.id, claimed.stream.account.as_str()), (second, first.want, "a"));
    assert!(claim(db, lane, second, "twice").await.unwrap().is_none(), "a ticket is good for one claim");
    // A worker that died with its lease is found in the same way.
    store.expire().await;
    assert_eq!(hand_out(db, lane).await.unwrap(), Next::Job(Job { attempt: 3, ..first }));
    give_back(db, Job { attempt: 3, ..first }).await.unwrap();
    assert_eq!(standing(&store, first.want).await, "waiting");
    give_back(db, Job { attempt: 2, ..first }).await.unwrap();
    assert!(claim(db, lane, Job { want, attempt: 1 }, "forged").await.unwrap().is_none(), "never handed out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_for_a_busy_or_closed_lane_goes_back() {
    goes_back(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ticket_for_a_busy_or_closed_lane_goes_back_on_sqlite() {
    goes_back(Engine::Sqlite).await;
}

async fn goes_back(engine: Engine) {
    let store = Store::fresh(engine).await;
    let (db, lane) = (store.db(), store.lane());
    let old = store.want("a", 0).await;
    let Next::Job(job) = hand_out(db, lane).await.unwrap() else { panic!("nothing was handed out") };
    assert_eq!(job.want, old);
    // Somebody else took the turn in between, without a ticket.
    let lease = entities::lanes::borrow(db, lane, "check").await.unwrap().unwrap();
    assert!(entities::lanes::borrow(db, lane, "check").await.unwrap().is_none(), "one turn at a time");
    assert!(claim(db, lane, job, "second").await.unwrap().is_none());
    assert_eq!(standing(&store, old).await, "waiting");
    entities::lanes::hand_back(db, lane, &lease, true).await.unwrap();
    store.expire().await;

    let Next::Job(job) = hand_out(db, lane).await.unwrap() else { panic!("nothing was handed out") };
    assert_eq!(job, Job { want: old, attempt: 2 });
    let now = store.now().await;
    let until = now + TimeDelta::hours(1);
    let closing = Closing { until: Some(until), reason: "quota".to_owned() };
    assert!(set_closed(db.connection(), &lane.key, Some(&closing), now).await.unwrap());
    assert!(claim(db, lane, job, "third").await.unwrap().is_none(), "a closed lane is not claimed");
    assert_eq!(standing(&store, old).await, "waiting");
    assert_eq!(hand_out(db, lane).await.unwrap(), Next::At(until));
    let closing = Closing { until: None, reason: "a person".to_owned() };
    set_closed(db.connection(), &lane.key, Some(&closing), now).await.unwrap();
    assert_eq!(hand_out(db, lane).await.unwrap(), Next::Nothing);
    set_closed(db.connection(), &lane.key, None, now).await.unwrap();
    assert_eq!(hand_out(db, lane).await.unwrap(), Next::Job(Job { want: old, attempt: 3 }));
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_share_a_token_share_its_lane() {
    shared(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_share_a_token_share_its_lane_on_sqlite() {
    shared(Engine::Sqlite).await;
}

async fn shared(engine: Engine) {
    let both = |spacing: &str| json!({"token": "one", "spacing": spacing});
    let accounts = [("a", both("1s")), ("b", both("3s")), ("c", json!({"token": "two"}))];
    let store = Store::with(engine, &accounts).await;
    assert_eq!((store.roster.lanes().len(), store.count("lanes").await), (2, 2));
    assert_eq!(store.lane().accounts, ["a", "b"]);
    assert_eq!(store.lane().rules.spacing, Duration::from_secs(3), "the stricter rule holds for both");
    store.want("b", 0).await;
    let claimed = store.claim_next("first").await;
    assert_eq!(claimed.stream.account, "b");
    store.want("a", 1).await;
    let turn = claimed.lease.until + TimeDelta::seconds(3);
    assert_eq!(hand_out(store.db(), store.lane()).await.unwrap(), Next::At(turn), "the other account waits its turn");
    let alone = store.want("c", 0).await;
    let next = hand_out(store.db(), store.roster.lane("c").unwrap()).await.unwrap();
    assert_eq!(next, Next::Job(Job { want: alone, attempt: 1 }), "another token is another lane");
}
