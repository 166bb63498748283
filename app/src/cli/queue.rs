//! What the dispatcher has before it, and single messages.
mod activities;

use clap::Subcommand;
use color_eyre::eyre::Result;
use countersign_core::activity::html::Reading;
use countersign_core::activity::payload::{Envelope, Parts};
use countersign_core::activity::status::Status;
use countersign_core::activity::store_read;
use countersign_core::activity::view::{ActivityDetail, ActivityRow, List, Snoozed};
use countersign_core::approval::{self, Resolution};
use countersign_core::channel::Request;
use countersign_core::channel::lookup::finding_words;
use countersign_core::draft::seal::render_again;
use countersign_core::gate::Ruling;
use countersign_core::ids::ActivityId;
use countersign_core::inbound;
use countersign_core::safe_text::SafeText;
use serde_json::Value;

use super::approvals::sentence;
use super::page::{Narrow, rows};
use crate::api::Activity;
use crate::engine;
use crate::exit::{Code, Fault};
use crate::output::Output;
use crate::session::{Session, Setup};

#[derive(Debug, Subcommand)]
pub(super) enum Verb {
    /// List what is approved or being sent, next first; --attention lists what a person has to look at.
    List {
        /// Uncertain, failed and blocked items instead.
        #[arg(long)]
        attention: bool,
        #[command(flatten)]
        narrow: Narrow,
    },
    /// Show one item in full.
    Show {
        /// Id of the item.
        id: ActivityId,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ActivityVerb {
    /// Show one message with its decisions and attempts.
    Show {
        /// Id of the activity.
        id: ActivityId,
    },
    /// Settle an uncertain message: say what you found out.
    Resolve {
        /// Id of the activity.
        id: ActivityId,
        /// What happened.
        #[arg(long)]
        verdict: Verdict,
        /// How you know; recorded with your name.
        #[arg(long)]
        reason: String,
    },
    /// Ask the provider now what became of an uncertain message. What it proves settles it; nothing is sent.
    Lookup {
        /// Id of the activity.
        id: ActivityId,
    },
    /// Make a failed message a draft again; to try it again is a new decision.
    Retry {
        /// Id of the activity.
        id: ActivityId,
    },
    /// Note a message that passed elsewhere. What the contact wrote stops what was written to them before.
    Record(activities::Record),
}

/// What a person found out.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub(super) enum Verdict {
    /// It was sent.
    WasSent,
    /// It was not sent, and shall not be.
    WasNotSent,
    /// It was not sent; it is a draft again.
    BackToDraft,
}

impl From<Verdict> for Resolution {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::WasSent => Self::WasSent,
            Verdict::WasNotSent => Self::WasNotSent,
            Verdict::BackToDraft => Self::BackToDraft,
        }
    }
}

pub(super) async fn run(setup: &Setup, verb: Verb, output: Output) -> Result<Code> {
    let session = setup.session().await?;
    match verb {
        Verb::List { attention, narrow } => {
            let list = if attention { List::Attention } else { List::Queue };
            let (found, next) = rows(&session, list, &narrow, Snoozed::Shown).await?;
            output.list(&found, next, &["ITEM", "OUTBOX", "STATUS", "NEXT", "WHY", "TO"], listed)?;
            Ok(Code::Done)
        }
        Verb::Show { id } => show(setup, &session, id, output).await,
    }
}

pub(super) async fn run_activities(setup: &Setup, verb: ActivityVerb, output: Output) -> Result<Code> {
    let session = setup.session().await?;
    match verb {
        ActivityVerb::Show { id } => show(setup, &session, id, output).await,
        ActivityVerb::Resolve { id, verdict, reason } => {
            let result = approval::resolve(
                session.pool(),
                &session.actor,
                session.company.id,
                id,
                verdict.into(),
                &reason,
            )
            .await
            .map_err(Fault::from)?;
            if output.is_json {
                output.json(&result)?;
            } else {
                output.line(format!("{id}  {}", sentence(&result.outcome)))?;
            }
            Ok(if result.outcome.is_done() { Code::Done } else { Code::Conflict })
        }
        ActivityVerb::Lookup { id } => activities::lookup(setup, &session, id, output).await,
        ActivityVerb::Retry { id } => activities::retry(&session, id, output).await,
        ActivityVerb::Record(record) => activities::record(&session, record, output).await,
    }
}

