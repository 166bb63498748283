//! Links by which mails can be unsubscribed from: which mails carry one, and what following it does.
use countersign_core::activity::payload::Envelope;
use countersign_core::activity::status::Status;
use countersign_core::approval::ItemOutcome;
use countersign_core::company::policy::{PolicyChange, set_policy};
use countersign_core::draft::revise_content;
use countersign_core::ids::ActivityId;
use countersign_core::inbound::{Followed, is_link, unsubscribe};
use countersign_tests::books;
use countersign_tests::provider::Provider;
use countersign_tests::world::{World, draft, rendering};
use serde_json::json;

use crate::gates::dispatch_until;
use crate::inbound::facts;

async fn with_links() -> World {
    let world = World::new().await;
    let url = Some(Some("https://crm.acme.example".to_owned()));
    let change = PolicyChange { unsubscribe_url: url, ..PolicyChange::default() };
    set_policy(&world.pool, &world.admin, world.company, &change).await.expect("can be set");
    world
}

/// What a message carries as its link, if it carries any.
async fn link(world: &World, id: ActivityId) -> Option<String> {
    let newest = "SELECT envelope FROM crm_payloads WHERE activity_id = $1 ORDER BY created_at DESC LIMIT 1";
    let envelope: Vec<u8> =
        sqlx::query_scalar(newest).bind(id.0).fetch_one(&world.pool).await.expect("there is an envelope");
    let envelope = Envelope::open(&envelope).expect("it can be opened");
    let header = envelope.payload.headers.get("List-Unsubscribe")?.clone();
    assert_eq!(envelope.payload.headers["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click");
    let frozen = envelope.request.expect("it is rendered").body;
    assert!(frozen.contains(&header), "what is sent carries it: {frozen}");
    let token = header.strip_prefix("<https://crm.acme.example/u/").and_then(|rest| rest.strip_suffix('>'));
    Some(token.expect("a link of ours").to_owned())
}

/// A look changes nothing; a post suppresses at once and for good, however often it comes.
#[tokio::test]
async fn a_link_suppresses_whom_it_was_sent_to() {
    let (world, provider) = (with_links().await, Provider::start().await);
    let items = world.approved_email(2).await;
    let token = link(&world, items[0].id).await.expect("it carries a link");
    assert_ne!(link(&world, items[1].id).await, Some(token.clone()), "each has its own");

    assert!(is_link(&world.pool, &token).await.expect("can be asked"));
    assert_eq!(world.count("SELECT count(*) FROM crm_suppressions").await, 0);
    let followed = async || unsubscribe(&world.pool, &token).await.expect("can be followed");
    assert_eq!(followed().await, Followed::Known { is_news: true });
    let version = "SELECT sum(version)::bigint FROM crm_change_counters";
    let told = world.count(version).await;
    for _ in 0..3 {
        assert_eq!(followed().await, Followed::Known { is_news: false });
    }
    assert_eq!(world.count(version).await, told, "nobody is told of it again");
    assert_eq!(world.text("SELECT address FROM crm_suppressions").await, "person-1@example.com");
    assert_eq!(facts(&world, items[0].id).await, ["unsubscribed"]);
    assert_eq!(
        world.audit(items[0].id).await.iter().filter(|action| *action == "activity.unsubscribe").count(),
        1
    );

    dispatch_until(&world, &provider, "the other one is sent", async || {
        world.status(items[1].id).await == Status::Sent
            && world.status(items[0].id).await == Status::BlockedByPolicy
    })
    .await;
    assert_eq!(provider.requests(), 1);
    books::compare(&world, &provider).await;
}

/// The stored hash, a link of another spelling and one that was cut off lead nowhere.
#[tokio::test]
async fn what_is_no_link_does_nothing() {
    let world = with_links().await;
    let items = world.file(&[draft(1)]).await;
    let token = link(&world, items[0].id).await.expect("it carries a link");
    let stored = world.text("SELECT encode(token_sha256, 'hex') FROM crm_unsubscribe_links").await;
    let upper = token.to_uppercase();
    let mut other = token.clone();
    other.replace_range(10..11, if &token[10..11] == "0" { "1" } else { "0" });
    for wrong in ["", "\0", "%", &stored, &format!("csu_{stored}"), &token[..token.len() - 1], &upper, &other]
    {
        assert!(!is_link(&world.pool, wrong).await.expect("can be asked"), "{wrong}");
        let followed = unsubscribe(&world.pool, wrong).await.expect("can be followed");
        assert_eq!(followed, Followed::Unknown, "{wrong}");
    }
    assert_eq!(world.count("SELECT count(*) FROM crm_suppressions").await, 0);
}

/// Other words keep the link, as a document or as whole content; only a link of the new content takes its place.
#[tokio::test]
async fn other_words_keep_the_link() {
    let world = with_links().await;
    let items = world.file(&[draft(1)]).await;
    let token = link(&world, items[0].id).await.expect("it carries a link");
    let revise = async |content: serde_json::Value| {
        let item = world.items(&[items[0].id]).await[0];
        let (pool, lines) = (&world.pool, rendering());
        let done = revise_content(pool, &world.approver, world.company, item, &content, &lines).await;
        assert!(matches!(done.expect("answers").outcome, ItemOutcome::Revised { .. }), "{content}");
    };
    revise(json!({ "subject": "Another", "text": "Other words." })).await;
    assert_eq!(link(&world, items[0].id).await, Some(token.clone()));
    let thread = json!({ "References": "<1@example.com>" });
    revise(json!({ "subject": "Another", "text": "More words.", "headers": thread })).await;
    assert_eq!(link(&world, items[0].id).await, Some(token));
    let own = json!({ "List-Unsubscribe": "<https://acme.example/u>" });
    revise(json!({ "subject": "Another", "text": "Own link.", "headers": own })).await;
    let stored = "SELECT convert_from(envelope, 'UTF8')::jsonb #> '{payload,headers}' FROM crm_payloads p
        JOIN crm_activities a ON a.id = p.activity_id AND a.payload_sha256 = p.payload_sha256";
    assert_eq!(
        world.text(&format!("SELECT ({stored})::text")).await.parse::<serde_json::Value>().ok(),
        Some(own)
    );
}

/// A link of the drafter's own stays, an answer carries none, and a draft that comes twice is one.
#[tokio::test]
async fn only_what_nobody_asked_for_gets_a_link() {
    let world = with_links().await;
    let mut own = draft(1);
    own["payload"]["headers"] = serde_json::json!({ "List-Unsubscribe": "<https://acme.example/u>" });
    let mut answer = draft(2);
    answer["kind"] = "reply".into();
    let items = world.file(&[own, answer, draft(3)]).await;
    assert_eq!(world.count("SELECT count(*) FROM crm_unsubscribe_links").await, 1);
    assert_eq!(link(&world, items[1].id).await, None);
    let before = link(&world, items[2].id).await.expect("it carries a link");
    let again = world.file(&[draft(3)]).await;
    assert_eq!(again[0].id, items[2].id);
    assert_eq!(link(&world, items[2].id).await, Some(before));
    assert_eq!(world.count("SELECT count(*) FROM crm_unsubscribe_links").await, 1);
}
