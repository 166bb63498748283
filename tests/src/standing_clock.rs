//! A clock for one database that stands until a test moves it.
//!
//! Statements of the product say `now()` and `clock_timestamp()`; in a session whose search path begins with another schema they
//! find the functions there. Columns whose time is written by default are bound to the function of the system, so those that a decision
//! looks at later are bound anew. So leases, windows, quota days and expiry all go by a row that the test writes.
use countersign_core::clock;
use jiff::Timestamp;
use sqlx::postgres::PgPoolOptions;
use sqlx::{Connection, PgConnection, PgPool};

use crate::world::World;

const SCHEMA: &str = "
    CREATE SCHEMA standing;
    CREATE TABLE standing.clock (at timestamptz NOT NULL);
    CREATE FUNCTION standing.now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM standing.clock';
    CREATE FUNCTION standing.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM standing.clock';
    INSERT INTO standing.clock VALUES (now());
    GRANT USAGE ON SCHEMA standing TO PUBLIC;
    GRANT SELECT, UPDATE ON standing.clock TO PUBLIC;
    ALTER TABLE crm_payloads ALTER created_at SET DEFAULT standing.now();
    ALTER TABLE crm_decisions ALTER at SET DEFAULT standing.now()";

/// Gives the database of a world such a clock, and the world connections that go by it. It stands at the time of the machine.
///
/// # Panics
/// When the database refuses.
pub async fn stop(world: &mut World) -> Clock {
    let mut owner = PgConnection::connect_with(&world.admin_options()).await.expect("the owner connects");
    sqlx::raw_sql(SCHEMA).execute(&mut owner).await.expect("a clock can be made");
    let _closed = owner.close().await;
    let options = world.options().options([
        ("timezone", "UTC"),
        ("search_path", "standing, pg_catalog, public"),
        ("statement_timeout", "5s"),
        ("lock_timeout", "2s"),
    ]);
    world.pool = PgPoolOptions::new().max_connections(3).connect_with(options).await.expect("connects");
    Clock { pool: world.pool.clone(), at: clock::now() }
}

/// A clock that stands.
pub struct Clock {
    pool: PgPool,
    at: Timestamp,
}

impl Clock {
    /// Sets it as if it had never shown anything else.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn begin(&mut self, at: Timestamp) {
        self.set(at).await;
        sqlx::query("UPDATE crm_change_counters SET seen_at = $1")
            .bind(jiff_sqlx::Timestamp::from(at))
            .execute(&self.pool)
            .await
            .expect("what was seen can be set");
    }

    /// Moves it.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn set(&mut self, at: Timestamp) {
        if self.at != at {
            sqlx::query("UPDATE standing.clock SET at = $1")
                .bind(jiff_sqlx::Timestamp::from(at))
                .execute(&self.pool)
                .await
                .expect("the clock can be set");
            self.at = at;
        }
    }
}
