//! The databases of the private cluster: making and dropping them.
use sqlx::PgConnection;

use crate::error::Error;

/// A database this product keeps in its private cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Name {
    /// Everyday work.
    Main,
    /// The demo.
    Demo,
}

impl Name {
    /// The name PostgreSQL knows.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Main => "countersign",
            Self::Demo => "countersign_demo",
        }
    }
}

/// Makes a database if it is not there. Any number of processes may ask at once.
///
/// # Errors
/// A database fault.
pub async fn ensure(conn: &mut PgConnection, name: Name) -> Result<(), Error> {
    let exists: bool = sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)")
        .bind(name.as_str())
        .fetch_one(&mut *conn)
        .await?;
    if exists {
        return Ok(());
    }
    let statement = match name {
        Name::Main => "CREATE DATABASE countersign",
        Name::Demo => "CREATE DATABASE countersign_demo",
    };
    match sqlx::raw_sql(statement).execute(conn).await {
        Ok(_) => Ok(()),
        // Somebody else was first: 42P04 says so, and 23505 if both were at it in the same moment.
        Err(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("42P04" | "23505")) => {
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Drops the demo's database, whoever works on it; they lose their connection and say so.
///
/// # Errors
/// A database fault.
pub async fn drop_demo(conn: &mut PgConnection) -> Result<(), Error> {
    sqlx::raw_sql("DROP DATABASE IF EXISTS countersign_demo WITH (FORCE)").execute(conn).await?;
    Ok(())
}
