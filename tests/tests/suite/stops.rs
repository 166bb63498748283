//! R9: what becomes known after an approval stops the message, be it before the claim or between the claim and the wire.
use countersign_core::activity::status::Status;
use countersign_core::approval::{Item, ItemOutcome};
use countersign_core::channel::ChannelName;
use countersign_core::company::policy::{PolicyChange, set_policy};
use countersign_core::contact::consent::{State, record_consent};
use countersign_core::contact::suppression::{Identity, Reason, suppress};
use countersign_core::ids::{ActivityId, ContactId};
use countersign_core::inbound::{self, Direction, Noted};
use countersign_core::outbox::{self, Change};
use countersign_tests::books;
use countersign_tests::provider::Provider;
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::{World, draft, draft_to, mail_outbox, rendering};
use rstest::rstest;
use serde_json::json;

use crate::gates::dispatch_until;

/// Whom an activity is for.
pub(crate) async fn contact_of(world: &World, id: ActivityId) -> ContactId {
    world
        .text(&format!("SELECT contact_id::text FROM crm_activities WHERE id = '{id}'"))
        .await
        .parse()
        .expect("an id")
}

/// The contact of an activity writes, elsewhere and now.
async fn reply(world: &World, id: ActivityId) {
    let noted = Noted {
        contact: contact_of(world, id).await,
        channel: ChannelName::Whatsapp,
        direction: Direction::In,
        at: None,
        note: "call me".to_owned(),
    };
    inbound::record(&world.pool, &world.approver, world.company, &noted).await.expect("can be noted");
}

async fn suppress_address(world: &World, address: &str) {
    let identity = Identity::parse(address).expect("an address");
    suppress(&world.pool, &world.approver, world.company, &identity, Reason::Complaint, None)
        .await
        .expect("can be suppressed");
}

async fn withdraw(world: &World, id: ActivityId) {
    let contact = contact_of(world, id).await;
    let (pool, actor) = (&world.pool, &world.approver);
    record_consent(pool, actor, world.company, contact, ChannelName::Email, State::Withdrawn, "by phone")
        .await
        .expect("can be recorded");
}

/// What comes to be known of the first message's contact.
#[derive(Clone, Copy, Debug)]
enum News {
    Suppressed,
    CopySuppressed,
    Withdrawn,
    Replied,
}

/// R9, C4: news between approval and claim block the one it is about, take no quota, and say why; the other one goes.
#[rstest]
#[case(News::Suppressed, "suppressed")]
#[case(News::CopySuppressed, "suppressed")]
#[case(News::Withdrawn, "consent")]
#[case(News::Replied, "replied")]
#[tokio::test]
async fn news_after_the_approval_stop_the_message(#[case] news: News, #[case] code: &str) {
    let (world, provider) = (World::new().await, Provider::start().await);
    let mut line = draft(1);
    line["payload"]["bcc"] = json!(["Friend@example.com"]);
    let items = world.file(&[line, draft(2)]).await;
    world.approve(&items).await;
    match news {
        News::Suppressed => suppress_address(&world, "PERSON-1@example.com").await,
        News::CopySuppressed => suppress_address(&world, "friend@example.com").await,
        News::Withdrawn => withdraw(&world, items[0].id).await,
        News::Replied => reply(&world, items[0].id).await,
    }
    dispatch_until(&world, &provider, "both are over", async || {
        world.status(items[0].id).await == Status::BlockedByPolicy
            && world.status(items[1].id).await == Status::Sent
    })
    .await;
    assert_eq!(world.stored(items[0].id).await.hold_code.as_deref(), Some(code));
    assert_eq!((provider.requests(), world.sent_today(world.outbox).await), (1, 1));
    assert!(world.audit(items[0].id).await.contains(&"dispatch.blocked_by_policy".to_owned()));
    books::compare(&world, &provider).await;
}

