//! SQL of changing and stopping an outbox.
use std::time::Duration;

use serde_json::{Map, Value};
use sqlx::PgConnection;

use super::NewOutbox;
use super::store::read_channel;
use crate::activity::view::COUNT_LIMIT;
use crate::error::Error;
use crate::ids::{CompanyId, OutboxId};

/// Whether an outbox is stopped for good.
pub(super) struct Switch {
    pub(super) name: String,
    pub(super) kill_reason: Option<String>,
}

/// Everything about an outbox that can be set.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) new: NewOutbox,
    pub(super) niche: Option<String>,
    pub(super) config: Map<String, Value>,
}

/// Reads how an outbox is switched, under lock.
pub(super) async fn switch(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
) -> Result<Option<Switch>, Error> {
    let row = sqlx::query_as!(
        Switch,
        "SELECT name, kill_reason FROM crm_outboxes WHERE company_id = $1 AND id = $2 FOR NO KEY UPDATE",
        company.0,
        outbox.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(row)
}

/// Kills an outbox. A pause that stood keeps its reason under it.
pub(super) async fn set_kill(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
    reason: &str,
    by: &str,
) -> Result<(), Error> {
    sqlx::query!(
        r#"UPDATE crm_outboxes SET enabled = false, pause_reason = coalesce(pause_reason, $3), killed_at = now(), killed_by = $4,
          kill_reason = $3, updated_at = now()
        WHERE company_id = $1 AND id = $2"#,
        company.0,
        outbox.0,
        reason,
        by
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes pause and kill away.
pub(super) async fn open(conn: &mut PgConnection, company: CompanyId, outbox: OutboxId) -> Result<(), Error> {
    sqlx::query!(
        r#"UPDATE crm_outboxes SET enabled = true, pause_reason = NULL, killed_at = NULL, killed_by = NULL, kill_reason = NULL,
          updated_at = now()
        WHERE company_id = $1 AND id = $2"#,
        company.0,
        outbox.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Reads what can be set, under lock.
pub(super) async fn settings(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
) -> Result<Option<Settings>, Error> {
    let row = sqlx::query!(
        r#"SELECT name, channel, sender, secret_ref, daily_cap, zone, undo_window_secs, allowlist_mode, niche, config
        FROM crm_outboxes WHERE company_id = $1 AND id = $2 FOR NO KEY UPDATE"#,
        company.0,
        outbox.0
    )
    .fetch_optional(conn)
    .await?;
    row.map(|row| {
        let new = NewOutbox {
            channel: read_channel(&row.channel, outbox)?,
            name: row.name,
            sender: row.sender,
            secret: row.secret_ref.parse()?,
            daily_cap: row.daily_cap,
            zone: row.zone,
            undo_window: Duration::from_secs(u64::try_from(row.undo_window_secs).unwrap_or(0)),
            allowlist_enforced: row.allowlist_mode == "enforced",
        };
        let config = match row.config {
            Value::Object(config) => config,
            _ => Map::new(),
        };
        Ok(Settings { new, niche: row.niche, config })
    })
    .transpose()
}

/// Writes what can be set.
pub(super) async fn write(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
    settings: &Settings,
) -> Result<(), Error> {
    let Settings { new, niche, config } = settings;
    sqlx::query!(
        r#"UPDATE crm_outboxes SET sender = $3, secret_ref = $4, daily_cap = $5, zone = $6, undo_window_secs = $7,
          allowlist_mode = $8, niche = $9, config = $10, updated_at = now()
        WHERE company_id = $1 AND id = $2"#,
        company.0,
        outbox.0,
        new.sender,
        new.secret.to_string(),
        new.daily_cap,
        new.zone,
        i32::try_from(new.undo_window.as_secs()).unwrap_or(3600),
        if new.allowlist_enforced { "enforced" } else { "open" },
        niche.as_deref(),
        Value::Object(config.clone())
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes what waits for quota due, so that the next claim judges it by the new settings.
pub(super) async fn look_again(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
) -> Result<(), Error> {
    sqlx::query!(
        r#"WITH waiting AS (
          SELECT id FROM crm_activities
          WHERE company_id = $1 AND outbox_id = $2 AND stage = 'queue' AND status = 'blocked_by_quota'
          ORDER BY id FOR NO KEY UPDATE)
        UPDATE crm_activities a SET send_after = least(a.send_after, now()) FROM waiting
        WHERE a.company_id = $1 AND a.id = waiting.id"#,
        company.0,
        outbox.0
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Drafts and queued messages of an outbox, bounded by [`COUNT_LIMIT`].
pub(super) async fn open_messages(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
) -> Result<i64, Error> {
    let count = sqlx::query_scalar!(
        r#"SELECT count(*) AS "count!" FROM (
          SELECT FROM crm_activities
          WHERE company_id = $1 AND outbox_id = $2 AND stage IN ('draft', 'queue') LIMIT $3) AS open"#,
        company.0,
        outbox.0,
        COUNT_LIMIT
    )
    .fetch_one(conn)
    .await?;
    Ok(count)
}
