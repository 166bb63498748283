//! The demo company on the channels beside mail: its drafts are rendered, and what is approved reaches the sandbox.
use std::collections::BTreeMap;

use countersign_core::activity::payload::{Envelope, PayloadHash};
use countersign_core::actor::{Actor, Role};
use countersign_core::approval::{self, Item, ItemOutcome};
use countersign_core::demo;
use countersign_core::ids::{ActivityId, CompanyId, OperatorId};
use countersign_tests::provider::{Provider, all_by};
use countersign_tests::worker::{Worker, quick};
use countersign_tests::world::World;
use sqlx::Row;

/// Drafts of the demo on these channels: those without a request, and the others as they were seen.
async fn drafts(world: &World, company: CompanyId) -> (Vec<String>, Vec<Item>) {
    let rows = sqlx::query(
        "SELECT a.id, a.payload_sha256, p.envelope FROM crm_activities a JOIN crm_payloads p USING (company_id, payload_sha256)
        WHERE a.company_id = $1 AND a.status = 'draft_pending_approval' AND a.channel IN ('linkedin', 'instagram')
          AND p.activity_id = a.id ORDER BY a.id",
    )
    .bind(company.0)
    .fetch_all(&world.pool)
    .await
    .expect("reads");
    let (mut bare, mut items) = (Vec::new(), Vec::new());
    for row in rows {
        let envelope = Envelope::open(row.get("envelope")).expect("an envelope");
        let sha256 = PayloadHash::from_bytes(row.get("payload_sha256")).expect("32 bytes");
        match envelope.request {
            Some(_) => items.push(Item::seen(ActivityId(row.get("id")), sha256)),
            None => bare.push(format!("{:?}", envelope.payload)),
        }
    }
    (bare, items)
}

async fn approver(world: &World, company: CompanyId) -> Actor {
    let id: uuid::Uuid =
        sqlx::query_scalar("SELECT id FROM crm_operators WHERE company_id = $1 AND name = 'ana'")
            .bind(company.0)
            .fetch_one(&world.pool)
            .await
            .expect("ana is there");
    Actor::Operator { id: OperatorId(id), name: "ana".to_owned(), role: Role::Approver }
}

#[tokio::test]
async fn drafts_of_the_demo_are_rendered_and_sent_to_the_sandbox() {
    let (world, provider) = (World::new().await, Provider::start().await);
    let lines = all_by(provider.transport());
    let filled = demo::fill(&world.pool, &world.key, &lines, "root", &|_, _| {}).await.expect("fills");
    let company = filled.company.id;
    let (bare, items) = drafts(&world, company).await;
    assert_eq!(bare, Vec::<String>::new());
    assert!(items.len() >= 20, "{}", items.len());
    let ana = approver(&world, company).await;
    let results = approval::approve(&world.pool, &ana, company, &items).await.expect("answers");
    let approved: Vec<_> = results
        .iter()
        .filter(|result| matches!(result.outcome, ItemOutcome::Approved { .. }))
        .map(|result| result.id.0)
        .collect();
    assert_eq!(approved.len(), items.len(), "{results:?}");
    let worker = Worker::start(&world, lines, quick()).await;
    let mut ends: BTreeMap<String, i64> = BTreeMap::new();
    world
        .until("each has its end", async || {
            world.hurry().await;
            world.sql("UPDATE crm_outboxes SET spaced_until = NULL WHERE spaced_until IS NOT NULL").await;
            let rows = sqlx::query(
                "SELECT format('%s %s %s', channel, status, hold_code), count(*) FROM crm_activities WHERE id = ANY($1) GROUP BY 1",
            )
            .bind(&approved)
            .fetch_all(&world.pool)
            .await
            .expect("reads");
            ends = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
            ends.keys().all(|end| end.contains(" sent ") || end.contains(" blocked_by_policy "))
        })
        .await;
    worker.stop().await;
    // One waits for a person's own words: the tag is no way around that.
    let blocked: Vec<_> = ends.iter().filter(|(end, _)| !end.contains(" sent ")).collect();
    assert_eq!(blocked, [(&"instagram blocked_by_policy window".to_owned(), &1)], "{ends:?}");
    assert!(ends.keys().any(|end| end.starts_with("linkedin sent")), "{ends:?}");
    let by: Vec<_> = provider.ledger().into_iter().filter_map(|entry| entry.provider).collect();
    assert!(by.iter().any(|name| name == "linkedin") && by.iter().any(|name| name == "instagram"));
}
