//! What happened to an item, as evidence: decisions, attempts, the provider's words, and what the key still guards against.
use countersign_core::activity::fact::{Fact, Told};
use countersign_core::activity::status::Status;
use countersign_core::activity::view::ActivityDetail;
use countersign_core::channel::lookup::finding_words;
use countersign_core::dispatch::trusted_until;
use countersign_core::safe_text::SafeText;

use super::action::key_of;
use super::document::Document;
use super::preview::{Detail, Setting};
use super::theme::Role;
use super::{item, words};

/// Tells the story of the item.
pub(crate) fn tell(document: &mut Document, detail: &Detail, setting: &Setting) {
    let activity = &detail.activity;
    let row = &activity.row;
    let role = match row.status {
        Status::Uncertain | Status::Failed => Role::Bad,
        Status::Sent | Status::SentDryrun => Role::Good,
        _ => Role::Warn,
    };
    document.remark(role, &sentence(detail));
    window(document, detail, setting);
    if let (Status::Uncertain, Some(guide)) = (row.status, detail.guide) {
        document.field("Means", SafeText::line(guide.uncertain));
    }
    if let Some(hold) = &row.hold {
        document.field("Reason", setting.charset.joined(&[&hold.sentence, " (", &hold.code, ")"]));
        if let Some(until) = hold.until {
            document.field("Until", SafeText::line(&words::exact(until)));
        }
    }
    asked(document, activity, setting);
    attempts(document, activity, setting);
    lookups(document, activity, setting);
    if !activity.attempts.is_empty() || row.wire_at.is_some() {
        facts(document, activity, setting);
    }
    decisions(document, activity, setting);
}

/// What became of it after it was sent, the furthest first, and how old the newest word of it is.
fn facts(document: &mut Document, activity: &ActivityDetail, setting: &Setting) {
    let told = words::facts(&activity.facts, setting.now, &setting.zone);
    let told = told.unwrap_or_else(|| "nothing was heard of it since".to_owned());
    document.field("Became", SafeText::line(&told));
    for told in &activity.facts {
        if let Some(detail) = &told.detail {
            let name = told.fact.as_str().replace('_', " ");
            document.field("Said", setting.charset.joined(&[&name, ": ", detail]));
        }
    }
}

/// How what became of a message looks: the furthest fact says.
pub(crate) fn role_of(facts: &[Told]) -> Role {
    match facts.first().map(|told| told.fact) {
        Some(Fact::Bounced | Fact::Failed | Fact::Complained | Fact::Unsubscribed) => Role::Bad,
        Some(Fact::SoftBounced | Fact::Delayed | Fact::Cancelled) | None => Role::Warn,
        Some(_) => Role::Good,
    }
}

/// What the provider was, or would have been, asked.
fn asked(document: &mut Document, activity: &ActivityDetail, setting: &Setting) {
    let request = activity.envelope.as_ref().and_then(|envelope| envelope.request.as_ref());
    let was_asked =
        activity.row.wire_at.is_some() || activity.attempts.iter().any(|one| one.wire_at.is_some());
    if let Some(request) = request.filter(|_| was_asked) {
        let size = words::size(request.body.len());
        let pieces = [request.method.as_str(), " ", &request.path, ", body of ", &size];
        document.field("Asked", setting.charset.joined(&pieces));
    }
}

/// Lists the attempts so far, with what the provider said.
pub(crate) fn attempts(document: &mut Document, activity: &ActivityDetail, setting: &Setting) {
    for attempt in &activity.attempts {
        let wire = attempt
            .wire_at
            .map_or_else(|| "nothing left".to_owned(), |at| format!("asked {}", words::exact(at)));
        let words = format!(
            "{} {}, {wire}, recorded {}",
            attempt.attempt,
            attempt.outcome,
            words::exact(attempt.closed_at)
        );
        document.field("Attempt", setting.charset.line(&words));
        let (code, detail) = (attempt.code.as_deref(), attempt.detail.as_deref());
        let between = if code.is_some() && detail.is_some() { " " } else { "" };
        let answer = setting.charset.joined(&[code.unwrap_or(""), between, detail.unwrap_or("")]);
        if !answer.is_empty() {
            document.field("Answer", answer);
        }
        if let Some(reference) = &attempt.provider_ref {
            document.field("Provider", setting.charset.joined(&["id ", reference]));
        }
        document.field("Key", setting.charset.line(&attempt.idempotency_key));
    }
}

