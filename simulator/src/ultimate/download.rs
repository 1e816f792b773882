//! A download from the file host, which checks signatures and refuses keys.

use super::Ultimate;
use super::answers::{file_host_error, xml};
use super::config::Config;
use super::day_file::DayFile;
use super::day_file_stream::DayFileStream;
use super::rules::{BAD_LINK, KEY_SENT_TO_FILE_HOST};
use super::signed_url::{SignedUrl, UrlParts};
use super::variants::{Compression, Layout};
use crate::calendar::day_number;
use crate::gateway::{
    Answer, Arrival, Chance, Cut, ErrorAnswer, Faults, Reply, RequestFacts, VendorRequest, Violation,
};
use crate::random::generator;
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Method, Response, Uri};
use rand::Rng;
use std::collections::HashMap;
use std::time::Duration;

/// One download, with the configuration at its arrival.
struct DownloadRequest {
    vendor: Ultimate,
    config: Config,
    /// The URL, where the vendor signed it.
    url: Option<SignedUrl>,
    /// The header that only a list call may have.
    secret: Option<&'static str>,
    uri: Uri,
}

/// The headers that only a list call may have.
const SECRETS: [&str; 4] = ["authorization", "organizationid", "botid", "x-api-key"];
const SALT_EXPIRED: u64 = 0xE8B1;

/// `GET` of a file.
pub(super) async fn download(
    State(vendor): State<Ultimate>,
    Path(parts): Path<UrlParts>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
    uri: Uri,
) -> Response<Body> {
    let url = SignedUrl::parse(&vendor.inner.dataset, &parts, &query);
    let secret = SECRETS.into_iter().find(|name| headers.contains_key(*name));
    let config = vendor.inner.config.get();
    let request = DownloadRequest { vendor: vendor.clone(), config, url, secret, uri };
    vendor.inner.gateway.handle(request).await
}

impl VendorRequest for DownloadRequest {
    /// Downloads count with the list calls of the organisation. The path is without the query, which has the signature.
    fn facts(&self) -> RequestFacts {
        let bots = &self.vendor.inner.dataset.bots;
        let bot = self.url.and_then(|url| bots.get(url.file.bot)).map(|bot| bot.id.clone());
        let day = self.url.map(|url| url.file.day.to_string());
        let path = self.uri.path().to_owned();
        RequestFacts { key: Some(0), method: Method::GET, path, bot, from: day.clone(), to: day }
    }

    fn faults(&self) -> Option<&Faults> {
        Some(&self.config.faults)
    }

    fn latency(&self) -> Duration {
        self.config.latency
    }

    fn violations(&self, arrival: &Arrival) -> Vec<Violation> {
        let mut broken = Vec::new();
        // Object stores refuse a second way of authentication.
        broken.extend(self.secret.map(|name| {
            let answer = xml(400, "InvalidArgument", "Only one auth mechanism allowed");
            Violation::new(KEY_SENT_TO_FILE_HOST, name, answer)
        }));
        if self.url.is_none() {
            let answer = xml(403, "SignatureDoesNotMatch", "The request signature does not match");
            broken.push(Violation::new(BAD_LINK, "not signed by the vendor", answer));
        }
        // The organisation's limit is not the file host's: it serves the file, and the log keeps the breach.
        broken.extend(arrival.too_many(self.config.max_in_flight, || None));
        broken
    }

    fn error(&self, _arrival: &Arrival, error: ErrorAnswer) -> Answer {
        file_host_error(error)
    }

    fn answer(&self, arrival: &Arrival, chance: Chance) -> Reply {
        let (config, latency) = (&self.config, self.config.latency);
        let Some(url) = self.url.filter(|url| arrival.at < url.expires) else {
            return Reply::new(expired(config.seed, arrival.ordinal), latency, "expired");
        };
        let answer = self.file(url, arrival);
        if chance.roll.is_some_and(|roll| roll < config.file_faults.stall) {
            return Reply::new(answer.cut(Cut::Stalled, 0.5), latency, "stall");
        }
        Reply::new(answer, latency, "rows")
    }

    fn stops_on_hang_up(&self) -> bool {
        true
    }
}

impl DownloadRequest {
    fn file(&self, url: SignedUrl, arrival: &Arrival) -> Answer {
        let (config, dataset) = (&self.config, &self.vendor.inner.dataset);
        let variants = config.variants.draw(config.seed, day_number(url.file.day), arrival.ordinal);
        let content_type = match (variants.compression, variants.layout) {
            (Compression::Gzip, _) => "application/gzip",
            (_, Layout::Lines) => "application/x-ndjson",
            _ => "application/json",
        };
        // A URL names the object, and not its content at the time of the list.
        let file = DayFile { short: url.file.short && !self.vendor.is_settled(), ..url.file };
        Answer::rows(content_type, DayFileStream::new(dataset, url.version, variants, file))
    }
}

/// The vendor's answer is not known; these are the two of object stores.
fn expired(seed: u64, ordinal: u64) -> Answer {
    if generator(seed ^ SALT_EXPIRED, ordinal).random() {
        xml(403, "AccessDenied", "Request has expired")
    } else {
        xml(400, "ExpiredToken", "The provided token has expired.")
    }
}
