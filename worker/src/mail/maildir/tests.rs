use super::super::{Address, Mailbox};
use super::*;
use std::fs as now;
use tempfile::TempDir;

const LONG_AGO: NaiveDate = NaiveDate::MIN;

fn fresh() -> TempDir {
    let folder = TempDir::new().unwrap();
    for place in ["tmp", "new", "cur"] {
        now::create_dir(folder.path().join(place)).unwrap();
    }
    folder
}

async fn open(folder: &TempDir) -> Mailbox {
    let address = Address::parse(&format!("maildir:{}", folder.path().display()), None).unwrap();
    Mailbox::open(&address, Duration::from_secs(1)).await.unwrap()
}

fn put(folder: &TempDir, file: &str, text: &str) {
    now::write(folder.path().join(file), text).unwrap();
}

async fn ids(mailbox: &mut Mailbox) -> Vec<String> {
    mailbox.list(LONG_AGO).await.unwrap().into_iter().map(|entry| entry.id.0).collect()
}

fn id(base: &str) -> MailId {
    MailId(base.to_owned())
}

fn files(folder: &TempDir, place: &str) -> Vec<String> {
    let names = now::read_dir(folder.path().join(place)).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test]
async fn only_whole_mails_that_are_not_done_are_listed() {
    let folder = fresh();
    put(&folder, "tmp/1.half", "From");
    put(&folder, "new/2.fresh", "text");
    put(&folder, "new/.3.hidden", "text");
    put(&folder, "cur/4.old:2,", "text");
    put(&folder, "cur/5.done:2,FS", "text");
    put(&folder, "cur/6.trashed:2,T", "text");
    put(&folder, "cur/7.bare", "text");
    now::create_dir(folder.path().join("new/8.folder")).unwrap();
    assert_eq!(ids(&mut open(&folder).await).await, ["2.fresh", "4.old", "7.bare"]);
}

#[tokio::test]
async fn the_oldest_comes_first_and_what_is_too_old_not_at_all() {
    let folder = fresh();
    for (name, day) in [("new/a", 20), ("cur/b:2,", 10), ("new/c", 15)] {
        put(&folder, name, "text");
        let file = now::File::options().write(true).open(folder.path().join(name)).unwrap();
        file.set_modified(std::time::UNIX_EPOCH + Duration::from_hours(day * 24)).unwrap();
    }
    let since = |day| NaiveDate::from_ymd_opt(1970, 1, day).unwrap();
    let mut mailbox = open(&folder).await;
    let listed = mailbox.list(since(16)).await.unwrap();
    let shown: Vec<_> = listed.iter().map(|entry| (entry.id.as_str(), entry.bytes)).collect();
    assert_eq!(shown, [("c", 4), ("a", 4)]);
    assert_eq!(listed[0].received.date_naive(), since(16));
    assert_eq!(ids(&mut mailbox).await, ["b", "c", "a"]);
}

#[tokio::test]
async fn a_mark_moves_once_and_stays() {
    let folder = fresh();
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
async fn what_cannot_be_fetched_is_told_apart() {
    let folder = fresh();
    put(&folder, "new/1.a", "four and more");
    put(&folder, "secret", "text");
    let mut mailbox = open(&folder).await;
    assert_eq!(mailbox.fetch(&id("1.a"), 12).await, Err(MailError::TooLarge { bytes: 13, limit: 12 }));
    for tampered in ["../secret", "", ".", "1", "1.a:2,"] {
        assert_eq!(mailbox.fetch(&id(tampered), 99).await, Err(MailError::Gone), "{tampered}");
    }
    now::remove_file(folder.path().join("new/1.a")).unwrap();
    assert_eq!(mailbox.fetch(&id("1.a"), 99).await, Err(MailError::Gone));
}

#[tokio::test]
async fn a_folder_that_is_no_maildir_is_refused() {
    let folder = TempDir::new().unwrap();
    let address = Address::parse(&format!("maildir:{}", folder.path().display()), None).unwrap();
    let error = Mailbox::open(&address, Duration::from_secs(1)).await.err().unwrap();
    assert_eq!(error.kind(), "folder");
    assert!(error.needs_a_person());
}

#[tokio::test]
async fn waiting_ends_with_a_new_mail_and_not_with_an_old_one() {
    let folder = fresh();
    put(&folder, "new/1.a", "text");
    let mut mailbox = open(&folder).await;
    assert!(ends(&mut mailbox, Duration::from_secs(30)).await, "nothing was listed yet");
    ids(&mut mailbox).await;
    assert!(!ends(&mut mailbox, Duration::from_millis(100)).await, "what was listed is no news");
    mailbox.wait(Duration::from_millis(1)).await.unwrap();
    let arrival = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        put(&folder, "new/2.b", "text");
    };
    let (ended, ()) = tokio::join!(ends(&mut mailbox, Duration::from_secs(30)), arrival);
    assert!(ended, "a mail has arrived");
}

/// Whether waiting for an hour ends within this time.
async fn ends(mailbox: &mut Mailbox, within: Duration) -> bool {
    tokio::time::timeout(within, mailbox.wait(Duration::from_hours(1))).await.is_ok_and(|waited| waited.is_ok())
}
