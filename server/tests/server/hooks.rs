//! Where vendors post: what is proved is stored before it is answered, and nothing else is.

use crate::client::{Reply, get, post, send};
use crate::house::{HOOK_SECRET, House, TOKEN};

async fn posted(house: &House, path: &str, body: &str) -> Reply {
    post(house.address, path, body.as_bytes()).await
}

#[tokio::test]
async fn what_is_proved_is_stored_and_answered_with_json() {
    let house = House::locked(TOKEN).await;
    let reply = posted(&house, "/hooks/certainly/shop_bot", "signed one\ntwo").await;
    assert_eq!((reply.status, reply.body.as_str()), (202, "{\"success\":true}"));
    assert_eq!(reply.header("content-type"), Some("application/json"));
    assert_eq!(house.taken().await, (2, 2));
    let addressed = format!("/hooks/certainly/shop_bot/{HOOK_SECRET}");
    assert_eq!(posted(&house, &addressed, "two\nthree").await.status, 202, "one of them is known");
    assert_eq!(house.taken().await, (3, 3));
    assert_eq!(posted(&house, &addressed, "three").await.status, 202, "a vendor that repeats itself is content");
    assert_eq!(house.taken().await, (3, 3));
    let scrape = get(house.address, "/metrics", Some(&format!("Bearer {TOKEN}"))).await.body;
    assert!(scrape.contains("convosync_webhooks_taken{account=\"shop_bot\"} 3"), "{scrape}");
    for (state, least) in [("committed", 3), ("duplicate", 2)] {
        let series = format!("convosync_deliveries_total{{kind=\"webhook\",state=\"{state}\"}} ");
        let counted = scrape.lines().find_map(|line| line.strip_prefix(&series)?.parse::<u64>().ok());
        assert!(counted.is_some_and(|counted| counted >= least), "{series}\n{scrape}");
    }
}

#[tokio::test]
async fn what_is_not_proved_changes_nothing() {
    let house = House::open().await;
    let secret = "/hooks/certainly/shop_bot/a-secret-of-webhookz";
    let cases = [
        ("/hooks/certainly/shop_bot", "one", 401, "does not prove"),
        ("/hooks/certainly/shop_bot", "", 401, "does not prove"),
        (secret, "one", 401, "does not prove"),
        ("/hooks/certainly/shop_bot", "signed ", 400, "no events"),
        ("/hooks/certainly/nobody", "signed one", 404, "no such account"),
        ("/hooks/wolkvox/shop_bot", "signed one", 404, "no such account"),
        ("/hooks/wolkvox/wolkvox_co", "signed one", 404, "sends no webhooks"),
    ];
    for (path, body, status, detail) in cases {
        let reply = posted(&house, path, body).await;
        assert_eq!((reply.status, reply.header("content-type")), (status, Some("application/problem+json")), "{path}");
        let told = reply.json()["detail"].as_str().unwrap_or_default().to_owned();
        assert!(told.contains(detail) && !told.contains(HOOK_SECRET), "{path} {body}: {told}");
    }
    let asked = send(house.address, "GET", "/hooks/certainly/shop_bot", None).await;
    assert_eq!(asked.status, 405);
    assert_eq!(house.taken().await, (0, 0));
}

#[tokio::test]
async fn a_body_of_a_mebibyte_is_the_longest() {
    let house = House::open().await;
    let body = |length: usize| format!("signed {}", "x".repeat(length - 7));
    assert_eq!(posted(&house, "/hooks/certainly/shop_bot", &body(1 << 20)).await.status, 202);
    assert_eq!(house.taken().await, (1, 1));
    assert_eq!(posted(&house, "/hooks/certainly/shop_bot", &body((1 << 20) + 1)).await.status, 413);
    assert_eq!(house.taken().await, (1, 1));
}

#[tokio::test]
async fn what_cannot_be_stored_is_not_taken() {
    let house = House::open().await;
    house.lose_database().await;
    let reply = posted(&house, "/hooks/certainly/shop_bot", "signed one").await;
    assert_eq!((reply.status, reply.header("content-type")), (503, Some("application/problem+json")));
}
