//! What happened to an item, as evidence: decisions, attempts, the provider's words, and what the key still guards against.
use countersign_core::activity::status::Status;
use countersign_core::activity::view::ActivityDetail;
use countersign_core::safe_text::SafeText;

use super::document::Document;
use super::preview::{Detail, Setting};
use super::theme::Role;
use super::words;

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
    if let Some(hold) = &row.hold {
        document.field("Reason", setting.charset.joined(&[&hold.sentence, " (", &hold.code, ")"]));
        if let Some(until) = hold.until {
            document.field("Until", SafeText::line(&words::exact(until)));
        }
    }
    attempts(document, activity, setting);
    window(document, detail, setting);
    decisions(document, activity, setting);
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
            "Uncertain: it may have been sent. Nobody sends it again until a person says what happened."
                .to_owned()
        }
        Status::Failed => "Failed: the provider refused it for good. Nothing was sent.".to_owned(),
        Status::Dispatching => match row.wire_at {
            Some(at) => format!("Sending: asked {}, no answer recorded yet.", words::exact(at)),
            None => "Sending: taken by a dispatcher, nothing has left yet.".to_owned(),
        },
        Status::Approved => {
            format!("Holding: leaves {} at the earliest.", words::exact(row.send_after))
        }
        status => format!("{}.", status.label()),
    }
}

/// Until when the same key and bytes would be recognised, counted from the first attempt.
fn window(document: &mut Document, detail: &Detail, setting: &Setting) {
    let row = &detail.activity.row;
    if !matches!(row.status, Status::Uncertain | Status::Dispatching) {
        return;
    }
    let first = detail.activity.attempts.iter().filter_map(|attempt| attempt.wire_at).min().or(row.wire_at);
    let words = match (detail.keeps_keys_for, first) {
        (None, _) => "the provider keeps no idempotency keys: sending it again may send it twice".to_owned(),
        (Some(_), None) => return,
        (Some(kept), Some(first)) => match first.checked_add(kept) {
            Ok(end) if end > setting.now => {
                format!("the provider recognises the key until {}", words::exact(end))
            }
            _ => "the provider no longer recognises the key: sending it again may send it twice".to_owned(),
        },
    };
    document.field("Window", SafeText::line(&words));
}
