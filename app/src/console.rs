//! The console: people see drafts, decide, and watch what leaves.
//!
//! One [`model`], one message type; `update` changes the model and is pure; `view` draws it and reports what was drawn; effects
//! run outside and answer with messages. Nothing here sends, and nothing here writes to the terminal (see `crate::terminal`).
mod action;
mod activity;
pub(crate) mod backend;
mod copy;
mod deciding;
mod dialog;
mod diff;
mod document;
mod editor;
mod effects;
mod evidence;
mod field;
mod html_part;
mod inbox;
mod item;
mod layout;
mod listing;
mod marks;
mod memory;
mod message;
mod model;
mod msg;
mod outbox_state;
mod outgoing;
mod palette;
mod personal;
mod preview;
mod shell;
mod sides;
mod snooze;
mod stakes;
mod switch;
mod tab;
#[cfg(test)]
mod tests;
mod theme;
mod undoing;
mod update;
mod view;
mod words;

use std::path::Path;
use std::time::Duration;

use color_eyre::eyre::eyre;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub(crate) use self::backend::{Backend, DispatcherState, EngineStatus, Places};
pub(crate) use self::shell::Control;
use self::shell::Sources;
use self::theme::{Charset, Found, ThemeError};
pub(crate) use self::theme::{Source, Theme};
use crate::config::Borders;
use crate::terminal::{self, Refusal, Terminal};

/// How long the screen's thread may take to end after it was told to. A terminal that takes no output is not waited for.
const PATIENCE: Duration = Duration::from_millis(900);

/// What the console's keys do.
pub(crate) fn keys() -> Vec<action::book::Entry> {
    action::book::entries()
}

/// The same as the README's table.
pub(crate) fn keys_markdown() -> String {
    action::book::markdown()
}

/// The themes there are.
pub(crate) fn themes(folder: &Path) -> std::io::Result<Vec<Found>> {
    theme::found(folder)
}

/// Each role of a theme and how it looks, as a theme's file says it.
pub(crate) fn theme_roles(name: &str, folder: &Path) -> Result<Vec<(&'static str, String)>, ThemeError> {
    theme::load(name, folder).map(theme::read)
}

/// How the console will look on this terminal. `NO_COLOR` wins over every theme, a locale without UTF-8 over every border.
///
/// # Errors
/// The outer one when there is no terminal, the inner one when the theme cannot be used.
pub(crate) fn theme(
    name: &str,
    borders: Borders,
    folder: &Path,
    is_plain: bool,
) -> Result<Result<Theme, ThemeError>, Refusal> {
    let support = terminal::support(|name| std::env::var(name).ok())?;
    let has_colour = support.is_coloured && !is_plain;
    let has_signs = support.is_utf8 && borders == Borders::Unicode && !is_plain;
    Ok(theme::load(name, folder).map(|styles| Theme {
        styles: if has_colour { styles } else { theme::mono() },
        charset: if has_signs { Charset::Unicode } else { Charset::Ascii },
    }))
}

/// Shows the console until somebody quits, the terminal goes away, a signal ends it, or `stop` is cancelled.
///
/// A panic of the screen goes on here after the terminal was restored.
///
/// # Errors
/// When the terminal fails.
pub(crate) async fn run(backend: Backend, theme: Theme, stop: CancellationToken) -> color_eyre::Result<()> {
    let stop = stop.child_token();
    let _end = stop.clone().drop_guard();
    let (controls, control) = mpsc::channel(8);
    terminal::watch(&stop, controls)?;
    let hook = terminal::PanicHook::install();
    let terminal = Terminal::open()?;
    let sources = Sources { input: terminal::input()?, control, stop: stop.clone() };
    let (done, ended) = tokio::sync::oneshot::channel::<()>();
    let runtime = tokio::runtime::Handle::current();
    let thread = std::thread::Builder::new().name(terminal::SCREEN_THREAD.to_owned()).spawn(move || {
        let _done = done;
        runtime.block_on(shell::run(backend, theme, terminal, sources))
    })?;
    let told = async {
        stop.cancelled().await;
        tokio::time::sleep(PATIENCE).await;
    };
    let has_ended = tokio::select! {
        // The sender is dropped when the thread ends, in whatever way.
        _ = ended => true,
        () = told => false,
    };
    if !has_ended {
        terminal::restore_forcibly();
        return Ok(());
    }
    let result = thread.join();
    drop(hook);
    match result {
        Ok(result) => result.map_err(|error| eyre!("the terminal failed: {error}")),
        Err(panic) => std::panic::resume_unwind(panic),
    }
}
