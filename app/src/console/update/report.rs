//! What is said after a decision: one line where that is enough, else a list that stays readable for thousands of items.
use countersign_core::approval::{ItemOutcome, ItemResult};
use countersign_core::ids::ActivityId;
use countersign_core::safe_text::SafeText;

use crate::console::deciding::{Deciding, Verb};
use crate::console::dialog::Dialog;
use crate::console::model::Model;
use crate::console::msg::Failure;
use crate::console::theme::{Charset, Role};
use crate::console::words;

/// So many items with the same fate have a line each; of more, the first are named.
const NAMED: usize = 5;

/// Says what became of a decision.
pub(super) fn tell(model: &mut Model, deciding: &Deciding) {
    let (now, zone, charset) = (model.now(), model.zone.clone(), model.theme.charset);
    let verb = past(deciding.verb());
    let results = &deciding.results;
    let say = |result: &ItemResult| words::outcome(&result.outcome, now, &zone, charset);
    // The first vote of two stands, but approves nothing yet.
    let half: Vec<&ItemResult> =
        results.iter().filter(|result| result.outcome == ItemOutcome::NeedsSecond).collect();
    let open: Vec<&ItemResult> = results.iter().filter(|result| !result.outcome.is_done()).collect();
    let done = results.len() - open.len() - half.len();
    let left: usize = deciding.waiting.iter().map(Vec::len).sum();
    if let ([(_, failure)], [], 0) = (deciding.faults.as_slice(), results.as_slice(), left) {
        return model.say(Role::Bad, &fault(verb, failure, charset));
    }
    let is_plain = half.is_empty() || results.len() == half.len();
    if is_plain && open.is_empty() && deciding.skipped.is_empty() && deciding.faults.is_empty() && left == 0 {
        let text = match results.as_slice() {
            [only] => format!("{}: {}", say(only), name(deciding, only.id)),
            _ if half.is_empty() => format!("{verb} {}", words::messages(done)),
            _ => format!("{verb} by you: {}; a second person has to", words::messages(half.len())),
        };
        return model.say(Role::Good, &text);
    }
    if let ([only], [], [], 0) =
        (results.as_slice(), deciding.skipped.as_slice(), deciding.faults.as_slice(), left)
    {
        return model.say(Role::Bad, &format!("not {verb}: {}: {}", say(only), name(deciding, only.id)));
    }
    let mut lines: Vec<(Role, SafeText)> = Vec::new();
    for (count, failure) in &deciding.faults {
        let text = format!("{}: {}", words::messages(*count), fault(verb, failure, charset));
        lines.push((Role::Bad, SafeText::line(&text)));
    }
    if left > 0 {
        let text = format!("stopped: {} were not asked for and stay marked", words::messages(left));
        lines.push((Role::Warn, SafeText::line(&text)));
    }
    let half = half.into_iter().map(|result| (say(result), result.id));
    lines.extend(grouped(deciding, half, Role::Warn));
    let open = open.into_iter().map(|result| (say(result), result.id));
    lines.extend(grouped(deciding, open, Role::Bad));
    let skipped = deciding.skipped.iter().map(|(id, reason)| ((*reason).to_owned(), *id));
    lines.extend(grouped(deciding, skipped, Role::Warn));
    let all = deciding.ids.len() + deciding.skipped.len();
    let done = words::messages(done);
    let done = done.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let title = format!("{verb} {done} of {}", words::messages(all));
    model.dialog = Some(Dialog::Results { title, lines, scroll: 0 });
}

/// A line for each item, or one for all that share a fate: how many, and the first of them.
fn grouped(
    deciding: &Deciding,
    items: impl Iterator<Item = (String, ActivityId)>,
    role: Role,
) -> Vec<(Role, SafeText)> {
    let mut groups: Vec<(String, Vec<ActivityId>)> = Vec::new();
    for (words, id) in items {
        match groups.iter_mut().find(|(known, _)| *known == words) {
            Some((_, ids)) => ids.push(id),
            None => groups.push((words, vec![id])),
        }
    }
    let mut lines = Vec::new();
    for (words, ids) in groups {
        if ids.len() <= NAMED {
            lines.extend(ids.iter().map(|id| format!("{words}: {}", name(deciding, *id))));
        } else {
            let first: Vec<String> =
                ids.iter().take(NAMED).map(|id| name(deciding, *id).to_string()).collect();
            let count = words::messages(ids.len());
            lines.push(format!("{words}: {count}, first {}", first.join(", ")));
        }
    }
    lines.into_iter().map(|line| (role, SafeText::line(&line))).collect()
}

fn name(deciding: &Deciding, id: ActivityId) -> SafeText {
    deciding.names.get(&id).cloned().unwrap_or_else(|| SafeText::line(&id.to_string()))
}

fn fault(verb: &str, failure: &Failure, charset: Charset) -> String {
    match failure {
        Failure::Refused(sentence) => format!("not {verb}: {}", charset.line(sentence)),
        Failure::Unavailable(_) => {
            "the database did not answer: the list will show whether the decision was recorded".to_owned()
        }
    }
}

fn past(verb: Verb) -> &'static str {
    match verb {
        Verb::Approve => "approved",
        Verb::Reject => "rejected",
        Verb::Undo => "taken back",
        Verb::Resolve => "settled",
        Verb::Snooze => "snoozed",
        Verb::Wake => "brought back",
    }
}
