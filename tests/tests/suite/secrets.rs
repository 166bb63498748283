//! Secrets: in no row, no error and no debug output; the right version at the right time.
use std::sync::{Arc, Mutex};

use countersign_core::activity::status::Status;
use countersign_core::error::Error;
use countersign_core::secret::store::{list, resolve};
use countersign_core::secret::{MasterKey, SecretRef, SecretText};
use countersign_core::secret::{revoke, rotate, set};
use countersign_tests::provider::{Provider, mail_by};
use countersign_tests::wire::{Scripted, accepted, response};
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::{CREDENTIAL, World, draft};
use sqlx::AssertSqlSafe;

/// Every row of every table as text, bytes as hexadecimal digits.
pub(crate) async fn dump(world: &World) -> String {
    let tables: Vec<String> =
        sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
            .fetch_all(&world.pool)
            .await
            .expect("tables can be listed");
    let mut dump = String::new();
    for table in tables {
        // The name comes out of the catalogue.
        let rows: Vec<String> = sqlx::query_scalar(AssertSqlSafe(format!("SELECT t::text FROM {table} t")))
            .fetch_all(&world.pool)
            .await
            .expect("rows can be read");
        dump.push_str(&rows.join("\n"));
    }
    dump
}

fn in_hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
}

/// S22, C12: after a run with acceptances and refusals the credential stands nowhere, not even where a provider repeated it.
#[tokio::test]
async fn no_row_holds_a_credential() {
    let world = World::new().await;
    world.approved_email(2).await;
    let parrot = Scripted::new(|number, call| {
        let said = call.headers.iter().map(|header| header.value.expose()).collect::<Vec<_>>().join(" ");
        Ok(match number {
            1 => response(
                401,
                &[],
                &serde_json::json!({ "statusCode": 401, "name": "missing_api_key", "message": said })
                    .to_string(),
            ),
            2 => response(
                422,
                &[],
                &serde_json::json!({ "statusCode": 422, "name": "validation_error", "message": said })
                    .to_string(),
            ),
            _ => accepted("mail-1"),
        })
    });
    let mut settings = quick();
    settings.max_in_flight = 1;
    let worker = Worker::start(&world, mail_by(parrot), settings).await;
    world
        .until("both are over", async || {
            world.resume().await;
            world.hurry().await;
            world.count("SELECT count(*) FROM crm_activities WHERE status IN ('sent', 'failed')").await == 2
        })
        .await;
    worker.stop().await;
    let dump = dump(&world).await;
    assert!(dump.contains("validation_error"), "the dump holds what was said");
    for canary in [CREDENTIAL, &in_hex(CREDENTIAL), &CREDENTIAL[3..], &"5c".repeat(32)] {
        assert!(!dump.contains(canary), "a row holds {canary}");
    }
}

/// S22: no error about a secret repeats its value, and no debug output shows one.
#[tokio::test]
async fn no_error_holds_a_secret() {
    let world = World::new().await;
    let canary = "canary_8a2f";
    let try_set = async |id: &str, value: String| {
        let value = SecretText::new(value);
        assert!(!format!("{value:?}").contains(canary));
        set(&world.pool, &world.admin, world.company, &world.key, id, &value)
            .await
            .expect_err("it is refused")
    };
    let other_key = MasterKey::from_text(&"a1".repeat(32), "test").expect("a key");
    let mut conn = world.pool.acquire().await.expect("a connection");
    let reference: SecretRef = "secret://resend:latest".parse().expect("a reference");
    let errors: Vec<Error> = vec![
        try_set("resend", format!("{canary}\nsecond line")).await,
        try_set("resend", canary.repeat(3000)).await,
        try_set("not an id", canary.to_owned()).await,
        set(
            &world.pool,
            &world.viewer,
            world.company,
            &world.key,
            "resend",
            &SecretText::new(canary.to_owned()),
        )
        .await
        .expect_err("a viewer stores nothing"),
        resolve(&mut conn, world.company, &other_key, &reference)
            .await
            .map(drop)
            .expect_err("the key does not fit"),
        MasterKey::from_text(canary, "COUNTERSIGN_MASTER_KEY").map(drop).expect_err("no key").into(),
    ];
    for error in errors {
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains(canary) && !shown.contains(CREDENTIAL), "{shown}");
    }
}

/// Which credential a run put on the wire.
async fn credential_used(world: &World) -> String {
    let heard = Arc::new(Mutex::new(String::new()));
    let note = Arc::clone(&heard);
    let transport = Scripted::new(move |_, call| {
        let authorization =
            call.headers.iter().find(|header| header.name == "authorization").expect("a credential");
        *note.lock().expect("a lock") = authorization.value.expose().to_owned();
        Ok(accepted("mail-1"))
    });
    let worker = Worker::start(world, mail_by(transport), quick()).await;
    world.until_count(Status::Sent, 1).await;
    worker.stop().await;
    heard.lock().expect("a lock").clone()
}

