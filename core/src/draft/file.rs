//! Files drafts: the one path on which a message comes in, whoever wrote it.
//!
//! A batch is one transaction. Every draft ends as filed, as known already, or as an error that names line, field and reason; unless
//! the caller allows a partial batch, one error means that nothing was written.
use std::collections::{HashMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use sha2::{Digest as _, Sha256};
use sqlx::PgPool;

use super::check::{Checked, FieldError, check};
use super::drafter::{Drafter, Proposed};
use super::input::{DraftInput, derived_key};
pub use super::report::{Filed, LineError, Mode, Report};
use super::seal::seal;
use super::store::{self, NewActivity};
use crate::activity::payload::{Kind, Sealed};
use crate::actor::{Actor, Role};
use crate::agent;
use crate::approval::decide::admit;
use crate::approval::store_risk::assess_all;
use crate::audit;
use crate::channel::{Files, Lines};
use crate::company;
use crate::db;
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId, ContactId};
use crate::inbound::{store_unsubscribe, unsubscribe};
use crate::outbox::store::OutboxSettings;

/// A draft that nobody decides about in this time expires.
pub const DEFAULT_LIFE: SignedDuration = SignedDuration::from_hours(72);

/// Drafts written by one statement; large imports are a row of such batches in one transaction.
const CHUNK: usize = 500;

/// The same where some of them carry files: each may be a mebibyte.
const CHUNK_WITH_FILES: usize = 25;

struct Draft {
    line: usize,
    checked: Checked,
    input: DraftInput,
    outbox: OutboxSettings,
    dedup_key: String,
    request_sha256: Vec<u8>,
}

/// A line that says what an earlier line of its chunk says.
struct Repeat {
    line: usize,
    first_line: usize,
    dedup_key: String,
}

/// Files a batch. `lines` says which channels can be rendered: a draft of another channel is kept and waits for its adapter.
/// Each input carries its line number.
///
/// # Errors
/// [`Error::Forbidden`] or [`Error::Refused`] for an operator who may not, at the latest when all is checked, or a database fault;
/// then nothing was written.
pub async fn file(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    inputs: Vec<(usize, DraftInput)>,
    lines: &Lines,
    mode: Mode,
) -> Result<Report, Error> {
    file_watched(pool, actor, company, inputs, lines, mode, &|_| {}).await
}

/// The same; `advance` hears how many inputs are behind.
///
/// # Errors
/// As [`file`].
pub async fn file_watched(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    inputs: Vec<(usize, DraftInput)>,
    lines: &Lines,
    mode: Mode,
    advance: &(dyn Fn(usize) + Sync),
) -> Result<Report, Error> {
    db::retry(|| file_as(pool, actor, company, &inputs, lines, (mode, Drafter::Named), advance)).await
}

/// Files one draft of the caller's own. An operator is its drafter and so never approves it; an agent may change and withdraw it.
///
/// # Errors
/// [`Error::Forbidden`] below approver and for an agent that would replace another's draft, [`Error::Refused`] for an agent that counts
/// no longer, [`Error::Contended`] when an import of the company takes longer, [`Error::Invalid`] when the draft names another drafter, or a database fault.
pub async fn add(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    input: DraftInput,
    lines: &Lines,
) -> Result<Report, Error> {
    if input.proposed_by.is_some() {
        let reason = "leave it out: who adds a draft is its drafter".to_owned();
        return Err(Error::Invalid { field: "proposedBy".to_owned(), reason });
    }
    let (inputs, how) = (vec![(1, input)], (Mode::AllOrNothing, Drafter::Caller));
    db::retry(|| file_as(pool, actor, company, &inputs, lines, how, &|_| {})).await
}

