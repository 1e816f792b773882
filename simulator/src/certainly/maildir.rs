//! A Maildir, as whoever delivers into it sees it.

use chrono::{DateTime, Utc};
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::fs;
use tokio::io::AsyncWriteExt;

/// Mails delivered by this process, so that no two have the same name.
static DELIVERED: AtomicU64 = AtomicU64::new(0);

/// Makes the folders of a Maildir, as a mail server does before the first mail.
///
/// # Errors
/// What the file system says.
pub fn make_maildir(at: &Path) -> io::Result<()> {
    ["tmp", "new", "cur"].iter().try_for_each(|folder| std::fs::create_dir_all(at.join(folder)))
}

/// Delivers one mail: written whole to `tmp/`, then renamed into `new/`, so that nobody ever sees a part of it.
pub(super) async fn deliver(to: &Path, mail: &[u8], now: DateTime<Utc>) -> io::Result<()> {
    make_maildir(to)?;
    let count = DELIVERED.fetch_add(1, Ordering::Relaxed);
    let name =
        format!("{}.M{}P{}Q{count}.simulator", now.timestamp(), now.timestamp_subsec_micros(), std::process::id());
    let half = to.join("tmp").join(&name);
    // `create_new`: a name that exists would be somebody else's mail.
    let mut file = fs::File::create_new(&half).await?;
    file.write_all(mail).await?;
    file.sync_all().await?;
    fs::rename(half, to.join("new").join(name)).await
}
