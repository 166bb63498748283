//! Indexes and constraints that are there and do not count.
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, Row as _};

use super::{Finding, Mend};
use crate::db::migrate::SchemaError;

/// `tell` hears which constraint is being checked: that reads a table.
pub(super) async fn look(
    conn: &mut PgConnection,
    tell: &(dyn Fn(&str) + Sync),
) -> Result<Vec<Finding>, SchemaError> {
    let mut findings = Vec::new();
    let indexes: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE NOT i.indisvalid AND c.relnamespace = 'public'::regnamespace ORDER BY 1",
    )
    .fetch_all(&mut *conn)
    .await?;
    for index in indexes {
        findings.push(Finding::mendable(
            "index_invalid",
            format!("index {index} is invalid: it costs every write and serves no read"),
            "building it was broken off, or a row stood in its way",
            "builds it anew beside the running work; a row that stands in its way is named",
            Mend::Reindex(index),
        ));
    }
    let constraints = sqlx::query(
        "SELECT conrelid::regclass::text AS on_table, conname::text AS name FROM pg_constraint
        WHERE NOT convalidated AND connamespace = 'public'::regnamespace ORDER BY 1, 2",
    )
    .fetch_all(&mut *conn)
    .await?;
    for row in constraints {
        let (table, constraint): (String, String) = (row.try_get("on_table")?, row.try_get("name")?);
        tell(&format!("checks constraint {constraint} of {table}"));
        match try_to_validate(conn, &table, &constraint).await? {
            Ok(()) => findings.push(Finding::mendable(
                "constraint_not_validated",
                format!("constraint {constraint} of {table} holds for new rows and was never checked for old ones"),
                "it was added over rows that were there already; every one of them satisfies it now",
                "marks it as checked, which takes one read of the table",
                Mend::Validate { table, constraint },
            )),
            Err(problem) => findings.push(Finding::for_people(
                "constraint_broken",
                format!("constraint {constraint} of {table} does not hold for all old rows: {problem}"),
                "the phase it refers to was reverted and applied again under these rows, so what they refer to is gone",
                "restore what they refer to from a backup; until then they are history that cannot be opened or sent",
            )),
        }
    }
    Ok(findings)
}

/// Checks a constraint in a transaction that is rolled back: looking must not change anything.
async fn try_to_validate(
    conn: &mut PgConnection,
    table: &str,
    constraint: &str,
) -> Result<Result<(), String>, SchemaError> {
    let mut tx = conn.begin().await?;
    let tried = sqlx::raw_sql(statement(table, constraint)).execute(&mut *tx).await;
    tx.rollback().await?;
    match tried {
        Ok(_) => Ok(Ok(())),
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code.starts_with("23")) => {
            Ok(Err(crate::safe_text::SafeText::line(error.message()).truncated(300)))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn reindex(conn: &mut PgConnection, index: &str) -> Result<String, SchemaError> {
    let text = ["REINDEX INDEX CONCURRENTLY public.", &quoted(index)].concat();
    // A name out of the catalogue, quoted.
    match sqlx::raw_sql(AssertSqlSafe(text)).execute(conn).await {
        Ok(_) => Ok("built anew".to_owned()),
        Err(sqlx::Error::Database(error)) if error.code().is_some_and(|code| code.starts_with("23")) => {
            let problem = crate::safe_text::SafeText::line(error.message()).truncated(300);
            Ok(format!("not built: {problem}; settle these rows and try again"))
        }
        Err(error) => Err(error.into()),
    }
}

pub(super) async fn validate(
    conn: &mut PgConnection,
    table: &str,
    constraint: &str,
) -> Result<String, SchemaError> {
    sqlx::raw_sql(statement(table, constraint)).execute(conn).await?;
    Ok("checked".to_owned())
}

/// The table comes quoted out of the catalogue (`regclass::text`); the constraint's name is quoted here.
fn statement(table: &str, constraint: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(["ALTER TABLE ", table, " VALIDATE CONSTRAINT ", &quoted(constraint)].concat())
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_stays_a_name() {
        assert_eq!(super::quoted("a\"; DROP TABLE x; --"), "\"a\"\"; DROP TABLE x; --\"");
    }
}
