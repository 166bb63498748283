//! What a company asks of every message beyond its allowlist: how often one may be written to, and who has to agree.
use serde::Serialize;
use serde_json::{Value, json};
use sqlx::PgPool;

use super::money::Money;
use super::store_policy;
use crate::actor::{Actor, Role};
use crate::audit;
use crate::db;
use crate::error::Error;
use crate::ids::CompanyId;
use crate::inbound::public_url::PublicUrl;
use crate::operator;

/// The most messages a day to one contact that can be asked for; the database holds the same line.
pub const CONTACT_PER_DAY_LIMIT: i32 = 100;

/// The most messages a week to one account that can be asked for; the database holds the same line.
pub const ACCOUNT_PER_WEEK_LIMIT: i32 = 1000;

/// How far a reply reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplyStops {
    /// What waits for whoever wrote.
    #[default]
    Contact,
    /// What waits for anybody of their account.
    Account,
}

impl ReplyStops {
    /// The word used in SQL, in the API and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Account => "account",
        }
    }

    /// Reads the word back; `None` for any other.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Contact, Self::Account].into_iter().find(|stops| stops.as_str() == word)
    }
}

/// What a company asks. The default asks nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// Most messages to one contact in 24 hours, over all channels.
    pub contact_per_day: Option<i32>,
    /// Most messages to one account in seven days.
    pub account_per_week: Option<i32>,
    /// Whether what is of high risk needs a second person.
    pub four_eyes: bool,
    /// From which value on an account is of high risk.
    pub high_value: Option<Money>,
    /// What a reply withdraws.
    pub reply_stops: ReplyStops,
    /// Where the links lead by which mails can be unsubscribed from: the listener as it is reached from outside.
    pub unsubscribe_url: Option<String>,
    /// People who may decide; with fewer than two a second one cannot be asked for.
    pub deciders: i64,
}

impl Policy {
    /// Whether a message of high risk needs a second person. With a single decider nothing could ever be sent.
    #[must_use]
    pub fn asks_for_two(&self) -> bool {
        self.four_eyes && self.deciders >= 2
    }

    /// What is not asked, and what that means.
    #[must_use]
    pub fn not_set(&self) -> Vec<&'static str> {
        let lacks = [
            (
                self.contact_per_day.is_none(),
                "contact-per-day: nothing limits how often a contact is written to",
            ),
            (
                self.account_per_week.is_none(),
                "account-per-week: nothing limits how often an account is written to",
            ),
            (!self.four_eyes, "four-eyes: one person approves whatever the risk"),
            (self.high_value.is_none(), "high-value: no account is of high risk for its value"),
            (self.unsubscribe_url.is_none(), "unsubscribe-url: mails carry no link to unsubscribe by"),
        ];
        lacks.into_iter().filter(|(is_absent, _)| *is_absent).map(|(_, words)| words).collect()
    }

    /// Whether any cap on frequency is set.
    #[must_use]
    pub fn caps_frequency(&self) -> bool {
        self.contact_per_day.is_some() || self.account_per_week.is_some()
    }
}

/// What is to be another way; everything absent stays, `Some(None)` takes a limit away.
#[derive(Clone, Debug, Default)]
pub struct PolicyChange {
    /// See [`Policy::contact_per_day`].
    pub contact_per_day: Option<Option<i32>>,
    /// See [`Policy::account_per_week`].
    pub account_per_week: Option<Option<i32>>,
    /// See [`Policy::four_eyes`].
    pub four_eyes: Option<bool>,
    /// See [`Policy::high_value`].
    pub high_value: Option<Option<Money>>,
    /// See [`Policy::reply_stops`].
    pub reply_stops: Option<ReplyStops>,
    /// See [`Policy::unsubscribe_url`].
    pub unsubscribe_url: Option<Option<String>>,
}

/// Changes the policy of a company and returns it as it is now.
///
/// # Errors
/// [`Error::Forbidden`] below admin, [`Error::Invalid`] naming the option at fault, or a database fault.
pub async fn set_policy(
    pool: &PgPool,
    actor: &Actor,
    company: CompanyId,
    change: &PolicyChange,
) -> Result<Policy, Error> {
    db::retry(|| async {
        let mut tx = pool.begin().await?;
        operator::authorise(&mut tx, actor, company, Role::Admin, "change the policy of a company").await?;
        let old = store_policy::lock(&mut tx, company).await?;
        let new = apply(&old, change)?;
        store_policy::write(&mut tx, company, &new).await?;
        let entries: Vec<_> = differences(&old, &new)
            .into_iter()
            .map(|detail| audit::Entry::new(actor, "company.policy").subject(company).detail(detail))
            .collect();
        if entries.is_empty() {
            return Ok(old);
        }
        audit::store::append(&mut tx, company, &entries).await?;
        super::store::bump(&mut tx, company).await?;
        tx.commit().await?;
        Ok(new)
    })
    .await
}