/// S23: `latest` is the latest at the claim, not at the approval; the attempt keeps which one it was.
#[tokio::test]
async fn the_latest_version_is_the_one_at_the_claim() {
    let world = World::new().await;
    world.approved_email(1).await;
    assert_eq!(world.set_secret("resend", "re_rotated").await, 2);
    assert_eq!(credential_used(&world).await, "Bearer re_rotated");
    assert_eq!(world.count("SELECT secret_version::bigint FROM crm_dispatch_attempts").await, 2);
}

/// S23: a version that is named stays that version.
#[tokio::test]
async fn a_named_version_stays() {
    let world = World::new().await;
    world.sql("UPDATE crm_outboxes SET secret_ref = 'secret://resend:1'").await;
    world.approved_email(1).await;
    world.set_secret("resend", "re_rotated").await;
    assert_eq!(credential_used(&world).await, format!("Bearer {CREDENTIAL}"));
}

/// S23: a revoked credential is never used; the outbox pauses and says why, and the message goes with the next credential once somebody
/// lets it.
#[tokio::test]
async fn a_revoked_credential_holds_the_message() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(1).await;
    world.sql("UPDATE crm_secrets SET revoked_at = now()").await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world
        .until("it is held", async || {
            world.stored(items[0].id).await.hold_code.as_deref() == Some("credential_revoked")
        })
        .await;
    assert_eq!((provider.requests(), world.sent_today(world.outbox).await), (0, 0));
    let paused = "SELECT pause_reason FROM crm_outboxes WHERE NOT enabled";
    assert!(world.text(paused).await.contains("`resend:latest` was revoked"), "{}", world.text(paused).await);
    assert_eq!(world.audit(world.outbox).await.iter().filter(|one| *one == "outbox.pause").count(), 1);
    world.set_secret("resend", "re_fresh").await;
    world.resume().await;
    world.hurry().await;
    world.until_status(items[0].id, Status::Sent).await;
    worker.stop().await;
}

