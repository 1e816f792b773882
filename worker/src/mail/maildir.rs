//! The Maildir backend: one file per mail, in `new/` until a mail program has read it, then in `cur/`.

use super::error::MailError;
use super::mail_entry::{MailEntry, MailId};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::fs;

/// An open Maildir.
pub(super) struct Maildir {
    path: PathBuf,
    /// The base names in `new/` at the last `list`.
    listed: BTreeSet<String>,
}

/// A file in a Maildir: a base name, which never changes, and flags, which do.
struct MailFile {
    folder: &'static str,
    file: String,
}

/// How often `new/` is listed while waiting.
const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// How many times a file is searched that a mail program may be renaming.
const ATTEMPTS: usize = 3;

impl Maildir {
    pub(super) async fn open(path: &Path) -> Result<Self, MailError> {
        // `tmp/` holds mails that are not completely written; it is not read.
        for folder in ["new", "cur"] {
            match fs::metadata(path.join(folder)).await {
                Ok(entry) if entry.is_dir() => {}
                Err(error) if !is_not_found(&error) => return Err(error.into()),
                _ => return Err(MailError::NoSuchFolder("a Maildir holds new/ and cur/")),
            }
        }
        Ok(Self { path: path.to_owned(), listed: BTreeSet::new() })
    }

    pub(super) async fn list(&mut self, since: NaiveDate) -> Result<Vec<MailEntry>, MailError> {
        // `new` before `cur`: a mail that moves in between is then listed twice rather than missed.
        let new = self.names("new").await?;
        let cur = self.names("cur").await?;
        self.listed = new.iter().map(|name| name.base().to_owned()).collect();
        let mut names: BTreeMap<String, MailFile> =
            new.into_iter().chain(cur).map(|name| (name.base().to_owned(), name)).collect();
        names.retain(|_, name| !name.flags().contains(['S', 'T']));

        let mut entries = Vec::new();
        for (base, name) in names {
            match fs::metadata(self.file(&name)).await {
                Ok(file) if file.is_file() => {
                    let received_at = DateTime::<Utc>::from(file.modified()?);
                    if received_at.date_naive() >= since {
                        entries.push(MailEntry { id: MailId(base), bytes: file.len(), received_at });
                    }
                }
                Err(error) if !is_not_found(&error) => return Err(error.into()),
                _ => {}
            }
        }
        Ok(entries)
    }

    pub(super) async fn fetch(&mut self, id: &MailId, limit: u64) -> Result<Vec<u8>, MailError> {
        for _ in 0..ATTEMPTS {
            let path = self.file(&self.find(id).await?);
            match fs::metadata(&path).await {
                Ok(file) if file.len() > limit => return Err(MailError::TooLarge { bytes: file.len(), limit }),
                Err(error) if !is_not_found(&error) => return Err(error.into()),
                _ => {}
            }
            match fs::read(&path).await {
                Err(error) if is_not_found(&error) => {}
                read => return Ok(read?),
            }
        }
        Err(MailError::Gone)
    }

    pub(super) async fn mark(&mut self, id: &MailId) -> Result<(), MailError> {
        for _ in 0..ATTEMPTS {
            let name = self.find(id).await?;
            if name.folder == "cur" && name.flags().contains('S') {
                return Ok(());
            }
            // "The flags must be stored in ASCII order".
            let flags: BTreeSet<char> = name.flags().chars().chain(['S']).collect();
            let marked = format!("{}:2,{}", name.base(), String::from_iter(flags));
            match fs::rename(self.file(&name), self.path.join("cur").join(marked)).await {
                Err(error) if is_not_found(&error) => {}
                renamed => return Ok(renamed?),
            }
        }
        Err(MailError::Gone)
    }

    pub(super) async fn wait(&mut self, at_most: Duration) -> Result<(), MailError> {
        let arrival = async {
            while self.names("new").await?.iter().all(|name| self.listed.contains(name.base())) {
                tokio::time::sleep(POLL_INTERVAL).await;
            }
            Ok(())
        };
        tokio::time::timeout(at_most, arrival).await.unwrap_or(Ok(()))
    }

    async fn find(&self, id: &MailId) -> Result<MailFile, MailError> {
        for folder in ["new", "cur"] {
            // Names are compared, not joined to a path, so a forged id cannot leave the folder.
            if let Some(name) = self.names(folder).await?.into_iter().find(|name| name.base() == id.as_str()) {
                return Ok(name);
            }
        }
        Err(MailError::Gone)
    }

    async fn names(&self, folder: &'static str) -> Result<Vec<MailFile>, MailError> {
        let mut names = Vec::new();
        let mut files = fs::read_dir(self.path.join(folder)).await?;
        while let Some(entry) = files.next_entry().await? {
            match entry.file_name().into_string() {
                Ok(file) if !file.starts_with('.') => names.push(MailFile { folder, file }),
                _ => {}
            }
        }
        Ok(names)
    }

    fn file(&self, name: &MailFile) -> PathBuf {
        self.path.join(name.folder).join(&name.file)
    }
}

impl MailFile {
    fn base(&self) -> &str {
        self.file.split(':').next().unwrap_or_default()
    }

    /// The flags after `:2,`. Other numbers have another meaning in the Maildir format.
    fn flags(&self) -> &str {
        self.file.split_once(":2,").map_or("", |(_, flags)| flags)
    }
}

fn is_not_found(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::NotFound
}

#[cfg(test)]
mod tests;
