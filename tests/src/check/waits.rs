//! C9 from the provider's side: a wait it asked for was kept by the whole credential.
use std::collections::HashMap;

use countersign_adapters::sandbox::Asked;
use jiff::fmt::rfc2822::DateTimeParser;
use jiff::{SignedDuration, Timestamp};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::accepted::approval;
use super::{Check, Finding};

/// An outcome is dated by the beginning of its transaction; what was on its way to the wire until it committed was free to go.
const UNTIL_KNOWN: SignedDuration = SignedDuration::from_secs(2);

/// An attempt: when it went on the wire, and when its answer was written down, if that was the answer of the provider.
struct Attempt {
    wire_at: Timestamp,
    answered_at: Option<Timestamp>,
}

/// Whose a message is, and its attempts, in order.
struct Sent {
    credential: (Uuid, String),
    attempts: Vec<Attempt>,
}

impl Sent {
    /// The attempt a request belongs to: the last that was on the wire by then.
    fn attempt_at(&self, at: Timestamp) -> Option<&Attempt> {
        self.attempts.iter().rev().find(|attempt| attempt.wire_at <= at)
    }
}

/// A wait of a credential: from when it was known, until when.
struct Wait<'a> {
    credential: &'a (Uuid, String),
    known_at: Timestamp,
    until: Timestamp,
}

pub(super) async fn examine(
    conn: &mut PgConnection,
    requests: &[Asked],
    findings: &mut Vec<Finding>,
) -> Result<(), sqlx::Error> {
    let of = |asked: &Asked| asked.key.as_deref().and_then(approval).map(|(activity, _)| activity);
    let asked: Vec<Uuid> = requests.iter().filter_map(of).collect();
    let sent = sent(conn, &asked).await?;
    let requests: Vec<(&Asked, &Sent)> =
        requests.iter().filter_map(|asked| Some((asked, sent.get(&of(asked)?)?))).collect();
    let waits: Vec<Wait<'_>> = requests.iter().filter_map(|(asked, sent)| wait(asked, sent)).collect();
    for (asked, sent) in &requests {
        let departed = sent.attempt_at(asked.at).map_or(asked.at, |attempt| attempt.wire_at);
        let early = waits.iter().any(|wait| {
            *wait.credential == sent.credential && wait.known_at < departed && asked.at < wait.until
        });
        if early {
            let row = format!("request {} at {}", asked.key.as_deref().unwrap_or_default(), asked.at);
            findings.push(Finding::new(Check::C9, row, "came before a wait that was asked for was over"));
        }
    }
    Ok(())
}

fn wait<'a>(asked: &Asked, sent: &'a Sent) -> Option<Wait<'a>> {
    let (429, Some(answered_at), Some(wait)) =
        (asked.status?, asked.answered_at, asked.retry_after.as_deref())
    else {
        return None;
    };
    let until = match wait.trim().parse() {
        Ok(secs) => answered_at + SignedDuration::from_secs(secs),
        Err(_) => DateTimeParser::new().parse_timestamp(wait.trim()).ok()?,
    };
    // A worker that was lost before it wrote the answer down took the wait with it.
    let known_at = sent.attempt_at(asked.at)?.answered_at? + UNTIL_KNOWN;
    Some(Wait { credential: &sent.credential, known_at, until })
}

async fn sent(conn: &mut PgConnection, asked: &[Uuid]) -> Result<HashMap<Uuid, Sent>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT a.id, a.company_id, split_part(o.secret_ref, ':', 2) AS secret,
          (extract(epoch FROM x.wire_at) * 1000000)::bigint AS wire_at,
          (extract(epoch FROM CASE WHEN x.outcome = 'retry' THEN x.closed_at END) * 1000000)::bigint AS answered_at
        FROM crm_activities a
        JOIN crm_outboxes o ON o.company_id = a.company_id AND o.id = a.outbox_id
        LEFT JOIN crm_dispatch_attempts x ON x.company_id = a.company_id AND x.activity_id = a.id AND x.wire_at IS NOT NULL
        WHERE a.id = ANY ($1) ORDER BY a.id, x.wire_at",
    )
    .bind(asked)
    .fetch_all(conn)
    .await?;
    let instant = |micros: Option<i64>| micros.and_then(|micros| Timestamp::from_microsecond(micros).ok());
    let mut sent: HashMap<Uuid, Sent> = HashMap::new();
    for row in rows {
        let credential = (row.get("company_id"), row.get("secret"));
        let message = sent.entry(row.get("id")).or_insert_with(|| Sent { credential, attempts: Vec::new() });
        if let Some(wire_at) = instant(row.get("wire_at")) {
            message.attempts.push(Attempt { wire_at, answered_at: instant(row.get("answered_at")) });
        }
    }
    Ok(sent)
}
