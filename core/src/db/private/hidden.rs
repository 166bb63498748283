//! The hidden words by which a binary runs itself: once as the supervisor, and once for each program it starts.
//!
//! The second use exists because a program must give up root, ask for a signal at its parent's death, and check that
//! the parent still lives, in this order, between `fork` and `exec`. A new process of our own can do that in safe
//! code. It gives up root only after it runs, so the binary may lie where the service user cannot reach it.
use std::ffi::{OsStr, OsString};
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use super::error::PrivateError;
use super::folders::ServiceUser;
use super::location::Location;
use super::supervisor;

/// The first hidden word.
pub(super) const HIDDEN: &str = "private-server";
/// The second word: be the supervisor.
pub(super) const SUPERVISE: &str = "supervise";
/// The second word: become a program of PostgreSQL.
const BECOME: &str = "become";
const FSYNC: &str = "fsync";
const NO_FSYNC: &str = "no-fsync";

/// What a program gets when the supervisor dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OnOrphan {
    /// PostgreSQL's fast shutdown.
    Stop,
    /// Nothing worth saving: the next start begins anew.
    Kill,
}

impl OnOrphan {
    fn word(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Kill => "kill",
        }
    }
}

/// Runs the hidden subcommand if `words` (the arguments after the program's name) are one, and says how it ended.
///
/// To be called first in `main`, before any thread exists: the parent-death signal follows a thread.
#[must_use]
pub fn run_hidden(words: &[OsString]) -> Option<ExitCode> {
    let words: Vec<&OsStr> = words.iter().map(OsString::as_os_str).collect();
    let (hidden, rest) = words.split_first()?;
    if *hidden != HIDDEN {
        return None;
    }
    let (verb, rest) = rest.split_first()?;
    let outcome = if *verb == SUPERVISE {
        let [root, fsync] = rest else { return None };
        Location::at(PathBuf::from(root), *fsync == FSYNC).and_then(|location| supervisor::run(&location))
    } else if *verb == BECOME {
        let [parent, on_orphan, uid, gid, program, arguments @ ..] = rest else {
            return None;
        };
        let numbers = (number(parent)?, number(uid)?, number(gid)?);
        let on_orphan = if *on_orphan == "stop" { OnOrphan::Stop } else { OnOrphan::Kill };
        Err(become_program(numbers, on_orphan, Path::new(program), arguments))
    } else {
        return None;
    };
    Some(match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The process that started us reads this; when it is gone there is nobody left to tell.
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    })
}

/// The words after `supervise`.
pub(super) fn supervise_arguments(location: &Location) -> [OsString; 2] {
    let fsync = if location.fsync() { FSYNC } else { NO_FSYNC };
    [location.root().as_os_str().to_owned(), fsync.into()]
}

/// This very program. On Linux the link stays valid when the file is replaced by an update.
pub(super) fn own_program() -> PathBuf {
    if cfg!(target_os = "linux") {
        return PathBuf::from("/proc/self/exe");
    }
    std::env::current_exe().unwrap_or_else(|_| PathBuf::from("countersign"))
}

/// A command that runs `program` as the service user and does not outlive this process by much.
pub(super) fn command(service: Option<&ServiceUser>, on_orphan: OnOrphan, program: &Path) -> Command {
    let own = rustix::process::getpid().as_raw_nonzero();
    let (uid, gid) = service.map_or((0, 0), |user| (user.uid, user.gid));
    let mut command = Command::new(own_program());
    command.args([HIDDEN, BECOME, &own.to_string(), on_orphan.word(), &uid.to_string(), &gid.to_string()]);
    command.arg(program);
    clear_environment(&mut command);
    command
}

/// Leaves only what a server and its supervisor need: their environment outlives ours, is readable by the server's backends, and
/// is no place for our settings, which may hold a key or a password.
pub(super) fn clear_environment(command: &mut Command) {
    command.env_clear().env("LC_ALL", "C").env("TZ", "UTC").current_dir("/");
    for name in ["PATH", "LD_LIBRARY_PATH", "PG_BINDIR"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
}

fn number(word: &OsStr) -> Option<u32> {
    word.to_str()?.parse().ok()
}

/// Replaces this process by `program`; comes back only with the reason why that failed.
fn become_program(
    (parent, uid, gid): (u32, u32, u32),
    on_orphan: OnOrphan,
    program: &Path,
    arguments: &[&OsStr],
) -> PrivateError {
    match leave_root_and_follow(parent, uid, gid, on_orphan) {
        Ok(()) => PrivateError::io("run", program)(Command::new(program).args(arguments).exec()),
        Err(error) => PrivateError::io("give up root for", program)(error),
    }
}

#[cfg(target_os = "linux")]
fn leave_root_and_follow(parent: u32, uid: u32, gid: u32, on_orphan: OnOrphan) -> io::Result<()> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    use rustix::thread::{Gid, Uid, set_thread_groups, set_thread_res_gid, set_thread_res_uid};

    if uid != 0 {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        set_thread_groups(&[gid])?;
        set_thread_res_gid(gid, gid, gid)?;
        set_thread_res_uid(uid, uid, uid)?;
    }
    // Only now: changing the user forgets the signal.
    let signal = match on_orphan {
        OnOrphan::Stop => Signal::INT,
        OnOrphan::Kill => Signal::KILL,
    };
    set_parent_process_death_signal(Some(signal))?;
    // A parent that died before that line sends nothing.
    let found = getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if found != Some(parent) {
        return Err(io::Error::other("the supervisor has ended"));
    }
    Ok(())
}

/// There is no parent-death signal here: a killed supervisor leaves its server running until the next one stops it.
#[cfg(not(target_os = "linux"))]
fn leave_root_and_follow(_parent: u32, uid: u32, _gid: u32, _on_orphan: OnOrphan) -> io::Result<()> {
    if uid != 0 {
        return Err(io::Error::other("run countersign as an ordinary user on this system"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_words_are_left_to_the_program() {
        for words in [&[][..], &["serve"], &["private-server"], &["private-server", "supervise"]] {
            let words: Vec<OsString> = words.iter().map(OsString::from).collect();
            assert!(run_hidden(&words).is_none(), "{words:?}");
        }
    }
}
