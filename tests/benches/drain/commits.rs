//! What a commit costs: one tiny update a transaction.
use std::time::Duration;

use countersign_core::clock;
use countersign_tests::server::Database;
use sqlx::PgPool;
use tokio::task::JoinSet;

/// A table of numbers.
pub(crate) struct Commits {
    // Dropped first: the pool must let go of the database.
    pool: PgPool,
    _database: Database,
}

impl Commits {
    pub(crate) async fn prepare() -> Self {
        let database = Database::empty().await;
        let pool = database.wide_pool(16).await;
        sqlx::raw_sql(
            "CREATE TABLE tiny (id int PRIMARY KEY, n bigint NOT NULL DEFAULT 0) WITH (fillfactor = 10);
            INSERT INTO tiny SELECT generate_series(0, 1023)",
        )
        .execute(&pool)
        .await
        .expect("a table can be made");
        Self { pool, _database: database }
    }

    /// Commits a second over so many connections, each on rows of its own.
    pub(crate) async fn rate(&self, connections: usize, measured_for: Duration) -> f64 {
        let mut open = Vec::new();
        for _ in 0..connections {
            open.push(self.pool.acquire().await.expect("a connection"));
        }
        let begin = clock::monotonic();
        let mut clients = JoinSet::new();
        for (number, mut conn) in open.into_iter().enumerate() {
            let first = i32::try_from(number * 64).expect("a small number");
            clients.spawn(async move {
                let mut done = 0_i32;
                while begin.elapsed() < measured_for {
                    sqlx::query("UPDATE tiny SET n = n + 1 WHERE id = $1")
                        .bind(first + done % 64)
                        .execute(&mut *conn)
                        .await
                        .expect("the update commits");
                    done += 1;
                }
                done
            });
        }
        let done: i32 = clients.join_all().await.into_iter().sum();
        f64::from(done) / begin.elapsed().as_secs_f64()
    }
}
