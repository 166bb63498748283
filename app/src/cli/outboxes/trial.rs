//! `outboxes test`: is the credential taken, and what would be sent?
use color_eyre::eyre::Result;
use countersign_adapters::sandbox::SandboxHandle;
use countersign_core::activity::payload::Envelope;
use countersign_core::activity::store_read;
use countersign_core::approval::{self, Item};
use countersign_core::channel::{Lines, Probe};
use countersign_core::engine::board::Board;
use countersign_core::safe_text::SafeText;
use countersign_core::trial;
use serde_json::{Value, json};

use super::find;
use crate::cli::approvals::sentence;
use crate::engine;
use crate::exit::{Code, Fault};
use crate::output::Output;
use crate::session::{Session, Setup};

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Test {
    /// Name or id.
    outbox: String,
    /// Print the message that would be sent to this address.
    #[arg(long, value_name = "ADDRESS")]
    to: Option<String>,
    /// Approve that message in your name. The address must be on the allowlist; a dispatcher sends it, through every gate.
    #[arg(long, requires = "to")]
    send: bool,
}

pub(super) async fn run(setup: &Setup, session: &Session, test: Test, output: Output) -> Result<Code> {
    let found = find(session, &test.outbox).await?;
    let (pool, company) = (session.pool(), &session.company);
    let key = engine::master_key(&setup.config, &setup.paths)?;
    // A company marked for the sandbox never meets a real provider, here neither.
    let sandbox = match company.sandbox {
        true => Some(engine::start_sandbox(&setup.paths.sandbox_ledger(), 0, Board::default()).await?),
        false => None,
    };
    let lines = engine::ways(&setup.config, sandbox.as_ref().map(SandboxHandle::addr))?;
    let tried = trial::credential(pool, &lines, &key, &session.actor, company, found.id).await;
    let tried = tried.map_err(Fault::from)?;
    let (word, says, is_good) = match &tried.credential {
        Ok(Probe::Works { says }) => ("works", says, true),
        Ok(Probe::Refused { says }) => ("refused", says, false),
        Ok(Probe::Unclear { says }) => ("unclear", says, false),
        Err(why) => ("not asked", why, false),
    };
    let mut value = json!({
        "id": found.id, "outbox": found.name, "credential": { "state": word.replace(' ', "-"), "says": says },
        "missing": tried.missing.iter().map(|setting| setting.key).collect::<Vec<_>>(),
    });
    let mut told = vec![
        ("outbox", format!("{} ({})", found.name, found.channel)),
        ("credential", format!("{word}: {}", SafeText::line(says))),
    ];
    told.extend(tried.missing.iter().map(|setting| {
        let name = &found.name;
        (
            "missing",
            format!(
                "{key}, {what}: countersign outboxes set {name} --set {key}=…",
                key = setting.key,
                what = setting.what
            ),
        )
    }));
    let mut code = if is_good && tried.missing.is_empty() { Code::Done } else { Code::Failed };
    if let Some(to) = &test.to {
        let id = if test.send {
            if code != Code::Done {
                output.thing(&value, &told)?;
                return Err(Fault {
                    code: Code::Failed,
                    sentence: "nothing was sent: mend the outbox first".to_owned(),
                }
                .into());
            }
            Some(
                trial::file(pool, &lines, &session.actor, company.id, found.id, to)
                    .await
                    .map_err(Fault::from)?,
            )
        } else {
            None
        };
        match id {
            None => {
                let envelope =
                    trial::message(pool, &lines, company.id, found.id, to).await.map_err(Fault::from)?;
                describe(&envelope, &mut value, &mut told);
                told.push(("sent", "nothing; --send approves it".to_owned()));
            }
            Some(id) => {
                let done = approve(session, &lines, id, &mut value, &mut told).await?;
                code = if done { Code::Done } else { Code::Conflict };
            }
        }
    }
    output.thing(&value, &told)?;
    if let Some(sandbox) = sandbox {
        sandbox.stop().await;
    }
    Ok(code)
}

/// Approves exactly what is printed. Says whether that was possible.
async fn approve(
    session: &Session,
    lines: &Lines,
    id: countersign_core::ids::ActivityId,
    value: &mut Value,
    told: &mut Vec<(&'static str, String)>,
) -> Result<bool> {
    let company = session.company.id;
    let detail = store_read::detail(&mut *session.pool().acquire().await?, company, id, lines).await;
    let detail = detail.map_err(Fault::from)?;
    let Some((detail, envelope)) = detail.and_then(|detail| Some((detail.row, detail.envelope?))) else {
        return Err(Fault { code: Code::Failed, sentence: format!("{id} is gone") }.into());
    };
    describe(&envelope, value, told);
    let item = Item::seen(id, detail.payload_sha256);
    let results =
        approval::approve(session.pool(), &session.actor, company, &[item]).await.map_err(Fault::from)?;
    let Some(result) = results.into_iter().next() else { return Ok(false) };
    value["item"] = json!({ "id": id, "payloadSha256": detail.payload_sha256, "outcome": result.outcome });
    told.push(("item", format!("{id}@{}", detail.payload_sha256)));
    told.push(("decision", sentence(&result.outcome)));
    told.push(("then", format!("a dispatcher sends it; follow it with `countersign activities show {id}`")));
    Ok(result.outcome.is_done())
}

/// What would be on the wire, but for the credential and the key.
fn describe(envelope: &Envelope, value: &mut Value, told: &mut Vec<(&'static str, String)>) {
    told.push(("to", envelope.payload.to.clone()));
    let Some(request) = &envelope.request else { return };
    value["request"] = json!(request);
    told.push(("request", format!("{} {}", request.method, request.path)));
    told.extend(request.headers.iter().map(|(name, value)| ("header", format!("{name}: {value}"))));
    told.push(("body", request.body.clone()));
}
