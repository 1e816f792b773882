use super::*;

fn filed(body: &[u8]) -> Result<(ResponseSummary, Vec<StoredRow>), Fault> {
    let (step, rows) = read(Boxed(opened(&json!({})).source.file_reader("sessions").unwrap()), head(200), [body])?;
    Ok((step, stored(&rows)))
}

#[test]
fn a_report_becomes_rows() {
    let (step, rows) = filed(fixture!("report.csv")).unwrap();
    assert_eq!((step.rows, step.items.len(), rows.len()), (4, 0, 2));
    let reasons: Vec<&str> = step.rejects.iter().map(|reject| reject.reason.as_str()).collect();
    assert_eq!(reasons, ["line 5 has no phone", "line 6 has no valid start"]);
    let names =
        ["account", "created_at", "finished_at", "cellphone", "phone", "phone_tail", "session_status", "report_extra"];
    let expected = [
        "treble_mx",
        "2026-08-08T14:00:00Z",
        "2026-08-08T15:00:00Z",
        "573001112233",
        "573001112233",
        "3001112233",
        "HumanHandover",
        "{}",
    ];
    assert_eq!(cells(&rows[0], &names), expected);
    let names =
        ["first_message_at", "last_message_at", "conversation_version", "last_message", "last_node_id", "poll_id"];
    let expected = ["2026-08-08T14:00:00Z", "2026-08-08T14:10:00Z", "3", "Hola, \"Ana\"\n¿sí?", "node-4", "-"];
    assert_eq!(cells(&rows[0], &names), expected);
    assert_eq!(cells(&rows[1], &names), ["-", "-", "3", "-", "node-0", "-"]);
    assert_eq!(rows[1]["phone_tail"], "9991412826");
}

#[test]
fn a_session_without_an_id_gets_a_hashed_id() {
    let id = |phone: &str, started: &str| {
        let body = format!("User Cellphone;session started timestamp\n{phone};{started}\n");
        filed(body.as_bytes()).unwrap().1[0]["session_id"].clone()
    };
    let first = id("5219991412826", "2026-08-08 14:00:00");
    assert!(first.len() == 68 && first.starts_with("csv:"), "{first}");
    // Mexican numbers have a 1 at times.
    for (phone, started) in [("+52 999 141 2826", "2026-08-08T14:00:00Z"), ("9991412826", "1786197600")] {
        assert_eq!(id(phone, started), first, "{phone}");
    }
    assert_ne!(id("5219991412827", "2026-08-08 14:00:00"), first);
    assert_ne!(id("5219991412826", "2026-08-08 14:00:01"), first);
}

#[test]
fn a_report_may_name_session_ids() {
    let body = b"session_id,poll_id,user_cellphone,session_started_timestamp,city,\n900001,41007,,1786197600,Cali,x\na/b,,5,1786197600,,\n";
    let (step, rows) = filed(body).unwrap();
    let names = ["session_id", "poll_id", "phone", "report_extra"];
    assert_eq!(cells(&rows[0], &names), ["900001", "41007", "-", r#"{"city":"Cali","column 6":"x"}"#]);
    assert_eq!((rows.len(), step.rejects[0].reason.as_str()), (1, "line 3 has an invalid session_id"));
}

#[test]
fn rejects_other_files_and_files_that_were_cut_off() {
    for body in ["", "a,b\n1,2\n", "user_cellphone\n5\n", "session_started_timestamp,x\n1,2\n"] {
        assert_eq!(filed(body.as_bytes()).expect_err(body).kind(), "malformed", "{body:?}");
    }
    let body = fixture!("report.csv");
    for length in 0..body.len() {
        let is_end = body[..length].ends_with(b"\n");
        let is_quoted = body[..length].iter().fold(false, |is_quoted, byte| is_quoted ^ (*byte == b'"'));
        assert_eq!(filed(&body[..length]).is_ok(), is_end && !is_quoted, "after {length} bytes");
    }
}

#[test]
fn returns_rows_while_the_report_arrives() {
    let mut reader = opened(&json!({})).source.file_reader("sessions").unwrap();
    reader.feed(head(200), b"user_cellphone,session_started_timestamp\n").unwrap();
    let mut taken = Vec::new();
    for number in 0..1201 {
        reader.feed(head(200), format!("57300{number:07},1786197600\n").as_bytes()).unwrap();
        taken.extend(std::iter::from_fn(|| reader.take()).map(|rows| rows.len()));
    }
    reader.finish(head(200)).unwrap();
    taken.extend(std::iter::from_fn(|| reader.take()).map(|rows| rows.len()));
    assert_eq!(taken, [500, 500, 201]);
}

#[test]
fn drops_the_rows_of_a_file_that_fails() {
    let mut reader = opened(&json!({})).source.file_reader("sessions").unwrap();
    let rows: Vec<String> = (0..1201).map(|number| format!("57300{number:07},1786197600\n")).collect();
    let body = format!("user_cellphone,session_started_timestamp\n{}57300", rows.concat());
    reader.feed(head(200), body.as_bytes()).unwrap();
    assert_eq!(reader.finish(head(200)).unwrap_err().kind(), "malformed");
    assert!(reader.take().is_none());
    assert!(reader.feed(head(200), b"0000000,1786197600\n").is_err(), "nothing makes it good again");
}