/// Lists what the provider said when it was asked what became of the message.
pub(crate) fn lookups(document: &mut Document, activity: &ActivityDetail, setting: &Setting) {
    for lookup in &activity.lookups {
        let at = words::exact(lookup.at);
        let word = finding_words(&lookup.finding);
        let pieces = [at.as_str(), ", asked by ", &lookup.asked_by, ": ", word, ", ", &lookup.why];
        document.field("Looked up", setting.charset.joined(&pieces));
    }
}

/// Lists the decisions so far.
pub(crate) fn decisions(document: &mut Document, activity: &ActivityDetail, setting: &Setting) {
    for decision in &activity.decisions {
        let at = words::exact(decision.at);
        let mut pieces = vec![decision.verdict.as_str(), " by ", &decision.by, " at ", &at];
        pieces.extend(decision.reason.as_deref().into_iter().flat_map(|reason| [": ", reason]));
        document.field("Decision", setting.charset.joined(&pieces));
    }
}

fn sentence(detail: &Detail) -> String {
    let row = &detail.activity.row;
    match row.status {
        Status::Uncertain => {
            "Uncertain: it may have been sent. Nobody sends it again until the provider or a person says what happened."
                .to_owned()
        }
        Status::Failed => {
            let was_refused = detail.activity.attempts.last().is_some_and(|last| last.outcome == "rejected");
            let who = if was_refused { "the provider refused it for good" } else { "a person said that it was not sent" };
            format!("Failed: {who}. Nothing was sent. {} makes it a draft again.", key_of("retry"))
        }
        Status::BlockedByAllowlist | Status::BlockedByPolicy => {
            format!("Blocked: nothing was sent. {} makes it a draft again.", key_of("retry"))
        }
        Status::Dispatching if row.hold.is_some() => {
            "Sending: no clear answer yet. The same message with the same key is tried again.".to_owned()
        }
        Status::Dispatching => match row.wire_at {
            Some(at) => format!("Sending: asked {}, no answer recorded yet.", words::exact(at)),
            None => "Sending: taken by a dispatcher, nothing has left yet.".to_owned(),
        },
        // What a person stopped leaves by a person's word, whatever time stands on the row.
        Status::Approved | Status::BlockedByQuota if item::ends_by(row.hold.as_ref()).is_some() => {
            "Holding: nothing leaves until somebody lets it send again.".to_owned()
        }
        Status::Approved => {
            format!("Holding: leaves {} at the earliest.", words::exact(row.send_after))
        }
        status => format!("{}.", status.label()),
    }
}

/// Until when the same key and bytes are trusted to be recognised, counted from the first time this key was on the wire.
fn window(document: &mut Document, detail: &Detail, setting: &Setting) {
    let row = &detail.activity.row;
    if !matches!(row.status, Status::Uncertain | Status::Dispatching) {
        return;
    }
    let attempts = &detail.activity.attempts;
    let key = attempts.last().map(|last| &last.idempotency_key);
    let same_key = attempts.iter().filter(|attempt| Some(&attempt.idempotency_key) == key);
    let first = same_key.filter_map(|attempt| attempt.wire_at).min().or(row.wire_at);
    let words = match (detail.keeps_keys_for, first) {
        (None, _) => "the provider keeps no idempotency keys: sending it again may send it twice".to_owned(),
        (Some(_), None) => return,
        (Some(kept), Some(first)) => {
            let end = trusted_until(kept, first);
            let is_open = end > setting.now;
            let end = words::exact(end);
            match (row.status, is_open) {
                (Status::Dispatching, true) => format!("the same key works until {end}"),
                (_, true) => format!(
                    "the same key works until {end}; after that nothing tells a repeat from a new message"
                ),
                (_, false) => {
                    format!(
                        "passed {end}: the provider may have forgotten the key, and a repeat may send it twice"
                    )
                }
            }
        }
    };
    document.field("Window", SafeText::line(&words));
}
