//! SQL of outboxes.
use std::time::Duration;

use jiff::Timestamp;
use sqlx::PgConnection;

use super::NewOutbox;
use crate::activity::view::{COUNT_LIMIT, OutboxView};
use crate::channel::ChannelName;
use crate::error::Error;
use crate::ids::{CompanyId, OutboxId};
use crate::quota::day;

pub(super) async fn insert(
    conn: &mut PgConnection,
    company: CompanyId,
    id: OutboxId,
    new: &NewOutbox,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        r#"INSERT INTO crm_outboxes
          (company_id, id, name, channel, sender, secret_ref, daily_cap, zone, undo_window_secs, allowlist_mode)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
        ON CONFLICT (company_id, name) DO NOTHING"#,
        company.0,
        id.0,
        new.name,
        new.channel.as_str(),
        new.sender,
        new.secret.to_string(),
        new.daily_cap,
        new.zone,
        i32::try_from(new.undo_window.as_secs()).unwrap_or(3600),
        if new.allowlist_enforced { "enforced" } else { "open" }
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

pub(crate) async fn set_pause(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
    reason: Option<&str>,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        r#"UPDATE crm_outboxes SET enabled = $3::text IS NULL, pause_reason = $3, updated_at = now()
        WHERE company_id = $1 AND id = $2"#,
        company.0,
        outbox.0,
        reason
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Pauses an outbox that is open; the reason of a person who paused it before stands.
pub(crate) async fn pause_open(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
    reason: &str,
) -> Result<bool, Error> {
    let done = sqlx::query!(
        r#"UPDATE crm_outboxes SET enabled = false, pause_reason = $3, updated_at = now()
        WHERE company_id = $1 AND id = $2 AND enabled"#,
        company.0,
        outbox.0,
        reason
    )
    .execute(conn)
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Whether PostgreSQL knows a time zone; the queue asks it for local days.
pub(super) async fn knows_zone(conn: &mut PgConnection, zone: &str) -> Result<bool, Error> {
    let known = sqlx::query_scalar!(
        r#"SELECT EXISTS (SELECT FROM pg_timezone_names WHERE name = $1) AS "known!""#,
        zone
    )
    .fetch_one(conn)
    .await?;
    Ok(known)
}

/// Makes every outbox of one credential wait, as its provider asked.
pub(crate) async fn cool(
    conn: &mut PgConnection,
    company: CompanyId,
    credential_id: &str,
    until: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        r#"UPDATE crm_outboxes SET cool_until = greatest(coalesce(cool_until, $3), $3)
        WHERE company_id = $1 AND split_part(substr(secret_ref, 10), ':', 1) = $2"#,
        company.0,
        credential_id,
        jiff_sqlx::Timestamp::from(until) as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// An outbox as filing and dispatching need it.
#[derive(Clone, Debug)]
pub struct OutboxSettings {
    /// The outbox.
    pub id: OutboxId,
    /// Its name.
    pub name: String,
    /// Channel.
    pub channel: ChannelName,
    /// What the recipient sees.
    pub sender: String,
    /// Reference to the credential, as stored.
    pub secret_ref: String,
    /// Zone of the quota day.
    pub zone: String,
    /// How long a decision can be taken back.
    pub undo_window: Duration,
    /// Whether recipients must be on the allowlist.
    pub allowlist_enforced: bool,
    /// Why it is paused, if it is.
    pub paused: Option<String>,
    /// Why it is killed, if it is.
    pub killed: Option<String>,
    /// The provider asked to wait until then.
    pub cool_until: Option<Timestamp>,
}

/// Loads the settings of every outbox of a company, or of one, by name.
///
/// # Errors
/// [`Error::Corrupt`] for an unknown channel, or a database fault.
pub async fn settings(
    conn: &mut PgConnection,
    company: CompanyId,
    only: Option<OutboxId>,
) -> Result<Vec<OutboxSettings>, Error> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id: OutboxId", name, channel, sender, secret_ref, zone, undo_window_secs, allowlist_mode, enabled,
          pause_reason, kill_reason, cool_until
        FROM crm_outboxes WHERE company_id = $1 AND ($2::uuid IS NULL OR id = $2) ORDER BY name LIMIT 10000"#,
        company.0,
        only.map(|id| id.0)
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            Ok(OutboxSettings {
                channel: read_channel(&row.channel, row.id)?,
                id: row.id,
                name: row.name,
                sender: row.sender,
                secret_ref: row.secret_ref,
                zone: row.zone,
                undo_window: Duration::from_secs(u64::try_from(row.undo_window_secs).unwrap_or(0)),
                allowlist_enforced: row.allowlist_mode == "enforced",
                paused: (!row.enabled).then(|| row.pause_reason.unwrap_or_default()),
                killed: row.kill_reason,
                cool_until: row.cool_until.map(jiff_sqlx::Timestamp::to_jiff),
            })
        })
        .collect()
}

/// Lists the outboxes of a company with quota and load, by name.
///
/// # Errors
/// [`Error::Corrupt`] for an unknown channel, or a database fault.
pub async fn list(conn: &mut PgConnection, company: CompanyId) -> Result<Vec<OutboxView>, Error> {
    let rows = sqlx::query!(
        r#"SELECT o.id AS "id: OutboxId", o.name, o.channel, o.sender, o.secret_ref, o.daily_cap, o.zone, o.undo_window_secs,
          o.allowlist_mode, o.enabled, o.pause_reason, o.kill_reason, o.cool_until, b.day, b.sent_today, now() AS "now!",
          (SELECT count(*) FROM (SELECT FROM crm_activities a
            WHERE a.company_id = o.company_id AND a.outbox_id = o.id AND a.stage = 'queue' LIMIT $2) q) AS "queued!",
          coalesce(s.sent, 0) AS "sent_24h!"
        FROM crm_outboxes o
        JOIN crm_credential_buckets b ON b.company_id = o.company_id AND b.outbox_id = o.id
        LEFT JOIN (SELECT a.outbox_id, count(*) AS sent FROM crm_activities a
          WHERE a.company_id = $1 AND a.stage = 'closed' AND a.closed_at > now() - interval '24 hours'
            AND a.status IN ('sent', 'sent_dryrun')
          GROUP BY a.outbox_id) s ON s.outbox_id = o.id
        WHERE o.company_id = $1 ORDER BY o.name, o.id LIMIT 1000"#,
        company.0,
        COUNT_LIMIT
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let now = row.now.to_jiff();
            let today = day::local_day(now, &row.zone);
            Ok(OutboxView {
                channel: read_channel(&row.channel, row.id)?,
                id: row.id,
                name: row.name,
                sender: row.sender,
                secret_ref: row.secret_ref,
                daily_cap: row.daily_cap,
                sent_today: if row.day.to_jiff() < today { 0 } else { row.sent_today },
                quota_resets_at: day::next_reset(now, &row.zone),
                zone: row.zone,
                undo_window: Duration::from_secs(u64::try_from(row.undo_window_secs).unwrap_or(0)),
                allowlist_mode: row.allowlist_mode,
                enabled: row.enabled,
                pause_reason: row.pause_reason,
                kill_reason: row.kill_reason,
                cool_until: row.cool_until.map(jiff_sqlx::Timestamp::to_jiff).filter(|until| *until > now),
                queued: row.queued,
                sent_24h: row.sent_24h,
            })
        })
        .collect()
}

pub(crate) fn read_channel(word: &str, row: impl std::fmt::Display) -> Result<ChannelName, Error> {
    ChannelName::parse(word).ok_or_else(|| Error::Corrupt {
        table: "crm_outboxes",
        row: row.to_string(),
        problem: format!("channel `{word}` is not known"),
    })
}
