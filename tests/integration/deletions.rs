//! Users delete rows at the vendor: the service marks them, once two answers agree, and believes no answer that lacks most rows.

use crate::harness::{
    AccountSettings, CertainlyVendor, Engine, Process, TestDatabase, WolkvoxVendor, coverage, history, json, messages,
    until, zone,
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use demo::compare::{Comparison, wolkvox};
use domain::window::Window;
use entities::{certainly_messages, requests, wolkvox_chats};
use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter};
use simulator::SimulatedVendor;

/// A running service with an account whose days have been read.
struct Service {
    database: TestDatabase,
    settings: String,
    process: Process,
}

impl Service {
    async fn start(engine: Engine, account: &AccountSettings) -> Self {
        let database = TestDatabase::fresh(engine).await;
        let settings = account.file(&database.url, "memory:");
        let process = Process::run(&settings, &[]);
        Self { database, settings, process }
    }

    async fn now(&self) -> DateTime<Utc> {
        self.database.database.now(self.database.database.connection()).await.unwrap()
    }

    /// Waits until the service calls `day` of account `a` final.
    async fn until_final(&self, day: NaiveDate) {
        until("a final day", async || {
            coverage(&self.settings, "a", (day, day)).await.iter().all(|day| day["state"] == "final")
        })
        .await;
    }

    /// Orders a backfill that reads `day` again, although the day is held.
    async fn read_again(&self, day: NaiveDate, wait: bool) -> String {
        let day = day.to_string();
        let mut arguments = vec!["backfill", "start", "a", "--from", &day, "--to", &day, "--mode", "all"];
        arguments.extend(wait.then_some("--wait"));
        json(&self.settings, &arguments).await["id"].to_string()
    }

    /// The number of answers since `since` that were committed for the end of `window`.
    async fn answers(&self, window: Window, since: DateTime<Utc>) -> u64 {
        use requests::Column;
        let committed = requests::Entity::find()
            .filter(Column::Verdict.eq("commit"))
            .filter(Column::SentAt.gte(since))
            .filter(Column::FromAt.lt(window.to()))
            .filter(Column::ToAt.gte(window.to()));
        committed.count(self.database.database.connection()).await.unwrap()
    }

    async fn gone_rows(&self, table: &str) -> usize {
        let sql = format!("SELECT COUNT(*) FROM {table} WHERE gone_at IS NOT NULL");
        usize::try_from(self.database.number(&sql).await).unwrap()
    }
}

/// Checks that the table equals the vendor, and how many rows the vendor holds, how many are marked as gone and how many the
/// view of final rows has.
fn assert_equal((compared, visible): (Comparison, u64), counts: (usize, usize, u64)) {
    assert!(compared.is_equal(), "{compared:?}");
    assert_eq!((compared.vendor, compared.gone, visible), counts, "{compared:?}");
}

/// A Wolkvox with 40 chats on each of six days, a service that has read them, and a day of them that is final.
async fn wolkvox_service(engine: Engine) -> (WolkvoxVendor, Service, NaiveDate) {
    let vendor = WolkvoxVendor::start(history(6, 40.0)).await;
    let account = AccountSettings::new("a", &vendor.base, "simulated-token").with("since", &vendor.days().0);
    let service = Service::start(engine, &account).await;
    let day = vendor.from.with_timezone(&zone()).date_naive() + TimeDelta::days(1);
    service.until_final(day).await;
    (vendor, service, day)
}

