//! Draws the model, and says what it drew: decisions are made on that and on nothing else. No clock, no query, no change.
mod activity;
mod approvals;
mod canvas;
mod chrome;
mod editor;
mod inbox;
mod outbox;
mod overlay;
mod palette;
mod preview;
mod question;

use ratatui::Frame;

use self::canvas::Canvas;
use super::dialog::Dialog;
use super::layout::{self, SMALLEST};
use super::model::{Model, Screen};
use super::msg::{Painted, Target};
use super::theme::Role;

/// Draws a frame.
pub(crate) fn view(model: &Model, frame: &mut Frame<'_>) -> Painted {
    let mut painted = Painted::default();
    let mut canvas = Canvas::new(frame.buffer_mut(), model.theme);
    if layout::is_too_small(model) {
        let words = format!("countersign needs {} x {} cells", SMALLEST.0, SMALLEST.1);
        let area = canvas.area();
        canvas.put(area, &words, Role::Warn);
        return painted;
    }
    let areas = layout::of(model);
    chrome::draw(model, &areas, &mut canvas, &mut painted);
    if let Some(dialog @ (Dialog::Help { .. } | Dialog::Results { .. })) = &model.dialog {
        painted.overlay_top = Some(overlay::draw(model, dialog, &areas, &mut canvas));
    } else if let Some(text) = &model.editor {
        editor::draw(model, text, areas.body, &mut canvas);
    } else {
        match model.screen {
            Screen::Approvals => approvals::draw(model, &areas, &mut canvas, &mut painted),
            Screen::Outbox => outbox::draw(model, &areas, &mut canvas, &mut painted),
            Screen::Inbox => inbox::draw(model, &areas, &mut canvas, &mut painted),
            Screen::Activity => activity::draw(model, &areas, &mut canvas),
        }
        if model.screen != Screen::Inbox {
            preview::draw(model, &areas, &mut canvas, &mut painted);
        }
        painted.targets.push((areas.list, Target::List));
        painted.targets.push((areas.preview, Target::Message));
        if let Some(Dialog::Palette(open)) = &model.dialog {
            palette::draw(model, open, &areas, &mut canvas);
            // What lies under the palette counts as not shown.
            painted = Painted::default();
        }
    }
    let asked = chrome::footer(model, &areas, &mut canvas);
    let cursor = asked.or_else(|| editor::cursor(model, areas.body));
    canvas.spell_out();
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
    painted
}