/// R9: an outbox that comes to ask for consent sends nothing to whoever gave none.
#[tokio::test]
async fn an_outbox_that_asks_for_consent_needs_one() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(2).await;
    let contact = contact_of(&world, items[1].id).await;
    let (pool, actor, company) = (&world.pool, &world.admin, world.company);
    record_consent(pool, actor, company, contact, ChannelName::Email, State::Granted, "form 7")
        .await
        .expect("can be recorded");
    let change = Change { consent_required: Some(true), ..Change::default() };
    outbox::change(pool, actor, company, world.outbox, &change, &rendering()).await.expect("can be set");
    dispatch_until(&world, &provider, "both are over", async || {
        world.status(items[0].id).await == Status::BlockedByPolicy
            && world.status(items[1].id).await == Status::Sent
    })
    .await;
    assert_eq!(world.stored(items[0].id).await.hold_code.as_deref(), Some("consent"));
    assert_eq!(provider.requests(), 1);
}

/// A placeholder nobody filled in does not leave, also when somebody approved it.
#[tokio::test]
async fn a_placeholder_does_not_leave() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let mut line = draft(1);
    line["payload"]["text"] = json!("Dear {{firstName}},\nthis is an offer.");
    let items = world.file(&[line, draft(2)]).await;
    world.approve(&items).await;
    dispatch_until(&world, &provider, "both are over", async || {
        world.status(items[0].id).await == Status::BlockedByPolicy
            && world.status(items[1].id).await == Status::Sent
    })
    .await;
    assert_eq!(world.stored(items[0].id).await.hold_code.as_deref(), Some("content"));
    assert_eq!(provider.requests(), 1);
}

/// R9: a kill of the channel reaches every outbox of it and no other channel; one of the company reaches all. Both go on when lifted.
#[tokio::test]
async fn a_kill_of_the_channel_or_the_company_holds_everything() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let (pool, company) = (&world.pool, world.company);
    let mut dry = mail_outbox("dry");
    dry.channel = ChannelName::DryRun;
    world.add_outbox(&dry).await;
    world.approved_email(2).await;
    outbox::kill_all(pool, &world.approver, company, Some(ChannelName::Email), "wrong sender")
        .await
        .expect("an approver may stop");
    let worker = Worker::start(&world, provider.lines(), quick()).await;
    let mut line = draft_to("person-9@example.com", 9);
    (line["outbox"], line["channel"]) = ("dry".into(), "dry-run".into());
    let marker = world.file(&[line.clone()]).await;
    world.approve(&marker).await;
    world.until_status(marker[0].id, Status::SentDryrun).await;
    assert_eq!((provider.requests(), world.statuses().await.get("approved")), (0, Some(&2)));

    outbox::kill_all(pool, &world.approver, company, None, "breach").await.expect("an approver may stop");
    outbox::lift_all(pool, &world.approver, company, None).await.expect_err("only an admin lifts it");
    outbox::lift_all(pool, &world.admin, company, Some(ChannelName::Email)).await.expect("an admin lifts it");
    line["clientDedupKey"] = "again".into();
    let again = world.file(&[line]).await;
    world.approve(&again).await;
    // The upkeep of the same dispatcher shows that it lives.
    let late = world.file(&[draft(8)]).await;
    world.sql(&format!("UPDATE crm_activities SET expires_at = now() WHERE id = '{}'", late[0].id)).await;
    world.until_status(late[0].id, Status::Expired).await;
    assert_eq!((provider.requests(), world.status(again[0].id).await), (0, Status::Approved));
    outbox::lift_all(pool, &world.admin, company, None).await.expect("an admin lifts it");
    world.until_count(Status::Sent, 2).await;
    world.until_status(again[0].id, Status::SentDryrun).await;
    worker.stop().await;
    books::compare(&world, &provider).await;
}

