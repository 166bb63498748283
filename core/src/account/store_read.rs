//! SQL of reading accounts and contacts. Lists go by name; a page goes on behind the row whose id the page before ended with.
use sqlx::PgConnection;
use uuid::Uuid;

use super::view::{AccountView, ContactView, Narrow, StatusCount};
use crate::error::Error;
use crate::ids::{AccountId, CompanyId, ContactId};

/// Lists accounts by name.
///
/// # Errors
/// [`Error::Invalid`] for a cursor of another list, or a database fault.
pub async fn accounts(
    conn: &mut PgConnection,
    company: CompanyId,
    narrow: &Narrow,
    after: Option<AccountId>,
    limit: i64,
) -> Result<Vec<AccountView>, Error> {
    let after = match after {
        None => None,
        Some(id) => {
            let name = "SELECT name FROM crm_accounts WHERE company_id = $1 AND id = $2";
            Some(place(conn, company, id.0, name).await?)
        }
    };
    let rows = sqlx::query_as!(
        AccountView,
        r#"SELECT k.id AS "id: AccountId", k.name, k.domain, k.tier, k.value_minor, k.currency::text AS currency,
          k.country::text AS country,
          (SELECT count(*) FROM crm_contacts c WHERE c.company_id = k.company_id AND c.account_id = k.id) AS "contacts!"
        FROM crm_accounts k
        WHERE k.company_id = $1 AND ($2::text IS NULL OR k.name > $2)
          AND ($3::text IS NULL OR k.name = $3) AND ($4::smallint IS NULL OR k.tier = $4)
          AND ($5::text IS NULL OR k.country = $5) AND ($6::text IS NULL OR strpos(lower(k.name), lower($6)) > 0)
        ORDER BY k.name, k.id LIMIT $7"#,
        company.0,
        after,
        narrow.account,
        narrow.tier,
        narrow.country,
        narrow.text,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// Lists contacts by name.
///
/// # Errors
/// [`Error::Invalid`] for a cursor of another list, or a database fault.
pub async fn contacts(
    conn: &mut PgConnection,
    company: CompanyId,
    narrow: &Narrow,
    after: Option<ContactId>,
    limit: i64,
) -> Result<Vec<ContactView>, Error> {
    let name = match after {
        None => None,
        Some(id) => {
            let name = "SELECT name FROM crm_contacts WHERE company_id = $1 AND id = $2";
            Some(place(conn, company, id.0, name).await?)
        }
    };
    let rows = sqlx::query_as!(
        ContactView,
        r#"SELECT c.id AS "id: ContactId", c.name, k.name AS "account?", c.locale, c.zone, c.country::text AS country,
          ARRAY(SELECT a.kind || ':' || a.address FROM crm_contact_addresses a
            WHERE a.company_id = c.company_id AND a.contact_id = c.id ORDER BY a.kind, a.address) AS "addresses!"
        FROM crm_contacts c LEFT JOIN crm_accounts k ON k.company_id = c.company_id AND k.id = c.account_id
        WHERE c.company_id = $1 AND ($2::text IS NULL OR (c.name, c.id) > ($2, $3))
          AND ($4::text IS NULL OR k.name = $4) AND ($5::smallint IS NULL OR k.tier = $5)
          AND ($6::text IS NULL OR coalesce(c.country, k.country) = $6)
          AND ($7::text IS NULL OR strpos(lower(c.name), lower($7)) > 0)
        ORDER BY c.name, c.id LIMIT $8"#,
        company.0,
        name,
        after.map(|id| id.0),
        narrow.account,
        narrow.tier,
        narrow.country,
        narrow.text,
        limit
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

async fn place(
    conn: &mut PgConnection,
    company: CompanyId,
    id: Uuid,
    statement: &'static str,
) -> Result<String, Error> {
    let found: Option<String> =
        sqlx::query_scalar(statement).bind(company.0).bind(id).fetch_optional(conn).await?;
    found.ok_or_else(|| Error::Invalid {
        field: "--cursor".to_owned(),
        reason: "not a cursor of this list; use the one the page before printed".to_owned(),
    })
}

/// The contact of that id or address.
///
/// # Errors
/// A database fault.
pub async fn contact(
    conn: &mut PgConnection,
    company: CompanyId,
    id: Option<ContactId>,
    address: &str,
) -> Result<Option<ContactView>, Error> {
    let row = sqlx::query_as!(
        ContactView,
        r#"SELECT c.id AS "id: ContactId", c.name, k.name AS "account?", c.locale, c.zone, c.country::text AS country,
          ARRAY(SELECT a.kind || ':' || a.address FROM crm_contact_addresses a
            WHERE a.company_id = c.company_id AND a.contact_id = c.id ORDER BY a.kind, a.address) AS "addresses!"
        FROM crm_contacts c LEFT JOIN crm_accounts k ON k.company_id = c.company_id AND k.id = c.account_id
        WHERE c.company_id = $1 AND c.id = coalesce($2, (SELECT a.contact_id FROM crm_contact_addresses a
          WHERE a.company_id = $1 AND a.kind IN ('email', 'phone', 'handle') AND a.address = $3
          ORDER BY a.kind, a.address LIMIT 1))"#,
        company.0,
        id.map(|id| id.0),
        address
    )
    .fetch_optional(conn)
    .await?;
    Ok(row)
}

/// How many messages of a contact are in each status.
///
/// # Errors
/// A database fault.
pub async fn messages(
    conn: &mut PgConnection,
    company: CompanyId,
    contact: ContactId,
) -> Result<Vec<StatusCount>, Error> {
    let rows = sqlx::query_as!(
        StatusCount,
        r#"SELECT status, count(*) AS "count!" FROM crm_activities WHERE company_id = $1 AND contact_id = $2
        GROUP BY status ORDER BY status"#,
        company.0,
        contact.0
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}
