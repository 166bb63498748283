//! SQL of changing and stopping an outbox.
use std::time::Duration;

use serde_json::{Map, Value};
use sqlx::PgConnection;

use super::NewOutbox;
use super::limits::Limits;
use super::store::read_channel;
use crate::activity::view::COUNT_LIMIT;
use crate::channel::ChannelName;
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
    pub(super) limits: Limits,
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

/// Kills a channel or, without one, the company; says whether it was not before.
pub(super) async fn insert_kill(
    conn: &mut PgConnection,
    company: CompanyId,
    channel: Option<ChannelName>,
    reason: &str,
    by: &str,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        r#"INSERT INTO crm_kill_switches (company_id, channel, reason, killed_by) VALUES ($1, $2, $3, $4)
        ON CONFLICT (company_id, channel) DO NOTHING"#,
        company.0,
        channel.map_or("all", ChannelName::as_str),
        reason,
        by
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Takes the kill of a channel or of the company away and returns why it was there.
pub(super) async fn delete_kill(
    conn: &mut PgConnection,
    company: CompanyId,
    channel: Option<ChannelName>,
) -> Result<Option<String>, Error> {
    let reason = sqlx::query_scalar!(
        "DELETE FROM crm_kill_switches WHERE company_id = $1 AND channel = $2 RETURNING reason",
        company.0,
        channel.map_or("all", ChannelName::as_str)
    )
    .fetch_optional(conn)
    .await?;
    Ok(reason)
}

/// Takes pause, kill and an open circuit away. What a provider asked for stays asked for.
pub(super) async fn open(conn: &mut PgConnection, company: CompanyId, outbox: OutboxId) -> Result<(), Error> {
    sqlx::query!(
        r#"UPDATE crm_outboxes SET enabled = true, pause_reason = NULL, killed_at = NULL, killed_by = NULL, kill_reason = NULL,
          fault_streak = 0, cool_until = CASE WHEN coalesce(cool_reason, 'provider') = 'provider' THEN cool_until END, updated_at = now()
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
        r#"SELECT name, channel, sender, secret_ref, daily_cap, zone, undo_window_secs, allowlist_mode, niche, config, quiet_from,
          quiet_until, quiet_days, ramp_from, ramp_start, ramp_step, consent_required
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
        let limits = Limits::stored(
            row.quiet_from.zip(row.quiet_until).map(|(from, until)| (from.to_jiff(), until.to_jiff())),
            &row.quiet_days,
            row.ramp_from.map(jiff_sqlx::Date::to_jiff).zip(row.ramp_start.zip(row.ramp_step)),
            row.consent_required,
        );
        Ok(Settings { new, niche: row.niche, config, limits })
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
    let Settings { new, niche, config, limits } = settings;
    let (quiet_from, quiet_until) = limits.quiet.hours.unzip();
    let quiet_days: Vec<i16> = limits.quiet.days.iter().map(|day| i16::from(*day)).collect();
    sqlx::query!(
        r#"UPDATE crm_outboxes SET sender = $3, secret_ref = $4, daily_cap = $5, zone = $6, undo_window_secs = $7,
          allowlist_mode = $8, niche = $9, config = $10, quiet_from = $11, quiet_until = $12, quiet_days = $13, ramp_from = $14,
          ramp_start = $15, ramp_step = $16, consent_required = $17, updated_at = now()
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
        Value::Object(config.clone()),
        quiet_from.map(jiff_sqlx::Time::from) as _,
        quiet_until.map(jiff_sqlx::Time::from) as _,
        &quiet_days,
        limits.ramp.map(|ramp| jiff_sqlx::Date::from(ramp.from)) as _,
        limits.ramp.map(|ramp| ramp.start),
        limits.ramp.map(|ramp| ramp.step),
        limits.consent_required
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Makes what a stop held due: the time on such a row only says when the dispatcher would have looked again.
pub(super) async fn look_after_stop(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: Option<OutboxId>,
) -> Result<(), Error> {
    sqlx::query!(
        r#"WITH waiting AS (
          SELECT id FROM crm_activities
          WHERE company_id = $1 AND ($2::uuid IS NULL OR outbox_id = $2) AND stage = 'queue' AND status = 'approved'
            AND hold_code IN ('outbox_paused', 'outbox_killed', 'circuit_open', 'credential_revoked', 'credential_unavailable')
            AND send_after > now()
          ORDER BY id FOR NO KEY UPDATE)
        UPDATE crm_activities a SET send_after = now() FROM waiting WHERE a.company_id = $1 AND a.id = waiting.id"#,
        company.0,
        outbox.map(|outbox| outbox.0)
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