/// Four eyes that are asked for after one person approved: the message is a draft again and needs two of its own round.
#[tokio::test]
async fn four_eyes_asked_for_later_make_it_a_draft_again() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(1).await;
    let change = PolicyChange { four_eyes: Some(true), ..PolicyChange::default() };
    set_policy(&world.pool, &world.admin, world.company, &change).await.expect("three people may decide");
    dispatch_until(&world, &provider, "it is a draft again", async || {
        world.status(items[0].id).await == Status::DraftPendingApproval
    })
    .await;
    let stored = world.stored(items[0].id).await;
    assert_eq!((stored.hold_code.as_deref(), stored.round), (Some("second_person"), 2));
    assert_eq!((provider.requests(), world.sent_today(world.outbox).await), (0, 0));
    let first = world.try_approve(&world.approver, &items).await;
    assert_eq!(first[0].outcome, ItemOutcome::NeedsSecond);
    assert_eq!(world.try_approve(&world.approver, &items).await[0].outcome, ItemOutcome::NeedsSecond);
    assert_eq!(world.status(items[0].id).await, Status::DraftPendingApproval);
    let second = world.try_approve(&world.second, &items).await;
    assert!(matches!(second[0].outcome, ItemOutcome::Approved { .. }), "{second:?}");
    dispatch_until(&world, &provider, "it is sent", async || world.status(items[0].id).await == Status::Sent)
        .await;
    books::compare(&world, &provider).await;
}

/// One place holds one open draft: of two messages in it that become drafts again at once one does, the other waits for its turn, and
/// what is behind them goes on.
#[tokio::test]
async fn of_two_in_one_place_one_becomes_a_draft_again() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let first = world.approved_email(1).await;
    let mut line = draft(1);
    (line["clientDedupKey"], line["kind"]) = ("another".into(), "first_touch".into());
    let second = world.file(&[line]).await;
    world.approve(&second).await;
    let change = PolicyChange { four_eyes: Some(true), ..PolicyChange::default() };
    set_policy(&world.pool, &world.admin, world.company, &change).await.expect("three people may decide");
    let behind = world.file(&[draft(2)]).await;
    world.try_approve(&world.approver, &behind).await;
    world.try_approve(&world.second, &behind).await;

    dispatch_until(&world, &provider, "the one behind is sent", async || {
        world.status(behind[0].id).await == Status::Sent
    })
    .await;
    let both = [world.stored(first[0].id).await, world.stored(second[0].id).await];
    assert_eq!(
        both.each_ref().map(|stored| (stored.status, stored.round)),
        [(Status::DraftPendingApproval, 2), (Status::Approved, 1)]
    );
    assert!(both.iter().all(|stored| stored.hold_code.as_deref() == Some("second_person")), "{both:?}");

    // Its turn comes: it takes the place over.
    world.hurry().await;
    dispatch_until(&world, &provider, "it is a draft again", async || {
        world.status(second[0].id).await == Status::DraftPendingApproval
    })
    .await;
    assert_eq!(world.status(first[0].id).await, Status::Superseded);
    assert_eq!(provider.requests(), 1);
    books::compare(&world, &provider).await;
}

/// Whoever reopens what a reply stopped says that the words still hold; the next reply stops it again.
#[tokio::test]
async fn what_a_reply_stopped_can_be_reopened_and_sent() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(1).await;
    let is = async |status| world.status(items[0].id).await == status;
    for _ in 0..2 {
        reply(&world, items[0].id).await;
        dispatch_until(&world, &provider, "it is stopped", async || is(Status::BlockedByPolicy).await).await;
        assert_eq!(world.stored(items[0].id).await.hold_code.as_deref(), Some("replied"));
        let item = world.undone(items[0].id).await;
        world.approve(&[item]).await;
    }
    dispatch_until(&world, &provider, "it is sent", async || is(Status::Sent).await).await;
    assert_eq!(provider.requests(), 1);
    books::compare(&world, &provider).await;
}

const SUPPRESSED: &str = "INSERT INTO crm_suppressions (company_id, kind, address, reason, created_by)
    SELECT company_id, kind, address, 'complaint', 'ada' FROM crm_contact_addresses WHERE address = 'person-1@example.com'
    ON CONFLICT DO NOTHING";
const REPLIED: &str = "INSERT INTO crm_contact_inbound (company_id, contact_id, channel, last_at)
    SELECT company_id, contact_id, 'whatsapp', clock_timestamp() FROM crm_contact_addresses WHERE address = 'person-1@example.com'
    ON CONFLICT DO NOTHING";
