//! The program in a real pseudo-terminal: keys go in, a terminal emulator reads what comes out.
use std::io::{Read as _, Write};
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use countersign_core::clock;
use portable_pty::{Child, ExitStatus, MasterPty, PtySize};
use rustix::fs::{Mode, OFlags};
use rustix::process::Signal;
use rustix::termios::{self, LocalModes};

use crate::home::Home;
use crate::{DEADLINE, process};

/// The program on a screen. It is killed when it is dropped.
pub(crate) struct Screen {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    terminal: PathBuf,
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    emulator: vt100::Parser,
    bytes: Vec<u8>,
    is_closed: bool,
}

/// Whether the terminal belongs to the program, so that the kernel tells it of a hang-up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// As in any terminal window.
    Owned,
    /// A terminal that somebody else opened: no signal comes.
    Borrowed,
}

/// What the console says to the approve key.
#[derive(Clone, Copy, Debug)]
enum Answered {
    Approved,
    ReadOn,
    Again,
}

fn size(columns: u16, rows: u16) -> PtySize {
    PtySize { rows, cols: columns, pixel_width: 0, pixel_height: 0 }
}

/// The emulator has one cell at least; the terminal of the program can have none.
pub(crate) fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap_or(NonZeroU16::MIN)
}

impl Screen {
    /// Starts the program on 120 by 40 cells.
    pub(crate) fn open(home: &Home, words: &[&str]) -> Self {
        Self::open_on(home, words, Line::Owned)
    }

