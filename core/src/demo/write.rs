//! Writes the plan, in an order that every rule of the schema accepts: what was sent is filed, approved, put on the wire and closed
//! again, only faster.
use std::collections::{BTreeMap, HashMap};

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use sqlx::PgConnection;

use super::message::{Life, id_at};
use super::plan::Plan;
use super::seal::Row;
use super::setup::{SECRETS, STRUCK_DOMAIN};
use super::{store, store_life};
use crate::activity::status::Status;
use crate::actor::Actor;
use crate::approval::store_risk::assess_all;
use crate::audit;
use crate::company;
use crate::error::Error;
use crate::ids::{AuditId, DecisionId};
use crate::secret::{MasterKey, SecretText};

/// Rows of one statement.
const CHUNK: usize = 800;

const DISPATCHER: Actor = Actor::Engine("dispatcher");

/// Writes everything, in the caller's transaction.
pub(super) async fn everything(
    conn: &mut PgConnection,
    key: &MasterKey,
    plan: &Plan,
    rows: &[Row<'_>],
    advance: &(dyn Fn(usize, usize) + Sync),
) -> Result<(), Error> {
    let mut written = 0;
    let founded_at = plan.now - SignedDuration::from_hours(95 * 24);
    store::insert_company(conn, &plan.company, founded_at).await?;
    let company = plan.company.id;
    store::insert_operators(conn, company, &plan.operators, founded_at).await?;
    for (id, value) in SECRETS {
        let stored = key.encrypt(company, id, 1, &SecretText::new(value.to_owned()))?;
        store::insert_secret(conn, company, id, &stored, plan.operators[0].name(), founded_at).await?;
    }
    for outbox in &plan.outboxes {
        store::insert_outbox(conn, company, outbox, founded_at).await?;
    }
    for (outbox, (day, used)) in plan.quota_used() {
        let daily_cap =
            plan.outboxes.iter().find(|one| one.settings.id == outbox).map_or(0, |one| one.daily_cap);
        store::insert_bucket(conn, company, outbox, day, used, daily_cap).await?;
    }
    store::insert_allowlist(conn, company, &plan.allowlist, plan.operators[0].name(), founded_at).await?;
    store::insert_accounts(conn, company, &plan.accounts, founded_at).await?;
    store::insert_contacts(conn, company, plan).await?;
    store::insert_addresses(conn, company, &addresses(plan, rows)).await?;
    for wave in waves(rows) {
        for chunk in wave.chunks(CHUNK) {
            write_wave(conn, plan, chunk).await?;
            written += chunk.len();
            advance(written, rows.len());
        }
    }
    store_life::note_inbound(conn, company).await?;
    let open: Vec<_> = rows
        .iter()
        .filter(|row| matches!(row.message.life, Life::Pending))
        .map(|row| row.message.id)
        .collect();
    assess_all(conn, company, &open).await?;
    let mut entries = founding(plan, founded_at);
    let mut rng = plan.rng.clone();
    entries.extend(rows.iter().flat_map(|row| story(plan, row)));
    entries.sort_by_key(|(at, _)| *at);
    for (at, entry) in &mut entries {
        entry.id = AuditId(id_at(*at, &mut rng));
    }
    for chunk in entries.chunks(2 * CHUNK) {
        store_life::insert_audit(conn, company, chunk).await?;
    }
    company::store::bump(conn, company).await
}

/// Every address of every contact, each once.
fn addresses(plan: &Plan, rows: &[Row<'_>]) -> Vec<store::Address> {
    let mut found = BTreeMap::new();
    for contact in &plan.contacts {
        for (kind, address) in [
            ("email", &contact.email),
            ("phone", &contact.phone),
            ("handle", &contact.linkedin),
            ("handle", &contact.instagram),
        ] {
            if let Some(address) = address {
                found.insert((kind, address.clone()), contact.id);
            }
        }
    }
    for row in rows {
        found.entry((row.address_kind, row.address.clone())).or_insert(plan.contacts[row.message.contact].id);
    }
    found.into_iter().map(|((kind, address), contact)| store::Address { kind, address, contact }).collect()
}

/// At most one open draft may stand in a place, also for a moment: the first message of each place comes before any second one.
pub(super) fn waves<'a, 'b>(rows: &'b [Row<'a>]) -> Vec<Vec<&'b Row<'a>>> {
    let mut seen: HashMap<_, usize> = HashMap::new();
    let mut waves: Vec<Vec<&Row<'_>>> = Vec::new();
    for row in rows {
        let message = row.message;
        let turn = seen.entry((message.contact, message.outbox, message.kind)).or_default();
        if waves.len() <= *turn {
            waves.push(Vec::new());
        }
        waves[*turn].push(row);
        *turn += 1;
    }
    waves
}

async fn write_wave(conn: &mut PgConnection, plan: &Plan, rows: &[&Row<'_>]) -> Result<(), Error> {
    store_life::insert_payloads(conn, plan, rows).await?;
    store_life::insert_activities(conn, plan, rows).await?;
    store_life::insert_details(conn, plan, rows).await?;
    let mut rng = Rng::with_seed(rows.first().map_or(0, |row| row.message.id.0.as_u64_pair().1));
    let decisions: Vec<_> = rows
        .iter()
        .filter_map(|row| row.message.life.decided().map(|decided| (*row, decided)))
        .filter_map(|(row, decided)| {
            let actor =
                plan.operators.iter().find(|operator| operator.name() == decided.by).and_then(Actor::id)?;
            Some(store_life::Decision {
                id: DecisionId(id_at(decided.at, &mut rng)),
                row,
                at: decided.at,
                actor,
            })
        })
        .collect();
    store_life::insert_decisions(conn, plan, &decisions).await?;
    store_life::close_drafts(conn, plan, rows).await?;
    store_life::approve(conn, plan, rows).await?;
    store_life::block(conn, plan, rows).await?;
    store_life::depart(conn, plan, rows).await?;
    store_life::insert_attempts(conn, plan, rows).await?;
    store_life::arrive(conn, plan, rows).await
}

type Dated = (Timestamp, audit::Entry);

/// How the company was set up.
fn founding(plan: &Plan, at: Timestamp) -> Vec<Dated> {
    let admin = &plan.operators[0];
    let mut entries = vec![(at, audit::Entry::new(admin, "company.add").subject(plan.company.id))];
    for operator in plan.operators.iter().skip(1) {
        if let Actor::Operator { id, role, .. } = operator {
            let entry = audit::Entry::new(admin, "operator.add").subject(*id).detail(json!({ "role": role }));
            entries.push((at, entry));
        }
    }
    entries.extend(SECRETS.iter().map(|(id, _)| {
        (at, audit::Entry::new(admin, "secret.set").detail(json!({ "secret": id, "version": 1 })))
    }));
    entries.extend(plan.outboxes.iter().map(|outbox| {
        let settings = &outbox.settings;
        let detail =
            json!({ "name": settings.name, "channel": settings.channel, "dailyCap": outbox.daily_cap });
        (at, audit::Entry::new(admin, "outbox.add").subject(settings.id).detail(detail))
    }));
    entries.extend(
        plan.allowlist
            .iter()
            .map(|entry| (at, audit::Entry::new(admin, "allowlist.add").detail(json!({ "entry": entry })))),
    );
    let struck = json!({ "entry": format!("@{STRUCK_DOMAIN}") });
    entries.push((at, audit::Entry::new(admin, "allowlist.add").detail(struck.clone())));
    let yesterday = plan.now - SignedDuration::from_hours(27);
    entries.push((yesterday, audit::Entry::new(admin, "allowlist.remove").detail(struck)));
    for outbox in &plan.outboxes {
        if let Some(reason) = &outbox.settings.paused {
            let ben = plan.operators.iter().find(|operator| operator.name() == "ben").unwrap_or(admin);
            let entry =
                audit::Entry::new(ben, "outbox.pause").subject(outbox.settings.id).reason(Some(reason));
            entries.push((plan.now - SignedDuration::from_hours(8 * 24), entry));
        }
    }
    entries
}

/// What the log says about one message.
fn story(plan: &Plan, row: &Row<'_>) -> Vec<Dated> {
    let message = row.message;
    let sha256 = row.sealed.sha256();
    let entry = |actor: &Actor, action: &str| audit::Entry::new(actor, action).activity(message.id, sha256);
    if let Life::Noted { .. } = message.life {
        return Vec::new();
    }
    let drafter = Actor::Agent { name: row.proposed_by.clone() };
    let mut entries = vec![(message.created_at, entry(&drafter, "draft.file"))];
    let decider = message.life.decided().and_then(|decided| {
        plan.operators
            .iter()
            .find(|operator| operator.name() == decided.by)
            .map(|operator| (decided, operator))
    });
    if let Some((decided, operator)) = decider {
        let (action, reason) = match &message.life {
            Life::Rejected { reason, .. } => ("approval.reject", Some(*reason)),
            _ => ("approval.approve", None),
        };
        entries.push((decided.at, entry(operator, action).reason(reason).detail(json!({ "round": 1 }))));
    }
    match &message.life {
        Life::Expired { at } => entries.push((*at, entry(&DISPATCHER, "draft.expire"))),
        Life::Blocked { at, code, .. } => {
            entries.push((*at, entry(&DISPATCHER, "dispatch.blocked_by_allowlist").reason(Some(code))));
        }
        Life::Left { tries, end, .. } => {
            for (index, attempt) in tries.iter().enumerate() {
                let action = match end {
                    _ if index + 1 < tries.len() => "dispatch.replay",
                    Status::Sent => "dispatch.sent",
                    Status::Failed => "dispatch.failed",
                    _ => "dispatch.uncertain",
                };
                let detail = json!({ "attempt": index + 1, "outcome": attempt.outcome, "providerRef": attempt.provider_ref });
                entries.push((
                    attempt.closed_at,
                    entry(&DISPATCHER, action).reason(attempt.code).detail(detail),
                ));
            }
        }
        Life::Pending | Life::Rejected { .. } | Life::Holding { .. } | Life::Noted { .. } => {}
    }
    entries
}
