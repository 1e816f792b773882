use super::*;
use domain::item::ItemStatus;
use serde_json::from_slice;

/// The answer about `ID`: its step, its row and those of the customer's answers.
type ProcessRows = (ResponseSummary, StoredRow, Vec<StoredRow>);

fn success(body: &[u8]) -> ProcessRows {
    let (step, batches) = response(&key(ID), None, 200, body).unwrap();
    let mut tables = batches.iter().map(|rows| (rows.schema().table.as_str(), stored_rows(rows)));
    let (table, mut rows) = tables.next().unwrap();
    assert_eq!((table, rows.len()), ("truora_processes", 1));
    let responses = tables.next().map_or(Vec::new(), |(table, rows)| {
        assert_eq!(table, "truora_responses");
        rows
    });
    assert!(tables.next().is_none());
    (step, rows.remove(0), responses)
}

/// The pending process with these members changed; `null` takes one out.
fn with(more: &Value) -> Vec<u8> {
    let mut body: Map<String, Value> = from_slice(fixture!("pending.json")).unwrap();
    body.extend(more.as_object().unwrap().clone());
    serde_json::to_vec(&body).unwrap()
}

#[test]
fn an_ended_process_becomes_rows() {
    let (step, row, responses) = success(fixture!("success.json"));
    let (version, recheck_at) = (Some(utc("2026-08-08T13:12:22Z")), Some(utc("2026-08-15T13:12:22Z")));
    let found = Some(ItemStatus { version, open_until: None, recheck_at });
    assert_eq!(step, ResponseSummary { rows: 1, item_status: found, ..ResponseSummary::default() });
    let names =
        ["account", "process_id", "phone", "status", "is_open", "responses", "flow_version", "time_to_live", "country"];
    let expected = ["truora_co", ID, "573001112233", "success", "false", "3", "3", "1410", "ALL"];
    assert_eq!(cells(&row, &names), expected);
    let dates = cells(&row, &["creation_date", "update_date", "state_at"]);
    assert_eq!(dates, ["2026-08-08T13:11:33.104379Z", "2026-08-08T13:12:22Z", "2026-08-08T13:12:22.000001Z"]);
    let step: Value = serde_json::from_str(&row["last_finished_step"]).unwrap();
    assert_eq!((&step["config"]["retries"], &step["files_upload_urls"]), (&json!(3), &Value::Null));
    assert_eq!((row["extra"].as_str(), row.get("validations")), (r#"{"is_used":true}"#, None));
    let responses: Vec<_> = responses
        .iter()
        .map(|row| cells(row, &["account", "process_id", "ordinal", "name", "type", "value"]))
        .collect();
    let expected = [
        ["truora_co", ID, "0", "name_greeting", "text", "Ana \"La\" Ñ"],
        ["truora_co", ID, "1", "greeting", "select", "No"],
        ["truora_co", ID, "2", "greeting", "select", "Sí 🌻"],
    ];
    assert_eq!(responses, expected);
}

#[test]
fn a_pending_process_stays_open_for_two_days() {
    let (step, row, responses) = success(fixture!("pending.json"));
    let (version, open_until) = (Some(utc("2026-08-08T13:11:34.5Z")), Some(utc("2026-08-10T13:11:33.104379Z")));
    let found = Some(ItemStatus { version, open_until, recheck_at: None });
    assert_eq!(step, ResponseSummary { rows: 1, item_status: found, ..ResponseSummary::default() });
    assert_eq!(cells(&row, &["is_open", "responses", "extra", "failure_status"]), ["true", "0", "{}", "-"]);
    assert_eq!(cells(&row, &["state_at"]), ["2026-08-08T13:11:34.500Z"]);
    assert!(responses.is_empty());
}

#[test]
fn a_failure_keeps_its_reason() {
    let (step, row, _) = success(fixture!("failure.json"));
    assert_eq!(step.item_status.unwrap().recheck_at, Some(utc("2026-08-16T13:11:33.1Z")));
    let reasons = cells(&row, &["status", "is_open", "failure_status", "declined_reason"]);
    assert_eq!(reasons, ["failure", "false", "expired", "validation_expired"]);
    assert!(row["validations"].contains("\"validation_status\":\"failure\""));
}

#[test]
fn an_unknown_status_ends_a_process_only_with_a_sign() {
    let cases = [
        (json!({"status": "SUCCESS"}), true),
        (json!({"status": "agent_chat"}), false),
        (json!({"status": null}), false),
        (json!({"status": "agent_chat", "failure_status": "declined"}), true),
        (json!({"status": "x", "declined_reason": "canceled"}), true),
        (json!({"status": "x", "canceled_reason": "other_reason"}), true),
        (json!({"status": "x", "expired_reason": "late"}), true),
        (json!({"status": "x", "update_date": "2026-08-10T13:11:33.1Z"}), false),
        (json!({"status": "x", "update_date": "2026-08-10T13:11:33.2Z"}), true),
        (json!({"status": "pending", "failure_status": "declined"}), false),
    ];
    for (more, is_over) in cases {
        let (step, row, _) = success(&with(&more));
        assert_eq!(
            (step.item_status.unwrap().open_until.is_none(), row["is_open"] == "false"),
            (is_over, is_over),
            "{more}"
        );
        assert_eq!(step.item_status.unwrap().recheck_at.is_some(), is_over);
        assert_eq!(row.get("status").map(String::as_str), more["status"].as_str());
    }
}

#[test]
fn of_two_states_with_one_date_the_ended_one_is_newer() {
    let at = |status: &str| utc(&success(&with(&json!({"status": status}))).1["state_at"]);
    assert!(at("pending") < at("success") && at("success") == at("failure"));
    let undated = success(&with(&json!({"update_date": null}))).1;
    assert_eq!(cells(&undated, &["update_date", "state_at"]), ["-", "2026-08-08T13:11:33.104379Z"]);
}

#[test]
fn absent_values_in_every_spelling_are_equal() {
    let bytes = |more: &Value| format!("{:?}", response(&key(ID), None, 200, &with(more)).unwrap());
    let plain = bytes(&json!({}));
    let same = [
        json!({"user_responses": []}),
        json!({"user_responses": null, "validations": null, "failure_status": null}),
        json!({"declined_reason": "", "labels": [], "metadata": null}),
        json!({"flow_version": "3"}),
    ];
    for more in same {
        assert_eq!(bytes(&more), plain, "{more}");
    }
    assert_ne!(bytes(&json!({"labels": ["a"]})), plain);
}

#[test]
fn timestamps_have_up_to_nine_decimals() {
    for (written, stored) in [
        ("2026-08-08T13:11:33Z", "2026-08-08T13:11:33Z"),
        ("2026-08-08T13:11:33.1Z", "2026-08-08T13:11:33.100Z"),
        ("2026-08-08T13:11:33.12345Z", "2026-08-08T13:11:33.123450Z"),
        ("2026-08-08T13:11:33.999999999Z", "2026-08-08T13:11:33.999999Z"),
        ("2026-08-08T08:11:33.5-05:00", "2026-08-08T13:11:33.500Z"),
    ] {
        assert_eq!(success(&with(&json!({"creation_date": written}))).1["creation_date"], stored, "{written}");
    }
}

#[test]
fn extra_keeps_values_that_do_not_fit() {
    let (_, row, responses) = success(&with(&json!({
        "flow_version": "three", "country": {"iso": "CO"}, "account_id": "no phone-inbound-x", "metadata": {"a": 1},
        "user_responses": [{"name": "n", "value": 5, "step": "s"}, "loose", {"name": "m", "value": ["a"]}, {"name": "", "value": ""}, {"value": null}]
    })));
    let extra = r#"{"country":{"iso":"CO"},"flow_version":"three","metadata":{"a":1}}"#;
    assert_eq!(cells(&row, &["phone", "flow_version", "country", "extra", "responses"]), ["-", "-", "-", extra, "5"]);
    let responses: Vec<_> = responses.iter().map(|row| cells(row, &["name", "value", "extra"])).collect();
    assert_eq!(
        responses,
        [
            ["n", "5", r#"{"step":"s"}"#],
            ["-", "loose", "{}"],
            ["m", "-", r#"{"value":["a"]}"#],
            ["-", "", "{}"],
            ["-", "-", "{}"]
        ]
    );
}

#[test]
fn rejects_everything_but_results() {
    let bodies = [
        with(&json!({"process_id": "IDP41c0aa02"})),
        with(&json!({"process_id": null})),
        with(&json!({"creation_date": null})),
        with(&json!({"creation_date": "yesterday"})),
        with(&json!({"user_responses": {}})),
        b"[]".to_vec(),
        b"".to_vec(),
        b"{}".to_vec(),
        fixture!("gateway.html").to_vec(),
        b"{\"process_id\":\"IDP41c0aa01\",\"x\":\"\xFF\"}".to_vec(),
    ];
    for body in bodies {
        let fault = response(&key(ID), None, 200, &body).expect_err("a result");
        assert_eq!(fault.kind(), "malformed", "{fault}");
        assert!(!fault.to_string().contains("57300"), "{fault}");
    }
}

#[test]
fn rejects_a_body_over_the_limit() {
    let mut reader = opened(&json!({})).source.reader("processes", &key(ID), None).unwrap();
    let mebibyte = vec![b' '; 1 << 20];
    for _ in 0..3 {
        reader.feed(head(200), &mebibyte).unwrap();
    }
    let fault = reader.finish(head(200)).unwrap_err();
    assert_eq!(fault.kind(), "too_large");
    let says = format!("the result of process {ID} has 3145728 bytes or more, over the limit of 2097152");
    assert!(fault.to_string().ends_with(&says), "{fault}");
    // A body of any length is not received to its end.
    let mut reader = opened(&json!({})).source.reader("processes", &key(ID), None).unwrap();
    let fed = (0..200).take_while(|_| reader.feed(head(200), &mebibyte).is_ok()).count();
    assert_eq!((fed, reader.finish(head(200)).unwrap_err().kind()), (64, "too_large"));
}

#[test]
fn the_last_fetches_follow_the_settings() {
    let found = |more: &Value, body: &[u8]| {
        let reader = opened(more).source.reader("processes", &key(ID), None).unwrap();
        read(Boxed(reader), head(200), [body]).unwrap().0.item_status.unwrap()
    };
    let more = json!({"expires_after": "3h", "recheck_after": "30d"});
    assert_eq!(found(&more, fixture!("pending.json")).open_until, Some(utc("2026-08-08T16:11:33.104379Z")));
    assert_eq!(found(&more, fixture!("success.json")).recheck_at, Some(utc("2026-09-07T13:12:22Z")));
    // An undocumented status is an end where the process changed later than any process lasts.
    let late = with(&json!({"status": "new", "update_date": "2026-08-08T16:11:34Z"}));
    assert_eq!(found(&more, &late).open_until, None);
    assert!(found(&json!({}), &late).open_until.is_some());
}
