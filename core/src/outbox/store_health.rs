//! SQL of the health of an outbox.
use sqlx::PgConnection;

use super::health::{Counts, DAYS};
use crate::error::Error;
use crate::ids::{CompanyId, OutboxId};

/// Counts what an outbox sent over the last days, and what became of that.
pub(crate) async fn counts(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
) -> Result<Counts, Error> {
    let row = sqlx::query!(
        r#"SELECT
          (SELECT count(*) FROM crm_activities a WHERE a.company_id = $1 AND a.outbox_id = $2 AND a.stage = 'closed' AND a.status = 'sent'
            AND a.closed_at > now() - make_interval(days => $3)) AS "sent!",
          count(DISTINCT f.activity_id) FILTER (WHERE f.fact = 'bounced') AS "bounced!",
          count(DISTINCT f.activity_id) FILTER (WHERE f.fact = 'complained') AS "complained!"
        FROM crm_activity_facts f
        JOIN crm_activities m ON m.company_id = f.company_id AND m.id = f.activity_id AND m.outbox_id = $2
        WHERE f.company_id = $1 AND f.fact IN ('bounced', 'complained') AND f.at > now() - make_interval(days => $3)"#,
        company.0,
        outbox.0,
        DAYS
    )
    .fetch_one(conn)
    .await?;
    Ok(Counts { sent: row.sent, bounced: row.bounced, complained: row.complained })
}

/// Lets an outbox wait a day, also if it waits for something else until before that; one that waits longer, or rests already, does.
pub(crate) async fn rest(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        r#"UPDATE crm_outboxes SET cool_until = clock_timestamp() + interval '24 hours', cool_reason = 'bounces', updated_at = now()
        WHERE company_id = $1 AND id = $2 AND enabled
          AND (cool_until IS NULL OR cool_until <= clock_timestamp()
            OR cool_reason IS DISTINCT FROM 'bounces' AND cool_until < clock_timestamp() + interval '24 hours')"#,
        company.0,
        outbox.0
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}