/// S21: text that looks like a reference is text, wherever a draft has it.
#[tokio::test]
async fn a_reference_in_a_message_stays_text() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let mut line = draft(1);
    line["payload"]["subject"] = "secret://resend:latest".into();
    line["payload"]["text"] = "${secret://resend:latest}".into();
    let items = world.file(&[line]).await;
    world.approve(&items).await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until_status(items[0].id, Status::Sent).await;
    worker.stop().await;
    let body = &provider.ledger()[0].body;
    assert!(body.contains(r#""subject":"secret://resend:latest""#) && !body.contains(CREDENTIAL), "{body}");
}

/// S25: another company's secret of the same name is another secret.
#[tokio::test]
async fn a_secret_belongs_to_its_company() {
    let world = World::new().await;
    let (other, _) = countersign_core::company::add(&world.pool, "other", "Other", true, "zoe")
        .await
        .expect("can be added");
    let mut conn = world.pool.acquire().await.expect("a connection");
    let reference: SecretRef = "secret://resend:latest".parse().expect("a reference");
    assert!(resolve(&mut conn, other.id, &world.key, &reference).await.is_err());
    assert!(list(&mut conn, other.id).await.expect("lists").is_empty());
    // Moved by hand, it does not open.
    world
        .sql(&format!(
            "INSERT INTO crm_secrets SELECT '{}', secret_id, version, nonce, ciphertext, created_at, created_by FROM crm_secrets",
            other.id
        ))
        .await;
    assert!(matches!(resolve(&mut conn, other.id, &world.key, &reference).await, Err(Error::Secret(_))));
}

/// S23: versions, who uses which, and what a revocation stops; a revoked version never works again and its number is not given twice.
#[tokio::test]
async fn a_revoked_version_stays_revoked() {
    let world = World::new().await;
    let mut pinned = countersign_tests::world::mail_outbox("pinned");
    pinned.secret = "secret://resend:1".parse().expect("a reference");
    world.add_outbox(&pinned).await;
    let value = SecretText::new("re_two".to_owned());
    let (pool, admin, company) = (&world.pool, &world.admin, world.company);
    let rotate = async |id: &str| rotate(pool, admin, company, &world.key, id, &value).await;
    assert!(
        matches!(rotate("resent").await, Err(Error::Secret(_))),
        "a misspelled id makes no second secret"
    );
    assert_eq!(rotate("resend").await.expect("rotates"), 2);
    let used = async || {
        let mut conn = pool.acquire().await.expect("a connection");
        let listed = list(&mut conn, company).await.expect("lists");
        listed.into_iter().map(|one| (one.version, one.used_by, one.revoked_at.is_some())).collect::<Vec<_>>()
    };
    let names = |name: &str| vec![name.to_owned()];
    assert_eq!(used().await, [(2, names("mail"), false), (1, names("pinned"), false)]);
    let revoke = async |version| revoke(pool, admin, company, "resend", version, "leaked").await;
    let done = revoke(2).await.expect("is revoked");
    assert_eq!((done.go_on, done.stop), (names("mail"), Vec::new()));
    let both = vec!["mail".to_owned(), "pinned".to_owned()];
    assert_eq!(used().await, [(2, Vec::new(), true), (1, both.clone(), false)]);
    let done = revoke(1).await.expect("is revoked");
    assert_eq!((done.go_on, done.stop), (Vec::new(), both));
    assert!(matches!(revoke(1).await, Err(Error::Conflict(_))));
    assert!(matches!(revoke(9).await, Err(Error::Secret(_))));
    let by_approver =
        countersign_core::secret::revoke(pool, &world.approver, company, "resend", 1, "x").await;
    assert!(matches!(by_approver, Err(Error::Forbidden { .. })));
    assert_eq!(rotate("resend").await.expect("rotates"), 3);
    let mut conn = pool.acquire().await.expect("a connection");
    for version in ["1", "2"] {
        let reference: SecretRef = format!("secret://resend:{version}").parse().expect("a reference");
        let refused = resolve(&mut conn, company, &world.key, &reference).await.map(drop);
        assert!(refused.expect_err("never again").to_string().contains("was revoked"));
    }
    let audited = "SELECT string_agg(reason || ' ' || (detail ->> 'version'), ', ' ORDER BY id) FROM crm_audit_log WHERE action = 'secret.revoke'";
    assert_eq!(world.text(audited).await, "leaked 2, leaked 1");
}

/// S23: revoked between claim and wire: nothing leaves under it; the message goes under the version that is good.
#[tokio::test]
async fn a_revocation_between_claim_and_wire_stops_the_message() {
    let world = World::new().await;
    world.set_secret("resend", "re_leaked").await;
    world.approved_email(1).await;
    // Commits together with the claim, so after the credential was read and before the wire.
    world
        .sql(
            "CREATE FUNCTION revoke() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              UPDATE crm_secrets SET revoked_at = now() WHERE version = 2; RETURN NEW; END $$;
            CREATE TRIGGER revoke AFTER INSERT ON crm_dispatch_claims FOR EACH ROW EXECUTE FUNCTION revoke()",
        )
        .await;
    assert_eq!(credential_used(&world).await, format!("Bearer {CREDENTIAL}"));
    assert_eq!(
        world.count("SELECT count(*) FROM crm_audit_log WHERE action = 'dispatch.give_back'").await,
        1
    );
    assert_eq!(world.count("SELECT count(*) FROM crm_dispatch_attempts").await, 1);
}

/// S23: an attempt that may have been accepted is not repeated under a revoked version; it waits and says why.
#[tokio::test]
async fn a_revoked_version_repeats_nothing() {
    let world = World::new().await;
    world.sql("UPDATE crm_outboxes SET secret_ref = 'secret://resend:1'").await;
    let items = world.approved_email(1).await;
    let calls = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let silent = Scripted::new(move |_, _| {
        count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        Err(countersign_core::channel::Broken::MaybeSent { detail: "no answer".to_owned() })
    });
    let worker = Worker::start(&world, mail_by(silent), quick()).await;
    world.until("it may have been sent", async || world.attempts(items[0].id).await == ["maybe_sent"]).await;
    revoke(&world.pool, &world.admin, world.company, "resend", 1, "leaked").await.expect("is revoked");
    let before = calls.load(std::sync::atomic::Ordering::SeqCst);
    world.hurry().await;
    world
        .until("it is held", async || {
            world.hurry().await;
            world.stored(items[0].id).await.hold_code.as_deref() == Some("credential_revoked")
        })
        .await;
    worker.stop().await;
    assert_eq!(calls.load(std::sync::atomic::Ordering::SeqCst), before);
    assert_eq!(world.stored(items[0].id).await.status, Status::Dispatching);
}

/// S23: rotation while messages are on their way: what was claimed under the old version goes under it, since it is good until it is
/// revoked; what is claimed afterwards goes under the new one.
#[tokio::test]
async fn a_rotation_while_sending_loses_nothing() {
    let world = World::new().await;
    let items = world.file_email(2).await;
    let heard = Arc::new(Mutex::new(Vec::new()));
    let note = Arc::clone(&heard);
    let transport = Scripted::new(move |number, call| {
        let authorization = call.headers.iter().find(|header| header.name == "authorization");
        note.lock().expect("a lock").push(authorization.expect("a credential").value.expose().to_owned());
        Ok(accepted(&format!("mail-{number}")))
    });
    let valve = countersign_tests::wire::Valve::default();
    let worker = Worker::start(&world, mail_by(valve.before(transport)), quick()).await;
    world.approve(&items[..1]).await;
    world.until("the first is on the wire", async || valve.arrived() == 1).await;
    let value = SecretText::new("re_rotated".to_owned());
    rotate(&world.pool, &world.admin, world.company, &world.key, "resend", &value).await.expect("rotates");
    world.approve(&items[1..]).await;
    world.until("the second is on the wire", async || valve.arrived() == 2).await;
    valve.open();
    world.until_count(Status::Sent, 2).await;
    worker.stop().await;
    let mut used = heard.lock().expect("a lock").clone();
    used.sort();
    assert_eq!(used, [format!("Bearer {CREDENTIAL}"), "Bearer re_rotated".to_owned()]);
}