const WITHDRAWN: &str = "INSERT INTO crm_consents (company_id, contact_id, channel, state, evidence, recorded_by)
    SELECT company_id, contact_id, 'email', 'withdrawn', 'a call', 'ada' FROM crm_contact_addresses WHERE address = 'person-1@example.com'
    ON CONFLICT DO NOTHING";
const CHANNEL_KILLED: &str = "INSERT INTO crm_kill_switches (company_id, channel, reason, killed_by)
    SELECT id, 'email', 'at the last moment', 'ada' FROM crm_companies ON CONFLICT DO NOTHING";
const COMPANY_KILLED: &str = "INSERT INTO crm_kill_switches (company_id, channel, reason, killed_by)
    SELECT id, 'all', 'at the last moment', 'ada' FROM crm_companies ON CONFLICT DO NOTHING";

/// Runs a statement together with the next claims: it commits with them, so after their gates and before their wire.
pub(crate) async fn with_the_claim(world: &World, statement: &str) {
    world
        .sql(&format!(
            "CREATE FUNCTION news() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {statement}; RETURN NEW; END $$;
            CREATE TRIGGER news AFTER INSERT ON crm_dispatch_claims FOR EACH ROW EXECUTE FUNCTION news()"
        ))
        .await;
}

/// R9, C4: news of one contact between claim and wire: nothing leaves for that one, its quota comes back, and the others go.
#[rstest]
#[case::suppression(SUPPRESSED, "suppressed")]
#[case::reply(REPLIED, "replied")]
#[case::consent(WITHDRAWN, "consent")]
#[tokio::test]
async fn news_between_claim_and_wire_stop_one_message(#[case] statement: &str, #[case] code: &str) {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(3).await;
    with_the_claim(&world, statement).await;
    stopped_at_the_wire(&world, &provider, &items, code).await;
}

/// R9: a copy is a message too: who gets one and withdraws consent between claim and wire stops it, and nobody else's.
#[rstest]
#[case::visible("cc")]
#[case::hidden("bcc")]
#[tokio::test]
async fn consent_withdrawn_by_whoever_gets_a_copy_stops_it_at_the_wire(#[case] copied: &str) {
    let (world, provider) = (World::new().await, Provider::start().await);
    let friend = world.file(&[draft_to("friend@example.com", 9)]).await;
    let mut line = draft(1);
    line["payload"][copied] = json!(["Friend@Example.com"]);
    let items = world.file(&[line, draft(2)]).await;
    world.approve(&items).await;
    let contact = contact_of(&world, friend[0].id).await;
    let withdrawn = format!(
        "INSERT INTO crm_consents (company_id, contact_id, channel, state, evidence, recorded_by)
        SELECT id, '{contact}', 'email', 'withdrawn', 'a call', 'ada' FROM crm_companies ON CONFLICT DO NOTHING"
    );
    with_the_claim(&world, &withdrawn).await;
    stopped_at_the_wire(&world, &provider, &items, "consent").await;
}

/// R9: whoever suppresses an address means the mailbox, however the message spells it.
#[rstest]
#[case::letters("PERSON@Example.com", "person@EXAMPLE.com")]
#[case::punycode_of_what_was_written("person@b\u{fc}cher.example", "person@xn--bcher-kva.example")]
#[case::script_of_what_was_encoded("person@xn--bcher-kva.example", "Person@B\u{dc}CHER.example")]
#[case::composed("person@b\u{fc}cher.example", "person@bu\u{308}cher.example")]
#[tokio::test]
async fn a_suppression_in_another_spelling_stops_it_at_the_wire(#[case] written: &str, #[case] known: &str) {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.allow("*").await;
    let items = world.file(&[draft_to(written, 1), draft_to("person@books.example", 2)]).await;
    world.approve(&items).await;
    with_the_claim(&world, &suppression_of(known)).await;
    stopped_at_the_wire(&world, &provider, &items, "suppressed").await;
}

