//! `convosync migrate`

use crate::failure::Failure;
use crate::service::database;
use crate::settings::Settings;
use crate::talk::say;

/// Brings the tables up to date, or takes changes back.
pub async fn run(settings: &Settings, down: Option<u32>) -> Result<(), Failure> {
    let (database, _) = database(settings).await?;
    if let Some(steps) = down {
        database.migrate_down(steps).await?;
        say(&format!("took {steps} changes back"));
        return Ok(());
    }
    let done = database.migrate().await?;
    for name in &done {
        say(&format!("made {name}"));
    }
    if done.is_empty() {
        say("the tables are up to date");
    }
    Ok(())
}
