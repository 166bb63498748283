//! Notices what ends or stops the console: signals, and a terminal that is gone without one.
use std::io;

use rustix::event::{PollFd, PollFlags, poll};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::console::Control;

/// SIGTSTP and SIGCONT, which the signal module has no names for.
const SIGTSTP: SignalKind = SignalKind::from_raw(rustix::process::Signal::TSTP.as_raw());
const SIGCONT: SignalKind = SignalKind::from_raw(rustix::process::Signal::CONT.as_raw());

/// Cancels `stop` on SIGTERM, SIGINT, SIGHUP and when the terminal is gone; reports stop and continue.
///
/// # Errors
/// When the signals cannot be listened to.
pub(crate) fn watch(stop: &CancellationToken, controls: mpsc::Sender<Control>) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    let mut stopped = signal(SIGTSTP)?;
    let mut continued = signal(SIGCONT)?;
    let token = stop.clone();
    tokio::spawn(async move {
        loop {
            let control = tokio::select! {
                () = token.cancelled() => return,
                _ = terminate.recv() => return token.cancel(),
                _ = interrupt.recv() => return token.cancel(),
                _ = hangup.recv() => return token.cancel(),
                _ = stopped.recv() => Control::Suspend,
                _ = continued.recv() => Control::Continue,
            };
            // Full means that the screen is far behind; it will draw everything anyway when it comes back.
            let _ = controls.try_send(control);
        }
    });
    let token = stop.clone();
    std::thread::Builder::new().name("terminal-watch".to_owned()).spawn(move || {
        wait_for_hang_up();
        token.cancel();
    })?;
    Ok(())
}

/// Sleeps in the kernel until the other end of the terminal is closed.
fn wait_for_hang_up() {
    let stdin = io::stdin();
    loop {
        // No events are asked for: errors and hang-ups are always reported, keys are none of our business.
        let mut fds = [PollFd::new(&stdin, PollFlags::empty())];
        match poll(&mut fds, None) {
            Ok(_) if fds[0].revents().intersects(PollFlags::HUP | PollFlags::ERR | PollFlags::NVAL) => {
                return;
            }
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(_) => return,
        }
    }
}