async fn file_as(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    inputs: &[(usize, DraftInput)],
    lines: &Lines,
    (mode, drafter): (Mode, Drafter),
    advance: &(dyn Fn(usize) + Sync),
) -> Result<Report, Error> {
    let mut tx = pool.begin().await?;
    // First of all: the second of two imports at once must find the keys, contacts and drafts of the first.
    store::take_turns(&mut tx, company, drafter.patience()).await?;
    let is_person = actor.operator(Role::Viewer).is_some();
    if is_person && drafter == Drafter::Caller {
        (tx, _) = admit(pool, tx, actor, company, "add a draft").await?;
    }
    agent::authorise_change(&mut tx, company, actor).await?;
    let now = crate::db::now(&mut tx).await?;
    let outboxes = crate::outbox::store::settings(&mut tx, company, None).await?;
    let mut report = Report::default();
    let unsubscribe_url = store_unsubscribe::base(&mut tx, company).await?;
    let mut batch = Batch {
        company,
        actor,
        now,
        lines,
        drafter,
        unsubscribe_url,
        seen_keys: HashMap::new(),
        open: HashSet::new(),
    };
    let mut behind = 0;
    let carries_files = |(_, input): &(usize, DraftInput)| input.payload["attachments"].is_array();
    let chunk = if inputs.iter().any(carries_files) { CHUNK_WITH_FILES } else { CHUNK };
    for chunk in inputs.chunks(chunk) {
        behind += chunk.len();
        // What it is made of stays, in case all of it has to be done over.
        let drafts = batch.prepare(chunk.to_vec(), &outboxes, &mut report.errors);
        batch.write(&mut tx, drafts, &mut report).await?;
        advance(behind);
    }
    if mode == Mode::Check || mode == Mode::AllOrNothing && !report.errors.is_empty() {
        tx.rollback().await?;
        report.filed.clear();
    } else {
        // An import may take minutes; its operator is kept as they are for the end of it alone, so that an admin can shut them out
        // meanwhile. Then nothing of it stays.
        if is_person && drafter == Drafter::Named {
            (tx, _) = admit(pool, tx, actor, company, "import drafts").await?;
        }
        if report.filed.iter().any(|filed| filed.created) {
            company::store::bump(&mut tx, company).await?;
        }
        tx.commit().await?;
    }
    report.errors.sort_by_key(|error| error.line);
    Ok(report)
}

struct Batch<'a> {
    company: CompanyId,
    actor: &'a Actor,
    now: Timestamp,
    lines: &'a Lines,
    drafter: Drafter,
    /// Where mails can be unsubscribed from.
    unsubscribe_url: Option<String>,
    /// Keys of this call, so that a file may repeat a line as well as the next call may.
    seen_keys: HashMap<String, (ActivityId, Vec<u8>)>,
    /// Open drafts made by this call.
    open: HashSet<(ContactId, crate::ids::OutboxId, Kind)>,
}

