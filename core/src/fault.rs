//! Named places at which a crash test may hold the process. In a build without `fault-points` they are nothing at all.
//!
//! A test names a folder in `COUNTERSIGN_FAULT_DIR` and creates `<point>.hold` in it. A process that comes by creates
//! `<point>.reached` and waits until the `.hold` file goes away, or until it is killed.

/// The variable that names the folder; builds without fault points know no such variable.
#[cfg(feature = "fault-points")]
pub const VARIABLE: Option<&str> = Some("COUNTERSIGN_FAULT_DIR");

/// The variable that names the folder; builds without fault points know no such variable.
#[cfg(not(feature = "fault-points"))]
pub const VARIABLE: Option<&str> = None;

#[cfg(feature = "fault-points")]
fn folder() -> Option<std::path::PathBuf> {
    std::env::var_os(VARIABLE?).map(std::path::PathBuf::from)
}

/// Comes by a point.
#[cfg(feature = "fault-points")]
pub async fn point(name: &str) {
    let Some(folder) = folder() else {
        return;
    };
    let hold = folder.join(format!("{name}.hold"));
    if !hold.exists() || std::fs::write(folder.join(format!("{name}.reached")), b"").is_err() {
        return;
    }
    while hold.exists() {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

/// Comes by a point.
#[cfg(not(feature = "fault-points"))]
#[expect(clippy::unused_async, reason = "the same shape as the version that waits")]
#[inline(always)]
pub async fn point(_name: &str) {}

/// Panics if a test put `<name>.panic` into the folder.
///
/// # Panics
/// On request of a test; never in a build without `fault-points`.
#[cfg(feature = "fault-points")]
pub fn panic_point(name: &str) {
    if let Some(folder) = folder()
        && folder.join(format!("{name}.panic")).exists()
    {
        panic!("asked to fail at {name} \u{1b}]0;owned\u{7}");
    }
}

/// Panics if a test put `<name>.panic` into the folder.
#[cfg(not(feature = "fault-points"))]
#[inline(always)]
pub fn panic_point(_name: &str) {}
