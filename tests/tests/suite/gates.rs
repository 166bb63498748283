//! The gates inside the claim: what changed between approval and sending holds or stops the message.
use std::time::Duration;

use countersign_core::activity::status::Status;
use countersign_core::channel::ChannelName;
use countersign_tests::books;
use countersign_tests::provider::{Provider, dry_run};
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::{World, draft, draft_to, mail_outbox};
use rstest::rstest;
use serde_json::json;

/// Runs a dispatcher until the condition holds, and stops it.
pub(crate) async fn dispatch_until(
    world: &World,
    provider: &Provider,
    what: &str,
    holds: impl AsyncFnMut() -> bool,
) {
    let worker = Worker::start(world, provider.lines(), quick()).await;
    world.until(what, holds).await;
    worker.stop().await;
}

/// I2, R9: who is no longer on the allowlist when the message leaves does not get it, in a dry run either.
#[rstest]
#[case::for_real(false)]
#[case::in_a_dry_run(true)]
#[tokio::test]
async fn a_recipient_taken_off_the_allowlist_gets_nothing(#[case] is_dry: bool) {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(2).await;
    world.disallow("@example.com").await;
    world.allow("person-2@example.com").await;
    let lines = if is_dry { provider.lines().with_dry_run(dry_run()) } else { provider.lines() };
    let worker = Worker::start(&world, lines, quick()).await;
    world.until_status(items[0].id, Status::BlockedByAllowlist).await;
    world.until_status(items[1].id, if is_dry { Status::SentDryrun } else { Status::Sent }).await;
    worker.stop().await;
    assert_eq!(provider.requests(), u64::from(!is_dry));
    assert_eq!(world.stored(items[0].id).await.hold_code.as_deref(), Some("not_on_allowlist"));
    assert_eq!(world.sent_today(world.outbox).await, 1);
    assert!(world.audit(items[0].id).await.contains(&"dispatch.blocked_by_allowlist".to_owned()));
}

/// I2, S16: copies, hidden ones too, are recipients like any other.
#[rstest]
#[case("cc")]
#[case("bcc")]
#[tokio::test]
async fn a_copy_to_a_stranger_stops_the_message(#[case] field: &str) {
    let (world, provider) = (World::new().await, Provider::start().await);
    let mut line = draft(1);
    line["payload"][field] = json!(["friend@example.com", "stranger@elsewhere.example"]);
    let items = world.file(&[line]).await;
    world.approve(&items).await;
    dispatch_until(&world, &provider, "it is blocked", async || {
        world.status(items[0].id).await == Status::BlockedByAllowlist
    })
    .await;
    assert_eq!(provider.requests(), 0);
}

/// R9: a paused outbox holds what is approved, and goes on where it was.
#[tokio::test]
async fn a_paused_outbox_sends_nothing_until_it_is_resumed() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let other = mail_outbox("other");
    world.add_outbox(&other).await;
    world.approved_email(3).await;
    let mut line = draft_to("person-9@example.com", 9);
    line["outbox"] = "other".into();
    let marker = world.file(&[line]).await;
    world.pause().await;
    world.approve(&marker).await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until_status(marker[0].id, Status::Sent).await;
    assert_eq!(world.statuses().await.get("approved"), Some(&3));
    assert_eq!(provider.requests(), 1);
    world.resume().await;
    world.until_count(Status::Sent, 4).await;
    worker.stop().await;
    books::compare(&world, &provider).await;
}

/// R9: a pause that comes after the gates were asked and before the first byte: nothing leaves, and the quota comes back.
#[tokio::test]
async fn a_pause_between_claim_and_wire_stops_the_message() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(3).await;
    // Commits together with the claim, so after its gates and before its wire.
    world
        .sql(
            "CREATE FUNCTION pause() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              UPDATE crm_outboxes SET enabled = false, pause_reason = 'at the last moment'; RETURN NEW; END $$;
            CREATE TRIGGER pause AFTER INSERT ON crm_dispatch_claims FOR EACH ROW EXECUTE FUNCTION pause()",
        )
        .await;
    dispatch_until(&world, &provider, "the claim is given back", async || {
        let given_back = "SELECT count(*) FROM crm_audit_log WHERE action = 'dispatch.claim'
            AND NOT EXISTS (SELECT FROM crm_dispatch_claims) AND NOT EXISTS (SELECT FROM crm_activities WHERE status = 'dispatching')";
        world.count(given_back).await > 0
    })
    .await;
    assert_eq!(provider.requests(), 0);
    assert_eq!(world.sent_today(world.outbox).await, 0);
    let stored = world.stored(items[0].id).await;
    assert_eq!((stored.status, stored.attempt), (Status::Approved, 0));
    world.sql("DROP TRIGGER pause ON crm_dispatch_claims").await;
    world.resume().await;
    // A claim that met the pause put its next look off.
    world.hurry().await;
    dispatch_until(&world, &provider, "everything is sent", async || {
        world.statuses().await.get("sent") == Some(&3)
    })
    .await;
    books::compare(&world, &provider).await;
}

