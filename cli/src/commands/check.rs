//! `convosync check`

use crate::arguments::Output;
use crate::clock::SystemClock;
use crate::failure::{Code, Failure};
use crate::output::{show, table};
use crate::quietly;
use crate::service::{database, http, queue};
use crate::settings::Settings;
use chrono::{DateTime, Utc};
use domain::clock::Clock;
use domain::fault::Fault;
use domain::plan::slot_at;
use domain::source::{Source, Step};
use domain::want::Slice;
use domain::window::Window;
use entities::beats::book;
use entities::database::Database;
use entities::lanes::{LaneSpec, borrow, ensure, hand_back};
use entities::roster::{Account, Roster};
use entities::upsert::Batch;
use serde::Serialize;
use worker::http::Http;
use worker::post::Post;

#[derive(Serialize)]
struct Line {
    check: String,
    ok: bool,
    detail: String,
    #[serde(skip)]
    code: Option<Code>,
}

/// Checks the settings, the database, the queue, and makes one call per account.
pub async fn run(settings: &Settings, output: Output) -> Result<(), Failure> {
    let mut lines = Vec::new();
    let roster = settings.roster()?;
    lines.push(good("settings", counted(roster.accounts().len(), "account")));
    let reached = match database(settings).await {
        Ok((database, _)) => match database.pending().await {
            Ok(pending) => {
                let detail = if pending.is_empty() {
                    "up to date".to_owned()
                } else {
                    format!("{} pending; `run` makes them", counted(pending.len(), "change"))
                };
                lines.push(good("database", detail));
                Some((database, pending.is_empty()))
            }
            Err(error) => {
                lines.push(bad("database", Code::Down, error.to_string()));
                None
            }
        },
        Err(failure) => {
            lines.push(bad("database", failure.code, failure.message));
            None
        }
    };
    lines.push(match queue(settings).await {
        Ok(queue) => match queue.ping().await {
            Ok(()) => good("queue", "takes tickets".to_owned()),
            Err(error) => bad("queue", Code::Down, error.to_string()),
        },
        Err(failure) => bad("queue", failure.code, failure.message),
    });
    lines.extend(accounts(&roster, reached.as_ref()).await?);
    if let Some((database, _)) = &reached {
        lines.extend(mailboxes(database, &roster).await);
    }
    show(output, &lines, |lines| {
        let mut rows = table(["check", "", "detail"]);
        for line in lines {
            rows.add_row([line.check.as_str(), if line.ok { "ok" } else { "FAILED" }, line.detail.as_str()]);
        }
        rows
    })?;
    match lines.iter().find_map(|line| line.code) {
        None => Ok(()),
        Some(code) => Err(quietly(code)),
    }
}

/// One call per account, each in its turn.
async fn accounts(roster: &Roster, reached: Option<&(Database, bool)>) -> Result<Vec<Line>, Failure> {
    let mut lines = Vec::new();
    let http = http()?;
    for account in roster.accounts() {
        let name = format!("account {}", account.source.account());
        let lane = roster.lane(account.source.account()).zip(reached);
        lines.push(match lane {
            // The call must take its turn: the vendor counts it like any other.
            Some((lane, (database, true))) => in_turn(database, lane, &http, account, name).await,
            // Where the tables are missing no service can be running, so nobody else's turn is taken.
            Some(_) => call(&http, account, name).await.0,
            None => bad(
                &name,
                Code::Down,
                "not called: without the database there is no knowing whose turn it is".to_owned(),
            ),
        });
    }
    Ok(lines)
}

async fn in_turn(database: &Database, lane: &LaneSpec, http: &Http, account: &Account, name: String) -> Line {
    let taken = match ensure(database, lane).await {
        Ok(()) => borrow(database, lane, "check").await,
        Err(error) => Err(error),
    };
    match taken {
        Ok(Some(lease)) => {
            let (line, idle) = match book(database, lane).await {
                Ok(Some(wait)) => {
                    tokio::time::sleep(wait).await;
                    call(http, account, name).await
                }
                Ok(None) => (not_called(&name, account), true),
                Err(error) => (bad(&name, Code::Down, error.to_string()), true),
            };
            match hand_back(database, lane, &lease, idle).await {
                Ok(()) => line,
                Err(error) => bad(&line.check, Code::Down, error.to_string()),
            }
        }
        Ok(None) => not_called(&name, account),
        Err(error) => bad(&name, Code::Down, error.to_string()),
    }
}

