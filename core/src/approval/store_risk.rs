//! SQL of risk: what is known beside a message, and what was made of it. A fixed number of statements for any number of messages.
use std::collections::{BTreeSet, HashMap};

use sqlx::PgConnection;
use uuid::Uuid;

use super::risk::{FAMILIAR_LIMIT, Known, Risk, assess};
use crate::activity::payload::Envelope;
use crate::company::money::Money;
use crate::company::store_policy;
use crate::contact::address;
use crate::contact::look_alike::LookAlike;
use crate::contact::store_look_alike;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId};

/// Approved texts are looked for among so many of the drafter's newest messages.
const LOOKED_THROUGH: i64 = 2_000;

/// So many contacts at one domain are asked after.
const ASKED_AFTER: i64 = 1_000;

/// Drafter, channel and kind: messages that share them can be of one family.
type Sort = (String, String, String);

struct Subject {
    id: ActivityId,
    envelope: Envelope,
    sort: Sort,
    account_value: Option<Money>,
    is_contact_known: bool,
}

/// Judges messages by the words they have now and writes down what came of it. Returns it, the gravest reason first.
///
/// # Errors
/// A database fault.
pub(crate) async fn assess_all(
    conn: &mut PgConnection,
    company: CompanyId,
    ids: &[ActivityId],
) -> Result<HashMap<ActivityId, (Risk, Vec<String>)>, Error> {
    let policy = store_policy::policy(conn, company).await?;
    let subjects = subjects(conn, company, ids).await?;
    let domains = known_domains(conn, company, &subjects).await?;
    let familiar = familiar(conn, company, &subjects).await?;
    let asked: Vec<_> = subjects.iter().map(|one| (one.id, one.envelope.payload.recipients())).collect();
    let mut look_alikes = store_look_alike::look_alikes(conn, company, &asked).await?;
    let mut judged = HashMap::with_capacity(subjects.len());
    for subject in subjects {
        let payload = &subject.envelope.payload;
        let doubts = look_alikes.remove(&subject.id).unwrap_or_default();
        let known = Known {
            is_contact_known: subject.is_contact_known,
            is_domain_known: match address::domain_of(&payload.to.to_lowercase()) {
                Some(domain) => domains.contains(domain),
                None => subject.is_contact_known,
            },
            account_value: subject.account_value,
            high_value: policy.high_value.as_ref(),
            familiar: familiar.get(&subject.sort).map_or(&[], Vec::as_slice),
            look_alikes: doubts.iter().map(LookAlike::sentence).collect(),
        };
        judged.insert(subject.id, assess(payload, &known));
    }
    write(conn, company, &judged).await?;
    Ok(judged)
}

async fn subjects(
    conn: &mut PgConnection,
    company: CompanyId,
    ids: &[ActivityId],
) -> Result<Vec<Subject>, Error> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
    let rows = sqlx::query!(
        r#"SELECT a.id AS "id: ActivityId", a.channel, a.kind, e.proposed_by, p.envelope, k.value_minor, k.currency,
          EXISTS (SELECT FROM crm_activities t WHERE t.company_id = $1 AND t.contact_id = a.contact_id
            AND t.status IN ('sent', 'recorded', 'received', 'dispatching', 'uncertain')) AS "is_contact_known!"
        FROM crm_activities a
        JOIN crm_activity_details e ON e.company_id = $1 AND e.activity_id = a.id
        JOIN crm_payloads p ON p.company_id = $1 AND p.activity_id = a.id AND p.payload_sha256 = a.payload_sha256
        JOIN crm_contacts c ON c.company_id = $1 AND c.id = a.contact_id
        LEFT JOIN crm_accounts k ON k.company_id = $1 AND k.id = c.account_id
        WHERE a.company_id = $1 AND a.id = ANY ($2) ORDER BY a.id"#,
        company.0,
        &ids
    )
    .fetch_all(conn)
    .await?;
    // What cannot be read is not judged here; the gates stop it.
    Ok(rows
        .into_iter()
        .filter_map(|row| {
            Some(Subject {
                id: row.id,
                envelope: Envelope::open(row.envelope.as_deref()?).ok()?,
                sort: (row.proposed_by, row.channel, row.kind),
                account_value: row
                    .value_minor
                    .zip(row.currency)
                    .map(|(minor, currency)| Money { minor, currency }),
                is_contact_known: row.is_contact_known,
            })
        })
        .collect())
}

