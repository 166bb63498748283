//! Imports lists of accounts and contacts, each file in one transaction: all lines or, if asked, the good ones. Importing a file again
//! changes nothing and leaves no trace. An address that belongs to somebody else is never moved.
use std::collections::{BTreeSet, HashMap, HashSet};

use serde::Serialize;
use serde_json::json;
use sqlx::{PgConnection, PgPool};

use super::check::Address;
use super::check::{AccountInput, ContactInput};
use super::merge::{Account, Contact, Effect};
use super::store;
use crate::actor::{Actor, Role};
use crate::audit;
use crate::company;
use crate::contact;
use crate::draft::check::FieldError;
use crate::draft::file::Mode;
use crate::draft::{
    LineError,
    store::{Patience, take_turns},
};
use crate::error::Error;
use crate::ids::{AccountId, CompanyId, ContactId};
use crate::operator;
use crate::safe_text::SafeText;

/// Lines that share their statements; each stays far below the limit of time for one.
const CHUNK: usize = 2_000;

/// What became of a file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = ImportReport)]
pub struct Report {
    /// Lines that made something new.
    pub inserted: usize,
    /// Lines that changed something.
    pub updated: usize,
    /// Lines that said what was known.
    pub identical: usize,
    /// Accounts that contacts named and that were made for them.
    #[serde(rename = "accountsMade")]
    pub accounts_made: usize,
    /// Lines that are not acceptable.
    pub errors: Vec<LineError>,
}

impl Report {
    fn count(&mut self, effect: Effect) {
        *match effect {
            Effect::Inserted => &mut self.inserted,
            Effect::Updated => &mut self.updated,
            Effect::Identical => &mut self.identical,
        } += 1;
    }

    fn refuse(&mut self, line: usize, error: FieldError) {
        self.errors.push(LineError {
            line,
            field: error.field,
            reason: error.reason,
            is_conflict: error.is_conflict,
        });
    }
}

/// Imports accounts, matched by name. Each input carries its line number; `advance` hears how many lines are behind.
///
/// # Errors
/// [`Error::Forbidden`] below approver, or a database fault; then nothing was written.
pub async fn import_accounts(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    inputs: &[(usize, AccountInput)],
    mode: Mode,
    advance: &(dyn Fn(usize) + Sync),
) -> Result<Report, Error> {
    operator::require(actor, Role::Approver, "import accounts")?;
    let mut tx = pool.begin().await?;
    begin(&mut tx, company).await?;
    let mut report = Report::default();
    let mut seen: HashMap<String, Account> = HashMap::new();
    for (index, chunk) in inputs.chunks(CHUNK).enumerate() {
        let names: Vec<String> = chunk.iter().map(|(_, input)| input.name.clone()).collect();
        for account in store::accounts(&mut tx, company, &names).await? {
            // What this file said of it before is kept.
            seen.entry(account.name.clone()).or_insert(account);
        }
        let mut touched = BTreeSet::new();
        for (line, input) in chunk {
            let known = seen.get(&input.name).cloned();
            let is_new = known.is_none();
            let known = known.unwrap_or_else(|| Account::new(AccountId::new(), input.name.clone()));
            match known.hear(*line, input) {
                Ok((next, is_changed)) => {
                    report.count(effect(is_new, is_changed));
                    if next.is_changed {
                        touched.insert(input.name.clone());
                    }
                    seen.insert(input.name.clone(), next);
                }
                Err(error) => report.refuse(*line, error),
            }
        }
        let rows: Vec<&Account> = touched.iter().filter_map(|name| seen.get(name)).collect();
        store::write_accounts(&mut tx, company, &rows).await?;
        for name in &touched {
            if let Some(account) = seen.get_mut(name) {
                (account.is_stored, account.is_changed) = (true, false);
            }
        }
        advance(index * CHUNK + chunk.len());
    }
    finish(tx, actor, company, "account.import", mode, report).await
}

/// Imports contacts, matched by any of their addresses. Each input carries its line number; `advance` hears how many lines are behind.
///
/// # Errors
/// [`Error::Forbidden`] below approver, or a database fault; then nothing was written.
pub async fn import_contacts(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    inputs: &[(usize, ContactInput)],
    mode: Mode,
    advance: &(dyn Fn(usize) + Sync),
) -> Result<Report, Error> {
    operator::require(actor, Role::Approver, "import contacts")?;
    let mut tx = pool.begin().await?;
    begin(&mut tx, company).await?;
    let mut report = Report::default();
    let mut people = People::default();
    for (index, chunk) in inputs.chunks(CHUNK).enumerate() {
        people.load(&mut tx, company, chunk).await?;
        for (line, input) in chunk {
            match people.hear(*line, input) {
                Ok(effect) => report.count(effect),
                Err(error) => report.refuse(*line, error),
            }
        }
        report.accounts_made += people.write(&mut tx, company).await?;
        advance(index * CHUNK + chunk.len());
    }
    finish(tx, actor, company, "contact.import", mode, report).await
}

