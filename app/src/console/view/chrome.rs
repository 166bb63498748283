//! What is always there: who and where, whether it is true, counts, the last notice or question, and hints.
use ratatui::layout::{Position, Rect};

use super::canvas::Canvas;
use super::question::{Question, typed};
use crate::console::backend::DispatcherState;
use crate::console::dialog::Dialog;
use crate::console::layout::Layout;
use crate::console::model::{Focus, Link, Model, Screen};
use crate::console::msg::{Painted, Target};
use crate::console::theme::Role;
use crate::console::undoing::Undoing;
use crate::console::words;
use crate::console::{action, activity, outbox_state};
use crate::listener::Standing;
use countersign_core::outbox::store::KillScope;
use countersign_core::safe_text::SafeText;

pub(super) fn draw(model: &Model, areas: &Layout, canvas: &mut Canvas<'_>, painted: &mut Painted) {
    header(model, areas.header, canvas);
    tabs(model, areas.tabs, canvas, painted);
    canvas.rule(areas.top_rule);
}

fn header(model: &Model, area: Rect, canvas: &mut Canvas<'_>) {
    let between = canvas.glyphs().between;
    let role = model.role.map_or("no role", countersign_core::actor::Role::as_str);
    let is_wide = area.width >= 100;
    let (product, room) = match area.width {
        100.. => (" countersign  ", 30),
        80.. => (" countersign  ", 15),
        60.. => (" ", 15),
        _ => (" ", 10),
    };
    let operator = model.operator.truncated(if is_wide { 24 } else { 12 });
    let operator = if model.is_token_holder { format!("as {operator}") } else { operator.to_string() };
    let who = match model.link {
        // On a narrow screen the word about the database needs the room; the line above the hints says read only.
        Link::Stale { .. } if !is_wide => String::new(),
        Link::Stale { .. } => format!("{operator}{between}read only "),
        _ if area.width < 60 => String::new(),
        _ => format!("{operator}{between}{role} "),
    };
    let rest = canvas.put_right(area, &[(&who, Role::Plain)]);
    let company = model.company.truncated(room);
    let kind = if model.is_sandbox { ("sandbox", Role::Good) } else { ("PRODUCTION", Role::Warn) };
    let mut rest =
        canvas.put_all(rest, [(product, Role::Title), (&company, Role::Title), ("  ", Role::Plain), kind]);
    let dot = canvas.glyphs().dot;
    rest = match &model.link {
        Link::Connecting => canvas.put(rest, "   connecting", Role::Warn),
        Link::Live => canvas.put_all(rest, [("   ", Role::Plain), (dot, Role::Good), (" live", Role::Plain)]),
        Link::Stale { since, tries, .. } => {
            let since = words::clock(model.now(), *since, &model.zone);
            let long = format!("   ! stale since {since} · reconnecting ({tries})");
            let middle = format!("   ! stale since {since}");
            let fits = |words: &String| canvas.width(words) <= usize::from(rest.width);
            let words = [long, middle].into_iter().find(fits).unwrap_or_else(|| "   ! stale".to_owned());
            canvas.put(rest, &words, Role::Bad)
        }
    };
    let engine = match &model.engine.dispatcher {
        DispatcherState::Off => ("   dispatcher off", Role::Warn),
        DispatcherState::Elsewhere => ("   attached", Role::Warn),
        DispatcherState::Starting => ("   dispatcher starting", Role::Warn),
        DispatcherState::Ok => ("   dispatcher ok", Role::Plain),
        DispatcherState::Halted { .. } => ("   ! dispatcher halted", Role::Bad),
        DispatcherState::Failed { .. } => ("   ! dispatcher failed", Role::Bad),
    };
    let killed = killed_word(model);
    let elsewhere = killed
        .map(|words| (words, Role::Bad))
        .or_else(|| activity::elsewhere(model))
        .map(|(words, role)| (format!("   {words}"), role));
    let engine = elsewhere.as_ref().map_or(engine, |(words, role)| (words.as_str(), *role));
    // Half a word tells nothing; a dispatcher that stopped has the line above the hints as well.
    let is_cut = canvas.width(engine.0) > usize::from(rest.width);
    let (words, role) = match &model.engine.dispatcher {
        _ if is_cut && !model.kills.is_empty() => ("  ! KILLED", Role::Bad),
        DispatcherState::Ok if is_cut => ("", Role::Plain),
        _ if is_cut => ("  ! idle", Role::Warn),
        _ => engine,
    };
    rest = canvas.put(rest, words, role);
    let (words, role) = match model.engine.listener {
        Standing::Off => (String::new(), Role::Plain),
        Standing::At(place) => (format!("   listener :{}", place.port()), Role::Plain),
        Standing::Taken(place) => (format!("   ! no listener, :{} is taken", place.port()), Role::Warn),
    };
    if canvas.width(&words) <= usize::from(rest.width) {
        rest = canvas.put(rest, &words, role);
    }
    if let Some(note) = &model.engine.base_url_note {
        let note = format!("   ! {}", model.theme.charset.line(note));
        rest = canvas.put(rest, &note, Role::Warn);
    }
    if let Some(address) = model.engine.sandbox {
        let words = format!("   provider {address}");
        if canvas.width(&words) <= usize::from(rest.width) {
            canvas.put(rest, &words, Role::Muted);
        }
    }
}

