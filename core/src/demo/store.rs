//! SQL of the demo: the company and everything it brings along.
use jiff::Timestamp;
use jiff::civil::Date;
use sqlx::PgConnection;
use uuid::Uuid;

use super::SLUG;
use super::people::Account;
use super::plan::Plan;
use super::setup::Outbox;
use crate::actor::Actor;
use crate::company::Company;
use crate::error::Error;
use crate::ids::{CompanyId, ContactId, OutboxId};
use crate::secret::key::Encrypted;

/// The demo company, if it is there.
pub(super) async fn company(conn: &mut PgConnection) -> Result<Option<Company>, Error> {
    let company = sqlx::query_as!(
        Company,
        r#"SELECT id AS "id: CompanyId", slug, name, sandbox FROM crm_companies WHERE slug = $1"#,
        SLUG
    )
    .fetch_optional(conn)
    .await?;
    Ok(company)
}

/// Waits until no other process fills; it may take the whole of a fill.
pub(super) async fn take_turn(conn: &mut PgConnection) -> Result<(), Error> {
    sqlx::query!(
        "SELECT set_config('lock_timeout', '60s', true) AS lock_timeout, set_config('statement_timeout', '60s', true) AS statement_timeout"
    )
    .fetch_one(&mut *conn)
    .await?;
    sqlx::query!("SELECT pg_advisory_xact_lock(hashtextextended($1, 8))", SLUG).execute(conn).await?;
    Ok(())
}

pub(super) async fn insert_company(
    conn: &mut PgConnection,
    company: &Company,
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO crm_companies (id, slug, name, sandbox, created_at) VALUES ($1, $2, $3, $4, $5)",
        company.id.0,
        company.slug,
        company.name,
        company.sandbox,
        jiff_sqlx::Timestamp::from(at) as _
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query!("INSERT INTO crm_change_counters (company_id) VALUES ($1)", company.id.0)
        .execute(conn)
        .await?;
    Ok(())
}

pub(super) async fn insert_operators(
    conn: &mut PgConnection,
    company: CompanyId,
    operators: &[Actor],
    at: Timestamp,
) -> Result<(), Error> {
    for operator in operators {
        if let Actor::Operator { id, name, role } = operator {
            sqlx::query!(
                "INSERT INTO crm_operators (company_id, id, name, role, created_at) VALUES ($1, $2, $3, $4, $5)",
                company.0,
                id.0,
                name,
                role.as_str(),
                jiff_sqlx::Timestamp::from(at) as _
            )
            .execute(&mut *conn)
            .await?;
        }
    }
    Ok(())
}

pub(super) async fn insert_secret(
    conn: &mut PgConnection,
    company: CompanyId,
    id: &str,
    stored: &Encrypted,
    by: &str,
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        r#"INSERT INTO crm_secrets (company_id, secret_id, version, nonce, ciphertext, created_by, created_at)
        VALUES ($1, $2, 1, $3, $4, $5, $6)"#,
        company.0,
        id,
        stored.nonce,
        stored.ciphertext,
        by,
        jiff_sqlx::Timestamp::from(at) as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn insert_outbox(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: &Outbox,
    at: Timestamp,
) -> Result<(), Error> {
    let settings = &outbox.settings;
    sqlx::query!(
        r#"INSERT INTO crm_outboxes
          (company_id, id, name, channel, sender, secret_ref, daily_cap, zone, undo_window_secs, enabled, pause_reason, config, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::text IS NULL, $10, $11, $12)"#,
        company.0,
        settings.id.0,
        settings.name,
        settings.channel.as_str(),
        settings.sender,
        settings.secret_ref,
        outbox.daily_cap,
        settings.zone,
        i32::try_from(settings.undo_window.as_secs()).unwrap_or(30),
        settings.paused,
        settings.provider.to_stored(),
        jiff_sqlx::Timestamp::from(at) as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn insert_bucket(
    conn: &mut PgConnection,
    company: CompanyId,
    outbox: OutboxId,
    day: Date,
    used: i32,
    daily_cap: i32,
) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO crm_credential_buckets (company_id, outbox_id, day, sent_today, daily_cap) VALUES ($1, $2, $3, $4, $5)",
        company.0,
        outbox.0,
        jiff_sqlx::Date::from(day) as _,
        used,
        daily_cap
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn insert_allowlist(
    conn: &mut PgConnection,
    company: CompanyId,
    entries: &[String],
    by: &str,
    at: Timestamp,
) -> Result<(), Error> {
    sqlx::query!(
        r#"INSERT INTO crm_allowlist (company_id, entry, created_by, created_at) SELECT $1, e, $3, $4 FROM unnest($2::text[]) AS e"#,
        company.0,
        entries,
        by,
        jiff_sqlx::Timestamp::from(at) as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn insert_accounts(
    conn: &mut PgConnection,
    company: CompanyId,
    accounts: &[Account],
    at: Timestamp,
) -> Result<(), Error> {
    let ids: Vec<Uuid> = accounts.iter().map(|account| account.id.0).collect();
    let names: Vec<String> = accounts.iter().map(|account| account.name.clone()).collect();
    sqlx::query!(
        r#"INSERT INTO crm_accounts (company_id, created_at, id, name) SELECT $1, $2, * FROM unnest($3::uuid[], $4::text[])"#,
        company.0,
        jiff_sqlx::Timestamp::from(at) as _,
        &ids,
        &names
    )
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn insert_contacts(
    conn: &mut PgConnection,
    company: CompanyId,
    plan: &Plan,
) -> Result<(), Error> {
    let contacts = &plan.contacts;
    let ids: Vec<Uuid> = contacts.iter().map(|contact| contact.id.0).collect();
    let accounts: Vec<Option<Uuid>> =
        contacts.iter().map(|contact| contact.account.map(|account| plan.accounts[account].id.0)).collect();
    let names: Vec<String> = contacts.iter().map(|contact| contact.name.clone()).collect();
    let locales: Vec<String> =
        contacts.iter().map(|contact| plan.books[contact.book].locale.clone()).collect();
    let zones: Vec<String> = contacts.iter().map(|contact| plan.books[contact.book].zone.clone()).collect();
    let created: Vec<jiff_sqlx::Timestamp> =
        contacts.iter().map(|contact| contact.created_at.into()).collect();
    sqlx::query!(
        r#"INSERT INTO crm_contacts (company_id, id, account_id, name, locale, zone, created_at)
        SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::timestamptz[])"#,
        company.0,
        &ids,
        &accounts as &[Option<Uuid>],
        &names,
        &locales,
        &zones,
        &created as _
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// One address of a contact.
pub(super) struct Address {
    pub(super) kind: &'static str,
    pub(super) address: String,
    pub(super) contact: ContactId,
}

pub(super) async fn insert_addresses(
    conn: &mut PgConnection,
    company: CompanyId,
    addresses: &[Address],
) -> Result<(), Error> {
    let kinds: Vec<String> = addresses.iter().map(|one| one.kind.to_owned()).collect();
    let values: Vec<String> = addresses.iter().map(|one| one.address.clone()).collect();
    let contacts: Vec<Uuid> = addresses.iter().map(|one| one.contact.0).collect();
    sqlx::query!(
        r#"INSERT INTO crm_contact_addresses (company_id, kind, address, contact_id)
        SELECT $1, * FROM unnest($2::text[], $3::text[], $4::uuid[])"#,
        company.0,
        &kinds,
        &values,
        &contacts
    )
    .execute(conn)
    .await?;
    Ok(())
}
