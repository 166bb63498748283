//! Is everyone who would receive it on the company's allowlist? Dry-run is no exception.
use super::{Facts, Verdict};
use crate::activity::status::Status;

const GATE: &str = "allowlist";

pub(super) fn judge(facts: &Facts<'_>) -> Verdict {
    if !facts.outbox.allowlist_enforced {
        return Verdict::pass(GATE, "this outbox writes to anyone");
    }
    match facts.item.recipients().into_iter().find(|recipient| !facts.allowlist.admits(recipient)) {
        Some(stranger) => Verdict::block(
            GATE,
            "not_on_allowlist",
            Status::BlockedByAllowlist,
            match is_plain(&stranger) {
                true => format!(
                    "{stranger} is not on the allowlist; add it with `countersign allowlist add {stranger}`"
                ),
                // A command is for copying, and this one would say something else to a shell.
                false => format!("{stranger} is not on the allowlist"),
            },
        ),
        None => Verdict::pass(GATE, "every recipient is on the allowlist"),
    }
}

fn is_plain(address: &str) -> bool {
    address.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"@._+:-".contains(&byte))
        && !address.starts_with('-')
}
