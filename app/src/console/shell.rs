//! The loop around `update` and `view`: waits, hands messages over, draws when nothing more waits, starts effects.
//!
//! Runs on a thread of its own, because drawing may block on a slow or stopped terminal and nothing else may wait for that.
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use countersign_core::approval::Item;
use countersign_core::clock;
use countersign_core::engine::board::Task;
use crossterm::event::{Event, MouseButton, MouseEvent, MouseEventKind};
use jiff::tz::TimeZone;
use tokio::sync::{mpsc, watch};
use tokio::time;
use tokio_util::sync::CancellationToken;

use super::backend::{Backend, EngineStatus};
use super::effects::Effects;
use super::model::Model;
use super::msg::{Effect, Msg};
use super::theme::Theme;
use super::update::update;
use super::view::view;
use crate::editor;
use crate::kept::Folder;
use crate::terminal::Terminal;

/// Replies of effects that may wait for the screen; further ones wait in their tasks.
const REPLIES: usize = 64;
/// How long leaving waits for a decision that is on its way.
const LAST_WORDS: Duration = Duration::from_millis(700);

/// What the terminal says besides keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    /// Somebody asked for the terminal back (SIGTSTP).
    Suspend,
    /// The program was continued (SIGCONT).
    Continue,
}

/// The ends of the channels that the loop listens on.
pub(crate) struct Sources {
    pub(crate) input: mpsc::Receiver<(Event, Instant)>,
    pub(crate) control: mpsc::Receiver<Control>,
    pub(crate) stop: CancellationToken,
}

/// Runs until somebody quits or the token ends it.
pub(crate) async fn run(
    backend: Backend,
    theme: Theme,
    mut terminal: Terminal,
    mut sources: Sources,
) -> io::Result<()> {
    let start = clock::monotonic();
    let mut model = Model::new(&backend.company, &backend.actor, theme, TimeZone::system(), clock::now());
    let mut status = backend.status.clone();
    model.engine = status.borrow_and_update().clone();
    let mut tasks = backend.board.watch();
    model.activity.tasks = tasks.borrow_and_update().clone();
    model.activity.places = backend.places.clone();
    model.clipboard_fault = terminal.clipboard_fault();
    let (width, height) = terminal.size();
    let (sender, mut replies) = mpsc::channel(REPLIES);
    let kept = backend.edits.load();
    let edits = backend.edits.clone();
    let mut effects = Effects::new(Arc::new(backend), sender, sources.stop.child_token());
    effects.start_polling();
    if !kept.is_empty() {
        effects.start(Effect::CheckKept { ids: kept.iter().map(|kept| kept.item.id).collect() });
    }
    // Of two texts of one draft the newer one counts.
    for kept in kept.into_iter().rev() {
        model.kept.insert(kept.item.id, kept);
    }
    let mut next = Some(Msg::Resized { width, height });
    let result = loop {
        if let Some(msg) = next.take() {
            // The clock is read before the message it belongs to, so that countdowns and ages agree with what happened.
            let mut asked = update(&mut model, Msg::Ticked(clock::now()));
            asked.extend(update(&mut model, msg));
            if let Some((item, text)) = taken_outside(&mut asked) {
                let result = edit_outside(&mut terminal, &edits, item, &text);
                // What the terminal sent in between was meant for the editor.
                while sources.control.try_recv().is_ok() {}
                asked.extend(update(&mut model, Msg::Resumed));
                asked.extend(update(&mut model, Msg::EditedOutside { item, result }));
            }
            match perform(&mut effects, &mut terminal, asked) {
                Ok(true) => {}
                Ok(false) => break Ok(()),
                Err(error) => break Err(error),
            }
        }
        let is_quiet = replies.is_empty() && sources.input.is_empty() && sources.control.is_empty();
        if model.is_dirty && is_quiet && terminal.is_ours() && !sources.stop.is_cancelled() {
            match draw(&mut model, &mut terminal, start) {
                Ok(asked) => match perform(&mut effects, &mut terminal, asked) {
                    Ok(_) => {}
                    Err(error) => break Err(error),
                },
                Err(error) => break Err(error),
            }
        }
        next = match wait(&model, start, (&mut status, &mut tasks), &mut replies, &mut sources).await {
            Woken::Msg(msg) => Some(msg),
            Woken::Nothing => None,
            Woken::Continued => match terminal.enter().and_then(|()| terminal.redraw_all()) {
                Ok(()) => Some(Msg::Resumed),
                Err(error) => break Err(error),
            },
            Woken::Suspend => match perform(&mut effects, &mut terminal, vec![Effect::Suspend]) {
                Ok(_) => None,
                Err(error) => break Err(error),
            },
            Woken::Stop => break Ok(()),
        };
    };
    terminal.leave();
    effects.finish(LAST_WORDS).await;
    result
}

