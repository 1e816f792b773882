//! The environment and secret files, over the settings file.

use super::{told, told_in, unanswered};
use crate::stage::{AccountText, Engine, TestDatabase, Vendor, history};
use std::path::Path;
use tempfile::TempDir;

fn written(folder: &TempDir, text: &str) -> String {
    let file = folder.path().join("secret");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_goes_over_the_file() {
    let vendor = Vendor::start(history(1, 20.0)).await;
    let (made, other) = (TestDatabase::empty(Engine::Sqlite).await, TestDatabase::empty(Engine::Sqlite).await);
    let settings = AccountText::new("a", &vendor.base, "refused").file(&made.url, "memory:");
    assert_eq!(told(&settings, &["check"]).await.code, 5, "by the file alone the token is refused");
    let token = ("CONVOSYNC__ACCOUNTS__A__TOKEN", "simulated-token");
    let told = told_in(&[token], &settings, &["check"]).await;
    assert_eq!(told.code, 0, "{}{}", told.out, told.err);
    let elsewhere = [token, ("CONVOSYNC__DATABASE__URL", &other.url)];
    assert_eq!(told_in(&elsewhere, &settings, &["migrate"]).await.code, 0);
    assert!(other.database.pending().await.unwrap().is_empty(), "its tables were made");
    assert!(!made.database.pending().await.unwrap().is_empty(), "and the file's were not");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_may_stand_in_the_environment_alone() {
    let made = TestDatabase::empty(Engine::Sqlite).await;
    let variables = [
        ("CONVOSYNC__DATABASE__URL", made.url.as_str()),
        ("CONVOSYNC__ACCOUNTS__SHOP__SOURCE", "wolkvox"),
        ("CONVOSYNC__ACCOUNTS__SHOP__SERVER", "0042"),
        ("CONVOSYNC__ACCOUNTS__SHOP__TOKEN", "x"),
        ("CONVOSYNC__ACCOUNTS__SHOP__ROW_CAP", "500"),
        ("CONVOSYNC__WORKER__CONCURRENCY", "4"),
        ("CONVOSYNC__SCHEDULER__TICK", "2s"),
    ];
    let told = told_in(&variables, "", &["--output", "json", "status"]).await;
    assert_eq!(told.code, 0, "{}", told.err);
    assert_eq!(told.json()["accounts"][0]["name"], "shop");
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_are_held_to_the_same_rules_as_the_file() {
    let made = TestDatabase::empty(Engine::Sqlite).await;
    let settings = unanswered().file(&made.url, "memory:");
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
        let told = told_in(&[(name, value)], &settings, &["status"]).await;
        assert_eq!(told.code, 3, "{name}: {}", told.err);
        assert!(told.err.contains(says), "{name}: {}", told.err);
    }
    let open = [("CONVOSYNC__SERVER__BIND", "0.0.0.0:0"), ("CONVOSYNC__SERVER__OPERATOR_TOKEN", "x")];
    assert_eq!(told_in(&open, &settings, &["status"]).await.code, 0, "with a token it may be open to others");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_may_stand_in_a_file_of_its_own() {
    let vendor = Vendor::start(history(1, 20.0)).await;
    let made = TestDatabase::empty(Engine::Sqlite).await;
    let account = AccountText::new("a", &vendor.base, "simulated-token").file(&made.url, "memory:");
    let folder = TempDir::new().unwrap();
    for ending in ["", "\n", "\r\n"] {
        let file = written(&folder, &format!("simulated-token{ending}"));
        let settings = account.replace("token = \"simulated-token\"", &format!("token_file = {file:?}"));
        let told = told(&settings, &["check"]).await;
        assert_eq!(told.code, 0, "{ending:?}: {}{}", told.out, told.err);
    }
    let file = written(&folder, &format!("{}\n", made.url));
    let settings = account.replace(&format!("url = {:?}", made.url), &format!("url_file = {file:?}"));
    assert_eq!(told(&settings, &["migrate"]).await.code, 0);
    assert!(made.database.pending().await.unwrap().is_empty(), "the address was read from the file");
    let missing = account.replace("token = \"simulated-token\"", "token_file = \"nowhere\"");
    let told = told(&missing, &["check"]).await;
    assert!(
        told.code == 3 && told.err.contains("accounts.a.token_file") && told.err.contains("nowhere"),
        "{}",
        told.err
    );
    assert!(!Path::new("nowhere").exists());
}
