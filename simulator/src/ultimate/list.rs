//! A list call: the signed URLs of the files of one bot and day.

use super::Ultimate;
use super::answers::{api_error, list as url_list, message};
use super::config::{Config, EmptyAnswer, NotReadyAnswer};
use super::conversation::Version;
use super::day_file::DayFile;
use super::rules::ListQuery;
use super::signed_url::SignedUrl;
use crate::calendar::day_number;
use crate::gateway::{
    Answer, Arrival, Chance, ErrorAnswer, Fault, Faults, Reply, RequestFacts, VendorRequest, Violation,
};
use crate::random::{generator, unmix};
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::HOST;
use axum::http::{HeaderMap, Method, Response, StatusCode, Uri};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use std::time::Duration;

/// One list call, with the configuration at its arrival.
struct ListRequest {
    vendor: Ultimate,
    config: Config,
    version: Version,
    query: ListQuery,
    /// The host that the caller addressed, for the URLs.
    host: String,
    uri: Uri,
}

const SALT_EMPTY: u64 = 0x0E31;

/// `POST /data-export/{version}/get-signed-urls`.
pub(super) async fn list(
    State(vendor): State<Ultimate>,
    Path(version): Path<String>,
    headers: HeaderMap,
    uri: Uri,
    body: Bytes,
) -> Response<Body> {
    let Some(version) = Version::named(&version) else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let (config, query) = (vendor.inner.config.get(), ListQuery::new(&headers, &body));
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost").to_owned();
    let request = ListRequest { vendor: vendor.clone(), config, version, query, host, uri };
    vendor.inner.gateway.handle(request).await
}

impl VendorRequest for ListRequest {
    /// The organisation's limits count all of its keys as one.
    fn facts(&self) -> RequestFacts {
        let key = self.query.has_key(&self.config).then_some(0);
        let day = self.query.day.map(|day| day.to_string());
        let bot = self.query.bot.clone();
        RequestFacts { bot, from: day.clone(), to: day, ..RequestFacts::new(key, Method::POST, &self.uri) }
    }

    fn faults(&self) -> Option<&Faults> {
        Some(&self.config.faults)
    }

    fn latency(&self) -> Duration {
        self.config.latency
    }

    fn violations(&self, arrival: &Arrival) -> Vec<Violation> {
        self.query.violations(arrival, &self.config)
    }

    fn error(&self, _arrival: &Arrival, error: ErrorAnswer) -> Answer {
        api_error(error)
    }

    fn answer(&self, arrival: &Arrival, chance: Chance) -> Reply {
        let bot = self.query.bot.as_deref().and_then(|bot| self.vendor.inner.dataset.bot(bot));
        let (Some(bot), Some(day)) = (bot, self.query.day) else {
            return Reply::new(message(404, "Not Found"), self.config.latency, "unknown_bot");
        };
        let lost = chance.fault.is_some_and(Fault::loses_answer);
        let (answer, outcome) = self.files(arrival, (bot, day), lost);
        Reply::new(answer, self.config.latency, outcome)
    }

    fn stops_on_hang_up(&self) -> bool {
        true
    }
}

impl ListRequest {
    fn files(&self, arrival: &Arrival, (bot, day): (usize, NaiveDate), lost: bool) -> (Answer, &'static str) {
        let config = &self.config;
        let key = config.variants.draw(config.seed, day_number(day), arrival.ordinal).list_key();
        let no_files = || url_list(key, Some(day), &[]);
        let newest = self.vendor.newest_file(arrival.at);
        if day > newest {
            let answer = match config.not_ready {
                NotReadyAnswer::NotFound404 => message(404, "Not Found"),
                NotReadyAnswer::BadRequest400 => message(400, "Bad Request"),
                NotReadyAnswer::EmptyList => no_files(),
            };
            return (answer, "early");
        }
        let is_empty = self.vendor.inner.dataset.ending_on(bot, day).next().is_none();
        let styles = [EmptyAnswer::EmptyList, EmptyAnswer::NotFound404, EmptyAnswer::EmptyFile];
        let mut random = generator(config.seed ^ SALT_EMPTY, arrival.ordinal);
        match unmix(config.empty, EmptyAnswer::Mixed, &styles, &mut random) {
            EmptyAnswer::NotFound404 if is_empty => return (message(404, "Not Found"), "empty"),
            EmptyAnswer::EmptyList if is_empty => return (no_files(), "empty"),
            _ => {}
        }
        // An answer that does not arrive does not count.
        let before = if lost { 0 } else { self.vendor.count_list(bot, day) };
        let urls = self.urls(arrival.at, (bot, day), newest, before);
        (url_list(key, Some(day), &urls), if is_empty { "empty" } else { "listed" })
    }

    fn urls(&self, now: DateTime<Utc>, (bot, day): (usize, NaiveDate), newest: NaiveDate, before: u32) -> Vec<String> {
        let (config, dataset) = (&self.config, &self.vendor.inner.dataset);
        let is_young = (newest - day).num_days() < i64::from(config.young_days);
        let short = config.grows && is_young && before < config.grows_after && !self.vendor.is_settled();
        let urls = (0..dataset.file_count(bot, day)).map(|number| {
            let file = DayFile { bot, day, number, short };
            let dead = before == 0 && config.file_faults.kills(config.seed, dataset.file_number(file));
            let expires = if dead { now - TimeDelta::seconds(1) } else { self.expires(now) };
            let url = SignedUrl { file, version: self.version, expires };
            format!("http://{}{}", self.host, url.path(dataset))
        });
        urls.collect()
    }

    fn expires(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        let ttl = self.config.url_ttl.map_or(self.query.ttl, |longest| longest.min(self.query.ttl));
        let ttl = TimeDelta::from_std(ttl).unwrap_or(TimeDelta::days(365));
        now.checked_add_signed(ttl).unwrap_or(now + TimeDelta::days(365))
    }
}
