//! What became of things: plain SQL, as somebody at `psql` would read and write.
use std::collections::BTreeMap;

use countersign_core::activity::payload::PayloadHash;
use countersign_core::activity::status::Status;
use countersign_core::approval::Item;
use countersign_core::ids::{ActivityId, OutboxId};
use sqlx::{AssertSqlSafe, Row};
use uuid::Uuid;

use super::World;

/// An activity as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where it stands.
    pub status: Status,
    /// Round of decisions.
    pub round: i32,
    /// Attempts so far.
    pub attempt: i16,
    /// Why it waits or stopped.
    pub hold_code: Option<String>,
}

impl World {
    /// Runs statements of the test's own text.
    ///
    /// # Panics
    /// When the database refuses; use [`World::try_sql`] where it should.
    pub async fn sql(&self, text: &str) {
        self.try_sql(text).await.expect("the statement is accepted");
    }

    /// Runs statements of the test's own text; the error is the SQLSTATE with the message.
    ///
    /// # Errors
    /// What the database said.
    pub async fn try_sql(&self, text: &str) -> Result<u64, String> {
        // The text is written in the tests; that it can do anything is the point.
        let done = sqlx::raw_sql(AssertSqlSafe(text.to_owned())).execute(&self.pool).await;
        done.map(|done| done.rows_affected()).map_err(|error| match error.as_database_error() {
            Some(refused) => format!("{} {}", refused.code().unwrap_or_default(), refused.message()),
            None => error.to_string(),
        })
    }

    /// One number by a query of the test's own text.
    ///
    /// # Panics
    /// When the query fails.
    pub async fn count(&self, query: &str) -> i64 {
        let query = AssertSqlSafe(query.to_owned());
        sqlx::query_scalar(query).fetch_one(&self.pool).await.expect("the query counts")
    }

    /// One text by a query of the test's own text.
    ///
    /// # Panics
    /// When the query fails.
    pub async fn text(&self, query: &str) -> String {
        let query = AssertSqlSafe(query.to_owned());
        sqlx::query_scalar(query).fetch_one(&self.pool).await.expect("the query reads")
    }

    /// Items as a screen would show them now, in the order asked for.
    ///
    /// # Panics
    /// When one does not exist.
    pub async fn items(&self, ids: &[ActivityId]) -> Vec<Item> {
        let wanted: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let rows = sqlx::query(
            "SELECT a.payload_sha256 FROM unnest($2::uuid[]) WITH ORDINALITY w (id, place)
            JOIN crm_activities a ON a.company_id = $1 AND a.id = w.id ORDER BY w.place",
        )
        .bind(self.company.0)
        .bind(&wanted)
        .fetch_all(&self.pool)
        .await
        .expect("items can be read");
        assert_eq!(rows.len(), ids.len(), "an item does not exist");
        let hash = |bytes: Vec<u8>| PayloadHash::from_bytes(&bytes).expect("32 bytes");
        ids.iter().zip(rows).map(|(id, row)| Item::seen(*id, hash(row.get(0)))).collect()
    }

    /// How one activity is stored.
    ///
    /// # Panics
    /// When it does not exist.
    pub async fn stored(&self, id: ActivityId) -> Stored {
        let row = sqlx::query(
            "SELECT status, round, attempt, hold_code FROM crm_activities WHERE company_id = $1 AND id = $2",
        )
        .bind(self.company.0)
        .bind(id.0)
        .fetch_one(&self.pool)
        .await
        .expect("the activity exists");
        Stored {
            status: Status::parse(row.get("status")).expect("a status"),
            round: row.get("round"),
            attempt: row.get("attempt"),
            hold_code: row.get("hold_code"),
        }
    }

    /// Where one activity stands.
    pub async fn status(&self, id: ActivityId) -> Status {
        self.stored(id).await.status
    }

    /// How many activities stand where.
    ///
    /// # Panics
    /// When the query fails.
    pub async fn statuses(&self) -> BTreeMap<String, i64> {
        let rows = sqlx::query("SELECT status, count(*) FROM crm_activities GROUP BY status")
            .fetch_all(&self.pool)
            .await
            .expect("statuses can be counted");
        rows.into_iter().map(|row| (row.get(0), row.get(1))).collect()
    }

