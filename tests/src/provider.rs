//! The sandbox provider of one test, with a ledger in a folder that goes away with it.
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use countersign_adapters::dry_run::{DryRun, DryRunTransport};
use countersign_adapters::http::{BaseUrl, HttpTransport, Timeouts};
use countersign_adapters::resend::Resend;
use countersign_adapters::sandbox::{Entry, FaultRule, Ledger, Sandbox, SandboxHandle, SandboxOptions, Seen};
use countersign_adapters::{Reached, Settings, adapter};
use countersign_core::channel::{
    Asked, Case, Channel, ChannelName, Guide, Header, Line, Lines, Lookup, Message, Probe, ProviderSettings,
    Reading, RenderError, Request, Response, Transport,
};
use countersign_core::engine::board::Board;
use countersign_core::secret::SecretText;
use tempfile::TempDir;

/// A provider of mail on loopback. It can go away and come back at the same place.
pub struct Provider {
    folder: TempDir,
    addr: SocketAddr,
    sandbox: Option<SandboxHandle>,
    /// Requests that earlier runs saw.
    before: u64,
}

impl Provider {
    /// Starts a healthy provider on a free port.
    ///
    /// # Panics
    /// When it cannot start.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let sandbox = serve("127.0.0.1:0".parse().expect("an address"), &ledger_in(folder.path())).await;
        Self { addr: sandbox.addr(), folder, sandbox: Some(sandbox), before: 0 }
    }

    /// Closes the port; the ledger stays.
    pub async fn go_away(&mut self) {
        if let Some(sandbox) = self.sandbox.take() {
            self.before += sandbox.requests().count;
            sandbox.stop().await;
        }
    }

    /// Opens the same port again, with the same ledger.
    ///
    /// # Panics
    /// When the port was taken meanwhile.
    pub async fn come_back(&mut self) {
        self.sandbox = Some(serve(self.addr, &ledger_in(self.folder.path())).await);
    }

    /// Sets its faults; an empty list is a healthy provider.
    pub fn fails(&self, rules: impl IntoIterator<Item = FaultRule>) {
        if let Some(sandbox) = &self.sandbox {
            sandbox.set_faults(rules);
        }
    }

    /// Puts an answer where only reading leads, such as a template.
    pub fn lays(&self, path: &str, status: u16, body: impl Into<Bytes>) {
        if let Some(sandbox) = &self.sandbox {
            sandbox.lays(path, status, body);
        }
    }

    /// What was asked of the present run.
    #[must_use]
    pub fn seen(&self) -> Seen {
        self.sandbox.as_ref().map(SandboxHandle::requests).unwrap_or_default()
    }

    /// How many requests came in, over all runs.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.before + self.seen().count
    }

    /// Every message it accepted, in order.
    ///
    /// # Panics
    /// When the ledger cannot be read.
    #[must_use]
    pub fn ledger(&self) -> Vec<Entry> {
        let ledger = Ledger::open(&ledger_in(self.folder.path())).expect("the ledger opens");
        ledger.entries().expect("the ledger can be read")
    }

    /// Where it listens, as a base URL.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// The transport of the product to this provider.
    ///
    /// # Panics
    /// Never: the address is a loopback address.
    #[must_use]
    pub fn transport(&self) -> HttpTransport {
        HttpTransport::new(BaseUrl::loopback(self.addr).expect("a loopback address"))
    }

    /// The same, but it gives up soon.
    ///
    /// # Panics
    /// Never: the address is a loopback address.
    #[must_use]
    pub fn hasty_transport(&self) -> HttpTransport {
        let timeouts = Timeouts {
            connect: Duration::from_secs(2),
            body: Duration::from_millis(300),
            total: Duration::from_millis(600),
        };
        HttpTransport::with_timeouts(BaseUrl::loopback(self.addr).expect("a loopback address"), timeouts)
    }

    /// Lines on which mail goes to this provider.
    #[must_use]
    pub fn lines(&self) -> Lines {
        mail_by(self.transport())
    }

    /// Lines on which every channel goes to this provider, as a company marked `sandbox` has them.
    ///
    /// # Panics
    /// Never: the address is a loopback address.
    #[must_use]
    pub fn all_lines(&self) -> Lines {
        let channels = ChannelName::ALL.iter().filter_map(|channel| Reached::pinned(*channel)).collect();
        let settings = Settings { channels, sandbox: Some(self.addr), dry_run: false };
        countersign_adapters::lines(&settings).expect("a loopback address")
    }

    /// Lines on which mail goes to this provider by a transport that gives up soon.
    #[must_use]
    pub fn hasty_lines(&self) -> Lines {
        mail_by(self.hasty_transport())
    }
}

