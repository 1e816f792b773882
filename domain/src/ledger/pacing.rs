//! What answers teach about row density and speed, kept apart for live answers and all others.

use super::{AnswerSummary, Ledger};
use crate::forecast::Forecast;
use crate::job::Purpose;
use crate::pace::Pace;
use crate::rules::Rules;
use crate::window::Window;
use chrono::TimeDelta;

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

    /// The forecast for jobs of `purpose`: their pace with the stream's weekly rhythm.
    #[must_use]
    pub fn forecast_for(&self, purpose: Purpose) -> Forecast {
        Forecast::new(self.pace_for(purpose), &self.profile)
    }

    /// Learns from the times of a full answer's rows how dense the hours of the week are, in the spans `fresh` that were
    /// never read before.
    pub(super) fn learn_profile(&mut self, purpose: Purpose, answer: &AnswerSummary, fresh: &[Window]) {
        let Some(histogram) = &answer.histogram else { return };
        let is_fresh = |bucket: &Window| fresh.iter().any(|span| span.covers(bucket));
        self.learn_buckets(purpose, histogram.buckets().filter(|(bucket, _)| is_fresh(bucket)).collect());
    }

    /// Learns from buckets of at most an hour. Whole days do not show hours, and one exceptional day would pass for its weekday.
    fn learn_buckets(&mut self, purpose: Purpose, mut buckets: Vec<(Window, u64)>) {
        buckets.retain(|(bucket, _)| bucket.span() <= TimeDelta::hours(1));
        let span: f64 = buckets.iter().map(|(bucket, _)| bucket.span().as_seconds_f64() / 86_400.0).sum();
        let known = self.pace_for(purpose).rows_per_day;
        #[expect(clippy::cast_precision_loss, reason = "row counts stay far below 2^53")]
        let own = || buckets.iter().map(|(_, rows)| rows).sum::<u64>() as f64 / span;
        let rows_per_day = known.unwrap_or_else(own);
        for (bucket, rows) in buckets {
            self.profile.learn(bucket, rows, rows_per_day);
        }
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
        let forecast = self.forecast_for(purpose);
        let weights = forecast.weights();
        let sent_at = answer.map_or(window.to(), |answer| answer.sent_at);
        // What lies beyond the vendor's clock has no rows yet.
        let Some(past) = Window::new(window.from(), window.to().min(sent_at)) else { return };
        let days = weights.days(rules.scanned(past, sent_at));
        match answer {
            Some(answer) if answer.rows >= rules.row_cap => {
                match answer.histogram.as_ref().filter(|histogram| histogram.is_cut_off(weights)) {
                    // One full day among others says nothing about the others.
                    Some(histogram) => {
                        let complete: Vec<_> = histogram.complete_buckets(weights).collect();
                        self.learn_sample(purpose, complete);
                    }
                    None => self.teach(purpose, |pace| pace.learn_capped_days(days, answer.rows)),
                }
            }
            Some(answer) if answer.is_over_budget => {
                self.teach(purpose, |pace| pace.learn_capped_days(days, answer.rows + answer.named));
            }
            Some(_) => {}
            None => self.teach(purpose, Pace::learn_timeout),
        }
    }

    /// Learns from the buckets that a capped answer holds completely.
    fn learn_sample(&mut self, purpose: Purpose, complete: Vec<(Window, u64)>) {
        let (windows, rows): (Vec<_>, Vec<_>) = complete.iter().copied().unzip();
        let rows = rows.into_iter().sum();
        self.learn_buckets(purpose, complete);
        let forecast = self.forecast_for(purpose);
        let days: f64 = windows.into_iter().map(|window| forecast.weights().days(window)).sum();
        if days > 0.0 {
            self.teach(purpose, |pace| pace.learn_sample(days, rows));
        }
    }
}