impl Batch<'_> {
    fn prepare(
        &self,
        chunk: Vec<(usize, DraftInput)>,
        outboxes: &[OutboxSettings],
        errors: &mut Vec<LineError>,
    ) -> Vec<Draft> {
        let mut drafts = Vec::with_capacity(chunk.len());
        for (line, input) in chunk {
            match self.prepare_one(line, input, outboxes) {
                Ok(draft) => drafts.push(draft),
                Err(error) => errors.push(line_error(line, error)),
            }
        }
        drafts
    }

    fn prepare_one(
        &self,
        line: usize,
        input: DraftInput,
        outboxes: &[OutboxSettings],
    ) -> Result<Draft, FieldError> {
        let outbox = find_outbox(&input, outboxes)?;
        let checked = check(&input, outbox)?;
        if input.expires_at.is_some_and(|expires_at| expires_at <= self.now) {
            return Err(FieldError::new("expiresAt", "it has passed"));
        }
        let content = serde_json_canonicalizer::to_vec(&(
            &checked.payload,
            &input.kind,
            &input.send_after.map(|at| at.to_string()),
            &input.expires_at.map(|at| at.to_string()),
        ))
        .map_err(|_| FieldError::new("payload", "it holds a number JSON cannot carry"))?;
        let request_sha256 = Sha256::digest(&content).to_vec();
        let dedup_key = input.client_dedup_key.clone().unwrap_or_else(|| {
            derived_key(&self.drafter.known_as(self.actor, input.proposed_by.as_deref()), &request_sha256)
        });
        Ok(Draft { line, outbox: outbox.clone(), checked, dedup_key, request_sha256, input })
    }

    async fn write(
        &mut self,
        conn: &mut sqlx::PgConnection,
        drafts: Vec<Draft>,
        report: &mut Report,
    ) -> Result<(), Error> {
        let (drafts, repeats) = self.drop_known(conn, drafts, report).await?;
        if drafts.is_empty() {
            return Ok(());
        }
        let named: Vec<_> = drafts.iter().flat_map(|draft| draft.checked.payload.files()).collect();
        let files = crate::file::store::load(conn, self.company, &named).await?;
        let contacts = store::match_contacts(conn, self.company, &drafts_contacts(&drafts)).await?;
        let touched = store::touched(conn, self.company, &contacts).await?;
        let mut supersede = Vec::new();
        let mut links = Vec::new();
        let mut rows: Vec<NewActivity> = Vec::with_capacity(drafts.len());
        let mut open = store::open_drafts(conn, self.company, &contacts).await?;
        for (mut draft, contact) in drafts.into_iter().zip(contacts.iter().copied()) {
            let kind = draft.checked.kind.unwrap_or(match draft.outbox.channel {
                crate::channel::ChannelName::CalCom => Kind::Booking,
                _ if draft.checked.payload.parts.is_post() => Kind::Post,
                _ if touched.contains(&contact) => Kind::FollowUp,
                _ => Kind::FirstTouch,
            });
            draft.checked.payload.kind = kind;
            let link = unsubscribe::give_link(&mut draft.checked.payload, self.unsubscribe_url.as_deref());
            let place = (contact, draft.outbox.id, kind);
            let mut conflict = |reason: String| {
                report.errors.push(line_error(draft.line, FieldError::conflict("supersedes", reason)));
            };
            if let Some(older) = draft.input.supersedes {
                // Only a draft in the same place can be replaced: the same contact, outbox and kind.
                if open.get(&place) != Some(&older) {
                    conflict(format!("{older} is not an open draft for this contact, outbox and kind"));
                    continue;
                }
            } else if let Some(older) = open.get(&place) {
                conflict(format!(
                    "an open draft for this contact, outbox and kind exists ({older}); name it to replace it"
                ));
                continue;
            } else if self.open.contains(&place) {
                conflict("an earlier line drafts the same kind for this contact and outbox".to_owned());
                continue;
            }
            match self.seal(&draft, &files) {
                Ok((id, sealed)) => {
                    // Only now: a replacement that cannot be filed replaces nothing.
                    open.remove(&place);
                    supersede.extend(draft.input.supersedes);
                    self.open.insert(place);
                    self.seen_keys.insert(draft.dedup_key.clone(), (id, draft.request_sha256.clone()));
                    report.filed.push(Filed { line: draft.line, id, created: true });
                    links.extend(link.map(|link| (id, link)));
                    rows.push(self.row(draft, contact, id, sealed));
                }
                Err(error) => report.errors.push(line_error(draft.line, error)),
            }
        }
        self.answer_repeats(&repeats, report);
        self.own(conn, &supersede).await?;
        store::supersede(conn, self.company, &supersede).await?;
        store::insert(conn, self.company, &rows).await?;
        store_unsubscribe::insert(conn, self.company, &links).await?;
        let ids: Vec<_> = rows.iter().map(|row| row.id).collect();
        assess_all(conn, self.company, &ids).await?;
        let mut entries: Vec<_> = rows
            .iter()
            .map(|row| {
                audit::Entry::new(self.actor, "draft.file")
                    .activity(row.id, row.sealed.sha256())
                    .detail(serde_json::json!({ "proposedBy": row.proposed_by }))
            })
            .collect();
        let superseded = |id: &ActivityId| audit::Entry::new(self.actor, "draft.supersede").subject(*id);
        entries.extend(supersede.iter().map(superseded));
        audit::store::append(conn, self.company, &entries).await
    }

    /// A line that says what an earlier one of the same chunk says becomes what that one became.
    fn answer_repeats(&self, repeats: &[Repeat], report: &mut Report) {
        for repeat in repeats {
            if let Some((id, _)) = self.seen_keys.get(&repeat.dedup_key) {
                report.filed.push(Filed { line: repeat.line, id: *id, created: false });
            } else if let Some(error) = report.errors.iter().find(|error| error.line == repeat.first_line) {
                let error = LineError { line: repeat.line, ..error.clone() };
                report.errors.push(error);
            }
        }
    }

    /// Takes out what is on file already: the same key with the same body is that activity, with another body an error. Also takes
    /// out repeats inside the chunk; what they become is known when the first of them is written.
    async fn drop_known(
        &mut self,
        conn: &mut sqlx::PgConnection,
        drafts: Vec<Draft>,
        report: &mut Report,
    ) -> Result<(Vec<Draft>, Vec<Repeat>), Error> {
        let keys: Vec<_> = drafts.iter().map(|draft| draft.dedup_key.clone()).collect();
        let mut known = store::known_keys(conn, self.company, &keys).await?;
        known.extend(self.seen_keys.iter().map(|(key, value)| (key.clone(), value.clone())));
        let mut fresh = Vec::with_capacity(drafts.len());
        let mut repeats = Vec::new();
        let mut in_chunk: HashMap<String, (usize, Vec<u8>)> = HashMap::new();
        for draft in drafts {
            match known.get(&draft.dedup_key) {
                Some((id, sha256)) if *sha256 == draft.request_sha256 => {
                    report.filed.push(Filed { line: draft.line, id: *id, created: false });
                }
                Some((id, _)) => report.errors.push(line_error(
                    draft.line,
                    FieldError::conflict(
                        "clientDedupKey",
                        format!("it was used for another draft ({id}); use a new key"),
                    ),
                )),
                None => match in_chunk.get(&draft.dedup_key) {
                    Some((first_line, sha256)) if *sha256 == draft.request_sha256 => repeats.push(Repeat {
                        line: draft.line,
                        first_line: *first_line,
                        dedup_key: draft.dedup_key,
                    }),
                    Some(_) => report.errors.push(line_error(
                        draft.line,
                        FieldError::conflict("clientDedupKey", "an earlier line uses it for another draft"),
                    )),
                    None => {
                        let first = (draft.line, draft.request_sha256.clone());
                        in_chunk.insert(draft.dedup_key.clone(), first);
                        fresh.push(draft);
                    }
                },
            }
        }
        Ok((fresh, repeats))
    }

    fn seal(&self, draft: &Draft, files: &Files) -> Result<(ActivityId, Sealed), FieldError> {
        let id = ActivityId::new();
        let payload = draft.checked.payload.clone();
        let sealed = seal(self.lines, payload, id, &draft.outbox.provider, files)?;
        Ok((id, sealed))
    }

    /// Refuses an agent with credentials of its own that would replace what it did not draft.
    async fn own(&self, conn: &mut sqlx::PgConnection, ids: &[ActivityId]) -> Result<(), Error> {
        let Actor::AgentTokenHolder { id: agent, .. } = self.actor else {
            return Ok(());
        };
        if store::drafted_by(conn, self.company, *agent, ids).await? == ids.len() {
            return Ok(());
        }
        Err(crate::operator::forbidden(self.actor, Role::Approver, "replace a draft of somebody else"))
    }

    fn row(&self, draft: Draft, contact: ContactId, id: ActivityId, sealed: Sealed) -> NewActivity {
        let payload = draft.checked.payload;
        let Proposed { kind: proposed_kind, id: proposed_id, name: proposed_by } =
            self.drafter.proposed(self.actor, draft.input.proposed_by.as_deref());
        NewActivity {
            id,
            outbox: draft.outbox.id,
            contact,
            channel: payload.channel,
            kind: payload.kind,
            expires_at: draft.input.expires_at.unwrap_or(self.now + DEFAULT_LIFE),
            send_after: draft.input.send_after.unwrap_or(self.now),
            recipient: payload.to.clone(),
            recipients: payload.recipients(),
            headline: payload.parts.headline().chars().take(200).collect(),
            proposed_kind,
            proposed_id,
            proposed_by,
            dedup_key: draft.dedup_key,
            request_sha256: draft.request_sha256,
            sealed,
        }
    }
}

