//! SQL of imports of accounts and contacts: whole chunks, a fixed number of statements each.
use std::collections::BTreeSet;

use sqlx::PgConnection;
use uuid::Uuid;

use super::merge::{Account, Contact, Known};
use crate::error::Error;
use crate::ids::{AccountId, CompanyId, ContactId};

/// Gives each further statement of this transaction the limit that statements have elsewhere.
pub(super) async fn limit_statements(conn: &mut PgConnection) -> Result<(), Error> {
    sqlx::query!(r#"SELECT set_config('statement_timeout', '5s', true) AS statement_timeout"#)
        .fetch_one(conn)
        .await?;
    Ok(())
}

/// The accounts of these names.
pub(super) async fn accounts(
    conn: &mut PgConnection,
    company: CompanyId,
    names: &[String],
) -> Result<Vec<Account>, Error> {
    let rows = sqlx::query!(
        r#"SELECT id AS "id: AccountId", name, domain, tier, value_minor, currency::text AS currency, country::text AS country
        FROM crm_accounts WHERE company_id = $1 AND name = ANY ($2) ORDER BY id FOR NO KEY UPDATE"#,
        company.0,
        names
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Account {
            id: row.id,
            is_stored: true,
            is_changed: false,
            name: row.name,
            domain: Known::stored(row.domain),
            tier: Known::stored(row.tier),
            value: Known::stored(row.value_minor.zip(row.currency)),
            country: Known::stored(row.country),
        })
        .collect())
}

/// Writes accounts as they are now.
pub(super) async fn write_accounts(
    conn: &mut PgConnection,
    company: CompanyId,
    rows: &[&Account],
) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    let names: Vec<String> = rows.iter().map(|row| row.name.clone()).collect();
    let domains: Vec<Option<String>> = rows.iter().map(|row| row.domain.value.clone()).collect();
    let tiers: Vec<Option<i16>> = rows.iter().map(|row| row.tier.value).collect();
    let values: Vec<Option<i64>> =
        rows.iter().map(|row| row.value.value.as_ref().map(|value| value.0)).collect();
    let currencies: Vec<Option<String>> =
        rows.iter().map(|row| row.value.value.as_ref().map(|value| value.1.clone())).collect();
    let countries: Vec<Option<String>> = rows.iter().map(|row| row.country.value.clone()).collect();
    sqlx::query!(
        r#"INSERT INTO crm_accounts (company_id, id, name, domain, tier, value_minor, currency, country)
        SELECT $1, * FROM unnest($2::uuid[], $3::text[], $4::text[], $5::smallint[], $6::bigint[], $7::text[], $8::text[])
        ON CONFLICT (company_id, name) DO UPDATE SET domain = excluded.domain, tier = excluded.tier,
          value_minor = excluded.value_minor, currency = excluded.currency, country = excluded.country"#,
        company.0,
        &ids,
        &names,
        &domains as &[Option<String>],
        &tiers as &[Option<i16>],
        &values as &[Option<i64>],
        &currencies as &[Option<String>],
        &countries as &[Option<String>]
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// These contacts.
pub(super) async fn contacts(
    conn: &mut PgConnection,
    company: CompanyId,
    ids: &[ContactId],
) -> Result<Vec<Contact>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT c.id AS "id: ContactId", c.name, k.name AS "account?", c.locale, c.zone, c.country::text AS country
        FROM crm_contacts c LEFT JOIN crm_accounts k ON k.company_id = c.company_id AND k.id = c.account_id
        WHERE c.company_id = $1 AND c.id = ANY ($2) ORDER BY c.id FOR NO KEY UPDATE OF c"#,
        company.0,
        &ids
    )
    .fetch_all(conn)
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Contact {
            id: row.id,
            is_stored: true,
            is_changed: false,
            name: Known::stored(Some(row.name)),
            account: Known::stored(row.account),
            locale: Known::stored(row.locale),
            zone: Known::stored(row.zone),
            country: Known::stored(row.country),
        })
        .collect())
}

/// Writes contacts as they are now, and the accounts they name that are not there; returns how many of those were made.
pub(super) async fn write_contacts(
    conn: &mut PgConnection,
    company: CompanyId,
    rows: &[&Contact],
) -> Result<usize, Error> {
    if rows.is_empty() {
        return Ok(0);
    }
    let wanted: BTreeSet<&String> = rows.iter().filter_map(|row| row.account.value.as_ref()).collect();
    let wanted: Vec<String> = wanted.into_iter().cloned().collect();
    let wanted_ids: Vec<Uuid> = wanted.iter().map(|_| AccountId::new().0).collect();
    let made = sqlx::query!(
        r#"INSERT INTO crm_accounts (company_id, id, name) SELECT $1, * FROM unnest($2::uuid[], $3::text[])
        ON CONFLICT (company_id, name) DO NOTHING"#,
        company.0,
        &wanted_ids,
        &wanted
    )
    .execute(&mut *conn)
    .await?
    .rows_affected();
    let ids: Vec<Uuid> = rows.iter().map(|row| row.id.0).collect();
    let names: Vec<Option<String>> = rows.iter().map(|row| row.name.value.clone()).collect();
    let accounts: Vec<Option<String>> = rows.iter().map(|row| row.account.value.clone()).collect();
    let locales: Vec<Option<String>> = rows.iter().map(|row| row.locale.value.clone()).collect();
    let zones: Vec<Option<String>> = rows.iter().map(|row| row.zone.value.clone()).collect();
    let countries: Vec<Option<String>> = rows.iter().map(|row| row.country.value.clone()).collect();
    sqlx::query!(
        r#"INSERT INTO crm_contacts (company_id, id, account_id, name, locale, zone, country)
        SELECT $1, w.id, k.id, w.name, w.locale, w.zone, w.country
        FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[])
          AS w (id, name, account, locale, zone, country)
        LEFT JOIN crm_accounts k ON k.company_id = $1 AND k.name = w.account
        ON CONFLICT (company_id, id) DO UPDATE SET account_id = excluded.account_id, name = excluded.name,
          locale = excluded.locale, zone = excluded.zone, country = excluded.country"#,
        company.0,
        &ids,
        &names as &[Option<String>],
        &accounts as &[Option<String>],
        &locales as &[Option<String>],
        &zones as &[Option<String>],
        &countries as &[Option<String>]
    )
    .execute(conn)
    .await?;
    Ok(usize::try_from(made).unwrap_or(usize::MAX))
}

/// Notes new addresses.
pub(super) async fn add_addresses(
    conn: &mut PgConnection,
    company: CompanyId,
    addresses: &[(&'static str, String, ContactId)],
) -> Result<(), Error> {
    let kinds: Vec<String> = addresses.iter().map(|(kind, ..)| (*kind).to_owned()).collect();
    let texts: Vec<String> = addresses.iter().map(|(_, text, _)| text.clone()).collect();
    let ids: Vec<Uuid> = addresses.iter().map(|(.., id)| id.0).collect();
    sqlx::query!(
        r#"INSERT INTO crm_contact_addresses (company_id, kind, address, contact_id)
        SELECT $1, * FROM unnest($2::text[], $3::text[], $4::uuid[])"#,
        company.0,
        &kinds,
        &texts,
        &ids
    )
    .execute(conn)
    .await?;
    Ok(())
}