    /// How much of the day's quota of an outbox is taken.
    ///
    /// # Panics
    /// When there is no such outbox.
    pub async fn sent_today(&self, outbox: OutboxId) -> i32 {
        sqlx::query_scalar(
            "SELECT sent_today FROM crm_credential_buckets WHERE company_id = $1 AND outbox_id = $2",
        )
        .bind(self.company.0)
        .bind(outbox.0)
        .fetch_one(&self.pool)
        .await
        .expect("the outbox has a bucket")
    }

    /// What was recorded about one thing, in order.
    ///
    /// # Panics
    /// When the query fails.
    pub async fn audit(&self, subject: impl Into<Uuid>) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT action FROM crm_audit_log WHERE company_id = $1 AND subject_id = $2 ORDER BY id",
        )
        .bind(self.company.0)
        .bind(subject.into())
        .fetch_all(&self.pool)
        .await
        .expect("the audit log can be read")
    }

    /// Outcomes of the attempts of one activity, in order.
    ///
    /// # Panics
    /// When the query fails.
    pub async fn attempts(&self, id: ActivityId) -> Vec<String> {
        sqlx::query_scalar(
            "SELECT outcome FROM crm_dispatch_attempts WHERE company_id = $1 AND activity_id = $2 ORDER BY attempt",
        )
        .bind(self.company.0)
        .bind(id.0)
        .fetch_all(&self.pool)
        .await
        .expect("attempts can be read")
    }

    /// Makes everything that waits due now, whatever it waits for but a paused outbox.
    pub async fn hurry(&self) {
        self.sql(
            "UPDATE crm_activities SET send_after = now() - interval '1 second' WHERE stage = 'queue' AND send_after > now();
            UPDATE crm_outboxes SET cool_until = NULL WHERE cool_until IS NOT NULL",
        )
        .await;
    }

    /// Makes due now what waits to be repeated, and nothing else.
    pub async fn hurry_replays(&self) {
        self.sql("UPDATE crm_activities SET send_after = now() - interval '1 second' WHERE status = 'dispatching' AND send_after > now()")
            .await;
    }

    /// Looks until the condition holds; on failure shows where everything stands.
    pub async fn until(&self, what: &str, holds: impl AsyncFnMut() -> bool) {
        crate::until(what, holds, async || self.describe().await).await;
    }

    /// Looks until an activity stands there.
    pub async fn until_status(&self, id: ActivityId, status: Status) {
        self.until(&format!("{id} becomes {}", status.as_str()), async || self.status(id).await == status)
            .await;
    }

    /// Looks until so many activities stand there.
    pub async fn until_count(&self, status: Status, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let what = format!("{count} become {}", status.as_str());
        self.until(&what, async || self.statuses().await.get(status.as_str()).copied().unwrap_or(0) == count)
            .await;
    }

    /// Everything a failed test wants to know.
    async fn describe(&self) -> String {
        let rows: Vec<String> = sqlx::query_scalar(
            "SELECT format('%s %s attempt %s hold %s due %s claim %s', id, status, attempt, hold_code, send_after <= now(), claim_id)
            FROM crm_activities ORDER BY id LIMIT 20",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap_or_default();
        let attempts: Vec<String> = sqlx::query_scalar(
            "SELECT format('%s #%s %s %s', activity_id, attempt, outcome, evidence) FROM crm_dispatch_attempts
            ORDER BY closed_at DESC LIMIT 10",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap_or_default();
        let outboxes: Vec<String> = sqlx::query_scalar(
            "SELECT format('%s enabled %s (%s) cool %s', name, enabled, pause_reason, cool_until) FROM crm_outboxes",
        )
        .fetch_all(&self.pool)
        .await
        .unwrap_or_default();
        format!(
            "{:?}\n{}\n{}\n{}",
            self.statuses().await,
            rows.join("\n"),
            attempts.join("\n"),
            outboxes.join("\n")
        )
    }
}
