//! The anchor: the four phases of a message in the plainest SQL that keeps the same promises about commits, without HTTP, gates,
//! hashes or decoding. Claim with quota, wire, outcome with one audit row and one activity row each: three commits a batch.
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use countersign_core::clock;
use countersign_core::ids::ClaimId;
use countersign_tests::server::Database;
use sqlx::{PgConnection, PgPool};
use tokio::task::JoinSet;
use uuid::Uuid;

use super::part::IDENTITIES;

const WORKERS: usize = 4;

const TABLES: &str = "
    CREATE TABLE messages (company_id uuid, id bigint, identity int NOT NULL, status text NOT NULL, due_at timestamptz NOT NULL,
      claim_id uuid, lease_until timestamptz, attempt int NOT NULL DEFAULT 0, wire_at timestamptz, closed_at timestamptz,
      provider_ref text, body text NOT NULL, PRIMARY KEY (company_id, id))
      WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);
    CREATE INDEX messages_due ON messages (company_id, identity, due_at) WHERE status = 'queued';
    CREATE TABLE quotas (company_id uuid, identity int, sent_today int NOT NULL, daily_cap int NOT NULL, PRIMARY KEY (company_id, identity))
      WITH (fillfactor = 10);
    CREATE TABLE audit (company_id uuid, id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL DEFAULT now(),
      action text NOT NULL, message_id bigint NOT NULL, PRIMARY KEY (company_id, id));
    CREATE TABLE activities (company_id uuid, id bigint GENERATED ALWAYS AS IDENTITY, at timestamptz NOT NULL DEFAULT now(),
      kind text NOT NULL, message_id bigint NOT NULL, PRIMARY KEY (company_id, id))";

const CLAIM: &str = "
    WITH due AS (SELECT id FROM messages WHERE company_id = $1 AND identity = $2 AND status = 'queued' AND due_at <= now()
      ORDER BY due_at LIMIT $3 FOR UPDATE SKIP LOCKED)
    UPDATE messages m SET status = 'dispatching', claim_id = $4, lease_until = now() + interval '30 seconds', attempt = attempt + 1
    FROM due WHERE m.company_id = $1 AND m.id = due.id RETURNING m.id";

const QUOTA: &str = "
    UPDATE quotas SET sent_today = sent_today + $3 WHERE company_id = $1 AND identity = $2 AND sent_today + $3 <= daily_cap";

const WIRE: &str = "UPDATE messages SET wire_at = clock_timestamp() WHERE company_id = $1 AND id = ANY ($2) AND claim_id = $3";

const OUTCOME: &str = "
    UPDATE messages m SET status = 'sent', closed_at = clock_timestamp(), provider_ref = o.provider_ref
    FROM unnest($2::bigint[], $4::text[]) AS o (id, provider_ref) WHERE m.company_id = $1 AND m.id = o.id AND m.claim_id = $3";

const AUDIT: &str =
    "INSERT INTO audit (company_id, action, message_id) SELECT $1, 'sent', unnest($2::bigint[])";

const ACTIVITY: &str =
    "INSERT INTO activities (company_id, kind, message_id) SELECT $1, 'sent', unnest($2::bigint[])";

/// Its own tables, in the server of the product.
pub(crate) struct Anchor {
    // Dropped first: the pool must let go of the database.
    pool: PgPool,
    company: Uuid,
    _database: Database,
}

impl Anchor {
    /// Makes and fills the tables.
    pub(crate) async fn filled(messages: usize) -> Self {
        let database = Database::empty().await;
        let pool = database.wide_pool(u32::try_from(WORKERS).expect("a small number") + 1).await;
        sqlx::raw_sql(TABLES).execute(&pool).await.expect("tables can be made");
        let anchor = Self { pool, company: Uuid::from_u128(1), _database: database };
        anchor.fill(messages).await;
        anchor
    }

