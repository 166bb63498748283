//! Who is written to: companies and people, with names in their own script.
//!
//! Every domain ends in `.example`, which no server will ever own. Numbers come from the ranges that regulators of France, the
//! United Kingdom and Germany keep free for films; nobody else has a number.
use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};

use super::book::{Book, NameOrder, spelled};
use super::message::id_at;
use crate::ids::{AccountId, ContactId};

/// A company on the receiving side.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) id: AccountId,
    pub(super) name: String,
    pub(super) domain: String,
}

/// A person on the receiving side.
#[derive(Clone, Debug)]
pub(super) struct Contact {
    pub(super) id: ContactId,
    pub(super) account: Option<usize>,
    pub(super) book: usize,
    pub(super) name: String,
    pub(super) given: String,
    pub(super) family: String,
    pub(super) email: Option<String>,
    pub(super) phone: Option<String>,
    pub(super) linkedin: Option<String>,
    pub(super) instagram: Option<String>,
    pub(super) created_at: Timestamp,
}

/// How many people a language has in the demo.
fn head_count(locale: &str) -> usize {
    match locale {
        "fr-FR" => 150,
        "nb-NO" => 110,
        "en-GB" => 100,
        "de-DE" | "es-PE" => 90,
        "pt-BR" | "ja-JP" => 50,
        _ => 38,
    }
}

/// Numbers that are never given out, by language.
fn film_number(locale: &str, index: usize) -> Option<String> {
    match locale {
        // Arcep keeps 06 39 98 free, Ofcom 07700 900, the Bundesnetzagentur 0171 39200.
        "fr-FR" => Some(format!("+3363998{:04}", 100 + index)),
        "en-GB" => Some(format!("+447700900{:03}", 100 + index)),
        "de-DE" => Some(format!("+4917139200{index:02}")),
        _ => None,
    }
}

/// Draws companies and people.
pub(super) fn draw(books: &[Book], now: Timestamp, rng: &mut Rng) -> (Vec<Account>, Vec<Contact>) {
    let mut accounts = Vec::new();
    let mut contacts = Vec::new();
    for (book_index, book) in books.iter().enumerate() {
        let first_account = accounts.len();
        accounts.extend(book.accounts.iter().map(|entry| {
            let (name, label) = spelled(entry);
            let id = AccountId(id_at(now - SignedDuration::from_hours(95 * 24), rng));
            Account { id, name: name.to_owned(), domain: format!("{label}.example") }
        }));
        for index in 0..head_count(&book.locale) {
            let account = first_account + index % book.accounts.len();
            let created_at = now - SignedDuration::from_mins(93 * 24 * 60 + rng.i64(0..2000));
            contacts.push(contact(
                book,
                book_index,
                index,
                (account, &accounts[account].domain),
                created_at,
                rng,
            ));
        }
    }
    (accounts, contacts)
}

fn contact(
    book: &Book,
    book_index: usize,
    index: usize,
    account: (usize, &str),
    created_at: Timestamp,
    rng: &mut Rng,
) -> Contact {
    let (account, domain) = account;
    // Each pair of names once: the family name moves on with every round of given names.
    let round = index / book.first.len();
    let first = index % book.first.len();
    let (given, given_ascii) = spelled(&book.first[first]);
    let (family, family_ascii) = spelled(&book.last[(round + 3 * first) % book.last.len()]);
    let name = match book.order {
        NameOrder::GivenFirst => format!("{given} {family}"),
        NameOrder::FamilyFirst => format!("{family} {given}"),
        NameOrder::FamilyJoined => format!("{family}{given}"),
    };
    let is_on_linkedin = matches!(book.language(), "ja" | "en" | "de") && index % 5 == 1;
    let is_on_instagram = matches!(book.language(), "es" | "pt") && index.is_multiple_of(3);
    Contact {
        id: ContactId(id_at(created_at, rng)),
        account: Some(account),
        book: book_index,
        name,
        given: given.to_owned(),
        family: family.to_owned(),
        email: Some(format!("{given_ascii}.{family_ascii}@{domain}")),
        phone: if index.is_multiple_of(4) { film_number(&book.locale, index) } else { None },
        linkedin: is_on_linkedin.then(|| format!("urn:li:person:demo-{}-{index}", book.language())),
        instagram: is_on_instagram.then(|| format!("178414000{}{index:05}", book_index + 10)),
        created_at,
    }
}

/// The feeds the company itself posts to; they are contacts without a company.
pub(super) fn feed(book: usize, name: &str, created_at: Timestamp, rng: &mut Rng) -> Contact {
    Contact {
        id: ContactId(id_at(created_at, rng)),
        account: None,
        book,
        name: name.to_owned(),
        given: name.to_owned(),
        family: String::new(),
        email: None,
        phone: None,
        linkedin: None,
        instagram: None,
        created_at,
    }
}
