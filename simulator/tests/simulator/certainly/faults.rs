//! Faults.

use super::*;
use simulator::certainly::ExportState;

async fn run(faults: Faults, times: usize) -> Vec<&'static str> {
    let bench = bench(Config { faults, ..config() }).await;
    for _ in 0..times {
        let response = bench.get(Some(&bench.token), &question("2026-11-10", "2026-11-10")).send().await.unwrap();
        let _ = response.bytes().await;
    }
    bench.vendor.idle().await;
    assert_eq!(bench.broken_rules(), []);
    bench.outcomes()
}

#[tokio::test]
async fn one_seed_gives_the_same_faults() {
    let faults = Faults {
        throttle_429: 0.1,
        server_500: 0.1,
        html_200: 0.1,
        cut_body: 0.1,
        gateway_504: 0.1,
        slow: 0.1,
        slow_for: Duration::from_millis(5),
        ..Faults::default()
    };
    let once = run(faults.clone(), 60).await;
    assert_eq!(once, run(faults, 60).await);
    for name in ["throttle_429", "server_500", "html_200", "cut_body", "gateway_504", "slow", "rows"] {
        assert!(once.contains(&name), "no {name} in {once:?}");
    }
    assert!(run(Faults::default(), 20).await.iter().all(|outcome| *outcome == "rows"));
}

#[tokio::test]
async fn each_fault_has_its_shape() {
    let bench = bench(config()).await;
    let day = question("2026-11-10", "2026-11-10");
    let throttle = Faults { throttle_429: 1.0, retry_after: Duration::from_secs(30), ..Faults::default() };
    bench.vendor.set_faults(throttle);
    let response = bench.get(Some(&bench.token), &day).send().await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["retry-after"]), (429, &"30".parse().unwrap()));
    let text = "{\"detail\":\"Request was throttled. Expected available in 30 seconds.\"}";
    assert_eq!(response.text().await.unwrap(), text);
    for (faults, status) in [
        (Faults { server_500: 1.0, ..Faults::default() }, 500),
        (Faults { html_200: 1.0, ..Faults::default() }, 200),
        (Faults { gateway_504: 1.0, ..Faults::default() }, 504),
    ] {
        bench.vendor.set_faults(faults);
        let (answered, page) = bench.ask(&day).await;
        assert!(answered == status && page.as_str().unwrap().starts_with("<!DOCTYPE html>"), "{answered} {page}");
        assert_eq!(bench.vendor.requests().last().unwrap().status, status);
    }
    assert_eq!(bench.broken_rules(), []);
}

#[tokio::test]
async fn a_cut_body_never_parses_as_complete() {
    let bench = bench(config()).await;
    bench.vendor.set_faults(Faults { cut_body: 1.0, ..Faults::default() });
    let (mut closed_early, mut with_length, mut cut_text) = (0, 0, 0);
    for day in ["2026-11-10", "2026-11-15"].into_iter().cycle().take(40) {
        let response = bench.get(Some(&bench.token), &question(day, day)).send().await.unwrap();
        assert_eq!(response.status(), 200);
        let promised = response.headers().contains_key("content-length");
        match response.text().await {
            Err(_) if promised => with_length += 1,
            Err(_) => closed_early += 1,
            Ok(text) => {
                assert!(serde_json::from_str::<Value>(&text).is_err(), "{text}");
                cut_text += 1;
            }
        }
    }
    assert!(closed_early > 0 && with_length > 0 && cut_text > 0, "{closed_early} {with_length} {cut_text}");
    assert!(bench.vendor.requests().iter().all(|seen| seen.rows == 0 && seen.outcome == "cut_body"));
}

#[tokio::test]
async fn accepts_an_export_whose_answer_is_lost() {
    let bench = bench(config()).await;
    bench.vendor.set_faults(Faults { gateway_504: 1.0, ..Faults::default() });
    assert_eq!(bench.order("2026-11-10", "2026-11-10").await.0, 504);
    bench.vendor.idle().await;
    bench.vendor.set_faults(Faults { cut_body: 1.0, ..Faults::default() });
    let cut = bench.post(&json!({"fromDate": "2026-11-10", "toDate": "2026-11-10", "reportId": 1, "botId": BOT}));
    let _ = cut.send().await.unwrap().bytes().await;
    bench.vendor.idle().await;
    assert_eq!((bench.vendor.exports().len(), bench.vendor.take_mail().len()), (2, 2));
    for faults in [
        Faults { server_500: 1.0, ..Faults::default() },
        Faults { throttle_429: 1.0, ..Faults::default() },
        Faults { html_200: 1.0, ..Faults::default() },
    ] {
        bench.vendor.set_faults(faults);
        bench.order("2026-11-10", "2026-11-10").await;
    }
    assert!(bench.vendor.exports().len() == 2 && bench.vendor.exports().iter().all(|e| e.state == ExportState::Mailed));
}
