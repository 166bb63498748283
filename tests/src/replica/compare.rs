//! What the rows say, in the words of the model.
use std::collections::BTreeMap;
use std::fmt::Debug;

use countersign_core::activity::payload::PayloadHash;
use countersign_core::activity::status::Status;
use countersign_core::outbox::store::CoolReason;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use sqlx::Row;
use sqlx::postgres::PgRow;
use uuid::Uuid;

use super::Replica;
use crate::model::Token;

/// Waits are computed in floating point on one side.
const TOLERANCE: SignedDuration = SignedDuration::from_millis(1);

/// An activity as one side has it.
#[derive(Debug, PartialEq)]
struct Stored {
    status: Status,
    round: i32,
    hash: PayloadHash,
    hold: Option<String>,
    holder: &'static str,
    attempt: i16,
    attempts: Vec<String>,
    quota_day: Option<Date>,
    times: [Option<Instant>; 3],
}

/// An outbox with its bucket as one side has it.
#[derive(Debug, PartialEq)]
struct Bucket {
    day: Date,
    sent_today: i32,
    bucket_cap: i32,
    cap: i32,
    zone: String,
    is_open: [bool; 2],
    cool_until: Option<Instant>,
    cool_reason: Option<&'static str>,
    fault_streak: i32,
}

/// A time that two computations of it may differ by a little.
#[derive(Clone, Copy, Debug)]
struct Instant(Timestamp);

impl PartialEq for Instant {
    fn eq(&self, other: &Self) -> bool {
        self.0.duration_since(other.0).abs() <= TOLERANCE
    }
}

fn time(row: &PgRow, column: &str) -> Option<Instant> {
    row.get::<Option<jiff_sqlx::Timestamp>, _>(column).map(|at| Instant(at.to_jiff()))
}

fn day(row: &PgRow, column: &str) -> Option<Date> {
    row.get::<Option<jiff_sqlx::Date>, _>(column).map(jiff_sqlx::Date::to_jiff)
}

fn same<T: PartialEq + Debug>(what: impl Debug, model: &T, database: &T) -> Result<(), String> {
    if model == database {
        Ok(())
    } else {
        Err(format!("{what:?} differs\n  should be {model:?}\n  is        {database:?}"))
    }
}

impl Replica {
    /// Compares everything. I3 is asked of the rows themselves.
    pub(super) async fn compare(&self) -> Result<(), String> {
        self.compare_items().await?;
        self.compare_outboxes().await?;
        self.compare_leases().await?;
        self.compare_seen().await
    }

    async fn compare_seen(&self) -> Result<(), String> {
        let row = sqlx::query("SELECT max(seen_at) AS seen_at FROM crm_change_counters")
            .fetch_one(&self.world.pool)
            .await
            .map_err(|error| error.to_string())?;
        same("the latest time that was seen", &Some(Instant(self.model.seen)), &time(&row, "seen_at"))
    }

    async fn compare_items(&self) -> Result<(), String> {
        let rows = sqlx::query(
            "SELECT a.id, a.status, a.round, a.payload_sha256, a.hold_code, a.attempt, a.quota_day, a.send_after, a.wire_at, a.first_wire_at,
              a.claim_id, ARRAY(SELECT x.attempt || ' ' || x.outcome FROM crm_dispatch_attempts x
                WHERE x.company_id = a.company_id AND x.activity_id = a.id ORDER BY x.attempt) AS attempts
            FROM crm_activities a WHERE a.outbox_id IS NOT NULL",
        )
        .fetch_all(&self.world.pool)
        .await
        .map_err(|error| error.to_string())?;
        let mut stored: BTreeMap<Uuid, Stored> = rows.iter().map(|row| (row.get("id"), read(row))).collect();
        for (index, item) in self.model.items.iter().enumerate().filter(|(_, item)| item.is_filed()) {
            let mut attempts: Vec<_> = item.attempts.iter().map(|one| (one.number, one.outcome)).collect();
            attempts.sort_unstable();
            let should = Stored {
                status: item.status,
                round: item.round,
                hash: self.hashes[&(index, item.words)],
                hold: item.hold.map(str::to_owned),
                holder: match item.token {
                    Token::None => "nobody",
                    Token::Waiting => "waits",
                    Token::By(_) => "a batch",
                },
                attempt: item.attempt,
                attempts: attempts.iter().map(|(number, outcome)| format!("{number} {outcome}")).collect(),
                quota_day: item.quota_day,
                times: [Some(item.send_after), item.wire_at, item.first_wire_at].map(|at| at.map(Instant)),
            };
            let id = self.ids[index].expect("it was filed");
            let is = stored.remove(&id.0).ok_or_else(|| format!("item {index} is not there"))?;
            same(format!("item {index}"), &should, &is)?;
        }
        same("what was filed", &BTreeMap::new(), &stored)
    }

