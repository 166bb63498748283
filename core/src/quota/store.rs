//! SQL of the buckets.
use jiff::civil::Date;
use sqlx::PgConnection;

use crate::error::Error;
use crate::ids::{CompanyId, OutboxId};

pub(crate) async fn open(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
    day: Date,
    daily_cap: i32,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO crm_credential_buckets (company_id, outbox_id, day, daily_cap) VALUES ($1, $2, $3, $4)",
        company.0,
        outbox.0,
        jiff_sqlx::Date::from(day) as _,
        daily_cap
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Takes up to `wanted` of what is left of the local day and returns how many were taken, and from which day's quota. A new day starts
/// the count anew, under the lowest limit the outbox has by then: its cap, or what its warm-up allows (`Ramp::cap_on` says the same in
/// Rust). A clock that went back does not.
///
/// # Errors
/// A database fault.
pub async fn take(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
    today: Date,
    wanted: i32,
) -> Result<(i32, Date), Error> {
    let taken = sqlx::query!(
        r#"UPDATE crm_credential_buckets b SET
          day = greatest(b.day, $3),
          daily_cap = CASE WHEN b.day < $3 THEN o.cap ELSE b.daily_cap END,
          sent_today = (CASE WHEN b.day < $3 THEN 0 ELSE b.sent_today END)
            + least($4, CASE WHEN b.day < $3 THEN o.cap ELSE b.daily_cap - b.sent_today END),
          granted = least($4, CASE WHEN b.day < $3 THEN o.cap ELSE b.daily_cap - b.sent_today END)
        FROM (SELECT least(daily_cap, coalesce(ramp_start + ramp_step::bigint * greatest(0, $3 - ramp_from), daily_cap))::int AS cap
          FROM crm_outboxes WHERE company_id = $1 AND id = $2) o
        WHERE b.company_id = $1 AND b.outbox_id = $2 AND (b.day < $3 OR b.sent_today < b.daily_cap)
        RETURNING b.granted, b.day"#,
        company.0,
        outbox.0,
        jiff_sqlx::Date::from(today) as _,
        wanted
    )
    .fetch_optional(conn)
    .await?;
    Ok(taken.map_or((0, today), |taken| (taken.granted, taken.day.to_jiff())))
}

/// Gives back what was proven not to be sent: the same day only, never below zero.
///
/// # Errors
/// A database fault.
pub async fn refund(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
    day: Date,
    unused: i32,
) -> Result<(), Error> {
    sqlx::query!(
        r#"UPDATE crm_credential_buckets SET sent_today = greatest(0, sent_today - $4)
        WHERE company_id = $1 AND outbox_id = $2 AND day = $3"#,
        company.0,
        outbox.0,
        jiff_sqlx::Date::from(day) as _,
        unused
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A bucket as it stands.
pub(crate) struct Bucket {
    pub(crate) day: Date,
    pub(crate) sent_today: i32,
    pub(crate) daily_cap: i32,
}

pub(crate) async fn read(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
) -> Result<Option<Bucket>, Error> {
    let row = sqlx::query!(
        "SELECT day, sent_today, daily_cap FROM crm_credential_buckets WHERE company_id = $1 AND outbox_id = $2",
        company.0,
        outbox.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|row| Bucket { day: row.day.to_jiff(), sent_today: row.sent_today, daily_cap: row.daily_cap }))
}

/// Locks the bucket of an outbox.
pub(crate) async fn lock(conn: &mut PgConnection, company: CompanyId, outbox: OutboxId) -> Result<(), Error> {
    sqlx::query!(
        "SELECT day FROM crm_credential_buckets WHERE company_id = $1 AND outbox_id = $2 FOR NO KEY UPDATE",
        company.0,
        outbox.0
    )
    .fetch_optional(conn)
    .await?;
    Ok(())
}

/// Brings the bucket under another cap or into another zone. `today` is the local day before the change; `moves_to` that of the new
/// zone, if it is another. What was sent today stays counted either way, and a cap below it counts from the next day on.
pub(crate) async fn adjust(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
    today: Date,
    moves_to: Option<Date>,
    daily_cap: i32,
) -> Result<(), Error> {
    sqlx::query!(
        r#"UPDATE crm_credential_buckets SET
          sent_today = CASE WHEN day < $3 THEN 0 ELSE sent_today END,
          daily_cap = greatest($5, CASE WHEN day < $3 THEN 0 ELSE sent_today END),
          day = coalesce($4, greatest(day, $3))
        WHERE company_id = $1 AND outbox_id = $2"#,
        company.0,
        outbox.0,
        jiff_sqlx::Date::from(today) as _,
        moves_to.map(jiff_sqlx::Date::from) as _,
        daily_cap
    )
    .execute(conn)
    .await?;
    Ok(())
}
