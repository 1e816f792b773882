//! The HTTP interface as its clients see it, on a database of its own.
#![cfg(test)]

#[path = "server/api.rs"]
mod api;
#[path = "server/authentication.rs"]
mod authentication;
#[path = "server/client.rs"]
mod client;
#[path = "server/dashboard.rs"]
mod dashboard;
#[path = "server/fake_loops.rs"]
mod fake_loops;
#[path = "server/fake_queue.rs"]
mod fake_queue;
#[path = "server/fake_source.rs"]
mod fake_source;
#[path = "server/health.rs"]
mod health;
#[path = "server/metrics.rs"]
mod metrics;
#[path = "server/rate_limits.rs"]
mod rate_limits;
#[path = "server/socket.rs"]
mod socket;
#[path = "server/test_service.rs"]
mod test_service;
#[path = "server/webhook_intake.rs"]
mod webhook_intake;
