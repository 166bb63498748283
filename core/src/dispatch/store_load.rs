//! SQL of the load.
use sqlx::PgConnection;

use super::idle::{HORIZON_SECS, Load};
use crate::error::Error;

/// Reads the load over all companies. A dry-run process does not repeat what a real attempt may have sent, so that is held for it.
///
/// # Errors
/// A database fault.
pub async fn load(conn: &mut PgConnection, is_dry_run: bool) -> Result<Load, Error> {
    let load = sqlx::query_as!(
        Load,
        r#"WITH queue AS (
          SELECT a.status = 'dispatching' AND a.claim_id <> '00000000-0000-0000-0000-000000000000' AS is_under_way,
            o.enabled AND NOT (a.status = 'dispatching' AND $2)
            AND NOT EXISTS (SELECT FROM crm_kill_switches k WHERE k.company_id = o.company_id AND k.channel IN ('all', o.channel))
            AND greatest(a.send_after, o.cool_until, o.spaced_until) <= now() + make_interval(secs => $1)
            AND (a.status = 'dispatching' OR b.sent_today < b.daily_cap
              OR b.day < ((now() + make_interval(secs => $1)) AT TIME ZONE o.zone)::date) AS is_due
          FROM crm_activities a
          JOIN crm_outboxes o ON o.company_id = a.company_id AND o.id = a.outbox_id
          JOIN crm_credential_buckets b ON b.company_id = a.company_id AND b.outbox_id = a.outbox_id
          WHERE a.stage = 'queue')
        SELECT count(*) FILTER (WHERE is_under_way) AS "dispatching!",
          count(*) FILTER (WHERE is_due AND NOT is_under_way) AS "due!",
          count(*) FILTER (WHERE NOT is_due AND NOT is_under_way) AS "held!"
        FROM queue"#,
        f64::from(HORIZON_SECS),
        is_dry_run
    )
    .fetch_one(conn)
    .await?;
    Ok(load)
}