/// The same for whoever gets a copy.
#[tokio::test]
async fn a_suppression_in_another_spelling_stops_a_copy_at_the_wire() {
    let (world, provider) = (World::new().await, Provider::start().await);
    world.allow("*").await;
    let mut line = draft(1);
    line["payload"]["bcc"] = json!(["Friend@b\u{fc}cher.example"]);
    let items = world.file(&[line, draft(2)]).await;
    world.approve(&items).await;
    with_the_claim(&world, &suppression_of("friend@xn--bcher-kva.example")).await;
    stopped_at_the_wire(&world, &provider, &items, "suppressed").await;
}

/// A tag makes another mailbox: what it means is its provider's business, and is not guessed.
#[tokio::test]
async fn a_suppression_of_a_tagged_address_is_not_one_of_the_plain_address() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items =
        world.file(&[draft_to("person+news@example.com", 1), draft_to("person@example.com", 2)]).await;
    world.approve(&items).await;
    with_the_claim(&world, &suppression_of("Person+News@example.com")).await;
    stopped_at_the_wire(&world, &provider, &items, "suppressed").await;
}

/// What suppressing writes, as a statement.
fn suppression_of(address: &str) -> String {
    let identity = Identity::parse(address).expect("an address");
    format!(
        "INSERT INTO crm_suppressions (company_id, kind, address, reason, created_by)
        SELECT id, '{}', '{}', 'complaint', 'ada' FROM crm_companies ON CONFLICT DO NOTHING",
        identity.kind, identity.address
    )
}

/// The first item was claimed, did not go on the wire, and is blocked by that code; the others are sent.
async fn stopped_at_the_wire(world: &World, provider: &Provider, items: &[Item], code: &str) {
    dispatch_until(world, provider, "all are over", async || {
        world.status(items[0].id).await == Status::BlockedByPolicy
            && world.statuses().await.get("sent").copied() == i64::try_from(items.len() - 1).ok()
    })
    .await;
    let given_back = format!(
        "SELECT count(*) FROM crm_audit_log WHERE action = 'dispatch.give_back' AND detail -> 'items' ? '{}'",
        items[0].id
    );
    assert_eq!(world.count(&given_back).await, 1, "it was claimed before it was stopped");
    let stored = world.stored(items[0].id).await;
    assert_eq!((stored.hold_code.as_deref(), stored.attempt), (Some(code), 0));
    let sent = items.len() - 1;
    assert_eq!(provider.requests(), sent as u64);
    assert_eq!(world.sent_today(world.outbox).await, i32::try_from(sent).expect("few"));
    books::compare(world, provider).await;
}

/// R9: a wide kill between claim and wire stops everything that was claimed.
#[rstest]
#[case::channel(CHANNEL_KILLED, Some(ChannelName::Email))]
#[case::company(COMPANY_KILLED, None)]
#[tokio::test]
async fn a_wide_kill_between_claim_and_wire_stops_the_messages(
    #[case] statement: &str,
    #[case] channel: Option<ChannelName>,
) {
    let (world, provider) = (World::new().await, Provider::start().await);
    let items = world.approved_email(3).await;
    with_the_claim(&world, statement).await;
    dispatch_until(&world, &provider, "the claim is given back", async || {
        let given_back = "SELECT count(*) FROM crm_audit_log WHERE action = 'dispatch.give_back'
            AND NOT EXISTS (SELECT FROM crm_dispatch_claims)";
        world.count(given_back).await > 0
    })
    .await;
    assert_eq!((provider.requests(), world.sent_today(world.outbox).await), (0, 0));
    let stored = world.stored(items[0].id).await;
    assert_eq!((stored.status, stored.attempt), (Status::Approved, 0));
    world.sql("DROP TRIGGER news ON crm_dispatch_claims").await;
    outbox::lift_all(&world.pool, &world.admin, world.company, channel).await.expect("an admin lifts it");
    dispatch_until(&world, &provider, "everything is sent", async || {
        world.statuses().await.get("sent") == Some(&3)
    })
    .await;
    books::compare(&world, &provider).await;
}
