//! `outboxes show`.
use color_eyre::eyre::Result;
use countersign_core::outbox::store::KillScope;
use countersign_core::outbox::store_show::{self, OutboxDetail};

use super::{option, state, unknown};
use crate::exit::Fault;
use crate::output::Output;
use crate::session::Session;

pub(super) async fn run(session: &Session, wanted: &str, output: Output) -> Result<()> {
    let mut conn = session.pool().acquire().await?;
    let found = store_show::show(&mut conn, session.company.id, wanted).await.map_err(Fault::from)?;
    let found = found.ok_or_else(|| unknown(wanted))?;
    let lines = lines(&found);
    output.thing(&serde_json::to_value(&found)?, &lines)
}

fn lines(found: &OutboxDetail) -> Vec<(&'static str, String)> {
    let view = &found.view;
    let none = || "none".to_owned();
    let mut lines = vec![
        ("outbox", view.name.clone()),
        ("id", view.id.to_string()),
        ("state", state(view)),
        ("channel", view.channel.to_string()),
        ("from", view.sender.clone()),
        ("secret", view.secret_ref.clone()),
        ("quota today", quota(found)),
        ("next day", format!("{:.0} ({})", view.quota_resets_at, view.zone)),
        ("next hour", format!("{} will leave if nothing else happens", view.next_hour)),
        ("sent in 24 h", view.sent_24h.to_string()),
        ("undo window", format!("{} s", view.undo_window.as_secs())),
        ("allowlist", view.allowlist_mode.clone()),
        ("niche", found.niche.clone().unwrap_or_else(none)),
    ];
    if let (Some(by), Some(at), Some(scope)) = (&found.killed_by, found.killed_at, view.kill_scope) {
        let option = match scope {
            KillScope::Outbox => view.name.clone(),
            KillScope::Channel => option(Some(view.channel)),
            KillScope::Company => option(None),
        };
        let words =
            format!("by {by}, {at:.0}; an admin lifts it with `countersign outboxes resume {option}`");
        lines.insert(3, ("killed", words));
    }
    lines.extend(
        found.quiet.as_ref().map(|hours| ("quiet hours", format!("{hours}, where the recipient is"))),
    );
    lines.extend(found.ramp.map(|ramp| {
        ("warm-up", format!("{} a day from {} on, {} more every day", ramp.start, ramp.from, ramp.step))
    }));
    if found.consent_required {
        lines.push(("consent", "required: nothing is sent to who did not grant it".to_owned()));
    }
    lines.extend(found.not_set.iter().map(|words| ("not set", (*words).to_owned())));
    for (key, value) in found.config.as_object().into_iter().flatten() {
        lines.push(("setting", format!("{key}={}", value.as_str().unwrap_or_default())));
    }
    let open: Vec<String> = found.open.iter().map(|one| format!("{} {}", one.count, one.status)).collect();
    lines.push(("open", if open.is_empty() { none() } else { open.join(", ") }));
    for error in &found.last_errors {
        let words = format!(
            "{:.0} {} {} {}: {}",
            error.at, error.activity_id, error.outcome, error.code, error.detail
        );
        lines.push(("went wrong", words));
    }
    lines.push(("changed", format!("{:.0}", found.updated_at)));
    lines
}

fn quota(found: &OutboxDetail) -> String {
    let view = &found.view;
    let base = format!("{} of {}", view.sent_today, view.daily_cap);
    if view.effective_cap < view.daily_cap {
        return format!(
            "{} of {} (warm-up; the cap is {})",
            view.sent_today, view.effective_cap, view.daily_cap
        );
    }
    if found.cap_today > view.daily_cap && view.sent_today > view.daily_cap {
        return format!("{base}; lowered today, nothing more leaves before the next day");
    }
    base
}
