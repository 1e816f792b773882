//! `convosync check`

use crate::arguments::Output;
use crate::clock::SystemClock;
use crate::failure::{Code, Failure};
use crate::output::{show, table};
use crate::service::{connect_existing_database, http_client, open_queue};
use crate::settings::Settings;
use chrono::{DateTime, Utc};
use domain::clock::Clock;
use domain::fault::Fault;
use domain::live_slot::slot_at;
use domain::slice::Slice;
use domain::source::{ResponseSummary, Source};
use domain::window::Window;
use entities::rows::RowBatch;
use serde::Serialize;
use storage::accounts::{Account, Accounts};
use storage::database::Database;
use storage::installation::lane_secret;
use storage::lanes::adhoc::acquire_adhoc;
use storage::lanes::adhoc::release_adhoc;
use storage::lanes::pacing::reserve_send_time;
use storage::lanes::{LaneSpec, ensure};
use worker::http::Http;
use worker::mail_ingest::MailIngest;

/// The result of one check, as JSON.
#[derive(Serialize)]
struct CheckResult {
    check: String,
    ok: bool,
    detail: String,
    #[serde(skip)]
    code: Option<Code>,
}

/// Checks the settings, the database and the queue, and sends one request per account.
pub async fn run(settings: &Settings, output: Output) -> Result<(), Failure> {
    let mut results = Vec::new();
    let mut accounts = settings.accounts()?;
    results.push(good("settings", count(accounts.all().len(), "account")));
    let (result, database) = check_database(settings).await;
    results.push(result);
    if let CheckedDatabase::Ready(database) = &database {
        accounts = accounts.keyed(&lane_secret(database).await?);
    }
    results.push(match open_queue(settings).await {
        Ok(queue) => match queue.ping().await {
            Ok(()) => good("queue", "accepts tickets".to_owned()),
            Err(error) => bad("queue", Code::Down, error.to_string()),
        },
        Err(failure) => bad("queue", failure.code, failure.message),
    });
    results.extend(check_accounts(&accounts, &database).await?);
    if let CheckedDatabase::Ready(database) = &database {
        results.extend(check_mailboxes(database, &accounts).await);
    }
    show(output, &results, |results| {
        let mut rows = table(["check", "result", "detail"]);
        for result in results {
            rows.add_row([result.check.as_str(), if result.ok { "ok" } else { "FAILED" }, result.detail.as_str()]);
        }
        rows
    })?;
    match results.iter().find_map(|result| result.code) {
        None => Ok(()),
        Some(code) => Err(Failure::printed(code)),
    }
}

/// The database, as this command found it.
enum CheckedDatabase {
    /// Its tables are up to date.
    Ready(Database),
    /// It lacks tables, so that no lane can be used.
    NeedsMigrations,
    /// It does not answer.
    Unreachable,
}

async fn check_database(settings: &Settings) -> (CheckResult, CheckedDatabase) {
    let database = match connect_existing_database(settings).await {
        Ok(database) => database,
        Err(failure) => return (bad("database", failure.code, failure.message), CheckedDatabase::Unreachable),
    };
    match database.pending().await {
        Ok(pending) if pending.is_empty() => {
            (good("database", "up to date".to_owned()), CheckedDatabase::Ready(database))
        }
        Ok(pending) => {
            let detail = format!("reachable; {} pending: run convosync migrate", count(pending.len(), "migration"));
            (good("database", detail), CheckedDatabase::NeedsMigrations)
        }
        Err(error) => (bad("database", Code::Down, error.to_string()), CheckedDatabase::Unreachable),
    }
}

/// Sends one request per account, through the account's lane. Without the lane this command sends none: during an
/// upgrade another version may hold the lane while this version finds pending migrations.
async fn check_accounts(accounts: &Accounts, database: &CheckedDatabase) -> Result<Vec<CheckResult>, Failure> {
    let mut results = Vec::new();
    let http = http_client()?;
    for account in accounts.all() {
        let name = format!("account {}", account.source.account());
        let Some(lane) = accounts.lane(account.source.account()) else { continue };
        results.push(match database {
            CheckedDatabase::Ready(database) => call_through_lane(database, lane, &http, account, name).await,
            CheckedDatabase::NeedsMigrations => bad(
                &name,
                Code::Check,
                "no request sent: the lane needs the tables; run convosync migrate first".to_owned(),
            ),
            CheckedDatabase::Unreachable => bad(
                &name,
                Code::Down,
                "no request sent: without the database, other processes may be using the lane".to_owned(),
            ),
        });
    }
    Ok(results)
}

/// Sends one request while this command holds a slot of the lane.
async fn call_through_lane(
    database: &Database,
    lane: &LaneSpec,
    http: &Http,
    account: &Account,
    name: String,
) -> CheckResult {
    let borrowed = match ensure(database, lane).await {
        Ok(()) => acquire_adhoc(database, lane, "check").await,
        Err(error) => Err(error),
    };
    match borrowed {
        Ok(Some(lease)) => {
            let (result, is_idle) = match reserve_send_time(database, lane).await {
                Ok(Some(wait)) => {
                    tokio::time::sleep(wait).await;
                    call(http, account, name).await
                }
                Ok(None) => (not_called(&name, account), true),
                Err(error) => (bad(&name, Code::Down, error.to_string()), true),
            };
            match release_adhoc(database, lane, &lease, is_idle).await {
                Ok(()) => result,
                Err(error) => bad(&result.check, Code::Down, error.to_string()),
            }
        }
        Ok(None) => not_called(&name, account),
        Err(error) => bad(&name, Code::Down, error.to_string()),
    }
}