fn tabs(model: &Model, area: Rect, canvas: &mut Canvas<'_>, painted: &mut Painted) {
    // What is switched off is not counted, and nothing is no count of it.
    let known = model.counts.filter(|_| model.engine.absent.is_none());
    let counts = known.unwrap_or_default();
    let live = counts.holding + counts.sending + counts.uncertain + counts.failed + counts.blocked;
    let screens = [
        (Screen::Approvals, "1", "Approvals", Some(model.pending().unwrap_or_default())),
        (Screen::Outbox, "2", "Outbox", Some(live)),
        (Screen::Activity, "9", "Activity", None),
    ];
    // Narrow screens give the room to what may or may not have been sent: the gaps go first, then the names of other screens.
    let (gap, is_short) = match area.width {
        80.. => (" ", false),
        60.. => ("", false),
        _ => ("", true),
    };
    let mut rest = area;
    for (screen, key, name, count) in screens {
        let count = count.filter(|_| known.is_some());
        let count = count.map(|count| format!(" {}", words::count(count))).unwrap_or_default();
        let role = if screen == model.screen { Role::Tab } else { Role::Plain };
        let name = if is_short && screen != model.screen { String::new() } else { format!(" {name}") };
        let start = rest.x;
        let label = format!(" {key}{name}{count} ");
        rest = canvas.put_all(rest, [(gap, Role::Plain), (label.as_str(), role), (gap, Role::Plain)]);
        painted.targets.push((Rect { x: start, width: rest.x - start, ..area }, Target::Screen(screen)));
    }
    let facts = [
        ("holding", counts.holding, Role::Plain),
        ("sending", counts.sending, Role::Plain),
        ("uncertain", counts.uncertain, Role::Bad),
        ("failed", counts.failed, Role::Bad),
        ("blocked", counts.blocked, Role::Warn),
    ];
    let mut told: Vec<(String, Role)> = Vec::new();
    for (name, count, role) in facts {
        if count > 0 || (area.width >= 120 && matches!(name, "holding" | "sending")) {
            let sign = if matches!(role, Role::Bad) { "! " } else { "" };
            told.push((format!("{sign}{name} {} {gap}", words::count(count)), role));
        }
    }
    // What does not fit is left out, the calmest first; what may or may not have been sent goes last.
    let is_too_wide = |told: &[(String, Role)], canvas: &Canvas<'_>| {
        told.iter().map(|(text, _)| canvas.width(text)).sum::<usize>() + 1 > usize::from(rest.width)
    };
    for calm in ["holding", "sending", "blocked", "! failed", "! uncertain"] {
        if is_too_wide(&told, canvas) {
            told.retain(|(text, _)| !text.starts_with(calm));
        }
    }
    let told: Vec<_> = told.iter().map(|(text, role)| (text.as_str(), *role)).collect();
    canvas.put_right(rest, &told);
}

/// Draws notice and hints, or the open question. Returns where the text cursor stands.
pub(super) fn footer(model: &Model, areas: &Layout, canvas: &mut Canvas<'_>) -> Option<Position> {
    if let Some(dialog) = &model.dialog
        && let Some(question) = Question::of(model, dialog)
    {
        let rest = canvas.put(areas.notice, &format!(" {}", question.words), Role::Question);
        let position = question.field.map(|field| typed(model, field, rest, canvas));
        let width: usize = question.hints.iter().map(|(text, _)| canvas.width(text)).sum();
        let hints = if width > usize::from(areas.hints.width) { question.short } else { question.hints };
        canvas.put_all(areas.hints, hints.iter().map(|(text, role)| (*text, *role)));
        return position;
    }
    let said = model.notice.as_ref().map(|notice| (notice.text.clone(), notice.role));
    let standing = || progress(model).or_else(|| outbox_state(model)).or_else(|| engine_trouble(model));
    match said.or_else(standing) {
        Some((text, role)) => {
            // Spelled out before it is cut, so that the cut is seen.
            let text = SafeText::line(&model.theme.charset.own(text.as_str()));
            let text = text.truncated(usize::from(areas.notice.width).saturating_sub(2));
            canvas.put_all(areas.notice, [(" ", Role::Plain), (text.as_str(), role)]);
        }
        None => canvas.rule(areas.notice),
    }
    hints(model, areas.hints, canvas);
    None
}

/// What is killed beyond one outbox, in the words of the header.
fn killed_word(model: &Model) -> Option<String> {
    let first = model.kills.first()?;
    Some(match first.channel {
        None => "! company KILLED".to_owned(),
        Some(channel) if model.kills.len() == 1 => format!("! {channel} KILLED"),
        Some(_) => format!("! {} channels KILLED", model.kills.len()),
    })
}

