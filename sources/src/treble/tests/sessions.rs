use super::*;
use chrono::DateTime;

/// The cursor after a page of `mebibytes` MiB at `cursor`, or the fault.
fn large_page(cursor: Option<&str>, mebibytes: usize) -> Result<String, Fault> {
    let page = vec![b' '; mebibytes << 20];
    let (step, rows) = response(&poll(), cursor, 200, &page)?;
    assert!(rows.is_empty() && step.rows == 0, "nothing of the page is stored");
    Ok(step.cursor.unwrap().0)
}

/// A page over the limit is requested again with fewer sessions, and so are the pages after it; one that cannot be cut ends the
/// job with a reason.
#[test]
fn a_page_that_is_too_large_is_requested_with_fewer_sessions() {
    let source = opened(&json!({})).source;
    let url = |cursor: &str| source.request("sessions", &poll(), Some(&Cursor(cursor.to_owned()))).unwrap().url;
    for start in [None, Some("900003")] {
        let mut cursor = start.map(str::to_owned);
        for rows in [25, 6, 1] {
            let next = large_page(cursor.as_deref(), 3).unwrap();
            assert!(url(&next).contains(&format!("sessions?limit={rows}&")), "{}", url(&next));
            assert_eq!(url(&next).contains("&next_id=900003"), start.is_some(), "{}", url(&next));
            cursor = Some(next);
        }
        let fault = large_page(cursor.as_deref(), 3).unwrap_err();
        let says = "too large: a page of poll 41007 with a single session has 3145728 bytes or more, over the limit of 2097152";
        assert_eq!(fault.to_string(), says);
        let body = br#"{"results":[],"next_id":"900009"}"#;
        let next = response(&poll(), cursor.as_deref(), 200, body).unwrap().0.cursor.unwrap();
        assert!(url(&next.0).contains("limit=1&") && url(&next.0).ends_with("&next_id=900009"), "{}", url(&next.0));
    }
    assert!(large_page(None, 2).is_err(), "blanks within the limit are no page");
}

fn item(id: &str, at: i64, seen: Option<i64>) -> Item {
    let of = DateTime::from_timestamp(at, 0).unwrap();
    let seen_version = seen.map(|seen| DateTime::from_timestamp(seen, 0).unwrap());
    let slice = key(&format!("session/{id}/{at}000000"));
    Item { slice, scope: Window::new(of, of + TimeDelta::seconds(1)), seen_version, has_ended: seen.is_some() }
}

/// The only session of a page.
fn one(session: &Value) -> (ResponseSummary, StoredRow) {
    let (step, mut rows) = success(&poll(), json!({"results": [session]}).to_string().as_bytes());
    assert_eq!(rows.len(), 1, "{session}");
    (step, rows.remove(0))
}

#[test]
fn sessions_become_rows_and_name_their_histories() {
    let (step, rows) = success(&poll(), fixture!("page.json"));
    let items = vec![
        item("900001", 1_786_197_600, Some(1_786_201_200)),
        item("900002", 1_786_197_601, None),
        item("900003", 1_786_197_602, None),
    ];
    assert_eq!(
        step,
        ResponseSummary { rows: 3, items, cursor: Some(Cursor("900003".to_owned())), ..ResponseSummary::default() }
    );
    let names = ["account", "session_id", "poll_id", "external_id", "created_at", "finished_at", "deployment_status"];
    let found: Vec<_> = rows.iter().map(|row| cells(row, &names)).collect();
    let made = ["2026-08-08T14:00:00Z", "2026-08-08T14:00:01Z", "2026-08-08T14:00:02Z"];
    let expected = [
        ["treble_mx", "900001", "41007", "c3f0-11", made[0], "2026-08-08T15:00:00Z", "DELIVERED"],
        ["treble_mx", "900002", "41007", "-", made[1], "-", "FAILURE_BY_SOMETHING_NEW"],
        ["treble_mx", "900003", "41007", "-", made[2], "-", "-"],
    ];
    assert_eq!(found, expected);
    let names = ["country_code", "cellphone", "phone", "phone_tail", "user", "extra"];
    assert_eq!(cells(&rows[0], &names), ["+57", "3001112233", "573001112233", "3001112233", "-", "{}"]);
    let user = r#"{"name":"Ana","tags":["vip"]}"#;
    let extra = r#"{"channel_v2":{"kind":"whatsapp","seen_at":"2026-08-08T14:00:00Z"}}"#;
    assert_eq!(cells(&rows[2], &names), ["+52", "19991412826", "5219991412826", "9991412826", user, extra]);
}

