//! The process that reads a mailbox: its name on the attempts that it begins, and how it is stopped and watched.

use domain::lost_attempts::{MOST_LOST, MailTurn};
use domain::watchdog::Progress;
use std::time::Duration;
use storage::DbErr;
use storage::database::Database;
use storage::deliveries::Delivery;
use storage::deliveries::mail_attempts::{begin_attempt, end_attempt};
use tokio_util::sync::CancellationToken;
use tracing::debug;

/// The reader of one mailbox.
pub struct MailReader {
    /// The name of the process in the table `processes`.
    pub name: String,
    /// Cancelled when the reader must begin no further mail.
    pub stop: CancellationToken,
    /// Hears that the reader moves.
    pub progress: Box<dyn Progress>,
}

/// The longest that the reader takes for one mail, or for the list of mails: the largest mail at the least transfer rate.
const LONGEST_MAIL: Duration = Duration::from_mins(20);
/// The longest that a mailbox takes to answer beside the wait for a mail.
const LONGEST_ANSWER: Duration = Duration::from_mins(5);

impl MailReader {
    /// Notes that the reader begins with a mail, or lists the mails.
    pub(crate) fn note_work(&self) {
        self.progress.expect_within(LONGEST_MAIL);
    }

    /// Notes that the reader waits for `pause`.
    pub(crate) fn note_wait(&self, pause: Duration) {
        self.progress.expect_within(pause + LONGEST_ANSWER);
    }

    /// Notes an attempt in the table `deliveries` before the mail is read, so that a mail that ends its process is known.
    pub(crate) async fn begin(&self, database: &Database, mail: &Delivery) -> Result<MailTurn, DbErr> {
        begin_attempt(database, mail, &self.name).await
    }

    /// Takes the attempt back: the reader has survived it.
    pub(crate) async fn survive(&self, database: &Database, mail: &Delivery) {
        if let Err(error) = end_attempt(database, mail, &self.name).await {
            debug!(%error, "cannot note that the reader of a mail still runs; the attempt counts as lost");
        }
    }
}

/// Why a mail is set aside, and what to do.
pub(crate) fn set_aside_reason() -> String {
    format!(
        "the worker process ended {MOST_LOST} times in a row while it read this mail; save its attachment and run `convosync \
         import`"
    )
}
