//! What is at stake with a message and who still has to agree: one line below it, and in full among the checks.
use countersign_core::activity::status::Status;
use countersign_core::activity::view::ActivityDetail;
use countersign_core::approval::risk::Risk;
use countersign_core::safe_text::SafeText;

use super::document::Document;
use super::theme::{Charset, Role};

/// How loud a risk is. The word says it first.
pub(crate) fn role(risk: Risk) -> Role {
    match risk {
        Risk::Low | Risk::Mid => Role::Plain,
        Risk::High => Role::Warn,
    }
}

/// Who approved exactly these bytes in this round, oldest first; foreign text.
pub(crate) fn approvers(detail: &ActivityDetail) -> Vec<&str> {
    let counts = |decision: &&countersign_core::activity::view::DecisionView| {
        decision.verdict == "approve"
            && decision.round == detail.row.round
            && decision.payload_sha256 == detail.row.payload_sha256
    };
    let mut names: Vec<&str> = Vec::new();
    for decision in detail.decisions.iter().filter(counts) {
        if !names.contains(&decision.by.as_str()) {
            names.push(&decision.by);
        }
    }
    names
}

/// Who still has to decide about a draft that needs two people.
fn agreement(detail: &ActivityDetail, charset: Charset) -> Option<SafeText> {
    if !detail.needs_two || detail.row.status != Status::DraftPendingApproval {
        return None;
    }
    Some(match approvers(detail).first() {
        Some(first) => charset.joined(&["1 of 2 approved, by ", first, "; a second person has to"]),
        None => charset.line("0 of 2 approved; two people have to"),
    })
}

/// The line below a draft; a low risk that one person may take needs none.
pub(crate) fn line(detail: &ActivityDetail, charset: Charset) -> Option<SafeText> {
    let agreement = agreement(detail, charset);
    if detail.row.risk == Risk::Low && agreement.is_none() {
        return None;
    }
    let mut pieces: Vec<SafeText> = agreement.into_iter().collect();
    pieces.extend(detail.risk_reasons.iter().map(|reason| charset.line(reason)));
    let between = SafeText::line("; ");
    let mut joined = Vec::new();
    for piece in pieces {
        if !joined.is_empty() {
            joined.push(between.clone());
        }
        joined.push(piece);
    }
    Some(SafeText::joined(&joined))
}

/// Tells it in full.
pub(crate) fn tell(document: &mut Document, detail: &ActivityDetail, charset: Charset) {
    document.field("Risk", SafeText::line(detail.row.risk.as_str()));
    for reason in &detail.risk_reasons {
        document.field("", charset.line(reason));
    }
    if let Some(agreement) = agreement(detail, charset) {
        document.field("Approved", agreement);
    }
}