fn apply(old: &Policy, change: &PolicyChange) -> Result<Policy, Error> {
    let new = Policy {
        contact_per_day: change.contact_per_day.unwrap_or(old.contact_per_day),
        account_per_week: change.account_per_week.unwrap_or(old.account_per_week),
        four_eyes: change.four_eyes.unwrap_or(old.four_eyes),
        high_value: change.high_value.clone().unwrap_or_else(|| old.high_value.clone()),
        reply_stops: change.reply_stops.unwrap_or(old.reply_stops),
        unsubscribe_url: change.unsubscribe_url.clone().unwrap_or_else(|| old.unsubscribe_url.clone()),
        deciders: old.deciders,
    };
    let refuse = |field: &str, reason: String| Err(Error::Invalid { field: field.to_owned(), reason });
    if new.contact_per_day.is_some_and(|count| !(1..=CONTACT_PER_DAY_LIMIT).contains(&count)) {
        return refuse("contact-per-day", format!("use 1 to {CONTACT_PER_DAY_LIMIT}, or off"));
    }
    if new.account_per_week.is_some_and(|count| !(1..=ACCOUNT_PER_WEEK_LIMIT).contains(&count)) {
        return refuse("account-per-week", format!("use 1 to {ACCOUNT_PER_WEEK_LIMIT}, or off"));
    }
    if change.four_eyes == Some(true) && new.deciders < 2 {
        return refuse(
            "four-eyes",
            "two people who may approve are needed; add one with `countersign operators add`".to_owned(),
        );
    }
    let is_currency = |code: &str| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if new.high_value.as_ref().is_some_and(|money| money.minor < 0 || !is_currency(&money.currency)) {
        return refuse("high-value", "use an amount and a currency, like 50000 EUR, or off".to_owned());
    }
    if let Some(Some(url)) = &change.unsubscribe_url {
        let parsed = PublicUrl::parse(url).and_then(|parsed| match parsed.has_query() {
            true => Err("leave the query out"),
            false => Ok(()),
        });
        if let Err(reason) = parsed {
            return refuse("unsubscribe-url", format!("{reason}; or off"));
        }
    }
    Ok(new)
}

fn differences(old: &Policy, new: &Policy) -> Vec<Value> {
    [
        ("contactPerDay", json!(old.contact_per_day), json!(new.contact_per_day)),
        ("accountPerWeek", json!(old.account_per_week), json!(new.account_per_week)),
        ("fourEyes", json!(old.four_eyes), json!(new.four_eyes)),
        ("highValue", json!(old.high_value), json!(new.high_value)),
        ("replyStops", json!(old.reply_stops), json!(new.reply_stops)),
        ("unsubscribeUrl", json!(old.unsubscribe_url), json!(new.unsubscribe_url)),
    ]
    .into_iter()
    .filter(|(_, old, new)| old != new)
    .map(|(field, old, new)| json!({ "field": field, "old": old, "new": new }))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_decider_cannot_be_asked_for_a_second() {
        let alone = Policy { four_eyes: true, deciders: 1, ..Policy::default() };
        assert!(!alone.asks_for_two());
        assert!(Policy { deciders: 2, ..alone.clone() }.asks_for_two());
        assert!(apply(&alone, &PolicyChange { four_eyes: Some(true), ..PolicyChange::default() }).is_err());
    }

    #[rstest::rstest]
    #[case(PolicyChange { contact_per_day: Some(Some(0)), ..PolicyChange::default() }, "contact-per-day")]
    #[case(PolicyChange { account_per_week: Some(Some(1001)), ..PolicyChange::default() }, "account-per-week")]
    #[case(PolicyChange { unsubscribe_url: Some(Some("http://a.example".to_owned())), ..PolicyChange::default() }, "unsubscribe-url")]
    #[case(PolicyChange { unsubscribe_url: Some(Some("https://a.example?x".to_owned())), ..PolicyChange::default() }, "unsubscribe-url")]
    #[case(PolicyChange { high_value: Some(Some(Money { minor: 1, currency: "eur".to_owned() })), ..PolicyChange::default() }, "high-value")]
    fn what_is_wrong_is_named(#[case] change: PolicyChange, #[case] option: &str) {
        match apply(&Policy::default(), &change) {
            Err(Error::Invalid { field, .. }) => assert_eq!(field, option),
            other => panic!("{other:?}"),
        }
    }
}
