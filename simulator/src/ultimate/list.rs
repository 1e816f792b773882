//! How the vendor treats a list call: one bot, one day.

use super::answer::{Answer, Cut};
use super::config::{Config, Early, Empty};
use super::conversation::Version;
use super::draw::generator;
use super::export::Part;
use super::faults::Fault;
use super::link::Link;
use super::record::{Arrival, Call, Slot, Subject};
use super::rules::Asked;
use super::truth::day_number;
use super::{Turn, Ultimate};
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::header::HOST;
use axum::http::{HeaderMap, Response, StatusCode};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use rand::seq::IndexedRandom;
use std::time::Duration;

/// `POST /data-export/{version}/get-signed-urls`.
pub(super) async fn list(
    State(vendor): State<Ultimate>,
    Path(version): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let Some(version) = Version::named(&version) else {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = StatusCode::NOT_FOUND;
        return response;
    };
    let asked = Asked::new(&headers, &body);
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
    let (turn, slot) = arrive(&vendor, version, &asked, host);
    turn.taken(slot).await
}

fn arrive(vendor: &Ultimate, version: Version, asked: &Asked, host: &str) -> (Turn, Slot) {
    let inside = &vendor.inside;
    let config = vendor.config();
    let subject = Subject {
        call: Call::List,
        version: Some(version),
        bot: asked.bot.clone(),
        day: asked.day,
        file: None,
        counts: asked.has_key(&config),
    };
    let (arrival, slot) = inside.record.arrive(&inside.clock, inside.under_way.token(), subject);
    let rules = asked.broken(arrival, &config);
    inside.record.broken(arrival, &rules);
    if let Some((kind, _)) = rules.first() {
        return (Turn::new(asked.refusal(*kind, &config), Duration::ZERO, kind.name()), slot);
    }
    let (Some(bot), Some(day)) = (asked.bot.as_deref().and_then(|bot| inside.truth.bot(bot)), asked.day) else {
        return (Turn::new(Answer::json(404, "Not Found"), config.latency, "unknown_bot"), slot);
    };
    let fault = config.faults.draw(config.seed, arrival.ordinal);
    if let Some(answer) = fault.and_then(|fault| Answer::disturbed(fault, config.faults.retry_after, false)) {
        return (Turn::new(answer, config.latency, fault.map_or("", Fault::name)), slot);
    }
    let question = Question { version, bot, day, ttl: asked.ttl, host, lost: fault == Some(Fault::Cut) };
    let turn = question.answered(vendor, arrival, &config);
    let turn = match fault {
        Some(Fault::Cut) => {
            let (way, share) = Cut::draw(config.seed, arrival.ordinal);
            Turn::new(turn.answer.cut(way, share), turn.time, Fault::Cut.name())
        }
        Some(Fault::Slow) => turn.slower(config.faults.slow_for),
        _ => turn,
    };
    (turn, slot)
}

/// A list call that broke no rule.
struct Question<'a> {
    version: Version,
    bot: usize,
    day: NaiveDate,
    ttl: Duration,
    host: &'a str,
    /// Whether the answer will not arrive whole, so that it does not count as one.
    lost: bool,
}

impl Question<'_> {
    fn answered(&self, vendor: &Ultimate, arrival: Arrival, config: &Config) -> Turn {
        let turn = |answer, outcome| Turn::new(answer, config.latency, outcome);
        let key = config.shape.drawn(config.seed, day_number(self.day), arrival.ordinal).list_key();
        let none = || Answer::list(key, Some(self.day), &[]);
        let newest = vendor.newest(arrival.at);
        if self.day > newest {
            let answer = match config.early {
                Early::NotFound404 => Answer::json(404, "Not Found"),
                Early::BadRequest400 => Answer::json(400, "Bad Request"),
                Early::EmptyList => none(),
            };
            return turn(answer, "early");
        }
        let is_empty = vendor.inside.truth.ended(self.bot, self.day).next().is_none();
        match empty(config, arrival.ordinal) {
            Empty::NotFound404 if is_empty => return turn(Answer::json(404, "Not Found"), "empty"),
            Empty::EmptyList if is_empty => return turn(none(), "empty"),
            _ => {}
        }
        let urls = self.urls(vendor, arrival, config, newest);
        turn(Answer::list(key, Some(self.day), &urls), if is_empty { "empty" } else { "listed" })
    }

    fn urls(&self, vendor: &Ultimate, arrival: Arrival, config: &Config, newest: NaiveDate) -> Vec<String> {
        let inside = &vendor.inside;
        let before = if self.lost { 0 } else { inside.record.listed(self.bot, self.day) };
        let young = (newest - self.day).num_days() < i64::from(config.young_days);
        let short = config.grows && young && before < config.grows_after && !vendor.is_settled();
        let files = 0..inside.truth.files(self.bot, self.day);
        let urls = files.map(|number| {
            let part = Part { bot: self.bot, day: self.day, number, short };
            let dead = before == 0 && config.faults.kills(config.seed, inside.truth.file_number(part));
            let expires = if dead { arrival.at - TimeDelta::seconds(1) } else { self.expires(arrival.at, config) };
            let link = Link { part, version: self.version, expires };
            format!("http://{}{}", self.host, link.written(&inside.truth))
        });
        urls.collect()
    }

    fn expires(&self, now: DateTime<Utc>, config: &Config) -> DateTime<Utc> {
        let ttl = config.url_ttl.map_or(self.ttl, |longest| longest.min(self.ttl));
        let ttl = TimeDelta::from_std(ttl).unwrap_or(TimeDelta::days(365));
        now.checked_add_signed(ttl).unwrap_or(now + TimeDelta::days(365))
    }
}

/// What an empty day is answered with, by request where that is mixed.
fn empty(config: &Config, ordinal: u64) -> Empty {
    let all = [Empty::EmptyList, Empty::NotFound404, Empty::EmptyFile];
    let drawn = all.choose(&mut generator(config.seed ^ 0x0E31, ordinal)).copied();
    if config.empty == Empty::Mixed { drawn.unwrap_or_default() } else { config.empty }
}
