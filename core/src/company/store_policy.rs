//! SQL of the policy of a company.
use sqlx::PgConnection;

use super::money::Money;
use super::policy::{Policy, ReplyStops};
use crate::error::Error;
use crate::ids::CompanyId;

/// Reads the policy of a company; where none was ever set, nothing is asked.
///
/// # Errors
/// A database fault.
pub async fn policy(conn: &mut PgConnection, company: CompanyId) -> Result<Policy, Error> {
    let row = sqlx::query!(
        r#"SELECT p.contact_per_day, p.account_per_week, coalesce(p.four_eyes, false) AS "four_eyes!", p.high_value_minor,
          p.high_value_currency, p.unsubscribe_url, coalesce(p.reply_stops = 'account', false) AS "stops_accounts!",
          (SELECT count(*) FROM crm_operators o WHERE o.company_id = y.id AND o.disabled_at IS NULL AND o.role IN ('approver', 'admin'))
            AS "deciders!"
        FROM crm_companies y LEFT JOIN crm_company_policies p ON p.company_id = y.id WHERE y.id = $1"#,
        company.0
    )
    .fetch_one(conn)
    .await?;
    Ok(Policy {
        contact_per_day: row.contact_per_day,
        account_per_week: row.account_per_week,
        four_eyes: row.four_eyes,
        high_value: row
            .high_value_minor
            .zip(row.high_value_currency)
            .map(|(minor, currency)| Money { minor, currency }),
        reply_stops: if row.stops_accounts { ReplyStops::Account } else { ReplyStops::Contact },
        unsubscribe_url: row.unsubscribe_url,
        deciders: row.deciders,
    })
}

/// Reads the policy under lock; makes the row where there is none.
pub(super) async fn lock(conn: &mut PgConnection, company: CompanyId) -> Result<Policy, Error> {
    sqlx::query!(
        "INSERT INTO crm_company_policies (company_id) VALUES ($1) ON CONFLICT (company_id) DO NOTHING",
        company.0
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!(
        "SELECT company_id FROM crm_company_policies WHERE company_id = $1 FOR NO KEY UPDATE",
        company.0
    )
    .fetch_one(&mut *conn)
    .await?;
    policy(conn, company).await
}

pub(super) async fn write(conn: &mut PgConnection, company: CompanyId, policy: &Policy) -> Result<(), Error> {
    sqlx::query!(
        r#"UPDATE crm_company_policies SET contact_per_day = $2, account_per_week = $3, four_eyes = $4, high_value_minor = $5,
          high_value_currency = $6, reply_stops = $7, unsubscribe_url = $8, updated_at = now()
        WHERE company_id = $1"#,
        company.0,
        policy.contact_per_day,
        policy.account_per_week,
        policy.four_eyes,
        policy.high_value.as_ref().map(|money| money.minor),
        policy.high_value.as_ref().map(|money| money.currency.as_str()),
        policy.reply_stops.as_str(),
        policy.unsubscribe_url.as_deref()
    )
    .execute(conn)
    .await?;
    Ok(())
}
