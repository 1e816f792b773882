use super::*;
use entities::rows::Row;

/// A member of a listed session, or none.
fn member(name: &'static str, values: &'static [&'static str]) -> impl Strategy<Value = String> {
    let value = prop::option::of(prop::sample::select(values));
    value.prop_map(move |value| value.map_or(String::new(), |value| format!(",\"{name}\":{value}")))
}

fn any_session() -> impl Strategy<Value = String> {
    let user =
        [r#"{"country_code":"+57","cellphone":"3001112233"}"#, r#"{"cellphone":"5"}"#, r#"{"name":"Ana"}"#, "{}"];
    let members = (
        prop::sample::select(vec!["1786197600", "1786197601"]),
        member("finished_at", &["null", "1786201200", "1786201201"]),
        prop::option::of(prop::sample::select(user.to_vec())),
        member("external_id", &["\"c3\"", "\"\""]),
        member("channel", &["{\"b\":1.0,\"a\":[]}", "7"]),
    );
    members.prop_map(|(created, finished, user, external, channel)| {
        let user = user.map_or(String::new(), |user| format!(",\"user\":{user}"));
        format!(
            r#"{{"results":[{{"id":1,"created_at":{created}{finished}{user}{external}{channel}}}],"next_id":null}}"#
        )
    })
}

/// A report with some of its columns, of which any cell may be empty.
fn any_report() -> impl Strategy<Value = String> {
    const COLUMNS: [(&str, &str); 6] = [
        ("session_finished_timestamp", "2026-08-08 16:00:00"),
        ("session_status", "Completed"),
        ("last_node_id", "node-1"),
        ("poll_id", "41008"),
        ("first_message_timestamp", "2026-08-08 14:00:05"),
        ("city", "Cali"),
    ];
    let cells = prop::collection::vec(0..3_u8, COLUMNS.len());
    (cells, prop::bool::ANY).prop_map(|(cells, has_phone)| {
        let mut names = vec!["session_id", "session_started_timestamp", "user_cellphone"];
        let mut row = vec!["1", "2026-08-08 14:00:02", if has_phone { "573001112299" } else { "" }];
        for ((name, value), kind) in COLUMNS.iter().zip(cells).filter(|(_, kind)| *kind > 0) {
            names.push(name);
            row.push(if kind > 1 { value } else { "" });
        }
        format!("{}\n{}\n", names.join(","), row.join(","))
    })
}

fn merged(new: &RowBatch, stored: &Row<'_>) -> RowBatch {
    let mut merged = new.emptied();
    merged.push(&new.merge_rules().unwrap().merge(&new.row(0), stored)).unwrap();
    merged
}

proptest! {
    #[test]
    fn listing_and_importing_in_any_order_end_in_the_same_row(session in any_session(), report in any_report()) {
        let (_, listed) = response(&poll(), None, 200, session.as_bytes()).unwrap();
        let reader = opened(&json!({})).source.file_reader("sessions").unwrap();
        let (_, imported) = read(Boxed(reader), head(200), [report.as_bytes()]).unwrap();
        let (listed, imported) = (&listed[0], &imported[0]);
        let (one, other) = (merged(listed, &imported.row(0)), merged(imported, &listed.row(0)));
        prop_assert_eq!(stored_rows(&one), stored_rows(&other));
        for (batch, end) in [(listed, &one), (imported, &one)] {
            let again = merged(batch, &end.row(0));
            prop_assert_eq!(again.packed(), end.packed(), "what is known already changes nothing");
        }
    }
}
