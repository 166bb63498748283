//! Logs go to a file, one a day, seven kept; never to the screen. A service writes them to standard error as well.
use std::path::Path;

use color_eyre::eyre::{Context as _, Result};
use tracing_appender::non_blocking::WorkerGuard;
use tracing_appender::rolling::{RollingFileAppender, Rotation};
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Days that are kept.
const DAYS: usize = 7;

/// Starts logging; lines are flushed when the guards go.
pub(crate) fn start(
    folder: &Path,
    level: tracing::Level,
    to_stderr: bool,
) -> Result<(WorkerGuard, Option<WorkerGuard>)> {
    let place = || format!("the log folder {} cannot be used", folder.display());
    std::fs::create_dir_all(folder).wrap_err_with(place)?;
    let appender = RollingFileAppender::builder()
        .rotation(Rotation::DAILY)
        .filename_prefix("countersign")
        .filename_suffix("log")
        .max_log_files(DAYS)
        .build(folder)
        .wrap_err_with(place)?;
    let (writer, guard) = tracing_appender::non_blocking(appender);
    // The statements of sqlx hold no values, but they drown everything else.
    let targets = Targets::new()
        .with_default(level)
        .with_target("sqlx", tracing::Level::WARN)
        // It repeats the value of an unknown parameter of DATABASE_URL, which may be a password.
        .with_target("sqlx_postgres::options", tracing::level_filters::LevelFilter::OFF);
    let layer =
        tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false).with_filter(targets.clone());
    // A reader that is slow must not hold the work up, so these lines are written by a thread of their own too.
    let (told, teller) = match to_stderr {
        true => {
            let (writer, teller) = tracing_appender::non_blocking(std::io::stderr());
            let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false);
            (Some(layer.with_filter(targets)), Some(teller))
        }
        false => (None, None),
    };
    tracing_subscriber::registry().with(layer).with(told).try_init().ok();
    Ok((guard, teller))
}
