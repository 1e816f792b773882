//! The dashboard at `/`.

use crate::test_service::TestService;

#[tokio::test]
async fn dashboard_shows_each_account_and_escapes_its_name() {
    let service = TestService::open().await;
    service.fill().await;
    let reply = service.get("/").await;
    assert_eq!(reply.status, 200);
    assert!(!reply.body.contains("<script"), "{}", reply.body);
    for fragment in [
        "<h1>2 of 3 accounts need attention</h1>",
        "<h3>&lt;script&gt;alert(1)&lt;/script&gt;</h3>",
        "</svg>OK</span>",
        "<b>Needs a person:</b> 2026-11-09 is blocked: a single day at the cap; remove the cause, then retry the job",
        "</svg>Parked</span>",
        "title=\"Friday, 20 November 2026: provisional (stored in full; the vendor may still change rows)\"",
        "title=\"Tuesday, 10 November 2026: final\"",
        "host-1<small> 1.2.3</small>",
        "scheduler, worker",
        "seen 0 s ago",
        "27 days: <small>24 final, 3 provisional</small>",
        "the vendor refuses the token (the token was refused); write a new one to accounts.",
        "title=\"Thursday, 5 November 2026: missing (not requested yet)\"",
        "title=\"Monday, 9 November 2026: blocked (a single day at the cap)\"",
        "title=\"Tuesday, 20 October 2026: not requested: before the live sync begins\"",
        "<b>5 Nov – 6 Nov</b> missing: not requested yet",
        "closed until 21 Nov 2026, 11:22",
        "1 Sep 2026 – 30 Sep 2026",
    ] {
        assert!(reply.body.contains(fragment), "{fragment}\n{}", reply.body);
    }
    assert!(reply.header("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'none';")));
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(reply.header("referrer-policy"), Some("no-referrer"));
}

#[tokio::test]
async fn dashboard_says_that_nobody_works() {
    let service = TestService::open().await;
    let page = service.get("/").await.body;
    for fragment in [
        "<h1>No scheduler and no worker is running</h1>",
        "<b>Nothing is fetched:</b> no scheduler and no worker is running; start `convosync run`",
        "</svg>Down</span>",
        "No process is running.",
    ] {
        assert!(page.contains(fragment), "{fragment}\n{page}");
    }
    let metrics = service.get("/metrics").await.body;
    assert!(metrics.contains("convosync_account_up{account=\"shop_bot\"} 0"), "{metrics}");
    assert!(metrics.contains("convosync_processes{role=\"worker\"} 0"), "{metrics}");
}

#[tokio::test]
async fn dashboard_matches_its_snapshot() {
    let service = TestService::open().await;
    service.fill().await;
    let page = service.get("/").await.body;
    let (head, rest) = page.split_once("<style>").expect("a stylesheet");
    let (_, body) = rest.split_once("</style>").expect("the end of the stylesheet");
    let page = format!("{head}{body}").replace("><", ">\n<").replace("\n</", "</");
    insta::assert_snapshot!("page", page);
}

#[tokio::test]
async fn dashboard_says_that_the_database_does_not_answer() {
    let service = TestService::open().await;
    service.close_database().await;
    let reply = service.get("/").await;
    assert_eq!(reply.status, 503);
    assert!(reply.body.contains("<h1>No answer from the database</h1>"));
}
