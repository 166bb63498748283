//! Logs go to a file, one a day, seven kept; never to the screen.
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

/// Starts logging; lines are flushed when the guard goes.
pub(crate) fn start(folder: &Path, level: tracing::Level) -> Result<WorkerGuard> {
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
    let layer = tracing_subscriber::fmt::layer().with_writer(writer).with_ansi(false).with_filter(targets);
    tracing_subscriber::registry().with(layer).try_init().ok();
    Ok(guard)
}
