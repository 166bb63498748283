//! The providers: one file or folder each, the HTTP transport they share, and the sandbox provider.
//!
//! An adapter renders a payload and interprets an answer; it has no clock and does no I/O, so every one of them is tested by
//! table. Only [`http`] talks to the network, and only the dispatcher of `countersign-core` holds an adapter together with a
//! transport, so nothing else can send.
pub mod dry_run;
pub mod http;
pub mod resend;
pub mod sandbox;
mod text;

use std::net::SocketAddr;
use std::sync::Arc;

use countersign_core::channel::{Line, Lines};

use crate::dry_run::{DryRun, DryRunTransport};
use crate::http::{BaseUrl, BaseUrlError, HttpTransport};
use crate::resend::Resend;

/// Where each line leads; comes from local configuration only, never from the database or the API.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The provider of mail.
    pub email_base_url: BaseUrl,
    /// The sandbox provider that companies marked `sandbox` are served by, when one runs.
    pub sandbox: Option<SocketAddr>,
    /// Sends everything into the dry-run line, whatever the channel. The gates do not change.
    pub dry_run: bool,
}

/// Builds every line this process can use. Opens no connection.
///
/// # Errors
/// When the address of the sandbox is not a loopback address.
pub fn lines(settings: &Settings) -> Result<Lines, BaseUrlError> {
    let dry_run = Line { channel: Arc::new(DryRun), transport: Arc::new(DryRunTransport) };
    let mut lines = Lines::new()
        .with_live(resend_at(settings.email_base_url.clone()))
        .with_live(dry_run.clone())
        .with_sandbox(dry_run.clone());
    if let Some(addr) = settings.sandbox {
        lines = lines.with_sandbox(resend_at(BaseUrl::loopback(addr)?));
    }
    if settings.dry_run {
        lines = lines.with_dry_run(dry_run);
    }
    Ok(lines)
}

fn resend_at(base: BaseUrl) -> Line {
    Line { channel: Arc::new(Resend), transport: Arc::new(HttpTransport::new(base)) }
}
