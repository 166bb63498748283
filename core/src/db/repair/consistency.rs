//! Rows that belong together and are not.
use sqlx::PgConnection;
use uuid::Uuid;

use super::{Finding, Mend};
use crate::db::migrate::SchemaError;
use crate::quota::day;

/// How many things of one kind are listed.
const LIMIT: i64 = 100;

/// Companies without a counter, and messages without their details.
pub(super) async fn of_base(conn: &mut PgConnection) -> Result<Vec<Finding>, SchemaError> {
    let mut findings = Vec::new();
    let slugs = sqlx::query_scalar!(
        r#"SELECT y.slug FROM crm_companies y
        WHERE NOT EXISTS (SELECT FROM crm_change_counters c WHERE c.company_id = y.id) ORDER BY y.slug LIMIT $1"#,
        LIMIT
    )
    .fetch_all(&mut *conn)
    .await?;
    if !slugs.is_empty() {
        findings.push(Finding::mendable(
            "counter_missing",
            format!("no change counter for {}: consoles do not notice changes", slugs.join(", ")),
            "the row was deleted by hand, or the data was loaded without it",
            "makes the row",
            Mend::MakeCounters,
        ));
    }
    let bare = sqlx::query_scalar!(
        r#"SELECT a.id FROM crm_activities a
        WHERE NOT EXISTS (SELECT FROM crm_activity_details d WHERE d.company_id = a.company_id AND d.activity_id = a.id)
        ORDER BY a.company_id, a.id LIMIT $1"#,
        LIMIT
    )
    .fetch_all(&mut *conn)
    .await?;
    if let Some(first) = bare.first() {
        let more = if i64::try_from(bare.len()) == Ok(LIMIT) { " or more" } else { "" };
        findings.push(Finding::for_people(
            "details_missing",
            format!(
                "{}{more} activities have no details row and stand in no list, the first is {first}",
                bare.len()
            ),
            "recipient and headline are written with a draft; somebody deleted or did not restore them",
            "restore crm_activity_details from a backup; they cannot be made up",
        ));
    }
    findings.extend(claims(conn).await?);
    Ok(findings)
}

/// Claims whose lease ended more than a day ago.
async fn claims(conn: &mut PgConnection) -> Result<Vec<Finding>, SchemaError> {
    let claims = sqlx::query!(
        r#"SELECT c.company_id, c.id, c.worker, c.lease_until,
          (SELECT count(*) FROM crm_activities a WHERE a.company_id = c.company_id AND a.id = ANY (c.activity_ids)
            AND a.claim_id = c.id AND a.status = 'dispatching') AS "held!"
        FROM crm_dispatch_claims c WHERE c.lease_until < now() - interval '1 day' ORDER BY c.company_id, c.id LIMIT $1"#,
        LIMIT
    )
    .fetch_all(conn)
    .await?;
    let findings = claims.into_iter().map(|claim| {
        let since = claim.lease_until.to_jiff();
        let worker = crate::safe_text::SafeText::line(&claim.worker).truncated(60);
        if claim.held == 0 {
            return Finding::mendable(
                "claim_stale",
                format!("claim {} of {worker} ended {since:.0} and holds nothing", claim.id),
                "its process ended after the last outcome and before the claim was closed",
                "removes the claim; no message is touched",
                Mend::DropClaim { company: claim.company_id, claim: claim.id },
            );
        }
        Finding::for_people(
            "claim_stale",
            format!("claim {} of {worker} ended {since:.0} and holds {} messages", claim.id, claim.held),
            "its process was lost and no dispatcher has run since",
            "run `countersign dispatch --until-idle`: what never left goes back to the queue, the rest is repeated with its key or called uncertain",
        )
    });
    Ok(findings.collect())
}

/// Outboxes without a bucket.
pub(super) async fn of_outboxes(conn: &mut PgConnection) -> Result<Vec<Finding>, SchemaError> {
    let outboxes = sqlx::query!(
        r#"SELECT o.company_id, o.id, o.name FROM crm_outboxes o
        WHERE NOT EXISTS (SELECT FROM crm_credential_buckets b WHERE b.company_id = o.company_id AND b.outbox_id = o.id)
        ORDER BY o.company_id, o.name, o.id LIMIT $1"#,
        LIMIT
    )
    .fetch_all(conn)
    .await?;
    let findings = outboxes.into_iter().map(|outbox| {
        Finding::mendable(
            "bucket_missing",
            format!("outbox {} has no quota bucket: it sends nothing and stands in no list", outbox.name),
            "the row was deleted by hand, or the data was loaded without it",
            "makes the bucket, with what was sent and is being sent today counted",
            Mend::MakeBucket { company: outbox.company_id, outbox: outbox.id },
        )
    });
    Ok(findings.collect())
}

pub(super) async fn make_counters(conn: &mut PgConnection) -> Result<String, SchemaError> {
    let done = sqlx::query!(
        "INSERT INTO crm_change_counters (company_id) SELECT id FROM crm_companies ON CONFLICT (company_id, shard) DO NOTHING"
    )
    .execute(conn)
    .await?;
    Ok(format!("made {}", done.rows_affected()))
}

/// Makes a bucket. Whatever holds quota of today counts, so that a lost bucket is no second quota.
pub(super) async fn make_bucket(
    conn: &mut PgConnection,
    company: Uuid,
    outbox: Uuid,
) -> Result<String, SchemaError> {
    let zone = sqlx::query!(
        r#"SELECT zone, now() AS "now!" FROM crm_outboxes WHERE company_id = $1 AND id = $2"#,
        company,
        outbox
    )
    .fetch_one(&mut *conn)
    .await?;
    let today = day::local_day(zone.now.to_jiff(), &zone.zone);
    let made = sqlx::query_scalar!(
        r#"INSERT INTO crm_credential_buckets (company_id, outbox_id, day, sent_today, daily_cap)
        SELECT o.company_id, o.id, $3, s.sent, greatest(o.daily_cap, s.sent)
        FROM crm_outboxes o CROSS JOIN LATERAL (SELECT count(*)::int AS sent FROM crm_activities a
          WHERE a.company_id = o.company_id AND a.outbox_id = o.id AND a.quota_day = $3
            AND (a.stage <> 'closed' OR a.closed_at > now() - interval '2 days')) s
        WHERE o.company_id = $1 AND o.id = $2
        ON CONFLICT (company_id, outbox_id) DO NOTHING RETURNING sent_today"#,
        company,
        outbox,
        jiff_sqlx::Date::from(today) as _
    )
    .fetch_optional(conn)
    .await?;
    Ok(match made {
        Some(sent) => format!("made, with {sent} counted for {today}"),
        None => "there by now".to_owned(),
    })
}

pub(super) async fn drop_claim(
    conn: &mut PgConnection,
    company: Uuid,
    claim: Uuid,
) -> Result<String, SchemaError> {
    let done = sqlx::query!(
        r#"DELETE FROM crm_dispatch_claims c WHERE c.company_id = $1 AND c.id = $2 AND c.lease_until < now() - interval '1 day'
          AND NOT EXISTS (SELECT FROM crm_activities a WHERE a.company_id = c.company_id AND a.id = ANY (c.activity_ids)
            AND a.claim_id = c.id AND a.status = 'dispatching')"#,
        company,
        claim
    )
    .execute(conn)
    .await?;
    Ok(if done.rows_affected() == 1 { "removed" } else { "taken up by a dispatcher meanwhile" }.to_owned())
}
