//! What answers teach about row density and speed, kept apart for live answers and all others.

use super::{AnswerSummary, Ledger};
use crate::job::Purpose;
use crate::pace::Pace;
use crate::rules::Rules;
use crate::window::Window;

impl Ledger {
    /// The pace to expect for jobs of `purpose`. Until answers of that kind exist the other kind's density is used: a
    /// backfill begins with what the live sync has learned.
    #[must_use]
    pub fn pace_for(&self, purpose: Purpose) -> Pace {
        let (own, other) = match purpose {
            Purpose::Live => (self.live_rows_per_day, self.pace.rows_per_day),
            Purpose::Item | Purpose::Settle | Purpose::Backfill(_) => (self.pace.rows_per_day, self.live_rows_per_day),
        };
        Pace { rows_per_day: own.or(other), ..self.pace }
    }

    /// Lets `lesson` update the pace; for a live answer the density goes to `live_rows_per_day`.
    pub(super) fn teach(&mut self, purpose: Purpose, lesson: impl FnOnce(&mut Pace)) {
        let background = self.pace.rows_per_day;
        if purpose == Purpose::Live {
            self.pace.rows_per_day = self.live_rows_per_day;
            lesson(&mut self.pace);
            self.live_rows_per_day = self.pace.rows_per_day;
            self.pace.rows_per_day = background;
        } else {
            lesson(&mut self.pace);
        }
    }

    /// Learns from an answer that led to a split: a capped one, or a time-out (`None`).
    pub(super) fn learn_from_split(
        &mut self,
        purpose: Purpose,
        window: Window,
        answer: Option<&AnswerSummary>,
        rules: &Rules,
    ) {
        self.teach(purpose, |pace| match answer {
            Some(answer) if answer.rows >= rules.row_cap => {
                match answer.histogram.as_ref().filter(|histogram| histogram.is_cut_off()) {
                    // One full day among others says nothing about the others.
                    Some(histogram) => {
                        histogram.complete_buckets().into_iter().for_each(|(span, rows)| pace.learn_sample(span, rows));
                    }
                    None => pace.learn_capped(rules.scanned(window, answer.sent_at), answer.rows),
                }
            }
            Some(answer) if answer.is_over_budget => {
                pace.learn_capped(rules.scanned(window, answer.sent_at), answer.rows + answer.named);
            }
            Some(_) => {}
            None => pace.learn_timeout(),
        });
    }
}