fn not_called(name: &str, account: &Account) -> CheckResult {
    let detail = "no request sent: its lane is in use or closed; see convosync status".to_owned();
    good(name, detail + &ending(account, SystemClock::start().now()))
}

/// A warning about an account that will stop working, after a semicolon.
fn ending(account: &Account, now: DateTime<Utc>) -> String {
    account.ending(now).map_or_else(String::new, |warning| format!("; {warning}"))
}

/// Requests the last minute, reads the answer, and stores nothing. Returns also whether the vendor is idle again.
async fn call(http: &Http, account: &Account, name: String) -> (CheckResult, bool) {
    let source = account.source.as_ref();
    let now = SystemClock::start().now();
    let (rules, minute) = (source.rules(), chrono::TimeDelta::minutes(1));
    let to = slot_at(now, rules);
    // A vendor that answers whole days only gets a request for the newest one.
    let is_coarse = rules.granularity > minute;
    let from = if is_coarse { rules.floor(to - rules.step) } else { to - minute };
    let slice = Window::new(from, to).map(Slice::Window);
    let Some((stream, slice)) = source.streams().into_iter().next().zip(slice) else {
        return (good(&name, "has no stream to request".to_owned()), true);
    };
    let exchange = async {
        let request = source.request(&stream.name, &slice, None).map_err(|fault| (fault, true))?;
        let mut reader = source.reader(&stream.name, &slice, None).map_err(|fault| (fault, true))?;
        let mut reply = http.send(&request, source.rules().timeout, now).await?;
        while let Some(chunk) = reply.chunk().await? {
            reader.feed(reply.head, chunk.as_ref()).map_err(|fault| (fault, false))?;
        }
        reader.finish(reply.head).map_err(|fault| (fault, true))
    };
    let ending = ending(account, now);
    match exchange.await {
        Ok(step) => (good(&name, describe(source, &step, is_coarse) + &ending), true),
        Err((fault, is_idle)) => (bad(&name, code_of(&fault), fault.to_string() + &ending), is_idle),
    }
}

/// Describes the first answer. The check does not fetch the files and items that it only names.
fn describe(source: &dyn Source<RowBatch>, step: &ResponseSummary, is_coarse: bool) -> String {
    let rows = count(usize::try_from(step.rows).unwrap_or(usize::MAX), "row");
    let named = step.items.len();
    match (&step.cursor, is_coarse) {
        _ if named > 0 => format!("{} answers with a list of {named} items", source.vendor()),
        (Some(_), _) => format!("{} answers; there is more to fetch", source.vendor()),
        (None, true) => format!("{} answers; {rows} on the newest day", source.vendor()),
        (None, false) => format!("{} answers; {rows} in the last minute", source.vendor()),
    }
}

/// Opens each mailbox, and reads no mail.
async fn check_mailboxes(database: &Database, accounts: &Accounts) -> Vec<CheckResult> {
    let posts = match MailIngest::from_accounts(database, accounts) {
        Ok(posts) => posts,
        Err((account, why)) => return vec![bad(&format!("mailbox of {account}"), Code::Settings, why)],
    };
    let mut results = Vec::new();
    for post in posts {
        let name = format!("mailbox of {}", post.names());
        results.push(match post.check().await {
            Ok(mails) => {
                let warning = distrust_warning(&post.distrusting_accounts());
                good(&name, format!("opened; {} not processed yet{warning}", count(mails, "mail")))
            }
            Err(error) => bad(&name, Code::Check, error.to_string()),
        });
    }
    results
}

/// A warning about accounts that believe no mail, after a semicolon.
fn distrust_warning(accounts: &[&str]) -> String {
    if accounts.is_empty() {
        return String::new();
    }
    format!(
        "; warning: {} believes no mail, because anyone can mail the mailbox: set mailbox_from and mailbox_authserv_id",
        accounts.join(", ")
    )
}

fn code_of(fault: &Fault) -> Code {
    match fault {
        Fault::Unauthorised(_) => Code::Refused,
        Fault::Throttled { .. } | Fault::QuotaSpent(_) => Code::Limit,
        Fault::Maintenance(_)
        | Fault::Unreachable(_)
        | Fault::TimedOut(_)
        | Fault::Malformed(_)
        | Fault::Incomplete(_)
        | Fault::TooLarge(_)
        | Fault::Busy(_)
        | Fault::Database(_)
        | Fault::Refused(_) => Code::Check,
    }
}

fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

fn good(check: &str, detail: String) -> CheckResult {
    CheckResult { check: check.to_owned(), ok: true, detail, code: None }
}

fn bad(check: &str, code: Code, detail: String) -> CheckResult {
    CheckResult { check: check.to_owned(), ok: false, detail, code: Some(code) }
}
