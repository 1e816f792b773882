//! Answers to a GET: the cap, the order, the variants.

use super::*;
use simulator::certainly::{Order, OverCapAnswer};
use std::collections::BTreeSet;

#[tokio::test]
async fn a_capped_answer_has_500_rows_without_a_notice() {
    let bench = bench(plain()).await;
    let table = [("2026-11-10", 40, "rows"), ("2026-11-11", 499, "rows"), ("2026-11-12", 500, "rows")];
    let over = [("2026-11-13", 501, "capped"), ("2026-11-14", 3000, "capped"), ("2026-11-15", 0, "empty")];
    for (day, count, outcome) in table.into_iter().chain(over) {
        let truth = bench.vendor.dataset(BOT, days(day, day));
        assert_eq!(truth.len(), count);
        let rows = bench.rows(day, day).await;
        // The newest rows.
        assert_eq!(rows, truth[count - rows.len()..]);
        let seen = bench.vendor.requests().last().unwrap().clone();
        assert_eq!((seen.matched, seen.rows, seen.outcome), (count, count.min(500), outcome));
        assert_eq!(
            (seen.facts.bot.as_deref(), seen.facts.from.as_deref(), seen.facts.to.as_deref()),
            (Some(BOT), Some(day), Some(day))
        );
    }
    assert_eq!(bench.ask(&question("2026-11-15", "2026-11-15")).await, (200, json!([])));
    assert_eq!(bench.broken_rules(), []);
}

#[tokio::test]
async fn order_and_refusal_over_the_cap_are_configurable() {
    let oldest = bench(Config { order: Order::OldestFirst, ..plain() }).await;
    let truth = oldest.vendor.dataset(BOT, days("2026-11-13", "2026-11-14"));
    let (_, body) = oldest.ask(&question("2026-11-13", "2026-11-14")).await;
    assert_eq!(reader::messages(body), truth[..500]);
    let newest = bench(plain()).await;
    let (_, body) = newest.ask(&question("2026-11-13", "2026-11-14")).await;
    let reversed: Vec<Message> = truth.iter().rev().take(500).cloned().collect();
    assert_eq!(reader::messages(body), reversed);
    let strict = bench(Config { over_cap: OverCapAnswer::Refuse400, ..plain() }).await;
    let (status, body) = strict.ask(&question("2026-11-13", "2026-11-13")).await;
    assert!(status == 400 && body["detail"].is_string());
    assert_eq!(strict.ask(&question("2026-11-12", "2026-11-12")).await.0, 200);
    assert_eq!((strict.outcomes(), strict.broken_rules()), (vec!["over_cap", "rows"], vec![]));
    assert_eq!(strict.vendor.requests()[0].matched, 501);
}

#[tokio::test]
async fn each_wrapper_and_variant_equals_the_dataset() {
    let bench = bench(Config { wrapper: Wrapper::Mixed, ..config() }).await;
    let truth = bench.vendor.dataset(BOT, days("2026-11-10", "2026-11-10"));
    let (mut wrappers, mut ids, mut types) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for _ in 0..40 {
        let (status, body) = bench.ask(&question("2026-11-10", "2026-11-10")).await;
        assert_eq!(status, 200);
        let wrapper = body.as_object().and_then(|fields| fields.keys().next().cloned());
        let first = wrapper.as_ref().map_or(&body, |name| &body[name])[0].clone();
        ids.insert(first["id"].is_string());
        assert_eq!(first["id"].is_string(), first["through_bot_modules"][0].is_string());
        let text = body.to_string();
        types.extend(
            ["Text", "text", "Wait", "wait", "Choice", "choice"]
                .into_iter()
                .filter(|kind| text.contains(&format!("\"type\":\"{kind}\""))),
        );
        wrappers.insert(wrapper);
        let mut rows = reader::messages(body);
        rows.reverse();
        assert_eq!(rows, truth);
    }
    assert_eq!((wrappers.len(), ids.len(), types.len()), (4, 2, 6), "{wrappers:?} {ids:?} {types:?}");
}

#[tokio::test]
async fn days_are_utc_and_exclude_the_last_only_where_configured() {
    let bench = bench(plain()).await;
    let rows = bench.rows("2026-11-10", "2026-11-10").await;
    assert!(rows.iter().all(|row| row.timestamp.date_naive() == day("2026-11-10")));
    assert_eq!(bench.rows("2026-11-15", "2026-11-16").await.len(), 1);
    let exclusive = super::bench(Config { exclusive_to: true, ..plain() }).await;
    assert_eq!(exclusive.rows("2026-11-10", "2026-11-11").await.len(), 40);
    assert_eq!(exclusive.rows("2026-11-10", "2026-11-10").await.len(), 0);
    assert_eq!(exclusive.vendor.fewest_gets(BOT, day("2026-05-01"), day("2026-05-28")), 2);
    assert_eq!(bench.vendor.fewest_gets(BOT, day("2026-05-01"), day("2026-05-30")), 2);
    // 40 | 499 | three days at or over the cap | 0 and 1.
    assert_eq!(bench.vendor.fewest_gets(BOT, day("2026-11-10"), day("2026-11-16")), 3);
}

#[tokio::test]
async fn a_row_has_every_documented_field() {
    let bench = bench(plain()).await;
    let (_, body) = bench.ask(&question("2026-11-11", "2026-11-11")).await;
    let row = &body[0];
    let names: BTreeSet<&str> = row.as_object().unwrap().keys().map(String::as_str).collect();
    let wanted = "id timestamp message response conversation_id through_bot_modules bot_module_id is_test \
                  external_agent through_connection_id is_global_module_match is_deleted id_message_evaluate data \
                  user_message_empty bot_response_empty bot_module botuser";
    assert_eq!(names, wanted.split_whitespace().collect());
    let module: BTreeSet<&str> = row["bot_module"].as_object().unwrap().keys().map(String::as_str).collect();
    let wanted = "id name type instruction error_instruction is_global priority is_starting fallback_module_id \
                  skip_user_input skip_global_connection_evaluation group kpis";
    assert_eq!(module, wanted.split_whitespace().collect());
    let all = body.to_string();
    for name in ["label", "colour", "hostPageUrl", "current_ip", "host", "created_date", "wait", "fallback", "position"]
    {
        assert!(all.contains(&format!("\"{name}\":")), "{name}");
    }
    let empty = |row: &Value| row["user_message_empty"] == json!(row["message"] == "");
    assert!(body.as_array().unwrap().iter().all(empty));
}
