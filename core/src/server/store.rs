//! SQL of the server's identity.
use sqlx::PgConnection;

use super::Identity;
use crate::error::Error;

/// What the server is known by, as it says now.
pub(super) async fn identity(conn: &mut PgConnection) -> Result<Identity, Error> {
    // Not the timeline of `pg_control_checkpoint()`: after a promotion that one is the old one until the next checkpoint is over.
    let row = sqlx::query!(
        r#"SELECT has_function_privilege('pg_control_system()', 'EXECUTE') AS "may_ask!",
          CASE WHEN NOT pg_is_in_recovery()
            THEN ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer END AS timeline"#
    )
    .fetch_one(&mut *conn)
    .await?;
    // A statement of its own: one that names a function is refused as a whole to a role that may not call it.
    let system = match row.may_ask {
        true => {
            let system = sqlx::query_scalar!(
                r#"SELECT system_identifier::text AS "system!" FROM pg_control_system()"#
            );
            Some(system.fetch_one(conn).await?)
        }
        false => None,
    };
    Ok(Identity { system, timeline: row.timeline })
}

pub(super) async fn remembered(conn: &mut PgConnection) -> Result<Option<Identity>, Error> {
    let row = sqlx::query!("SELECT system_identifier, timeline FROM crm_server").fetch_optional(conn).await?;
    Ok(row.map(|row| Identity { system: row.system_identifier, timeline: row.timeline }))
}

/// As [`remembered`]; whoever else wants to change it waits.
pub(super) async fn lock(conn: &mut PgConnection) -> Result<Option<Identity>, Error> {
    let row = sqlx::query!("SELECT system_identifier, timeline FROM crm_server FOR UPDATE")
        .fetch_optional(conn)
        .await?;
    Ok(row.map(|row| Identity { system: row.system_identifier, timeline: row.timeline }))
}

/// Remembers what was not known so far; what is known stays.
pub(super) async fn learn(conn: &mut PgConnection, is: &Identity) -> Result<(), Error> {
    sqlx::query!(
        "INSERT INTO crm_server AS s (system_identifier, timeline) VALUES ($1, $2)
        ON CONFLICT (is_only) DO UPDATE SET system_identifier = coalesce(s.system_identifier, EXCLUDED.system_identifier),
          timeline = coalesce(s.timeline, EXCLUDED.timeline)",
        is.system,
        is.timeline
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Remembers this server in place of the old one.
pub(super) async fn replace(conn: &mut PgConnection, is: &Identity) -> Result<(), Error> {
    sqlx::query!("UPDATE crm_server SET system_identifier = $1, timeline = $2", is.system, is.timeline)
        .execute(conn)
        .await?;
    Ok(())
}
