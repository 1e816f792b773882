use super::*;
use domain::source::Method;
use secrecy::ExposeSecret;

#[test]
fn a_day_becomes_a_request_for_the_list() {
    let source = opened(&json!({})).source;
    let request = source.request(OTHER, &day(), None).unwrap();
    assert_eq!(request.method, Method::Post);
    assert_eq!(request.url, "https://api.ultimate.ai/data-export/v2/get-signed-urls");
    assert_eq!(request.body.as_deref(), Some(r#"{"date":"2026-09-29","ttl":60}"#));
    let headers: Vec<_> = request.headers.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
    let expected = [("authorization", KEY), ("organizationid", "5f00cee6fbfda88b1060d001"), ("botid", OTHER)];
    assert_eq!(headers, expected);
    assert!(!format!("{request:?}").contains(KEY));
}

#[test]
fn a_file_is_requested_without_headers() {
    let source = opened(&json!({})).source;
    for next in [0, 1] {
        let request = source.request(BOT, &day(), Some(&files(2, next).to_cursor())).unwrap();
        assert_eq!((request.method, request.body), (Method::Get, None));
        assert_eq!(request.url, format!("https://storage.example.com/{next}.json?Signature=first"));
        assert!(request.headers.is_empty(), "a key must not travel to a store of files");
    }
}

#[test]
fn the_second_list_is_requested_like_the_first() {
    let source = opened(&json!({})).source;
    let again = FileCursor { again: true, ..files(2, 1) };
    let (first, second) =
        (source.request(BOT, &day(), None).unwrap(), source.request(BOT, &day(), Some(&again.to_cursor())).unwrap());
    assert_eq!((first.url, first.body, first.method), (second.url, second.body, second.method));
    assert_eq!(first.headers.len(), second.headers.len());
}

#[test]
fn refuses_other_slices() {
    let source = opened(&json!({})).source;
    let of = |from: &str, to: &str| Slice::Window(window(from, to));
    let slices = [
        of("2026-09-29T00:00:00Z", "2026-10-01T00:00:00Z"),
        of("2026-09-29T00:00:00Z", "2026-09-29T12:00:00Z"),
        of("2026-09-29T00:00:01Z", "2026-09-30T00:00:01Z"),
        of("2026-09-29T05:00:00Z", "2026-09-30T05:00:00Z"),
        Slice::Export(window("2026-09-29T00:00:00Z", "2026-09-30T00:00:00Z")),
        Slice::Item("1".to_owned()),
        Slice::Delivery(1),
    ];
    for slice in &slices {
        assert_eq!(source.request(BOT, slice, None).unwrap_err().kind(), "refused", "{slice:?}");
        assert_eq!(source.reader(BOT, slice, None).err().unwrap().kind(), "refused", "{slice:?}");
    }
    assert_eq!(source.request("another", &day(), None).unwrap_err().kind(), "refused");
    assert_eq!(source.reader("another", &day(), None).err().unwrap().kind(), "refused");
    assert_eq!(source.file_reader(BOT).err().unwrap().kind(), "refused");
    let cursors = [
        "",
        "1",
        "{}",
        "{\"urls\":[],\"next\":0,\"fresh\":false}",
        "{\"urls\":[\"https://a\"],\"next\":1,\"fresh\":false}",
    ];
    for text in cursors {
        let cursor = Cursor(text.to_owned());
        assert_eq!(source.request(BOT, &day(), Some(&cursor)).unwrap_err().kind(), "refused", "{text}");
        assert_eq!(source.reader(BOT, &day(), Some(&cursor)).err().unwrap().kind(), "refused", "{text}");
    }
}

#[test]
fn refuses_cursors_with_unsafe_urls() {
    let source = opened(&json!({})).source;
    for url in ["http://files.example.com/a", "file:///a", "https://me:pw@host/a", "http://127.0.0.1:9/a"] {
        let cursor = FileCursor { urls: vec![url.to_owned()], ..files(1, 0) }.to_cursor();
        let fault = source.request(BOT, &day(), Some(&cursor)).unwrap_err();
        assert_eq!(fault.kind(), "refused", "{url}");
        assert!(!fault.to_string().contains(url), "{fault}");
    }
    // A file of the vendor may be on any public host; one of an API on this machine, as a simulated one is, also here.
    let local = opened(&json!({"base_url": "http://127.0.0.1:4010"})).source;
    let here = FileCursor { urls: vec!["http://127.0.0.1:9/a".to_owned()], ..files(1, 0) }.to_cursor();
    assert!(!local.request(BOT, &day(), Some(&here)).unwrap().is_public_only);
    assert!(source.request(BOT, &day(), Some(&files(1, 0).to_cursor())).unwrap().is_public_only);
    assert!(!source.request(BOT, &day(), None).unwrap().is_public_only, "the settings name the list's host");
}

/// The whole way of a day: list, first file, an address that has expired, list, second file.
#[test]
fn reads_all_files_of_a_day() {
    let source = opened(&json!({})).source;
    let answer = |cursor: Option<&Cursor>, status: u16, body: &str| {
        let mut reader = source.reader(BOT, &day(), cursor).unwrap();
        reader.feed(head(status), body.as_bytes()).unwrap();
        let mut rows = 0;
        let step = reader.finish(head(status)).unwrap();
        while let Some(batch) = reader.take() {
            rows += batch.len();
        }
        (step, rows)
    };
    let list =
        |sign: &str| format!(r#"{{"urls":["https://f.example.com/0?s={sign}","https://f.example.com/1?s={sign}"]}}"#);
    let url = |step: &ResponseSummary| source.request(BOT, &day(), step.cursor.as_ref()).unwrap().url;
    let (first, _) = answer(None, 200, &list("a"));
    assert_eq!(url(&first), "https://f.example.com/0?s=a");
    let (second, rows) = answer(first.cursor.as_ref(), 200, r#"[{"conversation_id":"1"},{"conversation_id":"2"}]"#);
    assert_eq!((rows, second.rows, url(&second).as_str()), (2, 2, "https://f.example.com/1?s=a"));
    let (expired, rows) = answer(second.cursor.as_ref(), 403, "<Error/>");
    assert_eq!((rows, expired.rows), (0, 0));
    assert!(url(&expired).ends_with("/get-signed-urls"));
    let (fresh, _) = answer(expired.cursor.as_ref(), 200, &list("b"));
    assert_eq!(url(&fresh), "https://f.example.com/1?s=b");
    let (last, rows) = answer(fresh.cursor.as_ref(), 200, "{\"conversation_id\":\"3\"}\n");
    assert_eq!((rows, last.rows, last.cursor), (1, 1, None));
}
