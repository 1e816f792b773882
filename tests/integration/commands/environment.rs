//! Environment variables and secret files override the settings file.

use super::{run_command, run_command_with, unreachable_account};
use crate::harness::{AccountSettings, Engine, TestDatabase, WolkvoxVendor, history};
use std::path::Path;
use tempfile::TempDir;

fn write_secret(folder: &TempDir, text: &str) -> String {
    let file = folder.path().join("secret");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn environment_variables_override_the_file() {
    let vendor = WolkvoxVendor::start(history(1, 20.0)).await;
    let made = TestDatabase::fresh(Engine::Sqlite).await;
    let (file, other) = (TestDatabase::empty(Engine::Sqlite).await, TestDatabase::empty(Engine::Sqlite).await);
    let settings = AccountSettings::new("a", &vendor.base, "refused").file(&made.url, "memory:");
    assert_eq!(run_command(&settings, &["check"]).await.code, 5, "the vendor refuses the token of the file");
    let token = ("CONVOSYNC__ACCOUNTS__A__TOKEN", "simulated-token");
    let output = run_command_with(&[token], &settings, &["check"]).await;
    assert_eq!(output.code, 0, "{}{}", output.out, output.err);
    let settings = settings.replace(&made.url, &file.url);
    let elsewhere = [token, ("CONVOSYNC__DATABASE__URL", &other.url)];
    assert_eq!(run_command_with(&elsewhere, &settings, &["migrate"]).await.code, 0);
    assert!(other.database.pending().await.unwrap().is_empty(), "the database of the variable has its tables");
    assert!(!file.database.pending().await.unwrap().is_empty(), "the database of the file has none");
}

#[tokio::test(flavor = "multi_thread")]
async fn environment_variables_alone_can_define_an_account() {
    let made = TestDatabase::fresh(Engine::Sqlite).await;
    let variables = [
        ("CONVOSYNC__DATABASE__URL", made.url.as_str()),
        ("CONVOSYNC__ACCOUNTS__SHOP__SOURCE", "wolkvox"),
        ("CONVOSYNC__ACCOUNTS__SHOP__SERVER", "0042"),
        ("CONVOSYNC__ACCOUNTS__SHOP__TOKEN", "x"),
        ("CONVOSYNC__ACCOUNTS__SHOP__ROW_CAP", "500"),
        ("CONVOSYNC__WORKER__CONCURRENCY", "4"),
        ("CONVOSYNC__SCHEDULER__TICK", "2s"),
    ];
    let output = run_command_with(&variables, "", &["--output", "json", "status"]).await;
    assert_eq!(output.code, 0, "{}", output.err);
    assert_eq!(output.json()["accounts"][0]["name"], "shop");
}

#[tokio::test(flavor = "multi_thread")]
async fn environment_variables_follow_the_rules_of_the_file() {
    let made = TestDatabase::fresh(Engine::Sqlite).await;
    let settings = unreachable_account().file(&made.url, "memory:");
    let cases = [
        ("CONVOSYNC__SERVER__BIND", "0.0.0.0:8080", "operator_token"),
        ("CONVOSYNC__WORKER__CONCURENCY", "4", "did you mean worker.concurrency?"),
        ("CONVOSYNC__WORKER__CONCURRENCY", "many", "CONVOSYNC__WORKER__CONCURRENCY"),
        ("CONVOSYNC__WROKER__CONCURRENCY", "4", "CONVOSYNC__WROKER__CONCURRENCY"),
        ("CONVOSYNC__TOKEN", "x", "CONVOSYNC__SECTION__KEY"),
        ("CONVOSYNC__ACCOUNTS__A__WIDTH", "2", "accounts.a.width"),
        ("CONVOSYNC__ACCOUNTS__A__TOKN", "x", "accounts.a.tokn"),
        ("CONVOSYNC__ACCOUNTS__A__TOKEN_FILE", "x", "only one"),
    ];
    for (name, value, says) in cases {
        let output = run_command_with(&[(name, value)], &settings, &["status"]).await;
        assert_eq!(output.code, 3, "{name}: {}", output.err);
        assert!(output.err.contains(says), "{name}: {}", output.err);
    }
    let open =
        [("CONVOSYNC__SERVER__BIND", "0.0.0.0:0"), ("CONVOSYNC__SERVER__OPERATOR_TOKEN", "a-token-of-16-and-more")];
    assert_eq!(
        run_command_with(&open, &settings, &["status"]).await.code,
        0,
        "a bind to all addresses is valid with a token"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_can_be_read_from_its_own_file() {
    let vendor = WolkvoxVendor::start(history(1, 20.0)).await;
    let (migrated, made) = (TestDatabase::fresh(Engine::Sqlite).await, TestDatabase::empty(Engine::Sqlite).await);
    let account = AccountSettings::new("a", &vendor.base, "simulated-token").file(&migrated.url, "memory:");
    let folder = TempDir::new().unwrap();
    for ending in ["", "\n", "\r\n"] {
        let file = write_secret(&folder, &format!("simulated-token{ending}"));
        let settings = account.replace("token = \"simulated-token\"", &format!("token_file = {file:?}"));
        let output = run_command(&settings, &["check"]).await;
        assert_eq!(output.code, 0, "{ending:?}: {}{}", output.out, output.err);
    }
    let file = write_secret(&folder, &format!("{}\n", made.url));
    let settings = account.replace(&format!("url = {:?}", migrated.url), &format!("url_file = {file:?}"));
    assert_eq!(run_command(&settings, &["migrate"]).await.code, 0);
    assert!(made.database.pending().await.unwrap().is_empty(), "convosync reads the URL from the file");
    let missing = account.replace("token = \"simulated-token\"", "token_file = \"nowhere\"");
    let output = run_command(&missing, &["check"]).await;
    assert!(
        output.code == 3 && output.err.contains("accounts.a.token_file") && output.err.contains("nowhere"),
        "{}",
        output.err
    );
    assert!(!Path::new("nowhere").exists());
}
