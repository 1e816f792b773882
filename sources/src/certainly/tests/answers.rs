use super::*;
use proptest::prelude::*;

fn answer(body: &str) -> Result<(Step, Vec<Batch>), Fault> {
    answered(head(200), [body.as_bytes()])
}

const ROW: &str = r#"{"id":1,"timestamp":"2021-12-16T09:12:44Z"}"#;

#[test]
fn a_success_is_read_in_every_shape() {
    let page = std::str::from_utf8(fixture!("page.json")).unwrap();
    let (step, rows) = answer(page).unwrap();
    assert_eq!((step.clone(), count(&rows)), (Step { rows: 2, ..Step::default() }, 2));
    let wrapped = [
        format!(r#"{{"results":{page}}}"#),
        format!(r#"{{"count":2,"next":null,"previous":null,"results":{page}}}"#),
        format!(r#"{{"data":{page},"more":{{"a":[1]}}}}"#),
        format!(r#"{{"status":"ok","messages":{page}}}"#),
        format!(r#"{{"messages":"2 rows","data":null,"next":"","results":{page}}}"#),
        format!("\u{feff} \r\n{page}\n"),
    ];
    for body in wrapped {
        let (other, others) = answer(&body).unwrap_or_else(|fault| panic!("{body}: {fault}"));
        assert_eq!((other, bytes(&others)), (step.clone(), bytes(&rows)), "{body}");
    }
    for empty in ["[]", r#"{"results":[]}"#] {
        assert_eq!(answer(empty).unwrap().0, Step::default());
    }
}

#[test]
fn what_cannot_be_read_is_malformed() {
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
        let fault = answer(body).expect_err(body);
        assert_eq!(fault.kind(), "malformed", "{body}: {fault}");
    }
    let fault = answered(head(200), [b"[{\"id\":1,\"message\":\"Mar\xEDa\"}]".as_slice()]).unwrap_err();
    assert_eq!(fault.to_string(), "malformed: bytes that are no UTF-8");
    assert_eq!(answered(head(200), []).unwrap_err().kind(), "malformed");
}

#[test]
fn pages_are_not_taken_for_the_whole() {
    let paged = format!(r#"{{"next":"https://app.certainly.io/api/x?page=2","results":[{ROW}]}}"#);
    assert_eq!(answer(&paged).unwrap_err().kind(), "refused");
    // At the cap it is the judge's business.
    let span = Span { first: day("2021-12-16"), last: day("2021-12-16") };
    let capped = format!(r#"{{"count":900,"results":[{ROW},{ROW}]}}"#);
    let heard = read(Answer::new(shelf(), Question::Rows(span), 2, None), head(200), [capped.as_bytes()]);
    assert_eq!(heard.unwrap().0.rows, 2);
}

#[test]
fn every_cut_is_a_fault_and_never_a_shorter_success() {
    let page = fixture!("page.json").trim_ascii();
    for length in 0..page.len() {
        let fault = answered(head(200), [&page[..length]]).expect_err("a cut-off answer passed");
        assert_eq!(fault.kind(), "malformed", "after {length} bytes: {fault}");
    }
}

#[test]
fn unreadable_rows_are_kept_aside_and_counted() {
    let body = format!(
        r#"[{ROW},7,{{"id":2}},{{"timestamp":"2021-12-16T09:12:44Z"}},{{"id":"{}","timestamp":1639645964}}]"#,
        "9".repeat(600)
    );
    let (step, rows) = answer(&body).unwrap();
    assert_eq!((step.rows, count(&rows)), (5, 1));
    let reasons: Vec<&str> = step.rejects.iter().map(|reject| reject.reason.as_str()).collect();
    let expected = [
        "row 2 is no object",
        "row 3 has no timestamp that could be read",
        "row 4 has neither an id nor a conversation",
        "row 5: message_id is too long to be an id",
    ];
    assert_eq!(reasons, expected);
    assert_eq!((step.rejects[0].raw.as_str(), step.rejects[1].raw.as_str()), ("7", r#"{"id":2}"#));
}

#[test]
fn rejects_stay_small_in_memory() {
    let row = format!(r#"["{}"]"#, "é".repeat(20_000));
    let (step, _) = answer(&format!("[{}]", vec![row.as_str(); 100].join(","))).unwrap();
    assert_eq!((step.rows, step.rejects.len()), (100, 100));
    assert!(step.rejects.iter().all(|reject| reject.raw.len() <= 16 * 1024));
    assert!(step.rejects.iter().map(|reject| reject.raw.len()).sum::<usize>() <= 1024 * 1024);
}

#[test]
fn an_answer_longer_than_five_hundred_rows_can_be_is_malformed() {
    let mut answer = Answer::new(shelf(), Question::Again(day("2021-12-16")), 500, None);
    let mebibyte = vec![b' '; 1024 * 1024];
    for _ in 0..32 {
        answer.feed(head(200), &mebibyte).unwrap();
    }
    assert_eq!(answer.feed(head(200), b" ").unwrap_err().kind(), "malformed");
    assert_eq!(answer.finish(head(200)).unwrap_err().kind(), "malformed");
}

#[test]
fn rows_of_an_answer_that_fails_are_given_up() {
    let known = std::sync::Arc::default();
    let mut answer = Answer::new(shelf(), Question::Again(day("2021-12-17")), 500, Some(known));
    answer.feed(head(200), format!("[{ROW}]").as_bytes()).unwrap();
    assert!(answer.finish(head(200)).is_err());
    assert!(answer.take().is_none());
}

#[test]
fn batches_hold_five_hundred_rows_at_most() {
    let row = |id: usize| format!(r#"{{"id":{id},"timestamp":1639645964}}"#);
    let body = format!("[{}]", (0..1201).map(row).collect::<Vec<_>>().join(","));
    let (step, rows) = answer(&body).unwrap();
    assert_eq!((step.rows, rows.iter().map(Batch::len).collect::<Vec<_>>()), (1201, vec![500, 500, 201]));
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_rows(cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..20)) {
        let page = fixture!("page.json");
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(page.len())).chain([0, page.len()]).collect();
        places.sort_unstable();
        let chunks: Vec<&[u8]> = places.windows(2).map(|pair| &page[pair[0]..pair[1]]).collect();
        prop_assert_eq!(bytes(&answered(head(200), chunks).unwrap().1), bytes(&answered(head(200), [page]).unwrap().1));
    }
}
