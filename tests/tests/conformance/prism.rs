//! The same requests against Prism, which plays a provider from its contract: `cargo test -p countersign-tests --test conformance --
//! --ignored`. It needs Node, and the first time the network to fetch Prism.
use std::io::Write as _;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use countersign_adapters::http::{BaseUrl, HttpTransport};
use countersign_core::channel::{Call, Header, Request, Transport as _};
use countersign_core::clock;
use countersign_core::secret::SecretText;
use rstest::rstest;
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::contract::Contract;
use crate::{calcom, resend, twilio};

const PRISM: &str = "@stoplight/prism-cli@5.16.0";

/// Account and token, as HTTP Basic writes them.
const TWILIO: &str = "Basic QUMwMTIzNDU2Nzg5YWJjZGVmMDEyMzQ1Njc4OWFiY2RlZjp0b2tlbg==";

/// Fetching Prism takes a while.
const DEADLINE: Duration = Duration::from_secs(180);

/// A provider that keeps to its contract and to nothing else.
struct Prism {
    process: Child,
    addr: SocketAddr,
    // The document has to be there for as long as it runs.
    _document: NamedTempFile,
}

impl Prism {
    /// Starts one; `None`, loudly, where there is no Node.
    fn start(contract: &Contract) -> Option<Self> {
        if Command::new("npx").arg("--version").output().is_err() {
            let _ = writeln!(std::io::stderr(), "NOT RUN: requests against Prism, npx is not there");
            return None;
        }
        let mut document = tempfile::Builder::new().suffix(".json").tempfile().expect("a file can be made");
        document.write_all(contract.document().to_string().as_bytes()).expect("it can be written");
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a port").port();
        let addr = SocketAddr::from(([127, 0, 0, 1], port));
        let process = Command::new("npx")
            .args(["-y", PRISM, "mock", "-h", "127.0.0.1", "-p", &port.to_string(), "--errors"])
            .arg(document.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("npx starts");
        let mut prism = Self { process, addr, _document: document };
        let begun = clock::monotonic();
        while TcpStream::connect(prism.addr).is_err() {
            let ended = prism.process.try_wait().expect("it can be asked");
            assert!(ended.is_none() && begun.elapsed() < DEADLINE, "Prism does not listen: {ended:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(prism)
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        // npx runs it as a child: the whole group has to end.
        let _ = Command::new("kill").args(["-TERM", "--", &format!("-{}", self.process.id())]).status();
        let _ = self.process.wait();
    }
}

/// Some examples in the contracts break the contracts: then Prism takes the request and refuses the answer it made itself.
fn blames_its_own_answer(body: &[u8]) -> bool {
    let said: Value = serde_json::from_slice(body).unwrap_or_default();
    let breaches = said["validation"].as_array();
    breaches
        .is_some_and(|all| !all.is_empty() && all.iter().all(|breach| breach["location"][0] == "response"))
}

#[rstest]
#[case::resend(resend::contract(), resend::requests(), &[("authorization", "Bearer re_1"), ("idempotency-key", "k-1")])]
#[case::twilio(twilio::contract(), twilio::requests(), &[("authorization", TWILIO)])]
#[case::calcom(calcom::contract(), calcom::requests(), &[("authorization", "Bearer cal_1")])]
#[tokio::test]
#[ignore = "needs Node and fetches Prism"]
async fn prism_takes_every_request(
    #[case] contract: Option<Contract>,
    #[case] requests: Vec<Request>,
    #[case] headers: &[(&'static str, &str)],
) {
    let Some(prism) = contract.as_ref().and_then(Prism::start) else { return };
    let transport = HttpTransport::new(BaseUrl::loopback(prism.addr).expect("loopback"));
    for request in requests {
        let headers = headers
            .iter()
            .map(|(name, value)| Header { name, value: SecretText::new((*value).to_owned()) })
            .collect();
        let path = request.path.clone();
        let answer = transport.exchange(Call { request, headers }).await.expect("Prism answers");
        let said = String::from_utf8_lossy(&answer.body);
        let is_taken = (200..300).contains(&answer.status) || blames_its_own_answer(&answer.body);
        assert!(is_taken, "{path}: {} {said}", answer.status);
    }
}
