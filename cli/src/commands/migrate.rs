//! `convosync migrate`

use crate::console::say;
use crate::failure::Failure;
use crate::service::connect_database;
use crate::settings::Settings;

/// Brings the tables up to date, or undoes the last `down` migrations.
pub async fn run(settings: &Settings, down: Option<u32>) -> Result<(), Failure> {
    let (database, _) = connect_database(settings).await?;
    if let Some(steps) = down {
        database.migrate_down(steps).await?;
        say(&format!("{steps} migrations are undone"));
        return Ok(());
    }
    let migrations = database.migrate(&sources::conversations_view()).await?;
    for name in &migrations {
        say(&format!("made {name}"));
    }
    if migrations.is_empty() {
        say("the tables are up to date");
    }
    Ok(())
}
