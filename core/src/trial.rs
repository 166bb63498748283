//! Tries an outbox before it is trusted: whether its credential is taken, and what a message of it looks like on the wire.
//!
//! Trying a credential only reads. A message that is sent to try an outbox takes the way of every other: it is drafted by
//! [`DRAFTER`], decided by whoever asked for it, and passes every gate.
use jiff::SignedDuration;
use serde_json::{Value, json};
use sqlx::PgPool;

use crate::activity::payload::Envelope;
use crate::actor::{Actor, Role};
use crate::channel::{ChannelName, Files, Lines, Probe, Setting};
use crate::company::Company;
use crate::dispatch::{self, evidence};
use crate::draft::check::FieldError;
use crate::draft::{self, DraftInput};
use crate::error::Error;
use crate::ids::{ActivityId, CompanyId, OutboxId};
use crate::outbox::store::OutboxSettings;
use crate::safe_text::SafeText;
use crate::secret::MasterKey;
use crate::{audit, contact, db, operator, outbox};

/// Who drafts what is sent to try an outbox. The words are the product's: whoever asks for the message wrote nothing of it and may approve it.
pub const DRAFTER: &str = "outbox-test";

/// A message to try an outbox is of no use later.
const LIFE: SignedDuration = SignedDuration::from_hours(1);

/// What was learnt about an outbox.
#[derive(Clone, Debug)]
pub struct Tried {
    /// What the provider says to its credential; absent where it could not be asked, with the reason.
    pub credential: Result<Probe, String>,
    /// Provider settings without which nothing can be sent.
    pub missing: Vec<&'static Setting>,
}

/// Shows the credential of an outbox to its provider, which only reads.
///
/// # Errors
/// [`Error::Forbidden`] below admin, [`Error::NotFound`], or a database fault.
pub async fn credential(
    pool: &PgPool,
    lines: &Lines,
    key: &MasterKey,
    actor: &Actor,
    company: &Company,
    outbox: OutboxId,
) -> Result<Tried, Error> {
    let mut tx = pool.begin().await?;
    operator::authorise(&mut tx, actor, company.id, Role::Admin, "test an outbox").await?;
    let settings = settings(&mut tx, company.id, outbox).await?;
    let secret = dispatch::claim::credential(&mut tx, company.id, key, &settings).await?;
    // The use of a secret is recorded before it is shown to anybody.
    let detail = json!({ "secret": settings.secret_ref });
    let entry = audit::Entry::new(actor, "outbox.test").subject(outbox).detail(detail);
    audit::store::append(&mut tx, company.id, &[entry]).await?;
    tx.commit().await?;
    let known = lines.renderer(settings.channel).map(|channel| channel.settings()).unwrap_or_default();
    let missing = outbox::provider::missing(known, &settings.provider);
    let credential = match (lines.line(settings.channel, company.sandbox), secret) {
        (None, _) => Err("this process has no way to its provider".to_owned()),
        (_, Err((_, sentence))) => Err(sentence),
        (Some(line), Ok((secret, _))) => match line.channel.probe(&settings.provider) {
            Err(error) => Err(error.to_string()),
            Ok(request) => {
                evidence::read(line, &secret, &request).await.map(|response| line.channel.probed(&response))
            }
        },
    };
    Ok(Tried { credential, missing })
}

/// The message that would be sent to try an outbox, rendered; nothing is written.
///
/// # Errors
/// [`Error::Invalid`] naming what is wrong with the address or the outbox, [`Error::NotFound`], or a database fault.
pub async fn message(
    pool: &PgPool,
    lines: &Lines,
    company: CompanyId,
    outbox: OutboxId,
    to: &str,
) -> Result<Envelope, Error> {
    let mut conn = pool.acquire().await?;
    let settings = settings(&mut conn, company, outbox).await?;
    let checked = draft::check::check(&input(&settings, to)?, &settings).map_err(invalid)?;
    let files = Files::default();
    let sealed = draft::seal::seal(lines, checked.payload, ActivityId::new(), &settings.provider, &files);
    let sealed = sealed.map_err(invalid)?;
    Envelope::open(sealed.bytes()).map_err(|error| invalid(FieldError::new("payload", error.to_string())))
}

