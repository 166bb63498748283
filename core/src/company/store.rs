//! SQL of companies and of their change counters.
use sqlx::PgConnection;

use super::Company;
use crate::error::Error;
use crate::ids::CompanyId;

pub(super) async fn insert(conn: &mut PgConnection, company: &Company) -> Result<bool, Error> {
    let done = sqlx::query!(
        "INSERT INTO crm_companies (id, slug, name, sandbox) VALUES ($1, $2, $3, $4) ON CONFLICT (slug) DO NOTHING",
        company.id.0,
        company.slug,
        company.name,
        company.sandbox
    )
    .execute(&mut *conn)
    .await?;
    if done.rows_affected() == 0 {
        return Ok(false);
    }
    sqlx::query!("INSERT INTO crm_change_counters (company_id) VALUES ($1)", company.id.0)
        .execute(conn)
        .await?;
    Ok(true)
}

/// Lists companies by slug.
///
/// # Errors
/// A database fault.
pub async fn list(conn: &mut PgConnection) -> Result<Vec<Company>, Error> {
    let rows = sqlx::query_as!(
        Company,
        r#"SELECT id AS "id: CompanyId", slug, name, sandbox FROM crm_companies ORDER BY slug LIMIT 1000"#
    )
    .fetch_all(conn)
    .await?;
    Ok(rows)
}

/// What a company consists of, in numbers.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// Since when it is here.
    pub created_at: jiff::Timestamp,
    /// People who may act.
    pub operators: i64,
    /// Those of them who are admins.
    pub admins: i64,
    /// People on the receiving side.
    pub contacts: i64,
    /// Secrets with a version that can be used.
    pub secrets: i64,
    /// Entries of the allowlist.
    pub allowlist: i64,
}

/// Counts what a company consists of.
///
/// # Errors
/// A database fault.
pub async fn figures(conn: &mut PgConnection, company: CompanyId) -> Result<Figures, Error> {
    let row = sqlx::query!(
        r#"SELECT y.created_at,
          (SELECT count(*) FROM crm_operators o WHERE o.company_id = y.id AND o.disabled_at IS NULL) AS "operators!",
          (SELECT count(*) FROM crm_operators o
            WHERE o.company_id = y.id AND o.disabled_at IS NULL AND o.role = 'admin') AS "admins!",
          (SELECT count(*) FROM crm_contacts c WHERE c.company_id = y.id) AS "contacts!",
          (SELECT count(DISTINCT s.secret_id) FROM crm_secrets s
            WHERE s.company_id = y.id AND s.revoked_at IS NULL) AS "secrets!",
          (SELECT count(*) FROM crm_allowlist l WHERE l.company_id = y.id) AS "allowlist!"
        FROM crm_companies y WHERE y.id = $1"#,
        company.0
    )
    .fetch_one(conn)
    .await?;
    Ok(Figures {
        created_at: row.created_at.to_jiff(),
        operators: row.operators,
        admins: row.admins,
        contacts: row.contacts,
        secrets: row.secrets,
        allowlist: row.allowlist,
    })
}

/// The number that grows with every change a screen could show.
///
/// # Errors
/// A database fault.
pub async fn change_version(conn: &mut PgConnection, company: CompanyId) -> Result<i64, Error> {
    let version = sqlx::query_scalar!(
        r#"SELECT coalesce(sum(version), 0)::bigint AS "version!" FROM crm_change_counters WHERE company_id = $1"#,
        company.0
    )
    .fetch_one(conn)
    .await?;
    Ok(version)
}

/// Whether the database's clock went back below what it showed before: time that passed cannot be told from it then.
pub(crate) async fn clock_went_back(conn: &mut PgConnection, company: CompanyId) -> Result<bool, Error> {
    let went_back = sqlx::query_scalar!(
        r#"SELECT coalesce(max(seen_at) > clock_timestamp() + make_interval(secs => $2), false) AS "went_back!"
        FROM crm_change_counters WHERE company_id = $1"#,
        company.0,
        CLOCK_TOLERANCE.as_secs_f64()
    )
    .fetch_one(conn)
    .await?;
    Ok(went_back)
}

/// So much may the database's clock go back without a consequence.
pub const CLOCK_TOLERANCE: jiff::SignedDuration = jiff::SignedDuration::from_mins(5);

/// Says that something changed. Every connection counts in a row of its own, so that transactions of one company do not wait for each
/// other to reach the disk; still the last statement of a transaction, because connections may share a row.
///
/// # Errors
/// A database fault.
pub async fn bump(conn: &mut PgConnection, company: CompanyId) -> Result<(), Error> {
    sqlx::query!(
        r#"INSERT INTO crm_change_counters AS c (company_id, shard, version, seen_at)
        VALUES ($1, (pg_backend_pid() % 16)::smallint, 1, clock_timestamp())
        ON CONFLICT (company_id, shard) DO UPDATE SET version = c.version + 1, seen_at = greatest(c.seen_at, clock_timestamp())"#,
        company.0
    )
    .execute(conn)
    .await?;
    Ok(())
}
