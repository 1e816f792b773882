//! The read API below `/api`.

use crate::test_service::{TestService, day};
use serde_json::Value;
use std::collections::BTreeSet;

#[tokio::test]
async fn api_answers_in_the_shapes_of_the_command_line() {
    let service = TestService::open().await;
    service.fill().await;
    let status = service.get("/api/v1/status").await.json();
    assert_eq!(status["accounts"][0]["name"], "wolkvox_co");
    assert_eq!(status["accounts"][0]["state"], "ok");
    assert_eq!(status["accounts"][0]["proven_until"], "2026-11-21T16:05:00Z");
    assert_eq!(status["queue"]["parked"], 2);
    let days = service.get("/api/v1/accounts/shop_bot/coverage?from=2026-11-04&to=2026-11-05").await.json();
    assert_eq!(days.as_array().map(Vec::len), Some(2));
    assert_eq!((&days[0]["state"], &days[1]["state"]), (&"final".into(), &"missing".into()));
    assert_eq!((&days[1]["day"], &days[1]["reason"]), (&"2026-11-05".into(), &"not requested yet".into()));
    let all_days = service.get("/api/v1/accounts/shop_bot/coverage").await.json();
    assert_eq!(all_days[0]["day"], day(10, 26).to_string());
    let backfills = service.get("/api/v1/backfills").await.json();
    let id = backfills[0]["id"].as_i64().expect("an id");
    assert_eq!(backfills[0]["windows"]["total"], 30);
    assert_eq!(service.get(&format!("/api/v1/backfills/{id}")).await.json(), backfills[0]);
}

#[tokio::test]
async fn api_answers_match_their_snapshots() {
    let service = TestService::open().await;
    service.fill().await;
    insta::assert_json_snapshot!("status", service.get("/api/v1/status").await.json());
    let coverage = service.get("/api/v1/accounts/shop_bot/coverage?from=2026-11-04&to=2026-11-10").await.json();
    insta::assert_json_snapshot!("coverage", coverage);
    insta::assert_json_snapshot!("backfills", service.get("/api/v1/backfills").await.json());
}

#[tokio::test]
async fn openapi_describes_every_route_and_every_field() {
    let service = TestService::open().await;
    service.fill().await;
    let description = service.get("/api/openapi.json").await.json();
    assert!(description["openapi"].as_str().is_some_and(|version| version.starts_with("3.1.")), "{description}");
    let paths = [
        ("/api/v1/status", "/api/v1/status"),
        ("/api/v1/accounts/{account}/coverage", "/api/v1/accounts/shop_bot/coverage"),
        ("/api/v1/backfills", "/api/v1/backfills"),
        ("/api/v1/backfills/{id}", "/api/v1/backfills/1"),
    ];
    let described: BTreeSet<&str> = keys(&description["paths"]);
    assert_eq!(described, paths.iter().map(|(template, _)| *template).collect());
    for (template, path) in paths {
        let operation = &description["paths"][template]["get"];
        let schema = &operation["responses"]["200"]["content"]["application/json"]["schema"];
        let reply = service.get(path).await;
        assert_eq!(reply.status, 200, "{path}");
        assert_described(&reply.json(), schema, &description, template);
        for status in ["401", "429", "503"] {
            assert!(operation["responses"][status]["content"]["application/problem+json"].is_object(), "{template}");
        }
    }
}

/// Panics where `value` has a field that its schema lacks, or lacks one that the schema requires.
fn assert_described(value: &Value, schema: &Value, description: &Value, path: &str) {
    let schema = resolve(schema, description);
    match value {
        Value::Array(elements) => {
            for element in elements {
                assert_described(element, &schema["items"], description, path);
            }
        }
        Value::Object(fields) => {
            let properties = &schema["properties"];
            assert!(keys(&Value::Object(fields.clone())).is_subset(&keys(properties)), "{path}: {value} {schema}");
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            for name in required {
                assert!(fields.contains_key(name), "{path}: {name} is missing");
            }
            for (name, field) in fields {
                assert_described(field, &properties[name], description, &format!("{path} {name}"));
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            assert!(schema["properties"].is_null() || value.is_null(), "{path}: {value} {schema}");
        }
    }
}

/// Follows a reference, also where the schema allows null as well.
fn resolve<'a>(schema: &'a Value, description: &'a Value) -> &'a Value {
    let schema = schema["oneOf"]
        .as_array()
        .and_then(|options| options.iter().find(|option| option["$ref"].is_string()))
        .unwrap_or(schema);
    let Some(reference) = schema["$ref"].as_str() else { return schema };
    let name = reference.strip_prefix("#/components/schemas/").expect("a reference to a component");
    let component = &description["components"]["schemas"][name];
    assert!(component.is_object(), "{reference} leads nowhere");
    component
}

fn keys(object: &Value) -> BTreeSet<&str> {
    object.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect()
}

#[tokio::test]
async fn every_error_is_problem_json() {
    let service = TestService::open().await;
    let coverage = "/api/v1/accounts/wolkvox_co/coverage";
    for (path, status, detail) in [
        ("/nowhere", 404, "there is nothing at /nowhere"),
        ("/api/v1/nothing", 404, "there is nothing at /api/v1/nothing"),
        ("/api/v1/accounts/unknown/coverage", 404, "there is no account \"unknown\""),
        ("/api/v1/backfills/77", 404, "there is no backfill \"77\""),
        ("/api/v1/backfills/first", 404, "there is no backfill \"first\""),
        (&format!("{coverage}?from=yesterday"), 400, "from: input contains invalid characters"),
        (&format!("{coverage}?form=2026-11-01"), 400, "unknown field `form`"),
        (&format!("{coverage}?from=2026-11-02&to=2026-11-01"), 400, "ends before it begins"),
        (&format!("{coverage}?from=0001-01-01"), 400, "ask for at most 1100 at once"),
        (&format!("{coverage}?from=-262143-01-01&to=+262142-12-31"), 400, ""),
    ] {
        let reply = service.get(path).await;
        assert_eq!(reply.header("content-type"), Some("application/problem+json"), "{path}");
        let problem = reply.json();
        assert_eq!((reply.status, &problem["status"]), (status, &status.into()), "{path}");
        assert_eq!(problem["type"], "about:blank");
        assert_eq!(problem["title"], if status == 404 { "Not Found" } else { "Bad Request" });
        assert!(problem["detail"].as_str().is_some_and(|text| text.contains(detail)), "{path}: {problem}");
    }
    let posted = service.client.post("/api/v1/status", "").await;
    assert_eq!((posted.status, &posted.json()["title"]), (405, &"Method Not Allowed".into()));
    assert_eq!(posted.header("allow"), Some("GET,HEAD"));
    service.close_database().await;
    let lost = service.get("/api/v1/status").await;
    assert_eq!((lost.status, &lost.json()["title"]), (503, &"Service Unavailable".into()));
}
