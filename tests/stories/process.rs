//! What the kernel knows of processes. Linux only, as the stories are.
use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

/// A process number.
pub(crate) type Number = i32;

/// Sends a signal. A process that is gone already is none of our business.
pub(crate) fn signal(number: Number, signal: Signal) {
    if let Some(pid) = Pid::from_raw(number) {
        let _ = kill_process(pid, signal);
    }
}

/// Every process that has to do with a folder: it names it in its words or its environment, or works in it.
pub(crate) fn around(folder: &Path) -> Vec<Number> {
    let wanted = folder.as_os_str().as_encoded_bytes();
    let mentions = |bytes: &[u8]| bytes.windows(wanted.len()).any(|window| window == wanted);
    all()
        .filter(|number| {
            let place = format!("/proc/{number}");
            fs::read_link(format!("{place}/cwd")).is_ok_and(|cwd| cwd.starts_with(folder))
                || ["cmdline", "environ"]
                    .iter()
                    .any(|file| fs::read(format!("{place}/{file}")).is_ok_and(|bytes| mentions(&bytes)))
        })
        .filter(|number| state(*number).is_some_and(|state| state != 'Z'))
        .collect()
}

fn all() -> impl Iterator<Item = Number> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// The words a process was started with.
pub(crate) fn words(number: Number) -> String {
    let bytes = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ").trim().to_owned()
}

/// `R`, `S`, `T`, `Z` …; `None` when it is gone.
pub(crate) fn state(number: Number) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    stat.rsplit(')').next()?.trim().chars().next()
}

/// The user a process runs as.
pub(crate) fn user(number: Number) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{number}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Bytes that arrived for connections to a local port and that nobody has read.
pub(crate) fn unread_at(port: u16) -> u64 {
    let local = format!(":{port:04X}");
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let lines = table.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let received = fields.get(4)?.split(':').nth(1)?;
        fields.get(1)?.ends_with(&local).then(|| u64::from_str_radix(received, 16).unwrap_or(0))
    });
    lines.sum()
}
