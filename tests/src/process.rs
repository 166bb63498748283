//! What the kernel knows of processes. Linux only, as the suites are.
use std::fs;
use std::path::Path;

/// A process number.
pub type Number = i32;

/// Every process that has to do with a folder: it names it in its words or its environment, or works in it.
#[must_use]
pub fn around(folder: &Path) -> Vec<Number> {
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
#[must_use]
pub fn words(number: Number) -> String {
    let bytes = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ").trim().to_owned()
}

/// `R`, `S`, `T`, `Z` …; `None` when it is gone.
#[must_use]
pub fn state(number: Number) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{number}/stat")).ok()?;
    stat.rsplit(')').next()?.trim().chars().next()
}