/// Takes the wish for the user's own editor out of what was asked for.
fn taken_outside(asked: &mut Vec<Effect>) -> Option<(Item, String)> {
    let at = asked.iter().position(|effect| matches!(effect, Effect::EditOutside { .. }))?;
    match asked.remove(at) {
        Effect::EditOutside { item, text } => Some((item, text)),
        _ => None,
    }
}

/// Lends the terminal to the user's own editor. The text stands in its kept file, so that nothing is lost whatever ends first.
fn edit_outside(terminal: &mut Terminal, edits: &Folder, item: Item, text: &str) -> Result<String, String> {
    let command = editor::command(|name| std::env::var(name).ok()).map_err(|fault| fault.to_string())?;
    edits.keep(item, text).map_err(|error| format!("the text cannot be put into a file: {error}"))?;
    let file = edits.file(item);
    terminal
        .lend(|| editor::edit(&command, &file))
        .map_err(|error| format!("the terminal failed: {error}"))?
        .map_err(|fault| fault.to_string())?;
    editor::read_file(&file).map_err(|fault| fault.to_string())
}

/// Draws and tells the model what was drawn.
fn draw(model: &mut Model, terminal: &mut Terminal, start: Instant) -> io::Result<Vec<Effect>> {
    terminal.fit(model.width, model.height)?;
    let painted = terminal.draw(|frame| {
        countersign_core::fault::panic_point("draw");
        view(model, frame)
    })?;
    model.is_dirty = false;
    let at = clock::monotonic().duration_since(start);
    Ok(update(model, Msg::Painted { painted, at }))
}

/// Starts effects. `false` means leave.
fn perform(effects: &mut Effects, terminal: &mut Terminal, asked: Vec<Effect>) -> io::Result<bool> {
    for effect in asked {
        match effect {
            Effect::Quit => return Ok(false),
            Effect::Copy(clip) => terminal.copy(&clip)?,
            Effect::Mouse(is_on) => terminal.listen_to_mouse(is_on)?,
            Effect::Suspend => terminal.suspend()?,
            effect => effects.start(effect),
        }
    }
    Ok(true)
}

/// Clicks and the wheel; the rest of what a mouse does is nothing here.
fn mouse(event: MouseEvent) -> Option<Msg> {
    let (x, y) = (event.column, event.row);
    match event.kind {
        MouseEventKind::Down(MouseButton::Left) => Some(Msg::Clicked { x, y }),
        MouseEventKind::ScrollDown => Some(Msg::Wheeled { x, y, lines: 1 }),
        MouseEventKind::ScrollUp => Some(Msg::Wheeled { x, y, lines: -1 }),
        _ => None,
    }
}

#[expect(clippy::large_enum_variant, reason = "there is one at a time, and it is usually the large one")]
enum Woken {
    Msg(Msg),
    Nothing,
    Continued,
    Suspend,
    Stop,
}

/// Waits for the next thing. Messages come before keys, so a key acts on the newest state there is.
async fn wait(
    model: &Model,
    start: Instant,
    (status, tasks): (&mut watch::Receiver<EngineStatus>, &mut watch::Receiver<Vec<Task>>),
    replies: &mut mpsc::Receiver<Msg>,
    sources: &mut Sources,
) -> Woken {
    let due = model.next_change().duration_since(clock::now());
    let due = Duration::try_from(due).unwrap_or_default();
    tokio::select! {
        biased;
        () = sources.stop.cancelled() => Woken::Stop,
        Some(control) = sources.control.recv() => match control {
            Control::Suspend => Woken::Suspend,
            Control::Continue => Woken::Continued,
        },
        Some(msg) = replies.recv() => Woken::Msg(msg),
        Ok(()) = status.changed() => Woken::Msg(Msg::EngineChanged(status.borrow_and_update().clone())),
        Ok(()) = tasks.changed() => Woken::Msg(Msg::TasksChanged(tasks.borrow_and_update().clone())),
        Some((event, at)) = sources.input.recv() => match event {
            Event::Key(key) => Woken::Msg(Msg::KeyPressed { key, at: at.saturating_duration_since(start) }),
            Event::Paste(text) => Woken::Msg(Msg::Pasted(text)),
            Event::Resize(width, height) => Woken::Msg(Msg::Resized { width, height }),
            Event::Mouse(event) => mouse(event).map_or(Woken::Nothing, Woken::Msg),
            Event::FocusGained | Event::FocusLost => Woken::Nothing,
        },
        () = time::sleep(due) => Woken::Msg(Msg::Ticked(clock::now())),
    }
}