fn not_called(name: &str, account: &Account) -> Line {
    let told = "not called: its lane is in use or closed; see convosync status".to_owned();
    good(name, told + &ending(account, SystemClock::start().now()))
}

/// What works today may be about to end.
fn ending(account: &Account, now: DateTime<Utc>) -> String {
    account.ending(now).map_or_else(String::new, |warning| format!("; {warning}"))
}

/// Asks for the last minute, reads the answer, and stores nothing.
async fn call(http: &Http, account: &Account, name: String) -> (Line, bool) {
    let source = account.source.as_ref();
    let now = SystemClock::start().now();
    let (rules, minute) = (source.rules(), chrono::TimeDelta::minutes(1));
    let to = slot_at(now, rules);
    // Where the vendor knows whole days only, the newest one.
    let is_coarse = rules.grain > minute;
    let from = if is_coarse { rules.floor(to - rules.step) } else { to - minute };
    let slice = Window::new(from, to).map(Slice::Window);
    let Some((stream, slice)) = source.streams().into_iter().next().zip(slice) else {
        return (good(&name, "nothing to ask for".to_owned()), true);
    };
    let asked = async {
        let request = source.ask(&stream.name, &slice, None).map_err(|fault| (fault, true))?;
        let mut reader = source.reader(&stream.name, &slice, None).map_err(|fault| (fault, true))?;
        let mut reply = http.send(&request, source.rules().timeout, now).await?;
        while let Some(chunk) = reply.chunk().await? {
            reader.feed(reply.head, chunk.as_ref()).map_err(|fault| (fault, false))?;
        }
        reader.finish(reply.head).map_err(|fault| (fault, true))
    };
    let ending = ending(account, now);
    match asked.await {
        Ok(step) => (good(&name, told(source, &step, is_coarse) + &ending), true),
        Err((fault, idle)) => (bad(&name, code_of(&fault), fault.to_string() + &ending), idle),
    }
}

/// What the first answer held. Files that it only names are not fetched for a check.
fn told(source: &dyn Source<Batch>, step: &Step, is_coarse: bool) -> String {
    let rows = counted(usize::try_from(step.rows).unwrap_or(usize::MAX), "row");
    let named = step.leads.len();
    match (&step.cursor, is_coarse) {
        // Lists, and what is on them, each to be asked for by itself.
        _ if named > 0 => format!("{} answers, and names {named} more to ask for", source.vendor()),
        (Some(_), _) => format!("{} answers; there is more to fetch", source.vendor()),
        (None, true) => format!("{} answers; {rows} on the newest day", source.vendor()),
        (None, false) => format!("{} answers; {rows} in the last minute", source.vendor()),
    }
}

/// Whether the mailboxes can be opened; no mail is read.
async fn mailboxes(database: &Database, roster: &Roster) -> Vec<Line> {
    let posts = match Post::of(database, roster) {
        Ok(posts) => posts,
        Err((account, why)) => return vec![bad(&format!("mailbox of {account}"), Code::Settings, why)],
    };
    let mut lines = Vec::new();
    for post in posts {
        let name = format!("mailbox of {}", post.names());
        lines.push(match post.check().await {
            Ok(mails) => good(&name, format!("opened; {} not worked on yet", counted(mails, "mail"))),
            Err(error) => bad(&name, Code::Check, error.to_string()),
        });
    }
    lines
}

fn code_of(fault: &Fault) -> Code {
    match fault {
        Fault::Unauthorised(_) => Code::Refused,
        Fault::Throttled { .. } | Fault::QuotaSpent(_) => Code::Limit,
        Fault::Maintenance(_)
        | Fault::Unreachable(_)
        | Fault::TimedOut(_)
        | Fault::Malformed(_)
        | Fault::Busy(_)
        | Fault::Refused(_) => Code::Check,
    }
}

fn counted(number: usize, thing: &str) -> String {
    format!("{number} {thing}{}", if number == 1 { "" } else { "s" })
}

fn good(check: &str, detail: String) -> Line {
    Line { check: check.to_owned(), ok: true, detail, code: None }
}

fn bad(check: &str, code: Code, detail: String) -> Line {
    Line { check: check.to_owned(), ok: false, detail, code: Some(code) }
}
