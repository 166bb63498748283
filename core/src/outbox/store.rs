//! SQL of outboxes.
use std::time::Duration;

use jiff::Timestamp;
use sqlx::PgConnection;

use super::NewOutbox;
use super::limits::Limits;
use crate::activity::view::{COUNT_LIMIT, OutboxView};
use crate::channel::{ChannelName, ProviderSettings};
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

/// Locks outboxes, and those of credentials, in id order. Whoever writes to several in one transaction locks all of them here first, so
/// that two of them can never wait for each other in a circle.
pub(crate) async fn lock(
    conn: &mut PgConnection,
    company: CompanyId,
    outboxes: &[OutboxId],
    credentials: &[String],
) -> Result<(), Error> {
    let outboxes: Vec<uuid::Uuid> = outboxes.iter().map(|id| id.0).collect();
    sqlx::query!(
        r#"SELECT id FROM crm_outboxes
        WHERE company_id = $1 AND (id = ANY ($2) OR split_part(substr(secret_ref, 10), ':', 1) = ANY ($3))
        ORDER BY id FOR NO KEY UPDATE"#,
        company.0,
        &outboxes,
        credentials
    )
    .fetch_all(conn)
    .await?;
    Ok(())
}

/// Makes every outbox of one credential wait, as its provider asked. They are locked already.
pub(crate) async fn cool(
    conn: &mut PgConnection,
    company: CompanyId,
    credential_id: &str,
    until: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        r#"UPDATE crm_outboxes SET cool_until = greatest(coalesce(cool_until, $3), $3),
          cool_reason = CASE WHEN cool_until > $3 THEN cool_reason ELSE 'provider' END
        WHERE company_id = $1 AND split_part(substr(secret_ref, 10), ':', 1) = $2"#,
        company.0,
        credential_id,
        jiff_sqlx::Timestamp::from(until) as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Notes that calls of an outbox had no clear answer, or with none of them that one had, which closes its circuit. Returns how many had none in a row, unless its circuit is open
/// already: calls that were under way when it opened say nothing new.
pub(crate) async fn count_faults(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
    faults: i32,
) -> Result<Option<i32>, Error> {
    let streak = sqlx::query_scalar!(
        r#"UPDATE crm_outboxes SET fault_streak = CASE
          WHEN $3 = 0 THEN 0
          WHEN fault_streak < $4 THEN least(fault_streak + $3, $4)
          ELSE least(fault_streak, 1000) + 1 END,
          cool_until = CASE WHEN $3 = 0 AND cool_reason = 'circuit' THEN NULL ELSE cool_until END
        WHERE company_id = $1 AND id = $2
          AND ($3 = 0 OR cool_reason IS DISTINCT FROM 'circuit' OR cool_until IS NULL OR cool_until <= clock_timestamp())
        RETURNING fault_streak"#,
        company.0,
        outbox.0,
        faults,
        super::limits::CIRCUIT_OPENS_AT
    )
    .fetch_optional(conn)
    .await?;
    Ok(streak)
}

/// Opens the circuit of an outbox: it waits, and is then tried with one call at a time.
pub(crate) async fn open_circuit(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
    until: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        r#"UPDATE crm_outboxes SET cool_until = $3, cool_reason = 'circuit'
        WHERE company_id = $1 AND id = $2 AND (cool_until IS NULL OR cool_until < $3)"#,
        company.0,
        outbox.0,
        jiff_sqlx::Timestamp::from(until) as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Keeps the next message of an outbox back until then.
pub(crate) async fn space(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
    until: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "UPDATE crm_outboxes SET spaced_until = greatest(coalesce(spaced_until, $3), $3) WHERE company_id = $1 AND id = $2",
        company.0,
        outbox.0,
        jiff_sqlx::Timestamp::from(until) as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Why an outbox was asked to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CoolReason {
    /// Its provider asked for it.
    Provider,
    /// Its calls had no clear answer, one after the other.
    Circuit,
    /// Too much of its mail came back.
    Bounces,
}

/// How far a kill switch reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KillScope {
    /// One outbox.
    Outbox,
    /// Every outbox of a channel.
    Channel,
    /// Everything a company sends.
    Company,
}

impl KillScope {
    /// Reads what the kill is of: a channel's name, `all` or `outbox`.
    fn read(of: &str) -> Self {
        match of {
            "all" => Self::Company,
            "outbox" => Self::Outbox,
            _ => Self::Channel,
        }
    }
}

/// A kill switch that is on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kill {
    /// How far it reaches.
    pub scope: KillScope,
    /// Why; foreign text.
    pub reason: String,
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
    /// The widest kill switch that is on.
    pub killed: Option<Kill>,
    /// It waits until then.
    pub cool_until: Option<Timestamp>,
    /// Why it does.
    pub cool_reason: Option<CoolReason>,
    /// Calls in a row without a clear answer.
    pub fault_streak: i32,
    /// The next message may leave then.
    pub spaced_until: Option<Timestamp>,
    /// Cap of the day.
    pub daily_cap: i32,
    /// What else limits it.
    pub limits: Limits,
    /// What its provider has to know.
    pub provider: ProviderSettings,
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
        r#"SELECT o.id AS "id: OutboxId", o.name, o.channel, o.sender, o.secret_ref, o.zone, o.undo_window_secs, o.allowlist_mode,
          o.enabled, o.pause_reason, o.cool_until, o.cool_reason, o.fault_streak, o.spaced_until, o.daily_cap, o.quiet_from,
          o.quiet_until, o.quiet_days, o.ramp_from, o.ramp_start, o.ramp_step, o.consent_required, o.config,
          coalesce(k.channel, CASE WHEN o.kill_reason IS NOT NULL THEN 'outbox' END) AS kill_scope,
          coalesce(k.reason, o.kill_reason) AS kill_reason
        FROM crm_outboxes o
        LEFT JOIN LATERAL (SELECT k.channel, k.reason FROM crm_kill_switches k
          WHERE k.company_id = o.company_id AND k.channel IN ('all', o.channel) ORDER BY k.channel <> 'all' LIMIT 1) k ON true
        WHERE o.company_id = $1 AND ($2::uuid IS NULL OR o.id = $2) ORDER BY o.name LIMIT 10000"#,
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
                killed: row
                    .kill_scope
                    .as_deref()
                    .map(KillScope::read)
                    .zip(row.kill_reason)
                    .map(|(scope, reason)| Kill { scope, reason }),
                cool_until: row.cool_until.map(jiff_sqlx::Timestamp::to_jiff),
                cool_reason: row.cool_reason.map(|reason| match reason.as_str() {
                    "circuit" => CoolReason::Circuit,
                    "bounces" => CoolReason::Bounces,
                    _ => CoolReason::Provider,
                }),
                fault_streak: row.fault_streak,
                spaced_until: row.spaced_until.map(jiff_sqlx::Timestamp::to_jiff),
                daily_cap: row.daily_cap,
                limits: Limits::stored(
                    row.quiet_from
                        .zip(row.quiet_until)
                        .map(|(from, until)| (from.to_jiff(), until.to_jiff())),
                    &row.quiet_days,
                    row.ramp_from.map(jiff_sqlx::Date::to_jiff).zip(row.ramp_start.zip(row.ramp_step)),
                    row.consent_required,
                ),
                provider: ProviderSettings::stored(&row.config),
            })
        })
        .collect()
}

