//! What limits an outbox now, in words: the lowest limit that is active, and until when. Pure.
use countersign_core::activity::view::OutboxView;
use countersign_core::outbox::limits::CIRCUIT_OPENS_AT;
use countersign_core::outbox::store::KillScope;
use countersign_core::safe_text::SafeText;
use jiff::tz::TimeZone;

use super::model::Model;
use super::theme::{Charset, Role};
use super::words;

/// The state of an outbox: why it does not send, or that it does.
pub(crate) fn of(model: &Model, outbox: &OutboxView) -> (SafeText, Role) {
    let charset = model.theme.charset;
    if let Some(reason) = &outbox.kill_reason {
        let what = match outbox.kill_scope {
            Some(KillScope::Company) => "KILLED with the company: ",
            Some(KillScope::Channel) => "KILLED with its channel: ",
            Some(KillScope::Outbox) | None => "KILLED: ",
        };
        return (charset.joined(&[what, reason]), Role::Bad);
    }
    if !outbox.enabled {
        let reason = outbox.pause_reason.as_deref().unwrap_or("no reason given");
        return (charset.joined(&["paused: ", reason]), Role::Warn);
    }
    if model.mute.contains(&outbox.channel) {
        return (charset.line("no adapter yet"), Role::Warn);
    }
    if let Some(until) = outbox.cool_until.filter(|until| *until > model.now()) {
        let until = words::upcoming(model.now(), until, &model.zone);
        let words = if outbox.is_circuit_open {
            let calls = calls(outbox.fault_streak);
            format!("circuit open, tries {until}: {calls} without a clear answer")
        } else {
            format!("waiting: the provider asked, {until}")
        };
        return (charset.line(&words), Role::Warn);
    }
    if outbox.sent_today >= outbox.effective_cap {
        let words = if is_warming_up(outbox) { "warm-up full until " } else { "full until " };
        return (resets(outbox, words, charset), Role::Warn);
    }
    if outbox.fault_streak >= CIRCUIT_OPENS_AT {
        let calls = calls(outbox.fault_streak);
        return (charset.line(&format!("one call at a time: {calls} without a clear answer")), Role::Warn);
    }
    let words = if is_warming_up(outbox) {
        let cap = words::grouped(i64::from(outbox.daily_cap));
        format!("open, warm-up (cap {cap})")
    } else {
        "open".to_owned()
    };
    (charset.line(&words), Role::Good)
}

/// Whether the warm-up allows less than the cap.
fn is_warming_up(outbox: &OutboxView) -> bool {
    outbox.effective_cap < outbox.daily_cap
}

fn calls(streak: i32) -> String {
    format!("{} {}", words::grouped(i64::from(streak)), if streak == 1 { "call" } else { "calls" })
}

fn resets(outbox: &OutboxView, words: &str, charset: Charset) -> SafeText {
    let at = TimeZone::get(&outbox.zone).map_or_else(
        |_| words::exact(outbox.quota_resets_at),
        |zone| words::time_of_day(outbox.quota_resets_at, &zone),
    );
    charset.joined(&[words, &at, " ", &words::city(&outbox.zone)])
}
