//! What an earlier server may have left: a process that still ends, or a pid file that names a foreign one.
//!
//! PostgreSQL itself handles a pid file whose process is gone. It cannot tell a zombie or an unrelated process with the
//! same number from a living server, so that is decided here, by the folder a process works in.
use std::path::Path;

use super::error::PrivateError;

/// Waits until no process of an earlier server works in `data`. A server that does not end by itself is told to.
#[cfg(target_os = "linux")]
pub(super) async fn clear(data: &Path) -> Result<(), PrivateError> {
    use std::time::Duration;

    use rustix::process::Signal;

    /// A killed supervisor's server stops by itself; after this it evidently was not told.
    const PATIENCE: Duration = Duration::from_secs(3);
    const STEP: Duration = Duration::from_millis(20);

    let (mut waited, mut stopped, mut quit) = (Duration::ZERO, false, false);
    loop {
        let running = linux::processes_in(data);
        let Some(&some) = running.first() else { break };
        let postmaster = linux::recorded_pid(data).filter(|pid| running.contains(pid));
        if let Some(pid) = postmaster {
            if !stopped && waited >= PATIENCE {
                stopped = true;
                linux::signal(data, pid, Signal::INT);
            }
            if !quit && waited >= PATIENCE * 4 {
                quit = true;
                linux::signal(data, pid, Signal::QUIT);
            }
        }
        if waited >= PATIENCE * 6 {
            return Err(PrivateError::OldServerStays {
                path: data.to_owned(),
                pid: some.as_raw_nonzero().get(),
            });
        }
        tokio::time::sleep(STEP).await;
        waited += STEP;
    }
    linux::take_over_pid(data)
}

/// Other systems leave everything to PostgreSQL's own checks.
#[cfg(not(target_os = "linux"))]
pub(super) async fn clear(_data: &Path) -> Result<(), PrivateError> {
    Ok(())
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{self, OpenOptions};
    use std::io::{ErrorKind, Read};
    use std::os::unix::fs::{FileExt, OpenOptionsExt};
    use std::path::Path;

    use rustix::fs::OFlags;
    use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal, test_kill_process};

    use super::PrivateError;

    /// The processes of a server of this folder: every one of them works in its data folder. A zombie does not.
    pub(super) fn processes_in(data: &Path) -> Vec<Pid> {
        let Ok(data) = data.canonicalize() else {
            return Vec::new();
        };
        fs::read_dir("/proc")
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
            .filter(|pid| is_server_in(&data, *pid))
            .collect()
    }

    /// A shell or a pager in the same folder is no server.
    fn is_server_in(data: &Path, pid: Pid) -> bool {
        let process = format!("/proc/{}", pid.as_raw_nonzero());
        fs::read_link(format!("{process}/cwd")).is_ok_and(|folder| folder == data)
            && fs::read_to_string(format!("{process}/comm"))
                .is_ok_and(|name| matches!(name.trim_end(), "postgres" | "postmaster"))
    }

    /// The process the pid file names.
    pub(super) fn recorded_pid(data: &Path) -> Option<Pid> {
        let text = fs::read_to_string(data.join("postmaster.pid")).ok()?;
        Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
    }

    /// Signals a server process; the descriptor is opened before the check, so the number cannot change hands.
    pub(super) fn signal(data: &Path, pid: Pid, signal: Signal) {
        let Ok(data) = data.canonicalize() else { return };
        if let Ok(process) = pidfd_open(pid, PidfdFlags::empty())
            && is_server_in(&data, pid)
        {
            // It may have ended by itself meanwhile, which is what we want.
            let _ = pidfd_send_signal(process, signal);
        }
    }

    /// Takes over a pid file that names a living or unreaped process which is no server of this folder.
    ///
    /// PostgreSQL takes the number of its own parent for a stale one. It then still reads the rest of the file, by which
    /// it finds and removes the shared memory of the dead server; removing the file would leak that memory.
    /// The caller is that parent, holds the supervisor's lock, and has seen that no server process is left.
    pub(super) fn take_over_pid(data: &Path) -> Result<(), PrivateError> {
        let Some(pid) = recorded_pid(data) else {
            return Ok(());
        };
        if test_kill_process(pid) == Err(rustix::io::Errno::SRCH) {
            return Ok(());
        }
        let path = data.join("postmaster.pid");
        let rewrite = || {
            // The folder is not root's: a link in it must not lead root anywhere.
            let no_link = OFlags::NOFOLLOW.bits().cast_signed();
            let mut file = OpenOptions::new().read(true).write(true).custom_flags(no_link).open(&path)?;
            let mut text = String::new();
            file.read_to_string(&mut text)?;
            let rest = text.split_once('\n').map_or("", |(_, rest)| rest);
            let text = format!("{}\n{rest}", std::process::id());
            file.write_all_at(text.as_bytes(), 0)?;
            file.set_len(text.len() as u64)
        };
        match rewrite() {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(PrivateError::io("take over the stale", &path)(error))
            }
            _ => Ok(()),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        /// F27: a pid file that names a foreign process is taken over and the process is left alone.
        #[test]
        fn a_reused_pid_is_recognised() {
            let data = tempfile::tempdir().unwrap();
            let file = data.path().join("postmaster.pid");
            let parent = std::os::unix::process::parent_id();
            fs::write(&file, format!("{parent}\n/data\n1700000000\n")).unwrap();
            assert!(processes_in(data.path()).is_empty());
            take_over_pid(data.path()).unwrap();
            let expected = format!("{}\n/data\n1700000000\n", std::process::id());
            assert_eq!(fs::read_to_string(file).unwrap(), expected);
        }

        #[test]
        fn the_pid_file_of_a_gone_process_is_left_to_postgres() {
            let data = tempfile::tempdir().unwrap();
            let file = data.path().join("postmaster.pid");
            let mut child = std::process::Command::new("true").spawn().unwrap();
            child.wait().unwrap();
            let text = format!("{}\n", child.id());
            fs::write(&file, &text).unwrap();
            take_over_pid(data.path()).unwrap();
            assert_eq!(fs::read_to_string(file).unwrap(), text);
        }
    }
}