    async fn compare_outboxes(&self) -> Result<(), String> {
        for (id, own) in self.outboxes.iter().zip(&self.model.outboxes) {
            let row = sqlx::query(
                "SELECT b.day, b.sent_today, b.daily_cap AS bucket_cap, o.daily_cap AS cap, o.zone, o.enabled, o.killed_at, o.cool_until,
                  o.cool_reason, o.fault_streak
                FROM crm_outboxes o JOIN crm_credential_buckets b ON b.company_id = o.company_id AND b.outbox_id = o.id WHERE o.id = $1",
            )
            .bind(id.0)
            .fetch_one(&self.world.pool)
            .await
            .map_err(|error| error.to_string())?;
            let is = Bucket {
                day: day(&row, "day").expect("a day"),
                sent_today: row.get("sent_today"),
                bucket_cap: row.get("bucket_cap"),
                cap: row.get("cap"),
                zone: row.get("zone"),
                is_open: [row.get("enabled"), time(&row, "killed_at").is_none()],
                cool_until: time(&row, "cool_until"),
                cool_reason: row.get::<Option<&str>, _>("cool_reason").map(|reason| match reason {
                    "circuit" => "circuit",
                    "provider" => "provider",
                    other => panic!("`{other}` is no reason to wait"),
                }),
                fault_streak: row.get("fault_streak"),
            };
            if !(0..=is.bucket_cap).contains(&is.sent_today) {
                return Err(format!("I3: {} of {}", is.sent_today, is.bucket_cap));
            }
            let should = Bucket {
                day: own.day,
                sent_today: own.sent_today,
                bucket_cap: own.bucket_cap,
                cap: own.cap,
                zone: own.zone.to_owned(),
                is_open: [own.enabled, !own.killed],
                cool_until: own.cool_until.map(Instant),
                cool_reason: own.cool_reason.map(|reason| match reason {
                    CoolReason::Circuit => "circuit",
                    CoolReason::Provider => "provider",
                    CoolReason::Bounces => "bounces",
                }),
                fault_streak: own.fault_streak,
            };
            same("an outbox", &should, &is)?;
        }
        Ok(())
    }

    async fn compare_leases(&self) -> Result<(), String> {
        let rows = sqlx::query("SELECT lease_until FROM crm_dispatch_claims ORDER BY lease_until")
            .fetch_all(&self.world.pool)
            .await
            .map_err(|error| error.to_string())?;
        let is: Vec<_> = rows.iter().map(|row| time(row, "lease_until")).collect();
        let mut should: Vec<_> = self.model.leases.iter().map(|lease| lease.until).collect();
        should.sort_unstable();
        let should: Vec<_> = should.into_iter().map(|until| Some(Instant(until))).collect();
        same("the leases", &should, &is)
    }
}

fn read(row: &PgRow) -> Stored {
    Stored {
        status: Status::parse(row.get("status")).expect("a status"),
        round: row.get("round"),
        hash: PayloadHash::from_bytes(row.get("payload_sha256")).expect("32 bytes"),
        hold: row.get("hold_code"),
        holder: match row.get::<Option<Uuid>, _>("claim_id") {
            None => "nobody",
            Some(token) if token.is_nil() => "waits",
            Some(_) => "a batch",
        },
        attempt: row.get("attempt"),
        attempts: row.get("attempts"),
        quota_day: day(row, "quota_day"),
        times: ["send_after", "wire_at", "first_wire_at"].map(|column| time(row, column)),
    }
}