/// What is killed beyond one outbox, with the reason.
fn kill(model: &Model) -> Option<(SafeText, Role)> {
    let first = model.kills.first()?;
    let what = match first.channel {
        None => "! KILLED: nothing of this company leaves: ".to_owned(),
        Some(channel) => format!("! KILLED: nothing leaves by {channel}: "),
    };
    let rest = match model.kills.len() {
        1 => String::new(),
        more => format!(" (and {} more)", more - 1),
    };
    Some((model.theme.charset.joined(&[&what, &first.reason, &rest]), Role::Bad))
}

/// What the outbox under the cursor is up to, in full: the table may have cut it.
fn outbox_state(model: &Model) -> Option<(SafeText, Role)> {
    let is_there = model.screen == Screen::Outbox && model.focus == Focus::Outboxes;
    let outbox = model.current_outbox().filter(|_| is_there)?;
    let (state, role) = outbox_state::of(model, outbox);
    let name = model.theme.charset.line(&outbox.name);
    Some((SafeText::joined(&[name, SafeText::line(": "), state]), role))
}

/// How far a decision about very many has come.
fn progress(model: &Model) -> Option<(SafeText, Role)> {
    let deciding = model.deciding.iter().find_map(|deciding| deciding.words(model.now()));
    let text = match deciding {
        Some(words) => format!("{words}   esc stops"),
        None => model.latest.as_ref()?.words(model.now())?,
    };
    Some((SafeText::line(&text), Role::Title))
}

/// What keeps the engine from working, for as long as it does.
fn engine_trouble(model: &Model) -> Option<(SafeText, Role)> {
    let charset = model.theme.charset;
    if let Link::Stale { reason, .. } = &model.link {
        return Some((SafeText::line(&format!("! read only: {reason}")), Role::Bad));
    }
    if let Some(reason) = activity::halted(model) {
        return Some((charset.joined(&["! HALTED: ", reason]), Role::Bad));
    }
    if let DispatcherState::Failed { reason } = &model.engine.dispatcher {
        return Some((charset.joined(&["! the dispatcher stopped: ", reason]), Role::Bad));
    }
    if let Some(absent) = &model.engine.absent {
        return Some((charset.joined(&["! ", absent]), Role::Warn));
    }
    if let Some(kill) = kill(model) {
        return Some(kill);
    }
    if activity::nobody_sends(model) {
        let words = "! no dispatcher runs anywhere: approved messages wait; start one with countersign serve";
        return Some((SafeText::line(words), Role::Bad));
    }
    model.engine.notes.last().map(|note| (charset.line(note), Role::Muted))
}

fn hints(model: &Model, area: Rect, canvas: &mut Canvas<'_>) {
    if matches!(model.dialog, Some(Dialog::Help { .. } | Dialog::Results { .. })) {
        let keys =
            [(" j k", Role::Key), (" read  ", Role::Plain), ("esc", Role::Key), (" close", Role::Plain)];
        canvas.put_all(area, keys);
        return;
    }
    let mut rest = area;
    if model.editor.is_none() {
        rest = canvas.put_right(area, &[("? ", Role::Key), ("help ", Role::Plain)]);
    }
    rest = canvas.put(rest, " ", Role::Plain);
    for action in action::active(model).filter(|action| !action.hint.is_empty() && action.id != "help") {
        let key = action.keys.first().copied().unwrap_or("");
        let word = hint_word(model, action);
        let is_enabled = (action.enabled)(model).is_ok();
        // Brackets say it where colour does not.
        let (open, close) = if is_enabled { ("", "  ") } else { ("(", ")  ") };
        if canvas.width(&format!("{open}{key} {word}{close}")) > usize::from(rest.width) {
            break;
        }
        let (key_role, role) =
            if is_enabled { (Role::Key, Role::Plain) } else { (Role::Disabled, Role::Disabled) };
        rest =
            canvas.put_all(rest, [(open, role), (key, key_role), (" ", role), (&word, role), (close, role)]);
    }
}

/// The hint of an action, with what is known about it now.
fn hint_word(model: &Model, action: &action::Action) -> String {
    match action.id {
        "undo" => match model.undoing() {
            Some(Undoing::Vote(_)) => "undo yours".to_owned(),
            _ => model.undoable().map_or_else(
                || action.hint.to_owned(),
                |(ids, until)| format!("undo {} ({})", ids.len(), words::countdown(model.now(), until)),
            ),
        },
        "approve" | "reject" if !model.marks.is_empty() => format!(
            "{} {}",
            action.hint,
            words::grouped(i64::try_from(model.marks.len()).unwrap_or(i64::MAX))
        ),
        "snooze" if model.is_snooze_list() => "bring back".to_owned(),
        "kill"
            if model.current_outbox().is_some_and(|outbox| outbox.kill_scope == Some(KillScope::Outbox)) =>
        {
            "lift the kill".to_owned()
        }
        "pause"
            if model
                .current_outbox()
                .is_some_and(|outbox| !outbox.enabled && outbox.kill_reason.is_none()) =>
        {
            "resume".to_owned()
        }
        "inspect" if model.current().is_some_and(|row| row.status.as_str() == "uncertain") => {
            "settle".to_owned()
        }
        _ => action.hint.to_owned(),
    }
}
