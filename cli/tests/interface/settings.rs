//! The settings' layers, and the text of each error.

use super::error_of;
use chrono::TimeDelta;
use convosync::settings::Settings;
use domain::retention::{Retention, RetentionPeriod};
use secrecy::ExposeSecret;
use server::Limits;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::num::NonZeroU32;
use std::time::Duration;
use tempfile::TempDir;

const ACCOUNT: &str = "[accounts.shop]\nsource = \"wolkvox\"\nserver = \"0042\"\ntoken = \"x\"\n";

fn nonzero(number: u32) -> NonZeroU32 {
    NonZeroU32::new(number).unwrap()
}

fn load(text: &str, variables: &[(&str, &str)]) -> Settings {
    let named = |(name, value): &(&str, &str)| (format!("CONVOSYNC__{name}"), (*value).to_owned());
    Settings::from_text(text, &variables.iter().map(named).collect::<BTreeMap<_, _>>()).unwrap()
}

#[test]
fn layers_the_environment_over_the_file_over_the_defaults() {
    let file = "[worker]\nconcurrency = 3\ndrain = \"5s\"\n";
    let settings = load(file, &[("WORKER__CONCURRENCY", "7"), ("SERVER__BIND", "127.0.0.1:9")]);
    assert_eq!(settings.worker.concurrency, 7, "the variable counts");
    assert_eq!(settings.worker.drain, Duration::from_secs(5), "the file counts");
    assert_eq!(settings.scheduler.tick, Duration::from_secs(1), "the default counts");
    assert_eq!(settings.server.bind.port(), 9);
}

#[test]
fn layers_the_limits_on_inbound_requests() {
    assert_eq!(load("", &[]).server.limits, Limits::default(), "the file of defaults and the server agree");
    let file = "[server]\nrequests_per_second_per_client = 7\nrequest_burst_per_client = 70\n\
                webhooks_per_second_per_account = 8\nwebhook_burst_per_account = 80\n\
                wrong_tokens_per_minute_per_client = 9\n";
    let settings = load(file, &[("SERVER__REQUEST_BURST_PER_CLIENT", "700")]);
    let expected = Limits {
        requests_per_second_per_client: nonzero(7),
        request_burst_per_client: nonzero(700),
        webhooks_per_second_per_account: nonzero(8),
        webhook_burst_per_account: nonzero(80),
        wrong_tokens_per_minute_per_client: nonzero(9),
    };
    assert_eq!(settings.server.limits, expected);
}

#[test]
fn reads_how_long_history_is_kept() {
    let days = |days| RetentionPeriod::Limited(TimeDelta::days(days));
    let defaults = load("", &[]).retention;
    assert_eq!([defaults.requests, defaults.rejects], [days(90); 2]);
    assert_eq!([defaults.deliveries, defaults.items, defaults.backfills, defaults.reopened_days], [days(400); 4]);
    let file = "[retention]\nrequests = \"forever\"\nitems = \"8d\"\n";
    let read = load(file, &[("RETENTION__REJECTS", "30d")]).retention;
    assert_eq!(read, Retention { requests: RetentionPeriod::Forever, items: days(8), rejects: days(30), ..defaults });
}

#[test]
fn refuses_a_limit_of_0_and_says_what_to_write() {
    let keys = [
        ("requests_per_second_per_client", 500),
        ("request_burst_per_client", 5_000),
        ("webhooks_per_second_per_account", 200),
        ("webhook_burst_per_account", 4_000),
        ("wrong_tokens_per_minute_per_client", 30),
    ];
    for (key, default) in keys {
        let expected =
            format!("server.{key} must be a whole number from 1 to 4294967295, such as {default}, the default");
        let in_file = error_of(&format!("[server]\n{key} = 0\n"), &[]);
        assert_eq!(in_file, Some(format!("convosync.toml, line 2: {expected}")));
        let name = format!("SERVER__{}", key.to_uppercase());
        assert_eq!(error_of("", &[(&name, "0")]), Some(format!("CONVOSYNC__{name}: {expected}")));
    }
}

#[test]
fn takes_accounts_from_the_file_and_the_environment_together() {
    let text = ACCOUNT.replace("token = \"x\"\n", "");
    let variables = [
        ("ACCOUNTS__SHOP__TOKEN", "x"),
        ("ACCOUNTS__BOT-2__SOURCE", "ultimate"),
        ("ACCOUNTS__BOT-2__BASE_URL", "https://api.ultimate.ai"),
        ("ACCOUNTS__BOT-2__TOKEN", "x"),
        ("ACCOUNTS__BOT-2__ORGANIZATION_ID", "6a41cee6fbfda88b1060d653"),
        ("ACCOUNTS__BOT-2__BOT_IDS", "[\"6a41cee6fbfda88b1060d654\", \"6a41cee6fbfda88b1060d655\"]"),
    ];
    let accounts = load(&text, &variables).accounts().unwrap();
    let names: Vec<_> = accounts.all().iter().map(|account| account.source.account()).collect();
    assert_eq!(names, ["bot-2", "shop"]);
    assert_eq!(accounts.all()[0].streams().len(), 2, "a variable may hold a list");
}

