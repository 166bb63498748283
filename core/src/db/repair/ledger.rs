//! What the database says was applied, against what this binary knows.
use sqlx::{PgConnection, Row as _};

use super::{Finding, Mend};
use crate::db::migrate::{self, SchemaError};
use crate::safe_text::SafeText;

pub(super) async fn look(conn: &mut PgConnection) -> Result<Vec<Finding>, SchemaError> {
    if !migrate::has_ledger(conn).await? {
        return Ok(Vec::new());
    }
    let rows =
        sqlx::query("SELECT version, description, success, checksum FROM _sqlx_migrations ORDER BY version")
            .fetch_all(&mut *conn)
            .await?;
    let mut findings = Vec::new();
    for row in rows {
        let version: i64 = row.try_get("version")?;
        let description: String = row.try_get("description")?;
        let checksum: Vec<u8> = row.try_get("checksum")?;
        let name = format!("migration {version:04} {}", SafeText::line(&description).truncated(60));
        let known = migrate::ups().find(|migration| migration.version == version);
        let Some(known) = known else {
            findings.push(Finding::for_people(
                "migration_unknown",
                format!("{name} is applied, and this binary does not know it"),
                "a newer countersign has worked on this database",
                "run the newer countersign, or restore a backup from before it; this binary writes nothing here",
            ));
            continue;
        };
        if !row.try_get::<bool, _>("success")? {
            findings.push(Finding::mendable(
                "migration_failed",
                format!("{name} is marked as begun and not finished"),
                "a process ended while something other than countersign applied it; countersign applies each migration in one transaction",
                "forgets the mark; the next start applies the migration as a whole, or says what stands in its way and changes nothing",
                Mend::ForgetFailed(version),
            ));
        } else if *known.checksum != *checksum {
            findings.push(Finding::for_people(
                "migration_changed",
                format!("{name} was applied in other words than this binary has"),
                "the file was changed after it was applied, or the database comes from another build",
                "compare the schema with a fresh database of this binary (`pg_dump --schema-only`); the checksum is never rewritten for you",
            ));
        }
    }
    Ok(findings)
}

pub(super) async fn forget(conn: &mut PgConnection, version: i64) -> Result<String, SchemaError> {
    sqlx::query("DELETE FROM _sqlx_migrations WHERE version = $1 AND NOT success")
        .bind(version)
        .execute(conn)
        .await?;
    Ok("forgotten; the next start applies it".to_owned())
}