    /// Starts the program on a terminal of either kind.
    pub(crate) fn open_on(home: &Home, words: &[&str], line: Line) -> Self {
        let (columns, rows) = (120, 40);
        let pair = portable_pty::native_pty_system().openpty(size(columns, rows)).expect("a pseudo-terminal");
        let mut command = home.terminal_command(words);
        command.set_controlling_tty(line == Line::Owned);
        let child = pair.slave.spawn_command(command).expect("the binary starts");
        let state = State {
            emulator: vt100::Parser::new(cells(rows), cells(columns), 0),
            bytes: Vec::new(),
            is_closed: false,
        };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let mut reader = pair.master.try_clone_reader().expect("the terminal can be read");
        let filled = Arc::clone(&shared);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            loop {
                let read = reader.read(&mut buffer).unwrap_or(0);
                let mut state = filled.lock();
                state.bytes.extend_from_slice(&buffer[..read]);
                state.emulator.process(&buffer[..read]);
                state.is_closed |= read == 0;
                filled.changed.notify_all();
                if state.is_closed {
                    return;
                }
            }
        });
        Self {
            child,
            writer: Some(pair.master.take_writer().expect("the terminal can be written to")),
            terminal: pair.master.tty_name().expect("the terminal has a name"),
            master: Some(pair.master),
            shared,
        }
    }

    /// Its number.
    pub(crate) fn number(&self) -> process::Number {
        let number = self.child.process_id().expect("it was not waited for yet");
        process::Number::try_from(number).expect("process numbers are small")
    }

    /// Presses keys.
    pub(crate) fn send(&mut self, keys: &str) {
        let writer = self.writer.as_mut().expect("the terminal is open");
        writer.write_all(keys.as_bytes()).and_then(|()| writer.flush()).expect("the terminal takes keys");
    }

    /// Sends the program a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        process::signal(self.number(), signal);
    }

    /// Makes the terminal as wide and high.
    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        self.shared.lock().emulator.set_size(cells(rows), cells(columns));
        let master = self.master.as_ref().expect("the terminal is open");
        master.resize(size(columns, rows)).expect("the size can be changed");
    }

    /// Stops output, as ctrl-s does on a terminal that knows it: whoever writes waits.
    pub(crate) fn stop_output(&self) {
        termios::tcflow(self.line(), termios::Action::OOff).expect("output can be stopped");
    }

    /// Lets stopped output go on.
    pub(crate) fn resume_output(&self) {
        termios::tcflow(self.line(), termios::Action::OOn).expect("output can go on");
    }

    /// The line as the next program finds it.
    fn line(&self) -> rustix::fd::OwnedFd {
        rustix::fs::open(&self.terminal, OFlags::RDWR | OFlags::NOCTTY, Mode::empty())
            .expect("the terminal opens")
    }

    /// Closes the window: the terminal is gone.
    pub(crate) fn hang_up(&mut self) {
        self.shared.lock().is_closed = true;
        // The reader holds an end of its own and lets go at the next byte, so the program has to draw one: it answers to another
        // size, and without a terminal of its own to a key. A closing writer sends two more (a line end and ctrl-d).
        self.resize(100, 30);
        self.send("?");
        self.writer = None;
        self.master = None;
        crate::until("the last end of the terminal closes", || Arc::strong_count(&self.shared) == 1);
    }

    /// What is on the screen.
    pub(crate) fn contents(&self) -> String {
        self.shared.lock().emulator.screen().contents()
    }

    /// Everything the program wrote so far.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        self.shared.lock().bytes.clone()
    }

    /// Waits until the screen shows a text.
    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        self.until(&format!("the screen shows `{text}`"), |screen| screen.contents().contains(text));
    }

    /// Waits until the screen does not show a text any more.
    #[track_caller]
    pub(crate) fn hides(&self, text: &str) {
        self.until(&format!("the screen does not show `{text}`"), |screen| !screen.contents().contains(text));
    }

    /// Approves the message on screen once it was read to its end. `name` is whom it is for.
    #[track_caller]
    pub(crate) fn approve(&mut self, name: &str) {
        loop {
            self.send("a");
            let mut answer = None;
            self.until("the key is answered", |screen| {
                let contents = screen.contents();
                let said = |text: &str| contents.contains(text);
                answer = [
                    (said("approved, leaves") && said(&format!(": {name}")), Answered::Approved),
                    (said("read to the end first"), Answered::ReadOn),
                    // Right after the item changed the key only warns; a person is never that quick.
                    (said("look and press again") || said("not shown yet"), Answered::Again),
                ]
                .into_iter()
                .find_map(|(is_it, answer)| is_it.then_some(answer));
                answer.is_some()
            });
            match answer {
                Some(Answered::Approved) => return,
                Some(Answered::ReadOn) => self.send("\x1b[6~"),
                // Any key takes the words away.
                _ => self.send("k"),
            }
            self.hides("press again");
            self.hides("not shown yet");
            self.hides("read to the end first");
        }
    }

    /// Waits until the screen is as wanted.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, mut holds: impl FnMut(&vt100::Screen) -> bool) {
        let give_up = clock::monotonic() + DEADLINE;
        let mut state = self.shared.lock();
        while !holds(state.emulator.screen()) {
            let left = give_up.saturating_duration_since(clock::monotonic());
            if left.is_zero() {
                // Dropped first: the screen is printed while this unwinds.
                drop(state);
                panic!("waited in vain: {what}");
            }
            let changed = self.shared.changed.wait_timeout(state, left);
            state = changed.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Whether the program still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child can be asked").is_none()
    }

    /// Waits until the program has ended.
    #[track_caller]
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.ended_within(DEADLINE)
    }

    /// Waits that long until the program has ended.
    #[track_caller]
    pub(crate) fn ended_within(&mut self, patience: Duration) -> ExitStatus {
        let give_up = clock::monotonic() + patience;
        loop {
            if let Some(status) = self.child.try_wait().expect("a child can be asked") {
                return status;
            }
            assert!(clock::monotonic() < give_up, "the program did not end within {patience:?}");
            std::thread::sleep(crate::GLANCE);
        }
    }

    /// Waits for the end and asserts that it was a good one: exit code 0, and the terminal as it was before.
    #[track_caller]
    pub(crate) fn ended_well(&mut self) {
        let status = self.ended();
        assert!(status.success(), "it ended with {status:?}\n{}", self.contents());
        self.is_given_back();
    }

    /// Asserts that the terminal is as it was before.
    #[track_caller]
    pub(crate) fn is_given_back(&self) {
        self.until("the terminal is given back", |screen| {
            !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
        });
        let cooked = LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        crate::until("the terminal is cooked again", || {
            let modes = termios::tcgetattr(self.line()).expect("the terminal has modes").local_modes;
            modes.contains(cooked)
        });
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let words = format!("--- the screen\n{}\n", self.contents());
            let _ = std::io::stderr().write_all(words.as_bytes());
        }
        if matches!(self.child.try_wait(), Ok(None)) {
            self.signal(Signal::KILL);
            let _ = self.child.wait();
        }
    }
}
