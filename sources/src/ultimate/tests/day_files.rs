use super::*;

#[test]
fn parses_the_documented_example() {
    let (step, rows) = day_file(200, [fixture!("v2.json")]).unwrap();
    assert_eq!((step.rows, step.rejects.len(), rows.len(), cursor(&step).is_none()), (2, 0, 2, true));
    let expected = [
        ("account", "ultimate_eu"),
        ("bot_id", BOT),
        ("bot_name", "Support bot"),
        ("conversation_id", "9f0c2a6e-6f0e-4a1e-9b53-2a7a0f0b7d11"),
        ("platform_conversation_id", "2854008"),
        ("conversation_start_time", "2026-09-28T23:51:07.120Z"),
        ("conversation_end_time", "2026-09-29T00:14:55.004Z"),
        ("language", "en"),
        ("channel", "chat"),
        ("labels", r#"["vip"]"#),
        ("conversations_data", r#"{"email_given":"true","order_id":"A-1001"}"#),
        ("test_mode", "false"),
        ("conversation_status", "botHandled"),
        ("last_resolution", "informed"),
        ("triggered_replies", "[]"),
        (
            "triggered_intent_replies",
            r#"[{"intent_timestamp":"2026-09-28T23:51:40Z","intent_id":"i1","intent_name":"Greeting","not_meaningful":true},{"intent_timestamp":"2026-09-28T23:53:02Z","intent_id":"i7","intent_name":"Refund status","not_meaningful":false}]"#,
        ),
        ("is_llm_conversation", "true"),
        ("llm_notunderstood_count", "0"),
        ("llm_responsegenerated_count", "2"),
        ("llm_erroroccurred_count", "0"),
        ("llm_escalationrequired_count", "0"),
        ("llm_fallback_count", "1"),
        ("bot_messages_count", "9"),
        ("visitor_messages_count", "4"),
        ("not_understood_messages_count", "1"),
        ("extra", "{}"),
    ];
    for (column, value) in expected {
        assert_eq!(get(&rows[0], column), Some(value), "{column}");
    }
    // And the digest; nothing else.
    assert_eq!(rows[0].len(), expected.len() + 1);
    assert_eq!(get(&rows[1], "test_mode"), Some("true"));
}

#[test]
fn parses_the_live_spelling() {
    let (step, rows) = day_file(200, [fixture!("v3_live.json")]).unwrap();
    assert_eq!((step.rows, rows.len()), (2, 2));
    let expected = [
        ("conversation_id", "c3"),
        ("platform_conversation_id", "2854010"),
        ("conversation_start_time", "2026-09-29T10:00:00Z"),
        ("conversation_end_time", "2026-09-29T10:05:00.500Z"),
        ("conversation_type", "messaging"),
        ("labels", r#"["vip","late"]"#),
        ("segments", r#"["new"]"#),
        ("conversations_data", r#"{"name":"João"}"#),
        ("test_mode", "false"),
        ("resolution_tier", "assisted escalation"),
        ("automated_resolution", "false"),
        ("automated_resolution_reasoning", "The visitor asked for a person."),
        ("triggered_replies", r#"[{"reply_id":"r1","reply_name":"Hello"}]"#),
        ("triggered_intent_replies", r#"[{"intent_id":"i1","not_meaningful":true}]"#),
        ("triggered_procedures", r#"["refund"]"#),
        ("triggered_use_cases", "[]"),
        ("is_llm_conversation", "true"),
        ("knowledge_notunderstood_count", "1"),
        ("knowledge_responsegenerated_count", "2"),
        ("knowledge_erroroccurred_count", "0"),
        ("knowledge_escalationrequired_count", "0"),
        ("knowledge_fallback_count", "0"),
        ("has_knowledge_response_attempt", "true"),
        ("knowledge_sources", "\"Help centre\""),
        ("session_ended_timestamp", "2026-09-29T10:05:00.500Z"),
        ("rbp_status_name", "closed"),
        ("instance_account_id", "77"),
        ("conversation_end_date", "2026-09-29"),
        ("extra", r#"{"new_column":{"b":[1,2]}}"#),
    ];
    for (column, value) in expected {
        // The column holds a JSON string.
        let value = value.trim_matches('"');
        assert_eq!(get(&rows[0], column).map(|found| found.trim_matches('"')), Some(value), "{column}");
    }
    assert_eq!(get(&rows[1], "bot_id"), Some(BOT), "a row without a bot is its stream's");
    assert_eq!(rows[1].len(), 5, "{:?}", rows[1]);
    let live = day_file(200, [fixture!("v3_live.json")]).unwrap().1;
    assert_eq!(day_file(200, [fixture!("single_object.json")]).unwrap().1[..], live[..1]);
    assert_eq!(day_file(200, [fixture!("lines.json.gz")]).unwrap().1, live);
}

#[test]
fn an_empty_file_has_no_rows() {
    for body in ["", " \n", "[]", "[ ]\n", "\u{feff}"] {
        let (step, rows) = day_file(200, [body.as_bytes()]).unwrap();
        assert_eq!((step, rows), (ResponseSummary::default(), vec![]), "{body:?}");
    }
    assert_eq!(day_file(200, []).unwrap().0, ResponseSummary::default());
}

#[test]
fn rejects_unreadable_rows() {
    let (step, rows) = day_file(200, [fixture!("unreadable_rows.json")]).unwrap();
    assert_eq!((step.rows, rows.len()), (9, 1));
    let rejects: Vec<_> = step.rejects.iter().map(|reject| (reject.reason.as_str(), reject.raw.get(..9))).collect();
    let expected = [
        ("row 2 has no conversation_id", Some("{\"bot_nam")),
        ("row 3 has no conversation_id", Some("{\"convers")),
        ("row 4 is not an object", None),
        ("row 5 is not an object", None),
        ("row 6 is not an object", None),
        ("row 7 is not an object", None),
        ("row 8 conversation_id is too long to be an id", Some("{\"convers")),
        ("row 9 has no conversation_id", Some("{\"convers")),
    ];
    assert_eq!(rejects, expected);
    assert_eq!(step.rejects[2].raw, "5");
    let (step, rows) = day_file(200, [fixture!("no_utf8.json")]).unwrap();
    assert_eq!((step.rows, rows.len()), (3, 2));
    assert_eq!(step.rejects[0].reason, "row 2 has bytes that are not UTF-8");
    assert!(step.rejects[0].raw.contains('\u{fffd}'));
}

#[test]
fn rejects_stay_small_in_memory() {
    let long = format!("{{\"x\":\"{}\"}}", "é".repeat(20_000));
    let body = format!("[{}]", vec![long; 100].join(","));
    let (step, _) = day_file(200, body.as_bytes().chunks(10_000)).unwrap();
    assert_eq!((step.rows, step.rejects.len()), (100, 100));
    let kept: usize = step.rejects.iter().map(|reject| reject.raw.len()).sum();
    assert!(step.rejects.iter().all(|reject| reject.raw.len() <= 16 * 1024) && kept <= 1 << 20, "{kept}");
    assert!(step.rejects[0].raw.len() > 16_000 && kept > 1_000_000, "{kept}");
    let many = format!("[{}5]", "5,".repeat(29_999));
    let (step, _) = day_file(200, [many.as_bytes()]).unwrap();
    assert_eq!((step.rows, step.rejects.len()), (30_000, 10_000));
}

#[test]
fn the_cursor_items_to_the_next_file() {
    let finish = |of: FileCursor, status: u16| {
        let mut reader = super::reader(of);
        reader.feed(head(status), b"[]").unwrap();
        reader.finish(head(status)).map(|step| cursor(&step))
    };
    assert_eq!(finish(files(3, 0), 200).unwrap().map(|files| (files.next, files.fresh)), Some((1, false)));
    assert_eq!(finish(files(3, 1), 200).unwrap().map(|files| (files.next, files.again)), Some((2, false)));
    assert_eq!(finish(files(3, 2), 200).unwrap().map(|files| files.next), None);
    let fresh = FileCursor { fresh: true, ..files(3, 0) };
    assert!(finish(fresh, 200).unwrap().unwrap().fresh, "once a day and attempt");
}

#[test]
fn rejects_everything_but_rows() {
    for body in
        [fixture!("gateway.html"), fixture!("expired.xml"), fixture!("unauthorized.txt"), b"null", b"5", b"\"\""]
    {
        assert_eq!(day_file(200, [body]).unwrap_err().kind(), "malformed", "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn the_first_fault_is_final_and_drops_the_rows() {
    let mut reader = super::reader(files(1, 0));
    let good = "{\"conversation_id\":\"1\"},".repeat(10_000);
    reader.feed(head(200), format!("[{good}").as_bytes()).unwrap();
    assert_eq!(reader.take().unwrap().len(), 500);
    while reader.take().is_some() {}
    reader.feed(head(200), good.as_bytes()).unwrap();
    assert!(reader.feed(head(200), format!(",,{good}").as_bytes()).is_ok(), "the parser stops at the next full batch");
    while reader.take().is_some() {}
    assert_eq!(reader.feed(head(200), b"]").unwrap_err().kind(), "malformed");
    assert!(reader.take().is_none());
    assert_eq!(reader.finish(head(200)).unwrap_err().kind(), "malformed");
    assert!(reader.take().is_none());
}

#[test]
fn drops_the_rows_of_a_file_that_fails() {
    let mut reader = super::reader(files(1, 0));
    let rows = "{\"conversation_id\":\"1\"},".repeat(5_000);
    reader.feed(head(200), format!("[{rows}").as_bytes()).unwrap();
    assert_eq!(reader.finish(head(200)).unwrap_err().kind(), "malformed");
    assert!(reader.take().is_none());
}

#[test]
fn all_batches_but_the_last_are_full() {
    let mut reader = super::reader(files(1, 0));
    let mut sizes = Vec::new();
    let body = format!("[{}{{\"conversation_id\":\"x\"}}]", "{\"conversation_id\":\"x\"},".repeat(1233));
    for chunk in body.as_bytes().chunks(1000) {
        reader.feed(head(200), chunk).unwrap();
        sizes.extend(std::iter::from_fn(|| reader.take()).map(|batch| batch.len()));
    }
    reader.finish(head(200)).unwrap();
    sizes.extend(std::iter::from_fn(|| reader.take()).map(|batch| batch.len()));
    assert_eq!(sizes, [500, 500, 234]);
    // Long rows make a batch earlier.
    let mut reader = super::reader(files(1, 0));
    let row = format!("{{\"conversation_id\":\"x\",\"bot_name\":\"{}\"}}\n", "y".repeat(300_000));
    reader.feed(head(200), row.repeat(10).as_bytes()).unwrap();
    assert_eq!(std::iter::from_fn(|| reader.take()).map(|batch| batch.len()).collect::<Vec<_>>(), [4, 4]);
    assert_eq!(reader.finish(head(200)).unwrap().rows, 10);
}
