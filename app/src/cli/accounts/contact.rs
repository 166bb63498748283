//! One contact: what is known of them, and what they said about being written to.
use color_eyre::eyre::Result;
use countersign_core::account::store_read;
use countersign_core::account::view::ContactView;
use countersign_core::channel::ChannelName;
use countersign_core::contact::allowlist::normalise;
use countersign_core::contact::consent::{State, record_consent};
use countersign_core::contact::store::entries_for;
use countersign_core::contact::{store_consent, store_suppression};
use serde_json::json;
use sqlx::PgConnection;

use super::unknown;
use crate::exit::{Code, Fault};
use crate::output::Output;
use crate::session::Session;

/// What a contact said.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(in crate::cli) enum Said {
    /// They may be written to.
    Granted,
    /// They may not, any more.
    Withdrawn,
}

impl From<Said> for State {
    fn from(said: Said) -> Self {
        match said {
            Said::Granted => Self::Granted,
            Said::Withdrawn => Self::Withdrawn,
        }
    }
}

/// The contact of that id or address.
pub(in crate::cli) async fn find(
    conn: &mut PgConnection,
    session: &Session,
    wanted: &str,
) -> Result<ContactView> {
    let found = store_read::contact(conn, session.company.id, wanted.parse().ok(), &normalise(wanted))
        .await
        .map_err(Fault::from)?;
    found.ok_or_else(|| unknown("contact", wanted, "contacts list").into())
}

pub(super) async fn show(session: &Session, wanted: &str, output: Output) -> Result<Code> {
    let mut conn = session.pool().acquire().await?;
    let company = session.company.id;
    let row = find(&mut conn, session, wanted).await?;
    let texts: Vec<String> = row
        .addresses
        .iter()
        .filter_map(|address| address.split_once(':'))
        .map(|(_, text)| text.to_owned())
        .collect();
    let allowlist = entries_for(&mut conn, company, &texts).await.map_err(Fault::from)?;
    let suppressed = store_suppression::suppressed(&mut conn, company, &texts).await.map_err(Fault::from)?;
    let consents = store_consent::of_contact(&mut conn, company, row.id).await.map_err(Fault::from)?;
    let messages = store_read::messages(&mut conn, company, row.id).await.map_err(Fault::from)?;
    let addresses: Vec<_> = row
        .addresses
        .iter()
        .zip(&texts)
        .map(|(address, text)| {
            let why = suppressed.get(&normalise(text));
            json!({ "address": address, "allowlisted": allowlist.admits(text), "suppressed": why })
        })
        .collect();
    let mut all = serde_json::to_value(&row)?;
    all["addresses"] = addresses.into();
    all["consents"] = serde_json::to_value(&consents)?;
    all["messages"] = serde_json::to_value(&messages)?;
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
    let mut lines = vec![
        ("contact", row.name.clone()),
        ("id", row.id.to_string()),
        ("account", or_dash(&row.account)),
        ("locale", or_dash(&row.locale)),
        ("zone", or_dash(&row.zone)),
        ("country", or_dash(&row.country)),
    ];
    for (address, text) in row.addresses.iter().zip(&texts) {
        let verdict = if allowlist.admits(text) { "on the allowlist" } else { "not on the allowlist" };
        let why = suppressed.get(&normalise(text)).map(|why| format!(", suppressed ({})", why.as_str()));
        lines.push(("address", format!("{verdict}{}  {address}", why.unwrap_or_default())));
    }
    lines.extend(consents.iter().map(|one| {
        let words = format!(
            "{} {} by {}, {:.0}: {}",
            one.channel,
            one.state.as_str(),
            one.recorded_by,
            one.at,
            one.evidence
        );
        ("consent", words)
    }));
    lines.extend(messages.iter().map(|one| ("messages", format!("{} {}", one.count, one.status))));
    output.thing(&all, &lines)?;
    Ok(Code::Done)
}

pub(super) async fn consent(
    session: &Session,
    wanted: &str,
    channel: ChannelName,
    said: Said,
    evidence: &str,
    output: Output,
) -> Result<Code> {
    let row = find(&mut *session.pool().acquire().await?, session, wanted).await?;
    let state = State::from(said);
    record_consent(session.pool(), &session.actor, session.company.id, row.id, channel, state, evidence)
        .await
        .map_err(Fault::from)?;
    output.thing(
        &json!({ "contact": row.id, "channel": channel, "state": state }),
        &[("contact", row.name), ("consent", format!("{channel} {}", state.as_str()))],
    )?;
    Ok(Code::Done)
}
