//! Links in mails: a look shows a page, a post unsubscribes.
use countersign_core::company::policy::{PolicyChange, set_policy};
use countersign_tests::world::draft;

use super::desk::{Desk, Reply};

async fn ask(desk: &Desk, method: &str, token: &str, headers: &str, body: &str) -> Reply {
    let length = body.len();
    desk.ask(format!(
        "{method} /u/{token} HTTP/1.1\r\nHost: mail.acme.example\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    ))
    .await
}

/// RFC 8058: no cookie, no login, no redirect; scanners that follow every link change nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_look_asks_and_a_post_unsubscribes() {
    let desk = Desk::open().await;
    let world = &desk.world;
    let url = Some(Some("https://mail.acme.example".to_owned()));
    let change = PolicyChange { unsubscribe_url: url, ..PolicyChange::default() };
    set_policy(&world.pool, &world.admin, world.company, &change).await.unwrap();
    world.file(&[draft(1)]).await;
    let header = world
        .text("SELECT convert_from(envelope, 'UTF8')::jsonb #>> '{payload,headers,List-Unsubscribe}' FROM crm_payloads")
        .await;
    let token = header.trim_matches(['<', '>']).rsplit('/').next().unwrap();

    let suppressed = async || world.count("SELECT count(*) FROM crm_suppressions").await;
    for method in ["GET", "HEAD"] {
        let page = ask(&desk, method, token, "", "").await;
        assert_eq!(page.status, Some(200), "{page:?}");
        let lower = page.text.to_ascii_lowercase();
        assert!(lower.contains("default-src 'none'") && lower.contains("no-referrer"), "{page:?}");
        assert!(!lower.contains("set-cookie") && !lower.contains("person-1"), "{page:?}");
        assert_eq!(suppressed().await, 0, "{method} changed something");
    }
    for length in [4 * 1024 + 1, 64 * 1024, 3 << 20] {
        let long = ask(&desk, "POST", token, "", &"a".repeat(length)).await;
        // Who goes on writing may lose the answer to a reset.
        assert!(long.status.is_none_or(|status| status == 413), "{length}: {long:?}");
        assert_eq!(suppressed().await, 0, "nobody sends that much to say so little");
    }
    let form = "Content-Type: application/x-www-form-urlencoded\r\n";
    let done = ask(&desk, "POST", token, form, "List-Unsubscribe=One-Click").await;
    assert_eq!(done.status, Some(200), "{done:?}");
    assert!(done.text.contains("You are unsubscribed"), "{done:?}");
    assert_eq!(suppressed().await, 1);
    let again = ask(&desk, "POST", token, form, &"a".repeat(4 * 1024)).await;
    assert_eq!(again.status, Some(200), "{again:?}");

    for method in ["GET", "POST"] {
        let unknown = ask(&desk, method, "csu_canary<script>", "", "").await;
        assert!(!unknown.text.contains("canary"), "S34: it was reflected: {unknown:?}");
        let unknown = ask(&desk, method, "csu_canary", "", "").await;
        assert_eq!(unknown.status, Some(404), "{unknown:?}");
    }
}