/// Files that message as a draft of [`DRAFTER`]. It leaves like every other: once somebody approved exactly those bytes, by a
/// dispatcher, through every gate.
///
/// # Errors
/// [`Error::Forbidden`] below approver, [`Error::Refused`] for an address that is not on the allowlist, [`Error::Invalid`], or a
/// database fault.
pub async fn file(
    pool: &PgPool,
    lines: &Lines,
    actor: &Actor,
    company: CompanyId,
    outbox: OutboxId,
    to: &str,
) -> Result<ActivityId, Error> {
    let mut tx = pool.begin().await?;
    operator::authorise(&mut tx, actor, company, Role::Approver, "send a test message").await?;
    let settings = settings(&mut tx, company, outbox).await?;
    let mut input = input(&settings, to)?;
    let address = draft::check::check(&input, &settings).map_err(invalid)?.payload.to;
    // Also where the outbox writes to anyone: a test goes to somebody who was put on the list for it.
    let entries = contact::store::entries_for(&mut tx, company, std::slice::from_ref(&address)).await?;
    if !entries.admits(&address) {
        let address = SafeText::line(&address);
        return Err(Error::Refused(format!(
            "{address} is not on the allowlist; an admin puts it there with `countersign allowlist add {address}`"
        )));
    }
    input.expires_at = Some(db::now(&mut tx).await? + LIFE);
    drop(tx);
    let drafter = Actor::Agent { name: DRAFTER.to_owned() };
    let report = draft::add(pool, &drafter, company, input, lines).await?;
    match (report.errors.first(), report.filed.first()) {
        (None, Some(filed)) => Ok(filed.id),
        (Some(error), _) => Err(Error::Invalid { field: error.field.clone(), reason: error.reason.clone() }),
        (None, None) => Err(not_found(outbox)),
    }
}

fn invalid(error: FieldError) -> Error {
    Error::Invalid { field: error.field, reason: error.reason }
}

async fn settings(
    conn: &mut sqlx::PgConnection,
    company: CompanyId,
    outbox: OutboxId,
) -> Result<OutboxSettings, Error> {
    outbox::store::settings(conn, company, Some(outbox)).await?.pop().ok_or_else(|| not_found(outbox))
}

fn not_found(outbox: OutboxId) -> Error {
    Error::NotFound { what: format!("outbox {outbox}"), hint: "; see `countersign outboxes list`".to_owned() }
}

/// What is said to try an outbox. A post would be public and a booking would take somebody's time, so those channels have no test.
fn input(settings: &OutboxSettings, to: &str) -> Result<DraftInput, Error> {
    let words = format!(
        "This is a test of the outbox {} of countersign. If you did not expect it, you can delete it.",
        settings.name
    );
    let payload = match settings.channel {
        ChannelName::Email | ChannelName::DryRun => {
            json!({ "subject": format!("Test of the outbox {}", settings.name), "text": words })
        }
        ChannelName::Whatsapp => json!({ "text": words }),
        ChannelName::Instagram => json!({ "action": "dm", "text": words }),
        ChannelName::Linkedin => json!({ "action": "message", "text": words }),
        ChannelName::CalCom => {
            return Err(Error::Invalid {
                field: "to".to_owned(),
                reason: "a booking would take somebody's time, so a Cal.com outbox is tested by its credential only; \
                         leave --to out"
                    .to_owned(),
            });
        }
    };
    let input: Value = json!({
        "channel": settings.channel, "outboxId": settings.id, "to": to, "payload": payload,
        "clientDedupKey": format!("test-{}", ActivityId::new()),
    });
    serde_json::from_value(input)
        .map_err(|_| Error::Invalid { field: "to".to_owned(), reason: "this is not an address".to_owned() })
}
