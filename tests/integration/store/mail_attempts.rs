//! An attempt to read a mail is noted before it begins; a mail that ends its reader three times is set aside.

use super::Store;
use crate::harness::Engine;
use domain::lost_attempts::MailTurn;
use domain::process::Role;
use storage::deliveries::mail_attempts::{begin_attempt, end_attempt};
use storage::deliveries::{Delivery, DeliveryState, record_refusal, recorded_identities};
use storage::processes::{ProcessIdentity, register, remove};

const STATE: &str = "SELECT state FROM deliveries";

fn mail() -> Delivery {
    Delivery { origin: "maildir:test".to_owned(), identity: "1.mail".to_owned(), kind: "mail" }
}

fn process(name: &str) -> ProcessIdentity {
    let (host, version) = ("host".to_owned(), "1.2.3".to_owned());
    ProcessIdentity { name: name.to_owned(), roles: vec![Role::Worker], host, version }
}

async fn begin(store: &Store, reader: &str) -> MailTurn {
    begin_attempt(store.db(), &mail(), reader).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_set_aside_after_three_lost_attempts() {
    check_setting_aside(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_set_aside_after_three_lost_attempts_on_sqlite() {
    check_setting_aside(Engine::Sqlite).await;
}

async fn check_setting_aside(engine: Engine) {
    let store = Store::fresh(engine).await;
    let known = async || recorded_identities(store.db(), "maildir:test", vec!["1.mail".to_owned()]).await.unwrap();
    // One reader panics, the next process is killed.
    assert_eq!([begin(&store, "host-1").await, begin(&store, "host-1").await], [MailTurn::Read, MailTurn::Read]);
    assert_eq!(begin(&store, "host-2").await, MailTurn::Read);
    assert_eq!((store.made.texts(STATE).await, known().await.len()), (vec!["reading".to_owned()], 0));
    assert_eq!(begin(&store, "host-3").await, MailTurn::SetAside);
    let refuse = async |state, reason| record_refusal(store.db(), &mail(), None, state, reason).await.unwrap();
    refuse(DeliveryState::Unreadable, "set aside").await;
    refuse(DeliveryState::Foreign, "a later outcome").await;
    assert_eq!(store.made.texts(STATE).await, ["unreadable"], "the first outcome stays");
    assert_eq!(store.made.texts("SELECT reason FROM deliveries").await, ["set aside"]);
    assert_eq!(known().await.len(), 1);
    assert_eq!(begin(&store, "host-4").await, MailTurn::Wait, "the mail has an outcome");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_its_reader_survives_is_not_lost() {
    check_survival(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_its_reader_survives_is_not_lost_on_sqlite() {
    check_survival(Engine::Sqlite).await;
}

async fn check_survival(engine: Engine) {
    let store = Store::fresh(engine).await;
    for _ in 0..5 {
        assert_eq!(begin(&store, "host-1").await, MailTurn::Read);
        end_attempt(store.db(), &mail(), "host-1").await.unwrap();
    }
    assert_eq!(store.count("deliveries").await, 0, "a mail without an outcome leaves no record");
    // A process that runs reads the mail: the others leave it alone, however many there are.
    register(store.db(), &process("host-1")).await.unwrap();
    assert_eq!(begin(&store, "host-1").await, MailTurn::Read);
    for reader in ["host-2", "host-3", "host-4", "host-5"] {
        assert_eq!(begin(&store, reader).await, MailTurn::Wait);
    }
    remove(store.db(), &process("host-1")).await.unwrap();
    assert_eq!(begin(&store, "host-2").await, MailTurn::Read);
    end_attempt(store.db(), &mail(), "host-2").await.unwrap();
    assert_eq!(store.made.number("SELECT attempts FROM deliveries").await, 1, "the attempt before stays lost");
}