#[test]
fn keeps_the_case_of_an_account_name() {
    let error = error_of(&ACCOUNT.replace("[accounts.shop]", "[accounts.Shop]"), &[]).unwrap();
    assert!(error.contains("accounts.Shop"), "{error}");
}

#[test]
fn reads_every_secret_from_a_file() {
    let folder = TempDir::new().unwrap();
    let write = |name: &str, text: &str| {
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        file.to_str().unwrap().to_owned()
    };
    let (url, queue, token) =
        (write("a", "sqlite://a.db\n"), write("b", "redis://host/0\r\n"), write("c", "a-token-to-operate\n\n"));
    let text = format!("[database]\nurl_file = {url:?}\n[queue]\nurl_file = {queue:?}\n");
    let settings = load(&text, &[("SERVER__OPERATOR_TOKEN_FILE", &token)]);
    let secrets = [&settings.database.url, &settings.queue.url, &settings.server.operator_token];
    assert_eq!(secrets.map(ExposeSecret::expose_secret), ["sqlite://a.db", "redis://host/0", "a-token-to-operate"]);
    for vendor in sources::VENDORS {
        for secret in vendor.secrets {
            let text = format!("[accounts.a]\nsource = \"{}\"\n{secret}_file = {token:?}\n", vendor.name);
            let error = error_of(&text, &[]).unwrap_or_default();
            assert!(
                !error.contains(&format!("{secret}: missing")) && !error.contains(&format!("{secret}_file: ")),
                "{error}"
            );
            let missing = error_of(&text.replace(&token, "nowhere"), &[]).unwrap();
            assert!(missing.contains(&format!("accounts.a.{secret}_file: cannot read nowhere")), "{missing}");
        }
    }
}

#[test]
fn shows_no_secret_in_debug_output() {
    let settings =
        load("[accounts.shop]\ntoken = \"hunter2\"\n", &[("DATABASE__URL", "postgres://u:hunter2@127.0.0.1/db")]);
    assert!(!format!("{settings:?}").contains("hunter2"), "{settings:?}");
}

#[test]
fn warns_of_data_that_others_on_its_way_can_read() {
    let warnings = |database: &str, queue: &str| {
        let settings = load("", &[("DATABASE__URL", database), ("QUEUE__URL", queue)]);
        let warnings = settings.warnings().into_iter();
        warnings.map(|warning| warning.split_whitespace().next().unwrap()).collect::<Vec<_>>()
    };
    let verified = "postgres://u:hunter2@db/name?sslmode=verify-full";
    assert_eq!(warnings("postgres://db/name?sslmode=disable", "redis://queue/0"), ["database.url", "queue.url"]);
    assert_eq!(warnings(verified, "redis://:hunter2@10.0.0.5:6379/0"), ["queue.url"]);
    for queue in ["memory:", "redis://127.0.0.1/0", "redis://localhost:6379", "redis://[::1]/0", "rediss://queue/0"] {
        assert!(warnings(verified, queue).is_empty(), "{queue}");
    }
    assert!(warnings("postgres://127.0.0.1/name", "memory:").is_empty());
    assert!(warnings("sqlite://convosync.db", "memory:").is_empty());
}

