//! A sandbox with a ledger of its own, and calls as the dispatcher makes them.
use std::path::PathBuf;
use std::time::Duration;

use countersign_adapters::http::{BaseUrl, HttpTransport, Timeouts};
use countersign_adapters::resend::Resend;
use countersign_adapters::sandbox::{Ledger, Sandbox, SandboxHandle, SandboxOptions};
use countersign_core::channel::{Broken, Call, Channel, Request, Response, Transport};
use countersign_core::engine::board::Board;
use countersign_core::secret::SecretText;

pub(crate) const MAIL: &str = r#"{"from":"Ana <ana@example.com>","subject":"Hello","tags":[{"name":"activity_id","value":"a-1"}],"text":"Hi","to":["bo@example.org"]}"#;

pub(crate) struct Desk {
    pub(crate) sandbox: SandboxHandle,
    pub(crate) folder: tempfile::TempDir,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self { sandbox: start(&ledger_in(&folder)).await, folder }
    }

    pub(crate) fn ledger(&self) -> PathBuf {
        ledger_in(&self.folder)
    }

    pub(crate) fn transport(&self) -> HttpTransport {
        transport(&self.sandbox)
    }

    /// How many messages the provider took.
    pub(crate) fn accepted(&self) -> usize {
        Ledger::open(&self.ledger()).expect("opens").entries().expect("reads").len()
    }
}

fn ledger_in(folder: &tempfile::TempDir) -> PathBuf {
    folder.path().join("ledger.jsonl")
}

pub(crate) async fn start(ledger: &std::path::Path) -> SandboxHandle {
    let addr = "127.0.0.1:0".parse().expect("an address");
    Sandbox::start(SandboxOptions { addr, ledger: ledger.to_owned(), board: Board::default() })
        .await
        .expect("starts")
}

pub(crate) fn transport(sandbox: &SandboxHandle) -> HttpTransport {
    HttpTransport::new(BaseUrl::loopback(sandbox.addr()).expect("loopback"))
}

/// A transport that gives up soon, for providers that never answer.
pub(crate) fn hasty(sandbox: &SandboxHandle) -> HttpTransport {
    let timeouts = Timeouts {
        connect: Duration::from_secs(5),
        body: Duration::from_millis(500),
        total: Duration::from_secs(2),
    };
    HttpTransport::with_timeouts(BaseUrl::loopback(sandbox.addr()).expect("loopback"), timeouts)
}

pub(crate) fn call(method: &str, path: &str, body: &str, credential: &str, key: &str) -> Call {
    let headers = Resend.wire_headers(&SecretText::new(credential.to_owned()), key).expect("headers");
    let request = Request { method: method.to_owned(), ..Request::json(path, body.to_owned()) };
    Call { request, headers }
}

/// Sends a mail under that key.
pub(crate) async fn send(transport: &HttpTransport, key: &str) -> Result<Response, Broken> {
    transport.exchange(call("POST", "/emails", MAIL, "re_canary_credential", key)).await
}

pub(crate) fn id(response: &Response) -> String {
    let body: serde_json::Value = serde_json::from_slice(&response.body).expect("JSON");
    body["id"].as_str().expect("an id").to_owned()
}

/// Waits for a condition; fails after ten seconds.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let waiting = async {
        while !holds() {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    assert!(waited.is_ok(), "waited in vain: {what}");
}
