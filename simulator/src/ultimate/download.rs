//! How the host of the files treats a download. It knows nothing of keys, and wants to see none.

use super::answer::{Answer, Cut};
use super::config::Config;
use super::draw::{generator, whole};
use super::export::Part;
use super::faults::Fault;
use super::link::{Link, Place};
use super::record::{Arrival, Call, Kind, Slot, Subject};
use super::rules::simultaneous;
use super::shape::{Format, Packing};
use super::sheet::Sheet;
use super::truth::day_number;
use super::{Turn, Ultimate};
use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, Response};
use rand::Rng;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// What only the list call may carry.
const SECRETS: [&str; 4] = ["authorization", "organizationid", "botid", "x-api-key"];

/// `GET` of a file.
pub(super) async fn download(
    State(vendor): State<Ultimate>,
    Path(place): Path<Place>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response<Body> {
    let link = Link::read(&vendor.inside.truth, &place, &query);
    let secret = SECRETS.into_iter().find(|name| headers.contains_key(*name));
    let (turn, slot) = arrive(&vendor, link, secret);
    turn.taken(slot).await
}

fn arrive(vendor: &Ultimate, link: Option<Link>, secret: Option<&'static str>) -> (Turn, Slot) {
    let inside = &vendor.inside;
    let config = vendor.config();
    let subject = Subject {
        call: Call::Download,
        version: link.map(|link| link.version),
        bot: link.and_then(|link| inside.truth.bots.get(link.part.bot)).map(|bot| bot.id.clone()),
        day: link.map(|link| link.part.day),
        file: link.map(|link| link.part.number),
        counts: true,
    };
    let (arrival, slot) = inside.record.arrive(&inside.clock, inside.under_way.token(), subject);
    let mut rules: Vec<_> = secret.map(|name| (Kind::KeySentToFileHost, name.to_owned())).into_iter().collect();
    if link.is_none() {
        rules.push((Kind::BadLink, "not signed here".to_owned()));
    }
    rules.extend(simultaneous(arrival, &config));
    inside.record.broken(arrival, &rules);
    let Some(link) = link.filter(|_| secret.is_none()) else {
        let kind = if secret.is_some() { Kind::KeySentToFileHost } else { Kind::BadLink };
        return (Turn::new(refusal(kind), Duration::ZERO, kind.name()), slot);
    };
    // The organisation's limit is not the host's: it serves, and the breach stays recorded.
    let fault = if rules.is_empty() { config.faults.draw(config.seed, arrival.ordinal) } else { None };
    (served(vendor, link, arrival, fault, &config), slot)
}

fn served(vendor: &Ultimate, link: Link, arrival: Arrival, fault: Option<Fault>, config: &Config) -> Turn {
    if let Some(answer) = fault.and_then(|fault| Answer::disturbed(fault, config.faults.retry_after, true)) {
        return Turn::new(answer, config.latency, fault.map_or("", Fault::name));
    }
    if arrival.at >= link.expires {
        return Turn::new(expired(config.seed, arrival.ordinal), config.latency, "expired");
    }
    let truth = &vendor.inside.truth;
    let shape = config.shape.drawn(config.seed, day_number(link.part.day), arrival.ordinal);
    let kind = match (shape.packing, shape.format) {
        (Packing::Gzip, _) => "application/gzip",
        (_, Format::Lines) => "application/x-ndjson",
        _ => "application/json",
    };
    // An address names the object, not what it once held.
    let part = Part { short: link.part.short && !vendor.is_settled(), ..link.part };
    let mut sheet = Sheet::new(Arc::clone(truth), link.version, shape, Box::new(truth.rows(part)));
    if !matches!(fault, Some(Fault::Cut | Fault::Stall)) {
        let turn = Turn::new(Answer::File(Box::new(sheet), kind, None), config.latency, "rows");
        return if fault == Some(Fault::Slow) { turn.slower(config.faults.slow_for) } else { turn };
    }
    let (way, share) = match fault {
        Some(Fault::Stall) => (Cut::Stalled, 0.5),
        _ => Cut::draw(config.seed, arrival.ordinal),
    };
    let files = u64::from(truth.files(part.bot, part.day));
    let rows = truth.count(part.bot, part.day) / files;
    sheet.cut_after(whole(Duration::from_secs(rows).mul_f64(share).as_secs_f64()));
    Turn::new(Answer::File(Box::new(sheet), kind, None).cut(way, share), config.latency, fault.map_or("", Fault::name))
}

/// What a caller is told who broke a rule: object stores refuse a second way of proving who one is.
fn refusal(kind: Kind) -> Answer {
    match kind {
        Kind::KeySentToFileHost => Answer::xml(400, "InvalidArgument", "Only one auth mechanism allowed"),
        _ => Answer::xml(403, "SignatureDoesNotMatch", "The request signature does not match"),
    }
}

/// The vendor's answer is not known; these are the two that object stores give.
fn expired(seed: u64, ordinal: u64) -> Answer {
    if generator(seed ^ 0xE8B1, ordinal).random() {
        Answer::xml(403, "AccessDenied", "Request has expired")
    } else {
        Answer::xml(400, "ExpiredToken", "The provided token has expired.")
    }
}