/// Domains at which somebody was written to, or wrote, before. At a domain of a mail provider there may be any number of contacts, so only
/// so many of them are asked after, roughly the oldest; where none of those was, it counts as unknown, which asks for a second look.
async fn known_domains(
    conn: &mut PgConnection,
    company: CompanyId,
    subjects: &[Subject],
) -> Result<BTreeSet<String>, Error> {
    let domains: BTreeSet<String> = subjects
        .iter()
        .filter_map(|one| address::domain_of(&one.envelope.payload.to).map(str::to_lowercase))
        .collect();
    let wanted: Vec<String> = domains.into_iter().collect();
    let known = sqlx::query_scalar!(
        r#"SELECT w.domain AS "domain!" FROM unnest($2::text[]) AS w (domain)
        WHERE EXISTS (SELECT FROM (SELECT d.contact_id FROM crm_contact_addresses d
            WHERE d.company_id = $1 AND d.kind = 'email' AND split_part(d.address, '@', 2) = w.domain LIMIT $3) d
          CROSS JOIN LATERAL (SELECT FROM crm_activities t WHERE t.company_id = $1 AND t.contact_id = d.contact_id
            AND t.status IN ('sent', 'recorded', 'received', 'dispatching', 'uncertain') LIMIT 1) t)"#,
        company.0,
        &wanted,
        ASKED_AFTER
    )
    .fetch_all(conn)
    .await?;
    Ok(known.into_iter().collect())
}

/// The newest texts of each sort that people approved.
async fn familiar(
    conn: &mut PgConnection,
    company: CompanyId,
    subjects: &[Subject],
) -> Result<HashMap<Sort, Vec<String>>, Error> {
    let sorts: BTreeSet<&Sort> = subjects.iter().map(|one| &one.sort).collect();
    let drafters: Vec<String> = sorts.iter().map(|(drafter, ..)| drafter.clone()).collect();
    let channels: Vec<String> = sorts.iter().map(|(_, channel, _)| channel.clone()).collect();
    let kinds: Vec<String> = sorts.iter().map(|(.., kind)| kind.clone()).collect();
    let rows = sqlx::query!(
        r#"SELECT w.drafter AS "drafter!", w.channel AS "channel!", w.kind AS "kind!", f.envelope AS "envelope!"
        FROM unnest($2::text[], $3::text[], $4::text[]) AS w (drafter, channel, kind)
        CROSS JOIN LATERAL (
          SELECT p.envelope FROM (SELECT e.activity_id FROM crm_activity_details e
            WHERE e.company_id = $1 AND e.proposed_by = w.drafter ORDER BY e.activity_id DESC LIMIT $5) n
          JOIN crm_activities a ON a.company_id = $1 AND a.id = n.activity_id
          JOIN crm_payloads p ON p.company_id = $1 AND p.activity_id = a.id AND p.payload_sha256 = a.payload_sha256
          WHERE a.channel = w.channel AND a.kind = w.kind AND a.decided_round IS NOT NULL AND p.envelope IS NOT NULL
          ORDER BY n.activity_id DESC LIMIT $6) f"#,
        company.0,
        &drafters,
        &channels,
        &kinds,
        LOOKED_THROUGH,
        i64::try_from(FAMILIAR_LIMIT).unwrap_or(i64::MAX)
    )
    .fetch_all(conn)
    .await?;
    let mut familiar: HashMap<Sort, Vec<String>> = HashMap::new();
    for row in rows {
        if let Ok(envelope) = Envelope::open(&row.envelope) {
            let texts = familiar.entry((row.drafter, row.channel, row.kind)).or_default();
            texts.push(envelope.payload.parts.text().to_owned());
        }
    }
    Ok(familiar)
}

async fn write(
    conn: &mut PgConnection,
    company: CompanyId,
    judged: &HashMap<ActivityId, (Risk, Vec<String>)>,
) -> Result<(), Error> {
    let ids: Vec<Uuid> = judged.keys().map(|id| id.0).collect();
    let risks: Vec<String> = judged.values().map(|(risk, _)| risk.as_str().to_owned()).collect();
    // An array of arrays would have to be a rectangle, so the reasons travel as JSON.
    let reasons: Vec<serde_json::Value> =
        judged.values().map(|(_, reasons)| serde_json::json!(reasons)).collect();
    sqlx::query!(
        r#"UPDATE crm_activity_details e SET risk = w.risk,
          risk_reasons = ARRAY (SELECT jsonb_array_elements_text(w.reasons))
        FROM unnest($2::uuid[], $3::text[], $4::jsonb[]) AS w (id, risk, reasons)
        WHERE e.company_id = $1 AND e.activity_id = w.id"#,
        company.0,
        &ids,
        &risks,
        &reasons
    )
    .execute(conn)
    .await?;
    Ok(())
}
