//! What the kernel knows of processes. Linux only, as the stories are.
use std::fs;

pub(crate) use countersign_tests::process::{Number, around, state, words};
use rustix::process::{Pid, Signal, kill_process};

/// Sends a signal. A process that is gone already is none of our business.
pub(crate) fn signal(number: Number, signal: Signal) {
    if let Some(pid) = Pid::from_raw(number) {
        let _ = kill_process(pid, signal);
    }
}

/// The user a process runs as.
pub(crate) fn user(number: Number) -> Option<u32> {
    let status = fs::read_to_string(format!("/proc/{number}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The process that started it.
pub(crate) fn parent(number: Number) -> Option<Number> {
    let status = fs::read_to_string(format!("/proc/{number}/status")).ok()?;
    status.lines().find_map(|line| line.strip_prefix("PPid:"))?.trim().parse().ok()
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
