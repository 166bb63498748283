//! countersign: a terminal approval console for outbound outreach, with the dispatcher built in.
//!
//! `cli` says what commands there are and runs them; every command is a few lines around a use case of `countersign-core`.
mod api;
mod cli;
mod config;
mod console;
mod database;
mod editor;
mod engine;
mod exit;
mod intake;
mod kept;
mod listener;
mod logging;
mod meter;
mod output;
mod pages;
mod paths;
mod progress;
mod service;
mod session;
mod signals;
mod terminal;

use std::ffi::OsString;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser as _;

use crate::exit::Code;

/// A dispatcher makes small strings on one thread and drops them on another, for which the system's allocator takes a fifth of its time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    // The private server is started by this very binary; that has to happen before any thread exists.
    if let Some(code) = countersign_core::db::private::run_hidden(&words) {
        return code;
    }
    // A core dump would hold credentials.
    let none = rustix::process::Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = rustix::process::setrlimit(rustix::process::Resource::Core, none) {
        output::complain(&format!("core dumps cannot be turned off: {error}"));
    }
    let arguments = match cli::Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() { Code::Usage } else { Code::Done };
            // Its reader may have gone; the code says it all.
            let _ = error.print();
            return code.into();
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::complain(&format!("the runtime cannot start: {error}"));
            return Code::Failed.into();
        }
    };
    let result = runtime.block_on(cli::run(arguments));
    // A reader of the terminal may be blocked for good; nobody waits for it.
    runtime.shutdown_timeout(Duration::from_millis(200));
    match result {
        Ok(code) => code.into(),
        Err(report) => {
            let sentence = report.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
            output::complain(&sentence);
            exit::code_of(&report).into()
        }
    }
}