fn listed(row: &ActivityRow) -> Vec<String> {
    let hold = row.hold.as_ref();
    vec![
        row.id.to_string(),
        row.outbox.clone(),
        row.status.label().to_owned(),
        hold.and_then(|hold| hold.until).map_or_else(String::new, |until| format!("{until:.0}")),
        hold.map_or_else(String::new, |hold| hold.sentence.clone()),
        row.to.clone(),
    ]
}

/// Prints one item in full, with the hash that a decision about it names.
pub(super) async fn show(setup: &Setup, session: &Session, id: ActivityId, output: Output) -> Result<Code> {
    let lines = engine::ways(&setup.config, None)?;
    let mut conn = session.pool().acquire().await?;
    let detail = store_read::detail(&mut conn, session.company.id, id, &lines).await.map_err(Fault::from)?;
    let Some(detail) = detail else {
        if let Some(noted) = inbound::noted(&mut conn, session.company.id, id).await.map_err(Fault::from)? {
            return activities::show_noted(&noted, output);
        }
        let sentence = format!("{id} is not an item of {}", session.company.slug);
        return Err(Fault { code: Code::Failed, sentence }.into());
    };
    if output.is_json {
        output.json(&Activity::from(detail))?;
    } else {
        let again = match &detail.envelope {
            None => None,
            Some(envelope) => render_again(&mut conn, session.company.id, &lines, envelope, id)
                .await
                .map_err(Fault::from)?,
        };
        output.block(&as_text(&detail, again.as_ref()))?;
    }
    Ok(Code::Done)
}

/// One line of foreign text, which cannot begin a line of ours.
fn safe(text: &str) -> SafeText {
    SafeText::line(text)
}

fn as_text(detail: &ActivityDetail, again: Option<&Request>) -> String {
    let row = &detail.row;
    let mut lines = vec![
        format!("item     {}@{}", row.id, row.payload_sha256),
        format!("status   {} (round {})", row.status.as_str(), row.round),
        format!("outbox   {} ({})", safe(&row.outbox), row.channel),
        format!("kind     {}", row.kind.as_str()),
        format!(
            "contact  {}{}",
            safe(&row.contact),
            row.account.as_ref().map_or_else(String::new, |account| format!(" · {}", safe(account)))
        ),
        format!("drafted  {:.0} by {}", row.created_at, safe(&row.proposed_by)),
    ];
    let reasons: Vec<String> = detail.risk_reasons.iter().map(|reason| safe(reason).to_string()).collect();
    let because = if reasons.is_empty() { String::new() } else { format!(": {}", reasons.join("; ")) };
    lines.push(format!("risk     {}{because}", row.risk));
    lines.extend(still_to_decide(detail).map(|words| format!("asks     {words}")));
    if let Some(hold) = &row.hold {
        let until = hold.until.map_or_else(String::new, |until| format!(", until {until:.0}"));
        lines.push(format!("waits    {}{until}", safe(&hold.sentence)));
    }
    for verdict in &detail.verdicts {
        let word = match verdict.ruling {
            Ruling::Pass => "ok",
            Ruling::Defer { .. } => "hold",
            Ruling::Block { .. } => "stop",
            Ruling::Reopen => "back",
        };
        // Once it is over, advice about sending it is no news.
        if row.status.stage() != countersign_core::activity::status::Stage::Closed
            || word != "ok" && row.status != Status::Sent
        {
            lines.push(format!("gate     {word} {}: {}", verdict.gate, safe(&verdict.sentence)));
        }
    }
    lines.extend(detail.look_alikes.iter().map(|doubt| format!("! {}", doubt.sentence())));
    for decision in &detail.decisions {
        let reason =
            decision.reason.as_ref().map_or_else(String::new, |reason| format!(": {}", safe(reason)));
        lines.push(format!(
            "decided  {} by {} at {:.0}{reason}",
            decision.verdict,
            safe(&decision.by),
            decision.at
        ));
    }
    for attempt in &detail.attempts {
        let words = [&attempt.code, &attempt.detail, &attempt.provider_ref]
            .into_iter()
            .flatten()
            .map(|word| safe(word).to_string());
        let words = words.collect::<Vec<_>>().join(" · ");
        lines.push(format!(
            "attempt  {} {} at {:.0} {words}",
            attempt.attempt, attempt.outcome, attempt.closed_at
        ));
    }
    for lookup in &detail.lookups {
        lines.push(format!(
            "looked   {:.0} by {}: {}, {}",
            lookup.at,
            safe(&lookup.asked_by),
            finding_words(&lookup.finding),
            safe(&lookup.why)
        ));
    }
    lines.extend(activities::facts(&detail.facts));
    match &detail.envelope {
        None => lines.push("erased   only the hash remains".to_owned()),
        Some(envelope) => {
            let payload = &envelope.payload;
            lines.push(format!("from     {}", safe(&payload.from)));
            lines.push(format!("to       {}", safe(&payload.to)));
            lines.extend(payload.cc.iter().map(|copy| format!("cc       {}", safe(copy))));
            lines.extend(payload.bcc.iter().map(|copy| format!("bcc      {}", safe(copy))));
            lines.extend(payload.reply_to.iter().map(|address| format!("reply to {}", safe(address))));
            lines.extend(
                payload
                    .headers
                    .iter()
                    .map(|(name, value)| format!("header   {}: {}", safe(name), safe(value))),
            );
            lines.push(format!("bytes    {}", detail.raw.len()));
            lines.push(format!("request  {}", request_words(envelope, again)));
            lines.extend(html_words(&payload.parts));
            lines.push(String::new());
            // Everything that is sent is shown: what is not plain text as its JSON.
            let parts = serde_json::to_value(&payload.parts).unwrap_or_default();
            let fields = parts.as_object().and_then(|parts| parts.values().next()).and_then(Value::as_object);
            for (name, value) in fields.into_iter().flatten() {
                match value {
                    Value::String(text) if text.contains('\n') => {
                        lines.push(format!("{name}:"));
                        lines.extend(text.lines().map(|line| format!("  {}", safe(line))));
                    }
                    Value::String(text) => lines.push(format!("{name}: {}", safe(text))),
                    other => lines.push(format!("{name}: {}", safe(&other.to_string()))),
                }
            }
        }
    }
    lines.join("\n")
}

