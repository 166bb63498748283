//! The whole demo as a plan: who, through what, and every message with its life. Pure; drawn from the seed and the time.
use std::collections::BTreeMap;

use fastrand::Rng;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

use super::book::{self, Book};
use super::letter::Reader;
use super::message::{Life, Message, id_at};
use super::people::{self, Account, Contact};
use super::setup::{self, Outbox};
use super::{Made, NAME, SEED, SLUG, history, open, standing, threads};
use crate::activity::payload::Kind;
use crate::activity::status::{Stage, Status};
use crate::actor::Actor;
use crate::company::Company;
use crate::draft::DraftInput;
use crate::ids::{ActivityId, CompanyId, OutboxId};
use crate::quota::day::local_day;

/// Everything that will be written.
pub(super) struct Plan {
    pub(super) now: Timestamp,
    pub(super) company: Company,
    pub(super) operators: Vec<Actor>,
    pub(super) books: Vec<Book>,
    pub(super) accounts: Vec<Account>,
    pub(super) contacts: Vec<Contact>,
    pub(super) outboxes: Vec<Outbox>,
    pub(super) allowlist: Vec<String>,
    pub(super) messages: Vec<Message>,
    pub(super) rng: Rng,
    /// From when on the routine leaves a contact alone, because something else is told about it.
    pub(super) quiet_from: Vec<Timestamp>,
}

/// Draws the plan.
pub(super) fn draw(now: Timestamp, first_operator: &str) -> Plan {
    let mut rng = Rng::with_seed(SEED);
    let books = book::all();
    let id = CompanyId(id_at(now - SignedDuration::from_hours(95 * 24), &mut rng));
    let (accounts, contacts) = people::draw(&books, now, &mut rng);
    let mut plan = Plan {
        now,
        company: Company { id, slug: SLUG.to_owned(), name: NAME.to_owned(), sandbox: true },
        operators: setup::operators(first_operator, now, &mut rng),
        outboxes: setup::outboxes(now, &mut rng),
        allowlist: setup::allowlist(&accounts, &contacts),
        quiet_from: vec![now; contacts.len()],
        messages: Vec::with_capacity(4800),
        books,
        accounts,
        contacts,
        rng,
    };
    let mut people = Picker::new(&mut plan);
    threads::tell(&mut plan, &mut people);
    open::tell(&mut plan, &mut people);
    standing::tell(&mut plan, &mut people);
    history::tell(&mut plan);
    plan.messages.sort_by_key(|message| (message.created_at, message.id));
    plan
}

impl Plan {
    /// The outbox of that name.
    pub(super) fn outbox(&self, name: &str) -> usize {
        self.outboxes
            .iter()
            .position(|outbox| outbox.settings.name == name)
            .expect("the demo's outboxes are a constant list")
    }

    /// A contact as somebody who reads what comes from an outbox.
    pub(super) fn reader(&self, contact: usize, outbox: usize) -> Reader<'_> {
        let person = &self.contacts[contact];
        Reader {
            book: &self.books[person.book],
            contact: person,
            account: person.account.map(|account| &self.accounts[account]),
            outbox: &self.outboxes[outbox],
        }
    }

    /// Adds a contact that belongs to no company.
    pub(super) fn add_feed(&mut self, language: &str, name: &str) -> usize {
        let book = self.books.iter().position(|book| book.language() == language).unwrap_or_default();
        let created_at = self.now - SignedDuration::from_hours(93 * 24);
        self.contacts.push(people::feed(book, name, created_at, &mut self.rng));
        self.quiet_from.push(Timestamp::MIN);
        self.contacts.len() - 1
    }

    /// Adds a message.
    pub(super) fn add(
        &mut self,
        contact: usize,
        outbox: usize,
        input: DraftInput,
        created_at: Timestamp,
        life: Life,
    ) {
        let id = ActivityId(id_at(created_at, &mut self.rng));
        let send_after = match life.decided() {
            Some(decided) if life.is_approved() => {
                decided.at
                    + SignedDuration::try_from(self.outboxes[outbox].settings.undo_window).unwrap_or_default()
            }
            _ => created_at,
        };
        let send_after = input.send_after.unwrap_or(send_after);
        let kind = input.kind.unwrap_or(Kind::FirstTouch);
        self.messages.push(Message { id, contact, outbox, kind, input, created_at, send_after, life });
    }

    /// How much of today's quota each outbox has used: what was sent, and what may have been.
    pub(super) fn quota_used(&self) -> BTreeMap<OutboxId, (Date, i32)> {
        let mut used: BTreeMap<OutboxId, (Date, i32)> = self
            .outboxes
            .iter()
            .map(|outbox| (outbox.settings.id, (local_day(self.now, &outbox.settings.zone), 0)))
            .collect();
        for message in &self.messages {
            let outbox = &self.outboxes[message.outbox].settings;
            if let Some(entry) = used.get_mut(&outbox.id)
                && message.quota_day(&outbox.zone) == Some(entry.0)
            {
                entry.1 += 1;
            }
        }
        used
    }

    /// Counts for the one who asked.
    pub(super) fn made(&self) -> Made {
        let count =
            |is: fn(Status) -> bool| self.messages.iter().filter(|message| is(message.life.status())).count();
        Made {
            accounts: self.accounts.len(),
            contacts: self.contacts.len(),
            outboxes: self.outboxes.len(),
            pending: count(|status| status == Status::DraftPendingApproval),
            holding: count(|status| status == Status::Approved),
            uncertain: count(|status| status == Status::Uncertain),
            history: count(|status| status.stage() == Stage::Closed),
        }
    }
}

impl Message {
    /// The local day whose quota it holds: that of its first attempt, unless it is proven not to have been sent.
    pub(super) fn quota_day(&self, zone: &str) -> Option<Date> {
        match &self.life {
            Life::Left { tries, end: Status::Sent | Status::Uncertain, .. } => {
                tries.first().map(|attempt| local_day(attempt.wire_at, zone))
            }
            _ => None,
        }
    }
}

/// Hands out contacts, each at most once, so that no two stories are told about one person.
pub(super) struct Picker {
    left: Vec<usize>,
}

impl Picker {
    fn new(plan: &mut Plan) -> Self {
        let mut left: Vec<usize> = (0..plan.contacts.len()).collect();
        plan.rng.shuffle(&mut left);
        Self { left }
    }

    /// The next contact that fits.
    pub(super) fn take(&mut self, plan: &Plan, fits: impl Fn(&Contact, &Book) -> bool) -> usize {
        let found = self.left.iter().rposition(|contact| {
            let contact = &plan.contacts[*contact];
            !struck(plan, contact) && fits(contact, &plan.books[contact.book])
        });
        let place = found.expect("a test draws the plan: there are people enough");
        self.left.remove(place)
    }

    /// The next contact of a mail outbox.
    pub(super) fn take_reader(&mut self, plan: &Plan, outbox: &str) -> usize {
        self.take(plan, |_, book| book.outbox == outbox)
    }

    /// The next contact of the company that may no longer be written to.
    pub(super) fn take_struck(&mut self, plan: &Plan) -> usize {
        let found = self.left.iter().rposition(|contact| struck(plan, &plan.contacts[*contact]));
        self.left.remove(found.expect("a test draws the plan: the company has people"))
    }
}

fn struck(plan: &Plan, contact: &Contact) -> bool {
    contact.account.is_some_and(|account| plan.accounts[account].domain == setup::STRUCK_DOMAIN)
}