/// R9, R22: an approval that has become too old sends nothing; the database's clock says so.
#[tokio::test]
async fn an_approval_that_expired_is_not_sent() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(1).await;
    world.sql("UPDATE crm_activities SET expires_at = now() - interval '1 second'").await;
    dispatch_until(&world, &provider, "it expires", async || {
        world.status(items[0].id).await == Status::Expired
    })
    .await;
    assert_eq!((provider.requests(), world.sent_today(world.outbox).await), (0, 0));
    assert!(world.audit(items[0].id).await.contains(&"dispatch.expired".to_owned()));
}

/// A draft nobody decided about expires by itself, on record.
#[tokio::test]
async fn a_draft_expires_by_itself() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.file_email(2).await;
    world.sql(&format!("UPDATE crm_activities SET expires_at = now() WHERE id = '{}'", items[0].id)).await;
    dispatch_until(&world, &provider, "it expires", async || {
        world.status(items[0].id).await == Status::Expired
    })
    .await;
    assert_eq!(world.status(items[1].id).await, Status::DraftPendingApproval);
    assert_eq!(world.audit(items[0].id).await, ["draft.file", "draft.expire"]);
}

/// A channel without an adapter holds its messages, takes no quota and says why.
#[tokio::test]
async fn a_channel_without_an_adapter_holds_its_messages() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.allow("feed:urn:li:person:1").await;
    let mut outbox = mail_outbox("posts");
    outbox.channel = ChannelName::Linkedin;
    outbox.sender = "urn:li:person:1".to_owned();
    let outbox = world.add_outbox(&outbox).await;
    let post = json!({ "channel": "linkedin", "outbox": "posts", "to": "feed:urn:li:person:1", "payload": { "action": "post", "text": "News" } });
    let items = world.file(&[post]).await;
    world.approve(&items).await;
    dispatch_until(&world, &provider, "it is held", async || {
        world.stored(items[0].id).await.hold_code.as_deref() == Some("channel_unavailable")
    })
    .await;
    assert_eq!(world.status(items[0].id).await, Status::Approved);
    assert_eq!((provider.requests(), world.sent_today(outbox).await), (0, 0));
    assert_eq!(world.count("SELECT count(*) FROM crm_activities WHERE send_after > now()").await, 1);
}

/// Nothing leaves before its undo window is over.
#[tokio::test]
async fn a_message_in_its_undo_window_stays() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let mut slow = mail_outbox("slow");
    slow.undo_window = Duration::from_secs(3600);
    world.add_outbox(&slow).await;
    let mut line = draft(2);
    line["outbox"] = "slow".into();
    let items = world.file(&[draft(1), line]).await;
    world.approve(&items).await;
    dispatch_until(&world, &provider, "the other one is sent", async || {
        world.status(items[0].id).await == Status::Sent
    })
    .await;
    assert_eq!((world.status(items[1].id).await, provider.requests()), (Status::Approved, 1));
}

/// I3: what is over the cap waits for the next local day, says so, and goes when the day has come.
#[tokio::test]
async fn what_is_over_the_cap_waits_for_the_next_day() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.sql("UPDATE crm_outboxes SET daily_cap = 3; UPDATE crm_credential_buckets SET daily_cap = 3").await;
    world.approved_email(8).await;
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    world.until_count(Status::Sent, 3).await;
    world
        .until("the others say why they wait", async || {
            // Either held at the claim, or not looked at again because nothing is left of the day.
            world.count("SELECT count(*) FROM crm_activities WHERE stage = 'queue'").await == 5
                && world.count("SELECT count(*) FROM crm_activities WHERE status = 'dispatching'").await == 0
        })
        .await;
    assert_eq!((provider.requests(), world.sent_today(world.outbox).await), (3, 3));
    // The bucket and what it holds move a day back, as if midnight had passed.
    world
        .sql("UPDATE crm_credential_buckets SET day = day - 1; UPDATE crm_activities SET quota_day = quota_day - 1")
        .await;
    world.hurry().await;
    world.until_count(Status::Sent, 6).await;
    worker.stop().await;
    assert_eq!(world.sent_today(world.outbox).await, 3);
    assert_eq!(provider.requests(), 6);
    books::compare(&world, &provider).await;
}

/// R18: a row whose bytes cannot be read stops with a reason; the ones behind it go.
#[tokio::test]
async fn an_unreadable_message_does_not_stop_the_queue() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.file_email(4).await;
    // The hash fits, the bytes are none: as after a defect of whoever wrote them.
    world
        .sql(&format!(
            "INSERT INTO crm_payloads (company_id, activity_id, payload_sha256, envelope)
            SELECT company_id, id, sha256('junk'), 'junk' FROM crm_activities WHERE id = '{0}';
            UPDATE crm_activities SET payload_sha256 = sha256('junk') WHERE id = '{0}'",
            items[1].id
        ))
        .await;
    let ids: Vec<_> = items.iter().map(|item| item.id).collect();
    world.approve(&world.items(&ids).await).await;
    dispatch_until(&world, &provider, "the others are sent", async || {
        world.statuses().await.get("sent") == Some(&3)
    })
    .await;
    let stored = world.stored(items[1].id).await;
    assert_eq!(
        (stored.status, stored.hold_code.as_deref()),
        (Status::BlockedByPolicy, Some("payload_unreadable"))
    );
    assert_eq!(provider.requests(), 3);
}
