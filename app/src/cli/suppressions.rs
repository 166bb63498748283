//! Suppressions: who must not be written to, on any channel.
use clap::Subcommand;
use color_eyre::eyre::Result;
use countersign_core::contact::store_suppression;
use countersign_core::contact::suppression::{Identity, Reason, lift, suppress};
use serde_json::json;

use super::page::Paging;
use crate::exit::{Code, Fault};
use crate::output::Output;
use crate::session::Setup;

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// Suppress an address, number or handle: nothing leaves for it from now on, whoever approved it.
    Add {
        /// ana@example.com, +447911123456 or a handle.
        identity: String,
        /// Why: unsubscribe, complaint, hard_bounce, manual or erased.
        #[arg(long, value_name = "REASON", default_value = "manual", value_parser = reason)]
        reason: Reason,
        /// What else is to be known about it.
        #[arg(long, value_name = "TEXT")]
        note: Option<String>,
    },
    /// List suppressions by address.
    List(Paging),
    /// Lift a suppression; only an admin does. What it blocked stays blocked until somebody reopens it.
    Remove {
        /// The identity.
        identity: String,
        /// Why it may be written to again; recorded with your name.
        #[arg(long, value_name = "TEXT")]
        note: String,
    },
}

fn reason(word: &str) -> Result<Reason, String> {
    Reason::parse(word).ok_or_else(|| {
        let known: Vec<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
        format!("not a reason; the reasons are {}", known.join(", "))
    })
}

pub(super) async fn run(setup: &Setup, verb: Verb, output: Output) -> Result<Code> {
    let session = setup.session().await?;
    let (pool, actor, company) = (session.pool(), &session.actor, session.company.id);
    match verb {
        Verb::Add { identity, reason, note } => {
            let identity = Identity::parse(&identity).map_err(Fault::from)?;
            let is_new = suppress(pool, actor, company, &identity, reason, note.as_deref())
                .await
                .map_err(Fault::from)?;
            let value = json!({
                "kind": identity.kind, "address": identity.address, "reason": reason, "created": is_new,
            });
            let word = if is_new { "suppressed" } else { "there already" };
            output.thing(&value, &[(word, identity.address)])?;
        }
        Verb::List(paging) => {
            let mut conn = pool.acquire().await?;
            let limit = usize::from(paging.limit);
            let after = paging.cursor.as_deref();
            let mut rows = store_suppression::list(&mut conn, company, after, i64::from(paging.limit) + 1)
                .await
                .map_err(Fault::from)?;
            let has_more = rows.len() > limit;
            rows.truncate(limit);
            let next = rows.last().filter(|_| has_more).map(|last| last.address.clone());
            output.list(&rows, next, &["KIND", "REASON", "BY", "SINCE", "ADDRESS", "NOTE"], |row| {
                vec![
                    row.kind.clone(),
                    row.reason.as_str().to_owned(),
                    row.created_by.clone(),
                    format!("{:.0}", row.created_at),
                    row.address.clone(),
                    row.note.clone().unwrap_or_default(),
                ]
            })?;
        }
        Verb::Remove { identity, note } => {
            let identity = Identity::parse(&identity).map_err(Fault::from)?;
            if !lift(pool, actor, company, &identity, &note).await.map_err(Fault::from)? {
                let sentence = format!("{} is not suppressed", identity.address);
                return Err(Fault { code: Code::Failed, sentence }.into());
            }
            let value = json!({ "kind": identity.kind, "address": identity.address });
            output.thing(&value, &[("lifted", identity.address)])?;
        }
    }
    Ok(Code::Done)
}
