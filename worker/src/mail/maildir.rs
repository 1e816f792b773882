//! A folder in the Maildir format: one file per mail, in `new/` until someone has looked at it, then in `cur/`.

use super::{Entry, MailError, MailId};
use chrono::{DateTime, NaiveDate, Utc};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::fs;

/// An open Maildir.
pub(super) struct Maildir {
    path: PathBuf,
    /// What was in `new/` when it was listed.
    known: BTreeSet<String>,
}

/// A file's name: its base, which stays, and the flags behind it, which do not.
struct Name {
    place: &'static str,
    file: String,
}

/// How often `new/` is looked at.
const LOOK: Duration = Duration::from_secs(1);

/// How often a file is looked for that a mail program moves about meanwhile.
const TRIES: usize = 3;

impl Maildir {
    pub(super) async fn open(path: &Path) -> Result<Self, MailError> {
        // `tmp/` is not looked into: a mail that is half written is nobody's business yet.
        for place in ["new", "cur"] {
            match fs::metadata(path.join(place)).await {
                Ok(folder) if folder.is_dir() => {}
                Err(error) if !absent(&error) => return Err(error.into()),
                _ => return Err(MailError::NoSuchFolder("a Maildir holds new/ and cur/")),
            }
        }
        Ok(Self { path: path.to_owned(), known: BTreeSet::new() })
    }

    pub(super) async fn list(&mut self, since: NaiveDate) -> Result<Vec<Entry>, MailError> {
        // `new` before `cur`: what moves in between is then seen twice, and not missed.
        let new = self.names("new").await?;
        let cur = self.names("cur").await?;
        self.known = new.iter().map(|name| name.base().to_owned()).collect();
        let mut names: BTreeMap<String, Name> =
            new.into_iter().chain(cur).map(|name| (name.base().to_owned(), name)).collect();
        names.retain(|_, name| !name.flags().contains(['S', 'T']));

        let mut entries = Vec::new();
        for (base, name) in names {
            match fs::metadata(self.file(&name)).await {
                Ok(file) if file.is_file() => {
                    let received = DateTime::<Utc>::from(file.modified()?);
                    if received.date_naive() >= since {
                        entries.push(Entry { id: MailId(base), bytes: file.len(), received });
                    }
                }
                Err(error) if !absent(&error) => return Err(error.into()),
                _ => {}
            }
        }
        Ok(entries)
    }

    pub(super) async fn fetch(&mut self, id: &MailId, limit: u64) -> Result<Vec<u8>, MailError> {
        for _ in 0..TRIES {
            let path = self.file(&self.find(id).await?);
            match fs::metadata(&path).await {
                Ok(file) if file.len() > limit => return Err(MailError::TooLarge { bytes: file.len(), limit }),
                Err(error) if !absent(&error) => return Err(error.into()),
                _ => {}
            }
            match fs::read(&path).await {
                Err(error) if absent(&error) => {}
                read => return Ok(read?),
            }
        }
        Err(MailError::Gone)
    }

    pub(super) async fn mark(&mut self, id: &MailId) -> Result<(), MailError> {
        for _ in 0..TRIES {
            let name = self.find(id).await?;
            if name.place == "cur" && name.flags().contains('S') {
                return Ok(());
            }
            // "The flags must be stored in ASCII order".
            let flags: BTreeSet<char> = name.flags().chars().chain(['S']).collect();
            let marked = format!("{}:2,{}", name.base(), String::from_iter(flags));
            match fs::rename(self.file(&name), self.path.join("cur").join(marked)).await {
                Err(error) if absent(&error) => {}
                renamed => return Ok(renamed?),
            }
        }
        Err(MailError::Gone)
    }

    pub(super) async fn wait(&mut self, at_most: Duration) -> Result<(), MailError> {
        let news = async {
            while self.names("new").await?.iter().all(|name| self.known.contains(name.base())) {
                tokio::time::sleep(LOOK).await;
            }
            Ok(())
        };
        tokio::time::timeout(at_most, news).await.unwrap_or(Ok(()))
    }

    async fn find(&self, id: &MailId) -> Result<Name, MailError> {
        for place in ["new", "cur"] {
            // Names are compared, not joined to a path: an id that was tampered with leads nowhere.
            if let Some(name) = self.names(place).await?.into_iter().find(|name| name.base() == id.as_str()) {
                return Ok(name);
            }
        }
        Err(MailError::Gone)
    }

    async fn names(&self, place: &'static str) -> Result<Vec<Name>, MailError> {
        let mut names = Vec::new();
        let mut folder = fs::read_dir(self.path.join(place)).await?;
        while let Some(entry) = folder.next_entry().await? {
            match entry.file_name().into_string() {
                Ok(file) if !file.starts_with('.') => names.push(Name { place, file }),
                _ => {}
            }
        }
        Ok(names)
    }

    fn file(&self, name: &Name) -> PathBuf {
        self.path.join(name.place).join(&name.file)
    }
}

impl Name {
    fn base(&self) -> &str {
        self.file.split(':').next().unwrap_or_default()
    }

    /// Behind `:2,`; another number speaks of something else.
    fn flags(&self) -> &str {
        self.file.split_once(":2,").map_or("", |(_, flags)| flags)
    }
}

fn absent(error: &std::io::Error) -> bool {
    error.kind() == ErrorKind::NotFound
}

#[cfg(test)]
mod tests;
