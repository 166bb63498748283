//! Deliveries that are what they should be, and those that nobody can prove.
use std::time::Duration;

use countersign_core::inbound::endpoint::{self, Earlier};
use countersign_core::inbound::provider::Provider;
use countersign_core::secret::{self, SecretText};

use super::desk::{DEADLINE, Desk, Line, PROOF, delivery, delivery_with, hooks};
use crate::listener::counts::Verdict;

/// Another secret, put in the place of the first.
const SECOND: &str = "a-second-secret-of-it";

/// R12, S28, F38: what is proven is on file before it is acknowledged, and once, however often it comes.
#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_is_stored_once_and_acknowledged_each_time() {
    let desk = Desk::open().await;
    let id = desk.endpoint(Provider::Resend).await;
    for _ in 0..3 {
        let reply = desk.ask(delivery(Provider::Resend, id, "one")).await;
        assert_eq!(reply.status, Some(200), "{reply:?}");
        assert_eq!(desk.events().await, 1);
    }
    let counts = &desk.state.counts;
    assert_eq!(counts.deliveries(Provider::Resend, Verdict::Accepted), 1);
    assert_eq!(counts.deliveries(Provider::Resend, Verdict::Repeated), 2);
    let raw: Vec<u8> =
        sqlx::query_scalar("SELECT raw FROM crm_inbound_events").fetch_one(&desk.world.pool).await.unwrap();
    assert_eq!(raw, b"one");
}

