//! Delivery into a Maildir.

use chrono::{DateTime, Utc};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::fs;
use tokio::io::AsyncWriteExt;

/// Counts the mails of this process, so that no two have one name.
static DELIVERED: AtomicU64 = AtomicU64::new(0);

/// Creates the folders of a Maildir, as a mail server does before the first mail.
///
/// # Errors
/// Those of the file system.
pub fn make_maildir(at: &Path) -> io::Result<()> {
    ["tmp", "new", "cur"].iter().try_for_each(|folder| std::fs::create_dir_all(at.join(folder)))
}

/// Delivers one mail: written completely to `tmp/`, then renamed into `new/`, so that a reader never finds a part of it.
pub(super) async fn deliver(to: &Path, mail: &[u8], now: DateTime<Utc>) -> io::Result<()> {
    make_maildir(to)?;
    let count = DELIVERED.fetch_add(1, Ordering::Relaxed);
    let name =
        format!("{}.M{}P{}Q{count}.simulator", now.timestamp(), now.timestamp_subsec_micros(), std::process::id());
    let partial = to.join("tmp").join(&name);
    // `create_new`: a file with that name would be another mail.
    let mut file = fs::File::create_new(&partial).await?;
    file.write_all(mail).await?;
    file.sync_all().await?;
    // A reader takes the file's time for the mail's, so it must be by the simulator's clock.
    file.into_std().await.set_modified(now.into())?;
    fs::rename(partial, to.join("new").join(name)).await
}
