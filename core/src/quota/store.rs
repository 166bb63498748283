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

/// Takes up to `wanted` of what is left of the local day and returns how many were taken, and from which day's quota. A new day starts the count anew; a clock
/// that went back does not.
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
        r#"UPDATE crm_credential_buckets SET
          day = greatest(day, $3),
          sent_today = (CASE WHEN day < $3 THEN 0 ELSE sent_today END)
            + least($4, daily_cap - (CASE WHEN day < $3 THEN 0 ELSE sent_today END)),
          granted = least($4, daily_cap - (CASE WHEN day < $3 THEN 0 ELSE sent_today END))
        WHERE company_id = $1 AND outbox_id = $2 AND (day < $3 OR sent_today < daily_cap)
        RETURNING granted, day"#,
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