fn drafts_contacts(drafts: &[Draft]) -> Vec<store::Wanted> {
    drafts
        .iter()
        .map(|draft| {
            let contact = draft.input.contact.clone().unwrap_or_default();
            store::Wanted {
                address_kind: draft.checked.address_kind,
                name: contact.name.unwrap_or_else(|| draft.checked.payload.to.chars().take(200).collect()),
                address: draft.checked.address.clone(),
                account: contact.account,
                locale: contact.locale,
                zone: contact.zone,
            }
        })
        .collect()
}

fn line_error(line: usize, error: FieldError) -> LineError {
    LineError { line, field: error.field, reason: error.reason, is_conflict: error.is_conflict }
}

fn find_outbox<'a>(
    input: &DraftInput,
    outboxes: &'a [OutboxSettings],
) -> Result<&'a OutboxSettings, FieldError> {
    let (field, found, wanted) = match (&input.outbox_id, &input.outbox) {
        (Some(id), None) => ("outboxId", outboxes.iter().find(|outbox| outbox.id == *id), id.to_string()),
        (None, Some(name)) => ("outbox", outboxes.iter().find(|outbox| outbox.name == *name), name.clone()),
        (Some(_), Some(_)) => return Err(FieldError::new("outbox", "give outbox or outboxId, not both")),
        (None, None) => return Err(FieldError::new("outbox", "name the outbox to send from")),
    };
    found.ok_or_else(|| {
        let wanted = crate::safe_text::SafeText::line(&wanted).truncated(80);
        FieldError::new(
            field,
            format!("`{wanted}` is not an outbox of this company; see `countersign outboxes list`"),
        )
    })
}
