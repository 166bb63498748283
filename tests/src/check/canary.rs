//! C12: texts that were planted to see where they turn up.
use sqlx::{AssertSqlSafe, PgConnection};

use super::{Check, Finding};

/// Looks for canaries in an output. A finding names the output and which canary it was, and never repeats it.
#[must_use]
pub fn in_output(name: &str, output: &[u8], canaries: &[String]) -> Vec<Finding> {
    let found = canaries.iter().enumerate().filter(|(_, canary)| holds(output, canary));
    found.map(|(index, _)| Finding::new(Check::C12, name, format!("holds canary {}", index + 1))).collect()
}

/// Looks for secrets in every row of every table, as text and as hexadecimal digits.
///
/// # Errors
/// When the database cannot be read.
pub async fn in_rows(conn: &mut PgConnection, secrets: &[String]) -> Result<Vec<Finding>, sqlx::Error> {
    let tables: Vec<String> = sqlx::query_scalar(
        "SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1",
    )
    .fetch_all(&mut *conn)
    .await?;
    let mut findings = Vec::new();
    for table in tables {
        for (index, secret) in secrets.iter().enumerate() {
            let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
            // The name comes out of the catalogue, quoted.
            let count = format!(
                "SELECT count(*) FROM {table} t WHERE position($1 IN t::text) > 0 OR position($2 IN t::text) > 0"
            );
            let rows: i64 =
                sqlx::query_scalar(AssertSqlSafe(count)).bind(secret).bind(hex).fetch_one(&mut *conn).await?;
            if rows > 0 {
                let problem = format!("{rows} rows hold canary {}", index + 1);
                findings.push(Finding::new(Check::C12, table.clone(), problem));
            }
        }
    }
    Ok(findings)
}

fn holds(output: &[u8], canary: &str) -> bool {
    !canary.is_empty() && output.windows(canary.len()).any(|window| window == canary.as_bytes())
}
