//! Questions on the last two lines of the screen: what is asked, what the keys answer, and the text that is typed.
use ratatui::layout::{Position, Rect};

use super::canvas::Canvas;
use crate::console::dialog::{Dialog, ResolveStep};
use crate::console::field::Field;
use crate::console::model::Model;
use crate::console::theme::Role;
use crate::console::words;

/// A question on the last two lines.
pub(super) struct Question<'a> {
    pub(super) words: String,
    pub(super) field: Option<&'a Field>,
    pub(super) hints: &'static [(&'static str, Role)],
    /// The same where that does not fit.
    pub(super) short: &'static [(&'static str, Role)],
}

const ANSWER: &[(&str, Role)] =
    &[(" enter", Role::Key), (" yes  ", Role::Plain), ("esc", Role::Key), (" leave it", Role::Plain)];

impl<'a> Question<'a> {
    pub(super) fn of(model: &Model, dialog: &'a Dialog) -> Option<Self> {
        let question = match dialog {
            Dialog::Palette(palette) => Self {
                words: ":".to_owned(),
                field: Some(&palette.field),
                hints: &[
                    (" enter", Role::Key),
                    (" run  ", Role::Plain),
                    ("up down", Role::Key),
                    (" choose  ", Role::Plain),
                    ("esc", Role::Key),
                    (" close", Role::Plain),
                ],
                short: ANSWER,
            },
            Dialog::Filter { field } => Self {
                words: "Filter: ".to_owned(),
                field: Some(field),
                hints: &[
                    (" enter", Role::Key),
                    (" show what contains it, empty shows all  ", Role::Plain),
                    ("esc", Role::Key),
                    (" leave it", Role::Plain),
                ],
                short: ANSWER,
            },
            Dialog::Reject { field, items } => Self {
                words: format!("Reject {}, reason: ", words::messages(items.len())),
                field: Some(field),
                hints: &[
                    (" enter", Role::Key),
                    (" reject  ", Role::Plain),
                    ("esc", Role::Key),
                    (" leave it", Role::Plain),
                ],
                short: ANSWER,
            },
            Dialog::Assign { field, name, .. } => Self {
                words: format!("{} is from, id or address: ", name.truncated(30)),
                field: Some(field),
                hints: &[
                    (" enter", Role::Key),
                    (" assign; what waits for that person is stopped  ", Role::Plain),
                    ("esc", Role::Key),
                    (" leave it", Role::Plain),
                ],
                short: ANSWER,
            },
            Dialog::Dismiss { field, name, .. } => Self {
                words: format!("Dismiss {}, reason: ", name.truncated(40)),
                field: Some(field),
                hints: &[
                    (" enter", Role::Key),
                    (" put it aside  ", Role::Plain),
                    ("esc", Role::Key),
                    (" leave it", Role::Plain),
                ],
                short: ANSWER,
            },
            Dialog::Stop { field, reach, is_kill } => Self {
                words: format!(
                    "{} {}, reason: ",
                    if *is_kill { "KILL" } else { "Pause" },
                    reach.name(model.theme.charset).truncated(30)
                ),
                field: Some(field),
                hints: if *is_kill {
                    &[
                        (" enter", Role::Key),
                        (" nothing of it leaves until an admin lifts that  ", Role::Plain),
                        ("esc", Role::Key),
                        (" leave it", Role::Plain),
                    ]
                } else {
                    &[
                        (" enter", Role::Key),
                        (" pause  ", Role::Plain),
                        ("esc", Role::Key),
                        (" leave it", Role::Plain),
                    ]
                },
                short: ANSWER,
            },
            Dialog::Lift { reach } => Self {
                words: format!(
                    "Let {} send again? What was approved meanwhile leaves at once.",
                    reach.name(model.theme.charset).truncated(30)
                ),
                field: None,
                hints: &[
                    (" Y", Role::Key),
                    (" send again  ", Role::Plain),
                    ("esc", Role::Key),
                    (" leave it killed", Role::Plain),
                ],
                short: &[
                    (" Y", Role::Key),
                    (" send again  ", Role::Plain),
                    ("esc", Role::Key),
                    (" leave it", Role::Plain),
                ],
            },
            Dialog::Snooze { field, ids } => Self {
                words: format!("Snooze {} for: ", words::messages(ids.len())),
                field: Some(field),
                hints: &[
                    (" 1", Role::Key),
                    (" 1 h  ", Role::Plain),
                    ("2", Role::Key),
                    (" 4 h  ", Role::Plain),
                    ("3", Role::Key),
                    (" tomorrow 9:00  ", Role::Plain),
                    ("4", Role::Key),
                    (" Monday 9:00  or 90m, 2d  ", Role::Plain),
                    ("enter", Role::Key),
                    (" do  ", Role::Plain),
                    ("esc", Role::Key),
                    (" no", Role::Plain),
                ],
                short: &[
                    (" 1", Role::Key),
                    (" 1 h ", Role::Plain),
                    ("2", Role::Key),
                    (" 4 h ", Role::Plain),
                    ("3", Role::Key),
                    (" morning ", Role::Plain),
                    ("4", Role::Key),
                    (" Monday ", Role::Plain),
                    ("esc", Role::Key),
                ],
            },
            Dialog::Resolve { field, step: ResolveStep::Reason, .. } => Self {
                words: "How do you know what happened? ".to_owned(),
                field: Some(field),
                hints: &[
                    (" enter", Role::Key),
                    (" then choose: it was sent / it was not / back to draft  ", Role::Plain),
                    ("esc", Role::Key),
                    (" leave it", Role::Plain),
                ],
                short: ANSWER,
            },
            Dialog::Resolve { who, step: ResolveStep::Choice, .. } => Self {
                words: format!("What happened to the message for {}?", who.truncated(40)),
                field: None,
                hints: &[
                    (" 1", Role::Key),
                    (" it was sent  ", Role::Plain),
                    ("2", Role::Key),
                    (" it was not: failed  ", Role::Plain),
                    ("3", Role::Key),
                    (" back to draft  ", Role::Plain),
                    ("esc", Role::Key),
                    (" leave it", Role::Plain),
                ],
                short: &[
                    (" 1", Role::Key),
                    (" sent  ", Role::Plain),
                    ("2", Role::Key),
                    (" failed  ", Role::Plain),
                    ("3", Role::Key),
                    (" draft  ", Role::Plain),
                    ("esc", Role::Key),
                ],
            },
            // The message above the question says it in full; here the end may be cut.
            Dialog::LookAlike { doubt, .. } => Self {
                words: format!("! {doubt}"),
                field: None,
                hints: &[
                    (" Y", Role::Key),
                    (" this address is meant: approve  ", Role::Plain),
                    ("esc", Role::Key),
                    (" leave it", Role::Plain),
                ],
                short: &[
                    (" Y", Role::Key),
                    (" it is meant  ", Role::Plain),
                    ("esc", Role::Key),
                    (" leave it", Role::Plain),
                ],
            },
            Dialog::Copy { .. } => Self {
                words: "Copy which part of the message? The terminal does not say whether it took it."
                    .to_owned(),
                field: None,
                hints: &[
                    (" 1", Role::Key),
                    (" id  ", Role::Plain),
                    ("2", Role::Key),
                    (" ID@SHA256  ", Role::Plain),
                    ("3", Role::Key),
                    (" recipient  ", Role::Plain),
                    ("4", Role::Key),
                    (" subject  ", Role::Plain),
                    ("5", Role::Key),
                    (" text  ", Role::Plain),
                    ("6", Role::Key),
                    (" command  ", Role::Plain),
                    ("esc", Role::Key),
                    (" none", Role::Plain),
                ],
                short: &[
                    (" 1", Role::Key),
                    (" id ", Role::Plain),
                    ("2", Role::Key),
                    (" sha ", Role::Plain),
                    ("3", Role::Key),
                    (" to ", Role::Plain),
                    ("4", Role::Key),
                    (" subj ", Role::Plain),
                    ("5", Role::Key),
                    (" text ", Role::Plain),
                    ("6", Role::Key),
                    (" cli ", Role::Plain),
                    ("esc", Role::Key),
                ],
            },
            Dialog::Help { .. } | Dialog::Results { .. } => return None,
        };
        Some(question)
    }
}

/// Draws the end of what was typed that fits, and says where the cursor is.
pub(super) fn typed(model: &Model, field: &Field, area: Rect, canvas: &mut Canvas<'_>) -> Position {
    let charset = model.theme.charset;
    let room = usize::from(area.width).saturating_sub(1);
    let mut before = field.before_cursor();
    while charset.line(&before).width() > room && !before.is_empty() {
        before.remove(0);
    }
    let start = field.text().len() - field.before_cursor().len().min(field.text().len());
    let after = &field.text()[field.text().len() - start..];
    let rest = canvas.put(area, charset.line(&before).as_str(), Role::Plain);
    canvas.put(rest, charset.line(after).as_str(), Role::Plain);
    Position { x: rest.x.min(area.right().saturating_sub(1)), y: area.y }
}