/// Who has to approve a draft of which one approval is not enough.
fn still_to_decide(detail: &ActivityDetail) -> Option<String> {
    if detail.row.status != Status::DraftPendingApproval {
        return None;
    }
    match (detail.needs_two, detail.row.approvals) {
        (true, 0) => Some("two people have to approve it".to_owned()),
        (true, count) => Some(format!("{count} approval so far; a second person has to give theirs")),
        (false, 0) => None,
        (false, count) => Some(format!("{count} approval so far; one more is needed")),
    }
}

/// What the HTML part of a mail says beside its text. Its source is shown in any case.
fn html_words(parts: &Parts) -> Vec<String> {
    let Some(reading) = Reading::of_parts(parts) else {
        return Vec::new();
    };
    let mut lines = vec![format!("html     {}", reading.summary().join(" · "))];
    lines.extend(reading.unjudged_words().map(|words| format!("         {words}")));
    lines.extend(reading.flags.iter().map(|flag| format!("! {}", safe(flag))));
    lines.extend(
        reading.links.iter().map(|link| format!("link     {} -> {}", safe(&link.label), safe(&link.target))),
    );
    lines
}

/// What goes on the wire: either just what is shown, or the request itself.
fn request_words(envelope: &Envelope, again: Option<&Request>) -> String {
    let Some(request) = &envelope.request else {
        return "not rendered yet: the channel has no adapter".to_owned();
    };
    let renderer = envelope.renderer.as_deref().unwrap_or("unknown");
    if again == Some(request) {
        format!("{} {}, just what is shown ({})", safe(&request.method), safe(&request.path), safe(renderer))
    } else {
        // Another version rendered it: what was frozen is what is sent, so that is what has to be read.
        format!(
            "{} {} ({}) {}",
            safe(&request.method),
            safe(&request.path),
            safe(renderer),
            safe(&request.body)
        )
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_resolution_can_be_said() {
        assert_eq!(Verdict::value_variants().len(), Resolution::ALL.len());
    }

    /// S7: the command says what the console says about an HTML part.
    #[test]
    fn an_html_part_is_judged_here_too() {
        let parts = |html: &str| Parts::Email {
            subject: "Visit".to_owned(),
            text: "See acme.example".to_owned(),
            html: Some(html.to_owned()),
            in_reply_to: None,
            attachments: Vec::new(),
        };
        let words = html_words(&parts(
            "<p>See <a href='https://evil.example/'>acme.example</a> <b hidden>now</b></p>",
        ));
        assert_eq!(
            words,
            [
                "html     HTML is not the same as the text · 1 link · 0 pictures",
                "! the HTML hides by hidden: now",
                "! link says acme.example but leads to https://evil.example/",
                "link     acme.example -> https://evil.example/",
            ]
        );
    }
}
