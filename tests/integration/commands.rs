//! The command line, as a user and as a script meet it.

mod exits;
mod imports;
mod orders;
mod refusals;
mod shapes;
mod surroundings;
mod talk;

use crate::stage::{AccountText, Engine, convosync_in};
use crate::store::Store;
use serde_json::Value;

/// How a command ended and what it said.
pub struct Told {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Told {
    /// What stands on stdout, which must be JSON and nothing else.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}\n{}\n{}", self.out, self.err))
    }
}

/// Runs a command with variables in its environment.
pub async fn told_in(variables: &[(&str, &str)], settings: &str, arguments: &[&str]) -> Told {
    let output = convosync_in(variables, settings, arguments).await;
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Told { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs a command.
pub async fn told(settings: &str, arguments: &[&str]) -> Told {
    told_in(&[], settings, arguments).await
}

/// Runs a command that must succeed and print JSON.
pub async fn json(settings: &str, arguments: &[&str]) -> Value {
    let told = told(settings, &[&["--output", "json"], arguments].concat()).await;
    assert_eq!(told.code, 0, "{arguments:?}: {}", told.err);
    told.json()
}

/// A database and the settings of its account `a`, whose vendor does not answer and whose days are UTC's.
pub async fn alone() -> (Store, String) {
    let store = Store::fresh(Engine::Sqlite).await;
    let settings = unanswered().file(&store.made.url, "memory:");
    (store, settings)
}

/// An account whose vendor does not answer. Its token is the one that [`Store`] gives it, so they share the lane.
pub fn unanswered() -> AccountText {
    AccountText::new("a", "http://127.0.0.1:9", "a").with("timezone", "UTC")
}