/// Twilio takes the body of an answer for instructions.
#[tokio::test(flavor = "multi_thread")]
async fn twilio_is_told_that_there_is_nothing_to_do() {
    let desk = Desk::open().await;
    let id = desk.endpoint(Provider::Twilio).await;
    let reply = desk.ask(delivery(Provider::Twilio, id, "one")).await;
    assert_eq!(reply.status, Some(200));
    assert!(reply.text.to_ascii_lowercase().contains("content-type: text/xml"), "{reply:?}");
    assert!(reply.text.ends_with("\r\n\r\n<Response/>"), "{reply:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_is_answered_to_who_shows_the_token() {
    let desk = Desk::open().await;
    let id = desk.endpoint(Provider::Resend).await;
    let ask = async |query: &str| {
        let head =
            format!("GET /webhooks/resend/{id}{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        desk.ask(head).await
    };
    let reply = ask(&format!("?token={PROOF}")).await;
    assert_eq!(reply.status, Some(200));
    assert!(reply.text.ends_with("welcome"), "{reply:?}");
    for wrong in ["", "?token=", "?token=wrong-canary"] {
        let reply = ask(wrong).await;
        assert_eq!(reply.status, Some(401), "{reply:?}");
        assert!(!reply.text.contains("canary"), "S34: it was reflected: {reply:?}");
    }
    for _ in 0..40 {
        assert_eq!(ask(&format!("?token={PROOF}")).await.status, Some(200), "right ones use nothing up");
    }
    for _ in 3..20 {
        assert_eq!(ask("?token=guessed").await.status, Some(401));
    }
    assert_eq!(ask(&format!("?token={PROOF}")).await.status, Some(429), "S34: nobody guesses for long");
    let other = desk.endpoint(Provider::Resend).await;
    let head = format!(
        "GET /webhooks/resend/{other}?token={PROOF} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    );
    assert_eq!(desk.ask(head).await.status, Some(200), "one endpoint does not use up another's");
}

/// S26, S35: what nobody can prove is refused and counted; nothing else of it is kept.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_proven_is_counted_and_not_kept() {
    let desk = Desk::open().await;
    let id = desk.endpoint(Provider::Resend).await;
    let twin = delivery_with(
        Provider::Resend,
        id,
        &format!("X-Proof: {PROOF}\r\nX-Proof: {PROOF}\r\nConnection: close\r\n"),
        "canary",
    );
    let wrong = delivery_with(Provider::Resend, id, "X-Proof: wrong\r\nConnection: close\r\n", "canary");
    let bare = delivery_with(Provider::Resend, id, "Connection: close\r\n", "canary");
    for request in [twin, bare, wrong] {
        assert_eq!(desk.ask(request).await.status, Some(401));
    }
    let elsewhere = [
        delivery(Provider::Twilio, id, "canary"),
        delivery(Provider::Resend, countersign_core::ids::EndpointId::new(), "canary"),
        delivery(Provider::Resend, id, "canary").replace("/resend/", "/nobody/"),
        delivery(Provider::Resend, id, "canary").replace(&id.to_string(), "..%2f..%2fmetrics"),
    ];
    for request in elsewhere {
        let reply = desk.ask(&request).await;
        assert_eq!(reply.status, Some(404), "{request}: {reply:?}");
    }
    assert_eq!(desk.events().await, 0);
    // What was counted is written down at the latest when it ends.
    let world = desk.close().await;
    let seen = endpoint::list(&world.pool, &world.viewer, world.company).await.unwrap().remove(0);
    assert_eq!((seen.refused, seen.refused_why.as_deref()), (3, Some("no signature fits")));
}

/// S43: a secret that was revoked proves nothing from then on, and a new one counts at once.
#[tokio::test(flavor = "multi_thread")]
async fn secrets_are_exchanged_without_a_gap() {
    let desk = Desk::open().await;
    let id = desk.endpoint(Provider::Resend).await;
    let with = |proof: &str| {
        delivery_with(Provider::Resend, id, &format!("X-Proof: {proof}\r\nConnection: close\r\n"), proof)
    };
    let (pool, admin, company) = (&desk.world.pool, &desk.world.admin, desk.world.company);
    assert_eq!(desk.ask(with(PROOF)).await.status, Some(200));
    assert_eq!(desk.ask(with(SECOND)).await.status, Some(401));
    let second = SecretText::new(SECOND.to_owned());
    let rotated =
        endpoint::rotate(pool, admin, company, &desk.world.key, hooks, id, (&second, Earlier::Kept))
            .await
            .unwrap();
    assert_eq!((rotated.version, rotated.revoked.len()), (2, 0));
    let short = SecretText::new("fifteen letters".to_owned());
    let refused =
        endpoint::rotate(pool, admin, company, &desk.world.key, hooks, id, (&short, Earlier::Kept)).await;
    assert!(refused.unwrap_err().to_string().starts_with("secret of resend: it is shorter than 16"));
    assert_eq!(desk.ask(with(SECOND)).await.status, Some(200), "it counts at once");
    assert_eq!(desk.ask(with(PROOF)).await.status, Some(200), "so does the one before");
    secret::revoke(pool, admin, company, &rotated.secret, 1, "exchanged").await.unwrap();
    until(async || desk.ask(with(PROOF)).await.status == Some(401)).await;
    assert_eq!(desk.ask(with(SECOND)).await.status, Some(200));
    secret::revoke(pool, admin, company, &rotated.secret, 2, "leaked").await.unwrap();
    until(async || desk.ask(with(SECOND)).await.status == Some(503)).await;
    endpoint::remove(pool, admin, company, id).await.unwrap();
    until(async || desk.ask(with(SECOND)).await.status == Some(404)).await;
}

/// Waits for what has to be so within a second.
async fn until(mut is_so: impl AsyncFnMut() -> bool) {
    let wait = async { while !is_so().await {} };
    tokio::time::timeout(Duration::from_secs(5), wait).await.expect("within a second, five times over");
}

/// Admins change endpoints; viewers see them.
#[tokio::test(flavor = "multi_thread")]
async fn only_admins_change_endpoints() {
    let desk = Desk::open().await;
    let id = desk.endpoint(Provider::Instagram).await;
    let (pool, company, key) = (&desk.world.pool, desk.world.company, &desk.world.key);
    let value = SecretText::new("another-long-secret".to_owned());
    for actor in [&desk.world.approver, &desk.world.viewer] {
        let added = endpoint::add(pool, actor, company, key, hooks(Provider::Resend), &value, None).await;
        assert!(added.unwrap_err().to_string().contains("needs the admin role"));
        let rotated =
            endpoint::rotate(pool, actor, company, key, hooks, id, (&value, Earlier::Revoked)).await;
        assert!(rotated.is_err());
        assert!(endpoint::remove(pool, actor, company, id).await.is_err());
        assert_eq!(endpoint::list(pool, actor, company).await.unwrap().len(), 1);
    }
    let short = SecretText::new("fifteen letters".to_owned());
    let refused = endpoint::add(pool, &desk.world.admin, company, key, hooks(Provider::Resend), &short, None);
    assert!(refused.await.unwrap_err().to_string().starts_with("secret of resend: it is shorter than 16"));
    let refused =
        endpoint::add(pool, &desk.world.admin, company, key, hooks(Provider::Twilio), &value, None).await;
    assert!(refused.unwrap_err().to_string().starts_with("url: twilio signs the address"));
    let actions: Vec<String> =
        sqlx::query_scalar("SELECT action FROM crm_audit_log WHERE action LIKE 'webhook.%' ORDER BY id")
            .fetch_all(pool)
            .await
            .unwrap();
    assert_eq!(actions, ["webhook.add"]);
}

/// The token that is shown once is stored as a hash.
#[tokio::test(flavor = "multi_thread")]
async fn a_verify_token_is_shown_once() {
    let desk = Desk::open().await;
    let (pool, company, key) = (&desk.world.pool, desk.world.company, &desk.world.key);
    let value = SecretText::new("secret-of-the-app".to_owned());
    let added =
        endpoint::add(pool, &desk.world.admin, company, key, hooks(Provider::Instagram), &value, None)
            .await
            .unwrap();
    let token = added.verify_token.expect("a token").expose().to_owned();
    assert_eq!(token.len(), "csv_".len() + 64);
    let known = endpoint::trust(&mut pool.acquire().await.unwrap(), key, added.id).await.unwrap().unwrap();
    assert_eq!(
        known.verify_sha256,
        Some(
            sha2::Digest::finalize(sha2::Digest::chain_update(<sha2::Sha256 as sha2::Digest>::new(), &token))
                .into()
        )
    );
    let kept: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM crm_webhook_endpoints e WHERE e::text LIKE '%' || $1 || '%'",
    )
    .bind(&token)
    .fetch_one(pool)
    .await
    .unwrap();
    assert_eq!(kept, 0);
}

/// S33: what the database cannot hold as it was read is kept by its bytes.
#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_held_is_kept_unread() {
    let desk = Desk::open().await;
    let id = desk.endpoint(Provider::Resend).await;
    for _ in 0..2 {
        let reply = desk.ask(delivery(Provider::Resend, id, "a\0b")).await;
        assert_eq!(reply.status, Some(200), "{reply:?}");
    }
    let (kind, raw): (String, Vec<u8>) =
        sqlx::query_as("SELECT kind, raw FROM crm_inbound_events").fetch_one(&desk.world.pool).await.unwrap();
    assert_eq!((kind.as_str(), raw.as_slice()), ("unreadable", b"a\0b".as_slice()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_may_hold_more_events_than_are_stored_at_once() {
    let desk = Desk::open().await;
    let id = desk.endpoint(Provider::Resend).await;
    let body: String = (0..2500).map(|number| format!("{number}\n")).collect();
    assert_eq!(desk.ask(delivery(Provider::Resend, id, &body)).await.status, Some(200));
    assert_eq!(desk.events().await, 2500);
}

/// Whoever stores wakes whoever applies.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_stored_wakes_who_applies_it() {
    let desk = Desk::open().await;
    let id = desk.endpoint(Provider::Resend).await;
    desk.ask(delivery(Provider::Resend, id, "one")).await;
    tokio::time::timeout(DEADLINE, desk.state.inbound.notified()).await.expect("it was woken");
}

/// What is being answered when it ends is answered.
#[tokio::test(flavor = "multi_thread")]
async fn an_end_waits_for_answers_and_closes_what_idles() {
    let desk = Desk::open().await;
    let id = desk.endpoint(Provider::Resend).await;
    let mut line = Line::open(desk.place).await;
    let request = delivery_with(Provider::Resend, id, &format!("X-Proof: {PROOF}\r\n"), "one");
    assert_eq!(line.ask(&request).await, 200);
    let held: Vec<_> = [desk.state.storing.acquire_many(4).await.unwrap()].into();
    let mut under_way = Line::open(desk.place).await;
    let asking = tokio::spawn(async move {
        let request = delivery_with(Provider::Resend, id, &format!("X-Proof: {PROOF}\r\n"), "two");
        under_way.ask(&request).await
    });
    let counts = &desk.state.counts;
    let is_under_way = async {
        while counts.requests.get() < 2 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, is_under_way).await.expect("it arrives");
    desk.begin_to_close();
    drop(held);
    assert_eq!(asking.await.unwrap(), 200);
    let world = desk.close().await;
    let events: i64 =
        sqlx::query_scalar("SELECT count(*) FROM crm_inbound_events").fetch_one(&world.pool).await.unwrap();
    assert_eq!(events, 2);
}