#[test]
fn the_last_page_has_no_cursor() {
    for body in [
        std::str::from_utf8(fixture!("last_page.json")).unwrap(),
        r#"{"results":[]}"#,
        r#"{"results":null,"next_id":""}"#,
        "\u{feff}{\"next_id\":null,\"results\":[]}",
    ] {
        let (step, _) = response(&poll(), Some("900003"), 200, body.as_bytes()).unwrap();
        assert_eq!(step.cursor, None, "{body}");
    }
}

#[test]
fn every_spelling_of_a_session_becomes_the_same_row() {
    let plain = json!({"id": 9, "created_at": 1_786_197_600, "finished_at": 1_786_201_200, "user": {"cellphone": "5"}});
    let first = format!("{:?}", one(&plain));
    let same = [
        json!({"id": "9", "created_at": "1786197600", "finished_at": "1786201200", "user": {"cellphone": "5"}}),
        json!({"id": 9, "created_at": "2026-08-08 14:00:00", "finished_at": "2026-08-08T15:00:00Z",
            "user": {"cellphone": 5, "tags": [], "name": ""}}),
        json!({"user": {"country_code": null, "cellphone": "5"}, "finished_at": 1_786_201_200, "external_id": "",
            "created_at": 1_786_197_600, "id": 9, "poll_id": 41007, "deployment_status": null}),
    ];
    for session in same {
        assert_eq!(format!("{:?}", one(&session)), first, "{session}");
    }
    let other = json!({"id": 9, "created_at": 1_786_197_600, "finished_at": null, "user": {"cellphone": "5"}});
    assert_ne!(one(&other).1["digest"], one(&plain).1["digest"]);
}

#[test]
fn extra_keeps_values_that_do_not_fit() {
    let (_, row) = one(&json!({"id": 9, "created_at": 1_786_197_600, "finished_at": "later", "user": "ana",
        "poll_id": 5, "external_id": {"a": 1}}));
    let extra = r#"{"external_id":{"a":1},"finished_at":"later","poll_id":5,"user":"ana"}"#;
    assert_eq!(cells(&row, &["finished_at", "phone", "poll_id", "extra"]), ["-", "-", "41007", extra]);
}

#[test]
fn rejects_sessions_without_an_id_or_a_start() {
    let body = br#"{"results":[5,{"created_at":1786197600},{"id":"a/b","created_at":1786197600},{"id":9},
        {"id":9,"created_at":"soon"},{"id":9,"created_at":1786197600}]}"#;
    let (step, rows) = success(&poll(), body);
    assert_eq!((step.rows, rows.len(), step.items.len(), step.rejects.len()), (6, 1, 1, 5));
    let reasons: Vec<&str> = step.rejects.iter().map(|reject| reject.reason.as_str()).collect();
    assert_eq!(reasons[..3], ["row 1 is not an object", "row 2 has no valid id", "row 3 has no valid id"]);
    assert_eq!(reasons[3..], ["row 4 has no valid created_at", "row 5 has no valid created_at"]);
}

#[test]
fn rejects_everything_but_pages() {
    let bodies =
        ["", "[]", "{}", "null", r#"{"message":"x"}"#, r#"{"results":{}}"#, r#"{"results":[],"next_id":{}}"#, "<html>"];
    for body in bodies {
        assert_eq!(response(&poll(), None, 200, body.as_bytes()).expect_err(body).kind(), "malformed", "{body}");
    }
    let again = br#"{"results":[],"next_id":900003}"#;
    assert_eq!(response(&poll(), Some("900003"), 200, again).unwrap_err().kind(), "malformed", "it would never end");
}