/// A kill of a channel or of a whole company.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WideKill {
    /// Which channel; `None` is everything the company sends.
    pub channel: Option<ChannelName>,
    /// Why; foreign text.
    pub reason: String,
}

/// Lists the kills of a company that reach further than one outbox, the widest first.
///
/// # Errors
/// [`Error::Corrupt`] for an unknown channel, or a database fault.
pub async fn wide_kills(conn: &mut PgConnection, company: CompanyId) -> Result<Vec<WideKill>, Error> {
    let rows = sqlx::query!(
        r#"SELECT channel, reason FROM crm_kill_switches WHERE company_id = $1 ORDER BY channel <> 'all', channel LIMIT 100"#,
        company.0
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter()
        .map(|row| {
            let channel = match row.channel.as_str() {
                "all" => None,
                channel => Some(read_channel(channel, company)?),
            };
            Ok(WideKill { channel, reason: row.reason })
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
          o.allowlist_mode, o.enabled, o.pause_reason, o.cool_until, o.cool_reason, o.fault_streak, o.ramp_from, o.ramp_start, o.ramp_step,
          coalesce(k.channel, CASE WHEN o.kill_reason IS NOT NULL THEN 'outbox' END) AS kill_scope,
          coalesce(k.reason, o.kill_reason) AS kill_reason,
          b.day, b.sent_today, b.daily_cap AS bucket_cap, now() AS "now!",
          (SELECT count(*) FROM (SELECT FROM crm_activities a
            WHERE a.company_id = o.company_id AND a.outbox_id = o.id AND a.stage = 'queue' LIMIT $2) q) AS "queued!",
          (SELECT count(*) FROM (SELECT FROM crm_activities a
            WHERE a.company_id = o.company_id AND a.outbox_id = o.id AND a.stage = 'queue' AND a.status <> 'blocked_by_quota'
              AND a.send_after <= now() + interval '1 hour' LIMIT $2) q) AS "due_in_hour!",
          coalesce(s.sent, 0) AS "sent_24h!"
        FROM crm_outboxes o
        JOIN crm_credential_buckets b ON b.company_id = o.company_id AND b.outbox_id = o.id
        LEFT JOIN LATERAL (SELECT k.channel, k.reason FROM crm_kill_switches k
          WHERE k.company_id = o.company_id AND k.channel IN ('all', o.channel) ORDER BY k.channel <> 'all' LIMIT 1) k ON true
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
            let ramp = row.ramp_from.map(jiff_sqlx::Date::to_jiff).zip(row.ramp_start.zip(row.ramp_step));
            let limits = Limits::stored(None, &[], ramp, false);
            let is_new_day = row.day.to_jiff() < today;
            let sent_today = if is_new_day { 0 } else { row.sent_today };
            // A cap that was lowered below what was sent counts from tomorrow on; the bucket knows.
            let effective_cap =
                if is_new_day { limits.effective_cap(row.daily_cap, today) } else { row.bucket_cap };
            let cool_until = row.cool_until.map(jiff_sqlx::Timestamp::to_jiff).filter(|until| *until > now);
            let is_stopped = !row.enabled
                || row.kill_reason.is_some()
                || cool_until.is_some_and(|until| until > now + jiff::SignedDuration::from_hours(1));
            let left = i64::from((effective_cap - sent_today).max(0));
            Ok(OutboxView {
                channel: read_channel(&row.channel, row.id)?,
                id: row.id,
                name: row.name,
                sender: row.sender,
                secret_ref: row.secret_ref,
                daily_cap: row.daily_cap,
                effective_cap,
                sent_today,
                quota_resets_at: day::next_reset(now, &row.zone),
                zone: row.zone,
                undo_window: Duration::from_secs(u64::try_from(row.undo_window_secs).unwrap_or(0)),
                allowlist_mode: row.allowlist_mode,
                enabled: row.enabled,
                pause_reason: row.pause_reason,
                kill_scope: row.kill_scope.as_deref().map(KillScope::read),
                kill_reason: row.kill_reason,
                is_circuit_open: row.cool_reason.as_deref() == Some("circuit") && cool_until.is_some(),
                fault_streak: row.fault_streak,
                cool_until,
                queued: row.queued,
                next_hour: if is_stopped { 0 } else { row.due_in_hour.min(left) },
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