/// Compares the chats of `window`, and returns how many the view of final rows has.
async fn compare_chats(vendor: &WolkvoxVendor, service: &Service, window: Window) -> (Comparison, u64) {
    use wolkvox_chats::{Column, Entity};
    let database = &service.database.database;
    let compared = wolkvox(database, "a", &vendor.wolkvox, window).await.unwrap();
    let is_final = "EXISTS (SELECT 1 FROM wolkvox_chats_final f WHERE f.conn_id = wolkvox_chats.conn_id)";
    let of_window = Entity::find().filter(Column::StartAt.gte(window.from())).filter(Column::StartAt.lt(window.to()));
    (compared, of_window.filter(Expr::cust(is_final)).count(database.connection()).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn chats_that_users_delete_leave_the_final_rows() {
    check_deleted_chats(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn chats_that_users_delete_leave_the_final_rows_on_sqlite() {
    check_deleted_chats(Engine::Sqlite).await;
}

async fn check_deleted_chats(engine: Engine) {
    let (vendor, service, day) = wolkvox_service(engine).await;
    let window = Window::of_day(day, zone()).unwrap();
    let since = service.now().await;
    assert_eq!(vendor.wolkvox.delete("", window, 8), 5);
    service.read_again(day, true).await;
    assert_eq!(service.gone_rows("wolkvox_chats").await, 5, "{}", service.process.log());
    service.until_final(day).await;
    let answers = service.answers(window, since).await;
    assert!(answers >= 2, "{answers} answer made the day final again");
    assert_equal(compare_chats(&vendor, &service, window).await, (35, 5, 35));

    // The vendor brings the chats back.
    assert_eq!(vendor.wolkvox.restore(), 5);
    service.read_again(day, true).await;
    assert_eq!(service.gone_rows("wolkvox_chats").await, 0);
    service.until_final(day).await;
    assert_equal(compare_chats(&vendor, &service, window).await, (40, 0, 40));
    vendor.assert_no_breach();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_lacks_most_chats_marks_none() {
    check_doubted_answer(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_lacks_most_chats_marks_none_on_sqlite() {
    check_doubted_answer(Engine::Sqlite).await;
}

async fn check_doubted_answer(engine: Engine) {
    let (vendor, service, day) = wolkvox_service(engine).await;
    let window = Window::of_day(day, zone()).unwrap();
    assert_eq!(vendor.wolkvox.delete("", window, 2) + vendor.wolkvox.delete("", window, 2), 30);
    let backfill = service.read_again(day, false).await;
    until("the window to wait for an operator", async || {
        service.database.number("SELECT COUNT(*) FROM jobs WHERE state = 'parked'").await > 0
    })
    .await;
    // Halves of the window, each with few stored rows, would each be believed.
    let parked = json(&service.settings, &["jobs", "list"]).await.to_string();
    assert!(parked.contains("lacks 30 of 40 rows"), "{parked}");
    assert_eq!(service.gone_rows("wolkvox_chats").await, 0, "{}", service.process.log());

    // The vendor answers in full again.
    assert_eq!(vendor.wolkvox.restore(), 30);
    assert!(!json(&service.settings, &["backfill", "resume", &backfill]).await.is_null());
    until("the backfill", async || json(&service.settings, &["backfill", "show", &backfill]).await["state"] == "done")
        .await;
    service.until_final(day).await;
    assert_equal(compare_chats(&vendor, &service, window).await, (40, 0, 40));
    vendor.assert_no_breach();
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_users_delete_leave_the_final_rows() {
    check_deleted_messages(Engine::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_users_delete_leave_the_final_rows_on_sqlite() {
    check_deleted_messages(Engine::Sqlite).await;
}

async fn check_deleted_messages(engine: Engine) {
    let vendor = CertainlyVendor::start(messages(20.0, &[(4, 60)])).await;
    let account = vendor.account("a").with("since", &vendor.day(5).to_string());
    let service = Service::start(engine, &account).await;
    let (day, bot) = (vendor.day(4), vendor.bots[0].clone());
    service.until_final(day).await;
    let window = Window::of_day(day, chrono_tz::UTC).unwrap();
    let since = service.now().await;
    assert_eq!(vendor.certainly.delete(&bot, window, 6), 10);
    service.read_again(day, true).await;
    assert_eq!(service.gone_rows("certainly_messages").await, 10, "{}", service.process.log());
    service.until_final(day).await;
    let answers = service.answers(window, since).await;
    assert!(answers >= 2, "{answers} answer made the day final again");
    assert_equal(compare_messages(&vendor, &service, window).await, (50, 10, 50));

    assert_eq!(vendor.certainly.restore(), 10);
    service.read_again(day, true).await;
    assert_eq!(service.gone_rows("certainly_messages").await, 0);
    service.until_final(day).await;
    assert_equal(compare_messages(&vendor, &service, window).await, (60, 0, 60));
    vendor.assert_no_breach();
}

/// Compares the messages of `window`, and returns how many the view of final rows has.
async fn compare_messages(vendor: &CertainlyVendor, service: &Service, window: Window) -> (Comparison, u64) {
    use certainly_messages::{Column, Entity};
    let database = &service.database.database;
    let compared = demo::compare::certainly(database, "a", &vendor.certainly, &vendor.bots[0], window).await.unwrap();
    let is_final =
        "EXISTS (SELECT 1 FROM certainly_messages_final f WHERE f.message_id = certainly_messages.message_id)";
    let of_window =
        Entity::find().filter(Column::Timestamp.gte(window.from())).filter(Column::Timestamp.lt(window.to()));
    (compared, of_window.filter(Expr::cust(is_final)).count(database.connection()).await.unwrap())
}
