use super::*;

#[test]
fn the_cursor_starts_at_the_first_file() {
    let found = file_list(None, 200, [fixture!("list.json")]).unwrap().unwrap();
    assert_eq!(found.urls.len(), 2);
    assert!(found.urls[1].ends_with("file-000000000001.json?Expires=1790679600&Signature=def"));
    assert_eq!((found.next, found.fresh, found.again), (0, false, false));
    let one = [
        r#"{"urls":["https://a/b?c"]}"#,
        r#"{"signed_urls":[" https://a/b?c "]}"#,
        "\u{feff}{\"signedUrls\":[\"https:\\/\\/a\\/b?c\"],\"date\":1}\n",
    ];
    for body in one {
        let found = file_list(None, 200, body.as_bytes().chunks(3)).unwrap().unwrap();
        assert_eq!(found.urls, ["https://a/b?c"], "{body}");
    }
}

#[test]
fn a_day_without_files_is_empty() {
    assert!(file_list(None, 200, [fixture!("list_empty.json")]).unwrap().is_none());
    for body in [r#"{"statusCode":404,"message":"Not Found"}"#, r#"{"message":"not found","statusCode":404,"x":1}"#] {
        assert!(file_list(None, 404, [body.as_bytes()]).unwrap().is_none(), "{body}");
    }
}

#[test]
fn any_other_answer_under_404_is_no_empty_day() {
    let bodies = [
        r#"{"message":"Not Found"}"#,
        r#"{"message":"no export"}"#,
        r#"{"statusCode":404,"message":"no bot"}"#,
        r#"{"statusCode":404}"#,
        r#"{"statusCode":500,"message":"Not Found"}"#,
        r#"[{"statusCode":404,"message":"Not Found"}]"#,
        "Not Found",
        "\"Not Found\"",
        "null",
        "{\"cut",
        "",
    ];
    for body in bodies {
        let fault = file_list(None, 404, [body.as_bytes()]).err().expect(body);
        assert_eq!(fault.kind(), "malformed", "{body}");
        assert!(fault.to_string().ends_with("check base_url"), "{fault}");
    }
    assert_eq!(file_list(None, 404, []).err().unwrap().kind(), "malformed");
    let nowhere = br#"{"statusCode":404,"message":"Cannot POST /v4/get-signed-urls","error":"Not Found"}"#;
    assert_eq!(file_list(None, 404, [nowhere.as_slice()]).err().unwrap().kind(), "refused");
}

#[test]
fn rejects_other_bodies() {
    let bodies = [
        "",
        "{}",
        "[]",
        "null",
        "\"x\"",
        r#"{"urls":null}"#,
        r#"{"urls":"https://a"}"#,
        r#"{"urls":[5]}"#,
        r#"{"urls":[null]}"#,
        r#"{"urls":["https://a"]"#,
        r#"{"date":"2026-09-29"}"#,
        "<html></html>",
        "Unauthorized",
    ];
    for body in bodies {
        assert_eq!(file_list(None, 200, [body.as_bytes()]).err().expect(body).kind(), "malformed", "{body}");
    }
    assert_eq!(file_list(None, 200, [fixture!("gateway.html")]).err().unwrap().kind(), "malformed");
    let long = format!(r#"{{"urls":[],"x":"{}"}}"#, "x".repeat(1 << 20));
    assert_eq!(file_list(None, 200, long.as_bytes().chunks(5000)).err().unwrap().kind(), "too_large");
    let list = fixture!("list.json").trim_ascii();
    for length in 0..list.len() {
        assert_eq!(file_list(None, 200, [&list[..length]]).err().unwrap().kind(), "malformed", "after {length} bytes");
    }
}

#[test]
fn refuses_unsafe_urls_without_quoting_them() {
    for url in ["http://files.example.com/a", "ftp://files.example.com/a", "https://me:pw@files.example.com/a", ""] {
        let body = format!(r#"{{"urls":["https://good.example.com/a","{url}"]}}"#);
        let fault = file_list(None, 200, [body.as_bytes()]).err().expect(url);
        assert_eq!(fault.kind(), "refused", "{url}");
        assert!(!fault.to_string().contains("example"), "{fault}");
    }
}

fn again(next: usize) -> FileCursor {
    let urls = ["https://a/0", "https://a/1", "https://a/2"].map(str::to_owned).to_vec();
    FileCursor { urls, next, fresh: false, again: true }
}

#[test]
fn a_fresh_list_continues_at_the_same_file() {
    let body = br#"{"urls":["https://a/0?s=2","https://a/1?s=2","https://a/2?s=2"]}"#;
    for next in 0..3 {
        let found = file_list(Some(again(next)), 200, [body.as_slice()]).unwrap().unwrap();
        assert_eq!((found.next, found.fresh, found.again), (next, true, false));
        assert_eq!(found.urls[1], "https://a/1?s=2");
    }
}

#[test]
fn a_fresh_list_of_other_files_starts_over() {
    let bodies = [
        r#"{"urls":["https://a/2?s=2","https://a/0?s=2","https://a/1?s=2"]}"#,
        r#"{"urls":["https://b/0?s=2","https://b/1?s=2","https://b/2?s=2"]}"#,
    ];
    for body in bodies {
        let found = file_list(Some(again(1)), 200, [body.as_bytes()]).unwrap().unwrap();
        assert_eq!((found.next, found.fresh, found.again), (0, true, false), "{body}");
    }
}

#[test]
fn a_fresh_list_of_another_length_fails() {
    for body in [r#"{"urls":[]}"#, r#"{"urls":["https://a/0","https://a/1"]}"#] {
        let fault = file_list(Some(again(1)), 200, [body.as_bytes()]).err().unwrap();
        assert_eq!(fault, Fault::Unreachable("the list of files changed".to_owned()), "{body}");
    }
    let gone = br#"{"statusCode":404,"message":"Not Found"}"#;
    assert_eq!(file_list(Some(again(1)), 404, [gone.as_slice()]).err().unwrap().kind(), "unreachable");
}