/// Invalid settings: a file, and variables of the environment.
const INVALID: [(&str, &[(&str, &str)]); 46] = [
    ("[server\n", &[]),
    ("[server]\nbind = 127.0.0.1:8080\n", &[]),
    ("[server]\nbind = \"127.0.0.1:8080\"\nbind = \"127.0.0.1:8081\"\n", &[]),
    ("[log]\nlevel = \"info\n", &[]),
    ("[sever]\nbind = \"127.0.0.1:8080\"\n", &[]),
    ("\n\n[server]\nbnid = \"127.0.0.1:8080\"\n", &[]),
    ("[server]\nbind_file = \"bind\"\n", &[]),
    ("[server]\nbind = \"somewhere\"\n", &[]),
    ("[server]\nbind = 8080\n", &[]),
    ("[server]\nbind = \"0.0.0.0:8080\"\n", &[]),
    ("[server]\noperator_token = 48151623\n", &[]),
    ("[server]\noperator_token = [\"hunter2\"]\n", &[]),
    ("[server]\noperator_token_file = \"nowhere\"\n", &[]),
    ("[server]\noperator_token = \"hunter2\"\noperator_token_file = \"nowhere\"\n", &[]),
    ("[server]\noperator_token = \"hunter2-hunter2\"\n", &[]),
    ("[server]\nread_token = \"hunter2 with blanks\"\n", &[]),
    ("[server]\nread_token = \"hunter2-and-more-1\"\nmetrics_token = \"hunter2-and-more-1\"\n", &[]),
    ("[server]\nmax_connections = 0\n", &[]),
    (
        "[accounts.hook]\nsource = \"treble\"\ntoken = \"x\"\nwebhook_secret = \"hunter2\"\nwebhook_secret_previous = \"hunter2/hunter2/h\"\n",
        &[],
    ),
    ("[server]\nrequest_per_second_per_client = 5\n", &[]),
    ("[server]\nwebhook_burst_per_account = \"many\"\n", &[]),
    ("[server]\nwebhook_burst_per_account = 4294967296\n", &[]),
    ("server = 5\n", &[]),
    ("accounts = 5\n", &[]),
    ("accounts.shop = 5\n", &[]),
    ("[worker]\nconcurrency = 0\n", &[]),
    ("[worker]\nconcurrency = -1\n", &[]),
    ("[worker]\nconcurrency = \"16\"\n", &[]),
    ("[worker]\nconcurrency = 99999999999999999999\n", &[]),
    ("[scheduler]\ntick = \"soon\"\n", &[]),
    ("[scheduler]\ntick = \"1m\"\n", &[]),
    ("[retention]\nrequests = \"1w\"\n", &[]),
    ("[retention]\nrejects = \"never\"\n", &[]),
    ("[log]\nformat = \"xml\"\n", &[]),
    ("[database]\nurl = \"mysql://user:hunter2@host/name\"\n", &[]),
    ("[database]\nurl = \"postgres://user:hunter2@host/name\"\n", &[]),
    ("", &[("DATABASE__URL", "postgresql://user:hunter2@10.0.0.5/name?sslmode=require")]),
    ("[queue]\nurl = \"amqp://user:hunter2@host\"\n", &[]),
    ("[accounts.\"A B\"]\nsource = \"wolkvox\"\n", &[]),
    ("[accounts.shop]\nsource = \"wolkbox\"\ntokn = \"hunter2\"\n", &[]),
    ("[accounts.shop]\nsource = \"wolkvox\"\nserver = \"0042\"\ntoken = \"hunter2\"\ntoken_file = \"x\"\n", &[]),
    ("", &[("WORKER__CONCURENCY", "4")]),
    ("", &[("WORKER__CONCURRENCY", "many")]),
    ("", &[("WROKER__CONCURRENCY", "4")]),
    ("", &[("TOKEN", "hunter2")]),
    (ACCOUNT, &[("ACCOUNTS__SHOP__WIDTH", "2"), ("ACCOUNTS__SHOP__TOKN", "hunter2")]),
];

#[test]
fn explains_every_error() {
    let mut texts = String::new();
    for (text, variables) in INVALID {
        let error = error_of(text, variables).unwrap_or_else(|| panic!("no error: {text}{variables:?}"));
        assert!(!error.contains("hunter2") && !error.contains("48151623"), "{error}");
        for line in text.lines() {
            writeln!(texts, "| {line}").unwrap();
        }
        for (name, value) in variables {
            writeln!(texts, "| CONVOSYNC__{name}={value}").unwrap();
        }
        writeln!(texts, "{error}\n").unwrap();
    }
    insta::assert_snapshot!("settings_errors", texts);
}

#[test]
fn documents_every_setting_of_every_vendor() {
    let tables: Vec<&str> = convosync::settings::DEFAULTS.split("\n# [accounts.").skip(1).collect();
    for vendor in sources::VENDORS {
        let source = format!("# source = \"{}\"", vendor.name);
        let table = tables.iter().find(|table| table.contains(&source)).unwrap_or_else(|| panic!("no {source}"));
        for key in vendor.keys {
            let line = table.lines().find(|line| line.starts_with(&format!("# {key} = ")));
            let line = line.unwrap_or_else(|| panic!("{}: {key} is not explained", vendor.name));
            assert_eq!(line.contains("Secret"), vendor.secrets.contains(key), "{line}");
        }
    }
    for key in sources::settings::KEYS {
        assert!(convosync::settings::DEFAULTS.contains(key), "{key} is not explained");
    }
}