/// What is known of the people a file speaks of.
#[derive(Default)]
struct People {
    owners: HashMap<(String, String), ContactId>,
    known: HashMap<ContactId, Contact>,
    touched: BTreeSet<ContactId>,
    new_addresses: Vec<(&'static str, String, ContactId)>,
}

impl People {
    async fn load(
        &mut self,
        conn: &mut PgConnection,
        company: CompanyId,
        chunk: &[(usize, ContactInput)],
    ) -> Result<(), Error> {
        let wanted: Vec<_> = chunk.iter().flat_map(|(_, input)| input.addresses()).collect();
        let addresses: Vec<_> =
            wanted.iter().map(|(kind, address): &Address| (*kind, address.as_str())).collect();
        let owners = contact::store::owners(conn, company, &addresses).await?;
        let ids: HashSet<ContactId> =
            owners.values().copied().filter(|id| !self.known.contains_key(id)).collect();
        for contact in store::contacts(conn, company, &ids.into_iter().collect::<Vec<_>>()).await? {
            self.known.insert(contact.id, contact);
        }
        self.owners.extend(owners);
        Ok(())
    }

    fn hear(&mut self, line: usize, input: &ContactInput) -> Result<Effect, FieldError> {
        let mut found: Option<ContactId> = None;
        let mut fresh = Vec::new();
        for (kind, address) in input.addresses() {
            match self.owners.get(&(kind.to_owned(), address.clone())) {
                None => fresh.push((kind, address)),
                Some(owner) if found.is_none_or(|other| other == *owner) => found = Some(*owner),
                Some(owner) => {
                    let name = self.known.get(owner).and_then(|contact| contact.name.value.as_deref());
                    let name = SafeText::line(name.unwrap_or_default()).truncated(60);
                    return Err(FieldError::new(
                        kind,
                        format!(
                            "{} belongs to another contact, {name} ({owner}); nothing is moved",
                            SafeText::line(&address).truncated(80)
                        ),
                    ));
                }
            }
        }
        let known = found.and_then(|id| self.known.get(&id)).cloned();
        let is_new = known.is_none();
        let known = match (known, fresh.first()) {
            (Some(known), _) => known,
            (None, Some(address)) => Contact::new(ContactId::new(), address),
            (None, None) => return Err(FieldError::new("email", "give an email, a phone or a handle")),
        };
        let (next, is_changed) = known.hear(line, input)?;
        let is_changed = is_changed || !fresh.is_empty();
        for (kind, address) in fresh {
            self.owners.insert((kind.to_owned(), address.clone()), next.id);
            self.new_addresses.push((kind, address, next.id));
        }
        if next.is_changed {
            self.touched.insert(next.id);
        }
        self.known.insert(next.id, next);
        Ok(effect(is_new, is_changed))
    }

    /// Writes what changed since the last time; returns how many accounts were made.
    async fn write(&mut self, conn: &mut PgConnection, company: CompanyId) -> Result<usize, Error> {
        let touched = std::mem::take(&mut self.touched);
        let rows: Vec<&Contact> = touched.iter().filter_map(|id| self.known.get(id)).collect();
        let made = store::write_contacts(conn, company, &rows).await?;
        store::add_addresses(conn, company, &std::mem::take(&mut self.new_addresses)).await?;
        for id in &touched {
            if let Some(contact) = self.known.get_mut(id) {
                (contact.is_stored, contact.is_changed) = (true, false);
            }
        }
        Ok(made)
    }
}

fn effect(is_new: bool, is_changed: bool) -> Effect {
    match (is_new, is_changed) {
        (true, _) => Effect::Inserted,
        (false, true) => Effect::Updated,
        (false, false) => Effect::Identical,
    }
}

/// Waits for other imports and filings of the company; from then on every statement has the usual limit.
async fn begin(conn: &mut PgConnection, company: CompanyId) -> Result<(), Error> {
    take_turns(conn, company, Patience::Import).await?;
    store::limit_statements(conn).await
}

async fn finish(
    mut tx: sqlx::Transaction<'_, sqlx::Postgres>,
    actor: &Actor,
    company: CompanyId,
    action: &'static str,
    mode: Mode,
    mut report: Report,
) -> Result<Report, Error> {
    report.errors.sort_by_key(|error| error.line);
    if mode == Mode::Check || mode == Mode::AllOrNothing && !report.errors.is_empty() {
        tx.rollback().await?;
        return Ok(Report { errors: report.errors, ..Report::default() });
    }
    if report.inserted + report.updated > 0 {
        let detail = json!({
            "inserted": report.inserted, "updated": report.updated, "identical": report.identical,
            "refused": report.errors.len(), "accountsMade": report.accounts_made
        });
        audit::store::append(&mut tx, company, &[audit::Entry::new(actor, action).detail(detail)]).await?;
        company::store::bump(&mut tx, company).await?;
    }
    tx.commit().await?;
    Ok(report)
}
