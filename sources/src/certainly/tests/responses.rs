use super::*;
use proptest::prelude::*;

fn parse(body: &str) -> Result<(ResponseSummary, Vec<RowBatch>), Fault> {
    response(head(200), [body.as_bytes()])
}

const ROW: &str = r#"{"id":1,"timestamp":"2021-12-16T09:12:44Z"}"#;

#[test]
fn parses_a_success_in_every_shape() {
    let page = std::str::from_utf8(fixture!("page.json")).unwrap();
    let (step, rows) = parse(page).unwrap();
    assert_eq!((step.clone(), count(&rows)), (ResponseSummary { rows: 2, ..ResponseSummary::default() }, 2));
    let wrapped = [
        format!(r#"{{"results":{page}}}"#),
        format!(r#"{{"count":2,"next":null,"previous":null,"results":{page}}}"#),
        format!(r#"{{"data":{page},"more":{{"a":[1]}}}}"#),
        format!(r#"{{"status":"ok","messages":{page}}}"#),
        format!(r#"{{"messages":"2 rows","data":null,"next":"","results":{page}}}"#),
        format!("\u{feff} \r\n{page}\n"),
    ];
    for body in wrapped {
        let (other, others) = parse(&body).unwrap_or_else(|fault| panic!("{body}: {fault}"));
        assert_eq!((other, bytes(&others)), (step.clone(), bytes(&rows)), "{body}");
    }
    for empty in ["[]", r#"{"results":[]}"#] {
        assert_eq!(parse(empty).unwrap().0, ResponseSummary::default());
    }
}

#[test]
fn rejects_malformed_responses() {
    let bodies = [
        "",
        " \n",
        "null",
        "12",
        "\"[]\"",
        "{}",
        r#"{"detail":"none"}"#,
        r#"{"results":{"id":1}}"#,
        r#"{"messages":"There is already a report"}"#,
        "[",
        &format!("[{ROW}"),
        &format!("[{ROW},"),
        &format!("[{ROW}]]"),
        &format!(r#"{{"results":[{ROW}]"#),
        &format!(r#"{{"results":[{ROW}],"count":2}}"#),
        "<!DOCTYPE html><p>[]</p>",
        "Internal error",
    ];
    for body in bodies {
        let fault = parse(body).expect_err(body);
        assert_eq!(fault.kind(), "malformed", "{body}: {fault}");
    }
    let fault = response(head(200), [b"[{\"id\":1,\"message\":\"Mar\xEDa\"}]".as_slice()]).unwrap_err();
    assert_eq!(fault.to_string(), "malformed: bytes that are not UTF-8");
    assert_eq!(response(head(200), []).unwrap_err().kind(), "malformed");
}

#[test]
fn refuses_one_page_of_several() {
    let paged = format!(r#"{{"next":"https://app.certainly.io/api/x?page=2","results":[{ROW}]}}"#);
    assert_eq!(parse(&paged).unwrap_err().kind(), "refused");
    // At the cap the judge decides.
    let days = DayRange { first: day("2021-12-16"), last: day("2021-12-16") };
    let capped = format!(r#"{{"count":900,"results":[{ROW},{ROW}]}}"#);
    let capped = read(reader(Query::RowBatch(days), 2, None), head(200), [capped.as_bytes()]);
    assert_eq!(capped.unwrap().0.rows, 2);
}

#[test]
fn rejects_every_response_that_was_cut_off() {
    let page = fixture!("page.json").trim_ascii();
    for length in 0..page.len() {
        let fault =
            response(head(200), [&page[..length]]).expect_err("the parser accepted a response that was cut off");
        assert_eq!(fault.kind(), "malformed", "after {length} bytes: {fault}");
    }
}

#[test]
fn rejects_and_counts_unreadable_rows() {
    let body = format!(
        r#"[{ROW},7,{{"id":2}},{{"timestamp":"2021-12-16T09:12:44Z"}},{{"id":"{}","timestamp":1639645964}}]"#,
        "9".repeat(600)
    );
    let (step, rows) = parse(&body).unwrap();
    assert_eq!((step.rows, count(&rows)), (5, 1));
    let reasons: Vec<&str> = step.rejects.iter().map(|reject| reject.reason.as_str()).collect();
    let expected = [
        "row 2 is not an object",
        "row 3 has no valid timestamp",
        "row 4 has neither an id nor a conversation",
        "row 5 message_id is too long to be an id",
    ];
    assert_eq!(reasons, expected);
    assert_eq!((step.rejects[0].raw.as_str(), step.rejects[1].raw.as_str()), ("7", r#"{"id":2}"#));
}

#[test]
fn rejects_stay_small_in_memory() {
    let row = format!(r#"["{}"]"#, "é".repeat(20_000));
    let (step, _) = parse(&format!("[{}]", vec![row.as_str(); 100].join(","))).unwrap();
    assert_eq!((step.rows, step.rejects.len()), (100, 100));
    assert!(step.rejects.iter().all(|reject| reject.raw.len() <= 16 * 1024));
    assert!(step.rejects.iter().map(|reject| reject.raw.len()).sum::<usize>() <= 1024 * 1024);
}

#[test]
fn rejects_a_body_over_the_limit() {
    let mut reader = reader(Query::Repeat(day("2021-12-16")), 500, None);
    let mebibyte = vec![b' '; 1024 * 1024];
    for _ in 0..32 {
        reader.feed(head(200), &mebibyte).unwrap();
    }
    reader.feed(head(200), b" ").unwrap();
    assert_eq!(reader.finish(head(200)).unwrap_err().kind(), "too_large");
}

#[test]
fn drops_the_rows_of_a_response_that_fails() {
    let known = Arc::default();
    let mut reader = reader(Query::Repeat(day("2021-12-17")), 500, Some(known));
    reader.feed(head(200), format!("[{ROW}]").as_bytes()).unwrap();
    assert!(reader.finish(head(200)).is_err());
    assert!(reader.take().is_none());
}

#[test]
fn batches_have_500_rows_at_most() {
    let row = |id: usize| format!(r#"{{"id":{id},"timestamp":1639645964}}"#);
    let body = format!("[{}]", (0..1201).map(row).collect::<Vec<_>>().join(","));
    let (step, rows) = parse(&body).unwrap();
    assert_eq!((step.rows, rows.iter().map(RowBatch::len).collect::<Vec<_>>()), (1201, vec![500, 500, 201]));
}

proptest! {
    #[test]
    fn chunking_does_not_matter(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20)) {
        let page = fixture!("page.json");
        let mut positions: Vec<usize> = cuts.iter().map(|cut| cut.index(page.len())).chain([0, page.len()]).collect();
        positions.sort_unstable();
        let chunks: Vec<&[u8]> = positions.windows(2).map(|pair| &page[pair[0]..pair[1]]).collect();
        prop_assert_eq!(bytes(&response(head(200), chunks).unwrap().1), bytes(&response(head(200), [page]).unwrap().1));
    }
}