    /// Messages a second, so many rows a transaction.
    pub(crate) async fn rate(self, rows: usize, messages: usize) -> f64 {
        let done = Arc::new(AtomicI64::new(0));
        let mut open = Vec::new();
        for _ in 0..WORKERS {
            open.push(self.pool.acquire().await.expect("a connection"));
        }
        let begin = clock::monotonic();
        let mut workers = JoinSet::new();
        for (number, mut conn) in open.into_iter().enumerate() {
            let (company, done) = (self.company, Arc::clone(&done));
            let limit = i64::try_from(rows).expect("a small number");
            workers.spawn(async move {
                // Each worker begins elsewhere and goes round until a whole round was empty.
                let mut empty = 0;
                let mut identity = number * IDENTITIES / WORKERS;
                while empty < IDENTITIES {
                    let sent =
                        batch(&mut conn, company, i32::try_from(identity).expect("a small number"), limit)
                            .await;
                    empty = if sent == 0 { empty + 1 } else { 0 };
                    done.fetch_add(i64::try_from(sent).expect("a small number"), Ordering::Relaxed);
                    if sent == 0 {
                        identity = (identity + 1) % IDENTITIES;
                    }
                }
            });
        }
        workers.join_all().await;
        let took = begin.elapsed();
        assert_eq!(
            usize::try_from(done.load(Ordering::Relaxed)),
            Ok(messages),
            "the anchor drains its queue"
        );
        messages as f64 / took.as_secs_f64()
    }

    async fn fill(&self, messages: usize) {
        sqlx::query("INSERT INTO quotas SELECT $1, generate_series(0, $2 - 1), 0, 1000000")
            .bind(self.company)
            .bind(i32::try_from(IDENTITIES).expect("a small number"))
            .execute(&self.pool)
            .await
            .expect("fills");
        sqlx::query(
            "INSERT INTO messages (company_id, id, identity, status, due_at, body)
            SELECT $1, n, n % $2, 'queued', now() - make_interval(secs => $3 - n), repeat('words ', 35) FROM generate_series(1, $3) n",
        )
        .bind(self.company)
        .bind(i32::try_from(IDENTITIES).expect("a small number"))
        .bind(i32::try_from(messages).expect("a small number"))
        .execute(&self.pool)
        .await
        .expect("fills");
        sqlx::raw_sql("VACUUM ANALYZE messages").execute(&self.pool).await.expect("can be vacuumed");
    }
}

/// One batch of one identity through all phases; says how many went.
async fn batch(conn: &mut PgConnection, company: Uuid, identity: i32, limit: i64) -> usize {
    let claim = ClaimId::new().0;
    let mut tx = sqlx::Connection::begin(&mut *conn).await.expect("begins");
    let ids: Vec<i64> = sqlx::query_scalar(CLAIM)
        .bind(company)
        .bind(identity)
        .bind(limit)
        .bind(claim)
        .fetch_all(&mut *tx)
        .await
        .expect("claims");
    if ids.is_empty() {
        return 0;
    }
    let count = i32::try_from(ids.len()).expect("a small number");
    sqlx::query(QUOTA).bind(company).bind(identity).bind(count).execute(&mut *tx).await.expect("takes quota");
    tx.commit().await.expect("commits");
    sqlx::query(WIRE)
        .bind(company)
        .bind(&ids)
        .bind(claim)
        .execute(&mut *conn)
        .await
        .expect("goes on the wire");
    let refs: Vec<String> = ids.iter().map(|id| format!("plain-{id}")).collect();
    let mut tx = sqlx::Connection::begin(conn).await.expect("begins");
    let outcome = sqlx::query(OUTCOME).bind(company).bind(&ids).bind(claim).bind(&refs);
    outcome.execute(&mut *tx).await.expect("closes");
    sqlx::query(AUDIT).bind(company).bind(&ids).execute(&mut *tx).await.expect("is recorded");
    sqlx::query(ACTIVITY).bind(company).bind(&ids).execute(&mut *tx).await.expect("is recorded");
    tx.commit().await.expect("commits");
    ids.len()
}
