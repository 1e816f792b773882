use super::super::{Mailbox, MailboxAddress};
use super::*;
use std::fs as blocking_fs;
use tempfile::TempDir;

const LONG_AGO: NaiveDate = NaiveDate::MIN;

fn empty_maildir() -> TempDir {
    let folder = TempDir::new().unwrap();
    for subfolder in ["tmp", "new", "cur"] {
        blocking_fs::create_dir(folder.path().join(subfolder)).unwrap();
    }
    folder
}

async fn open(folder: &TempDir) -> Mailbox {
    let address = MailboxAddress::parse(&format!("maildir:{}", folder.path().display()), None).unwrap();
    Mailbox::open(&address, Duration::from_secs(1)).await.unwrap()
}

fn put(folder: &TempDir, file: &str, text: &str) {
    blocking_fs::write(folder.path().join(file), text).unwrap();
}

async fn ids(mailbox: &mut Mailbox) -> Vec<String> {
    mailbox.list(LONG_AGO).await.unwrap().into_iter().map(|entry| entry.id.0).collect()
}

fn id(base: &str) -> MailId {
    MailId(base.to_owned())
}

fn files(folder: &TempDir, subfolder: &str) -> Vec<String> {
    let names = blocking_fs::read_dir(folder.path().join(subfolder)).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn lists_complete_mails_that_are_not_done() {
    let folder = empty_maildir();
    put(&folder, "tmp/1.half", "From");
    put(&folder, "new/2.fresh", "text");
    put(&folder, "new/.3.hidden", "text");
    put(&folder, "cur/4.old:2,", "text");
    put(&folder, "cur/5.done:2,FS", "text");
    put(&folder, "cur/6.trashed:2,T", "text");
    put(&folder, "cur/7.bare", "text");
    blocking_fs::create_dir(folder.path().join("new/8.folder")).unwrap();
    assert_eq!(ids(&mut open(&folder).await).await, ["2.fresh", "4.old", "7.bare"]);
}

#[tokio::test]
async fn lists_the_oldest_first_and_nothing_before_since() {
    let folder = empty_maildir();
    for (name, day) in [("new/a", 20), ("cur/b:2,", 10), ("new/c", 15)] {
        put(&folder, name, "text");
        let file = blocking_fs::File::options().write(true).open(folder.path().join(name)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + Duration::from_hours(day * 24)).unwrap();
    }
    let since = |day| NaiveDate::from_ymd_opt(1970, 1, day).unwrap();
    let mut mailbox = open(&folder).await;
    let listed = mailbox.list(since(16)).await.unwrap();
    let shown: Vec<_> = listed.iter().map(|entry| (entry.id.as_str(), entry.bytes)).collect();
    assert_eq!(shown, [("c", 4), ("a", 4)]);
    assert_eq!(listed[0].received_at.date_naive(), since(16));
    assert_eq!(ids(&mut mailbox).await, ["b", "c", "a"]);
}

#[tokio::test]
async fn marking_moves_a_mail_once_and_stays() {
    let folder = empty_maildir();
    put(&folder, "new/1.a", "text");
    put(&folder, "cur/2.b:2,RF", "text");
    let mut mailbox = open(&folder).await;
    for _ in 0..2 {
        mailbox.mark(&id("1.a")).await.unwrap();
        mailbox.mark(&id("2.b")).await.unwrap();
        let mut marked = files(&folder, "cur");
        marked.sort();
        assert_eq!(marked, ["1.a:2,S", "2.b:2,FRS"]);
    }
    assert!(files(&folder, "new").is_empty() && ids(&mut mailbox).await.is_empty());
    assert_eq!(mailbox.fetch(&id("1.a"), 4).await.unwrap(), b"text");
    assert_eq!(mailbox.mark(&id("9.z")).await, Err(MailError::Gone));
}

#[tokio::test]
async fn a_mail_that_is_gone_and_one_too_large_differ() {
    let folder = empty_maildir();
    put(&folder, "new/1.a", "four and more");
    put(&folder, "secret", "text");
    let mut mailbox = open(&folder).await;
    assert_eq!(mailbox.fetch(&id("1.a"), 12).await, Err(MailError::TooLarge { bytes: 13, limit: 12 }));
    for forged in ["../secret", "", ".", "1", "1.a:2,"] {
        assert_eq!(mailbox.fetch(&id(forged), 99).await, Err(MailError::Gone), "{forged}");
    }
    blocking_fs::remove_file(folder.path().join("new/1.a")).unwrap();
    assert_eq!(mailbox.fetch(&id("1.a"), 99).await, Err(MailError::Gone));
}

#[tokio::test]
async fn a_folder_that_is_not_a_maildir_is_rejected() {
    let folder = TempDir::new().unwrap();
    let address = MailboxAddress::parse(&format!("maildir:{}", folder.path().display()), None).unwrap();
    let error = Mailbox::open(&address, Duration::from_secs(1)).await.err().unwrap();
    assert_eq!(error.kind(), "folder");
    assert!(error.needs_operator());
}

#[tokio::test]
async fn waiting_ends_at_a_new_mail_only() {
    let folder = empty_maildir();
    put(&folder, "new/1.a", "text");
    let mut mailbox = open(&folder).await;
    assert!(ends(&mut mailbox, Duration::from_secs(30)).await, "nothing was listed yet");
    ids(&mut mailbox).await;
    assert!(!ends(&mut mailbox, Duration::from_millis(100)).await, "a listed mail does not end the wait");
    mailbox.wait(Duration::from_millis(1)).await.unwrap();
    let arrival = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        put(&folder, "new/2.b", "text");
    };
    let (ended, ()) = tokio::join!(ends(&mut mailbox, Duration::from_secs(30)), arrival);
    assert!(ended, "a mail has arrived");
}

/// Whether a wait of an hour ends within `within`.
async fn ends(mailbox: &mut Mailbox, within: Duration) -> bool {
    tokio::time::timeout(within, mailbox.wait(Duration::from_hours(1))).await.is_ok_and(|waited| waited.is_ok())
}
