use super::super::token_info::read;
use crate::open;
use crate::test_support::head;
use domain::quota::QuotaReport;
use serde_json::json;

fn body(data: &serde_json::Value) -> Vec<u8> {
    json!({"code": "200", "error": null, "msg": "1 records were found", "data": data}).to_string().into_bytes()
}

#[test]
fn reads_the_limit_and_the_use_of_all_tokens() {
    let info = json!({"description": "x", "token_limit": "2000", "token_use_today": "12", "all_token_today": "345",
        "available_consumption_options": "1655"});
    let expected = Some(QuotaReport { limit: 2000, used: 345 });
    assert_eq!(read(head(200), &body(&json!([info]))), expected);
    assert_eq!(read(head(200), &body(&info)), expected);
    assert_eq!(read(head(403), &body(&info)), None);
    let unusable = [
        json!(null),
        json!([]),
        json!([{"token_limit": "2000"}]),
        json!([{"token_limit": "0", "all_token_today": "1"}]),
        json!([{"token_limit": "", "all_token_today": "1"}]),
        json!([{"token_limit": "many", "all_token_today": "1"}]),
    ];
    for data in unusable {
        assert_eq!(read(head(200), &body(&data)), None, "{data}");
    }
    for body in ["", "<html>", "{}", r#"{"code":500,"data":[{"token_limit":"1","all_token_today":"1"}]}"#] {
        assert_eq!(read(head(200), body.as_bytes()), None, "{body}");
    }
}

#[test]
fn asks_only_where_the_settings_state_no_quota() {
    let source = |more: serde_json::Value| {
        let mut settings = json!({"source": "wolkvox", "server": "0042", "token": "t"});
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        open("w", settings.as_object().unwrap()).unwrap().source
    };
    let request = source(json!({})).quota_request().unwrap();
    assert_eq!(request.url, "https://wv0042.wolkvox.com/api/v2/information.php?api=token_info");
    let names: Vec<&str> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["wolkvox-token", "wolkvox_server"]);
    assert!(source(json!({"daily_quota": 1000})).quota_request().is_none());
    let other = source(json!({"token": "other"})).quota_group();
    assert_eq!(source(json!({})).quota_group(), other, "all tokens of a server share a quota");
    assert_ne!(source(json!({"server": "0043"})).quota_group(), other);
}
