//! `companies set`, and the policy in words.
use color_eyre::eyre::Result;
use countersign_core::company::money::{Money, NotMoney};
use countersign_core::company::policy::{Policy, PolicyChange, ReplyStops, set_policy};
use serde_json::json;

use crate::exit::Fault;
use crate::output::Output;
use crate::session::Session;

#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true))]
pub(in crate::cli) struct Set {
    /// Most messages to one contact in 24 hours, over all channels and outboxes; or off.
    #[arg(long, group = "what", value_name = "N|off", value_parser = count)]
    contact_per_day: Option<Count>,
    /// Most messages to one account in seven days; or off.
    #[arg(long, group = "what", value_name = "N|off", value_parser = count)]
    account_per_week: Option<Count>,
    /// Whether what is of high risk needs a second person.
    #[arg(long, group = "what", value_parser = ["on", "off"])]
    four_eyes: Option<String>,
    /// From which value on an account is of high risk, like '50000 EUR'; or off.
    #[arg(long, group = "what", value_name = "AMOUNT|off", value_parser = value)]
    high_value: Option<Value>,
    /// What a reply withdraws: what waits for the contact, or for everybody of their account.
    #[arg(long, group = "what", value_parser = ["contact", "account"])]
    reply_stops: Option<String>,
    /// Where the listener is reached from outside: mails that nobody asked for then carry a link to unsubscribe by; or off.
    #[arg(long, group = "what", value_name = "URL|off")]
    unsubscribe_url: Option<String>,
}

/// How many, or no limit.
type Count = Option<i32>;

/// How much, or no limit.
type Value = Option<Money>;

fn count(text: &str) -> Result<Count, String> {
    match text {
        "off" => Ok(None),
        number => number.parse().map(Some).map_err(|_| "write a number, or off".to_owned()),
    }
}

fn value(text: &str) -> Result<Value, String> {
    match text {
        "off" => Ok(None),
        amount => amount.parse().map(Some).map_err(|error: NotMoney| format!("{error}, or off")),
    }
}

pub(super) async fn run(session: &Session, set: Set, output: Output) -> Result<()> {
    let change = PolicyChange {
        contact_per_day: set.contact_per_day,
        account_per_week: set.account_per_week,
        four_eyes: set.four_eyes.map(|word| word == "on"),
        high_value: set.high_value,
        reply_stops: set.reply_stops.as_deref().and_then(ReplyStops::parse),
        unsubscribe_url: set.unsubscribe_url.map(|url| (url != "off").then_some(url)),
    };
    let now =
        set_policy(session.pool(), &session.actor, session.company.id, &change).await.map_err(Fault::from)?;
    let mut all = vec![("company", session.company.slug.clone())];
    all.extend(lines(&now));
    output.thing(&json!({ "company": session.company.slug, "policy": now, "notSet": now.not_set() }), &all)
}

/// What the company asks, and what it does not.
pub(super) fn lines(policy: &Policy) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if let Some(count) = policy.contact_per_day {
        lines.push(("frequency", format!("at most {count} in 24 h to one contact")));
    }
    if let Some(count) = policy.account_per_week {
        lines.push(("frequency", format!("at most {count} in 7 days to one account")));
    }
    if policy.four_eyes {
        let words = if policy.asks_for_two() {
            "on: what is of high risk needs a second person".to_owned()
        } else {
            "on, but without effect: only one person may approve".to_owned()
        };
        lines.push(("four eyes", words));
    }
    if let Some(money) = &policy.high_value {
        lines.push(("high value", format!("an account from {money} on is of high risk")));
    }
    let reach = match policy.reply_stops {
        ReplyStops::Contact => "withdraws what waits for whoever wrote",
        ReplyStops::Account => "withdraws what waits for everybody of the account",
    };
    lines.push(("a reply", reach.to_owned()));
    if let Some(url) = &policy.unsubscribe_url {
        lines.push(("unsubscribe", format!("first touches and follow-ups by mail carry a link below {url}")));
    }
    lines.extend(policy.not_set().into_iter().map(|words| ("not set", words.to_owned())));
    lines
}