fn ledger_in(folder: &Path) -> PathBuf {
    folder.join("ledger.jsonl")
}

async fn serve(addr: SocketAddr, ledger: &Path) -> SandboxHandle {
    Sandbox::start(SandboxOptions { addr, ledger: ledger.to_owned(), board: Board::default() })
        .await
        .expect("the sandbox starts")
}

/// Lines on which mail travels by that transport, for ordinary companies and for sandboxed ones.
#[must_use]
pub fn mail_by(transport: impl Transport + 'static) -> Lines {
    let mail = Line { channel: Arc::new(Resend), transport: Arc::new(transport) };
    Lines::new().with_live(mail.clone()).with_sandbox(mail).with_live(dry_run()).with_sandbox(dry_run())
}

/// Lines on which every channel that has an adapter travels by that transport, for sandboxed companies.
#[must_use]
pub fn all_by(transport: impl Transport + 'static) -> Lines {
    let transport: Arc<dyn Transport> = Arc::new(transport);
    let adapters = ChannelName::ALL.iter().filter_map(|name| adapter(&Reached::pinned(*name)?));
    adapters.fold(Lines::new(), |lines, channel| {
        lines.with_sandbox(Line { channel, transport: Arc::clone(&transport) })
    })
}

/// The line that reaches nobody.
#[must_use]
pub fn dry_run() -> Line {
    Line { channel: Arc::new(DryRun), transport: Arc::new(DryRunTransport) }
}

/// Mail by a provider that knows no idempotency keys.
struct Keyless;

impl Channel for Keyless {
    fn name(&self) -> ChannelName {
        ChannelName::Email
    }

    fn renderer(&self) -> &'static str {
        Resend.renderer()
    }

    fn keeps_keys_for(&self) -> Option<Duration> {
        None
    }

    fn guide(&self) -> &'static Guide {
        Resend.guide()
    }

    fn render(&self, message: &Message<'_>) -> Result<Request, RenderError> {
        Resend.render(message)
    }

    fn wire_headers(&self, credential: &SecretText, key: &str) -> Result<Vec<Header>, String> {
        Resend.wire_headers(credential, key)
    }

    fn interpret(&self, asked: &Asked<'_>, response: &Response) -> Reading {
        Resend.interpret(asked, response)
    }

    fn knows(&self, code: &str) -> bool {
        Resend.knows(code)
    }

    fn lookup(&self, case: &Case<'_>) -> Lookup {
        Resend.lookup(case)
    }

    fn found(&self, case: &Case<'_>, asked: &Request, response: &Response) -> Lookup {
        Resend.found(case, asked, response)
    }

    fn probe(&self, settings: &ProviderSettings) -> Result<Request, RenderError> {
        Resend.probe(settings)
    }

    fn probed(&self, response: &Response) -> Probe {
        Resend.probed(response)
    }
}

/// Lines on which mail goes to a provider that keeps no idempotency keys.
#[must_use]
pub fn keyless_by(transport: impl Transport + 'static) -> Lines {
    Lines::new().with_sandbox(Line { channel: Arc::new(Keyless), transport: Arc::new(transport) })
}
