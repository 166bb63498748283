//! The sandbox provider as a process of its own, steered and questioned over its HTTP.
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use countersign_adapters::sandbox::{Entry, Seen};
use rustix::process::Signal;
use serde_json::Value;

use crate::home::Home;
use crate::process;

/// A provider on loopback.
pub(crate) struct Provider {
    process: Child,
    port: u16,
}

impl Provider {
    /// Starts one on a free port.
    pub(crate) fn start(home: &Home) -> Self {
        Self::start_at(home, 0)
    }

    /// Starts one on that port. What it accepted earlier in this home counts.
    pub(crate) fn start_at(home: &Home, port: u16) -> Self {
        Self::spawn(home.command(["sandbox", "--port", &port.to_string()]))
    }

    /// Starts one on a free port by another command than the usual one.
    pub(crate) fn start_by(home: &Home, by: impl FnOnce(&Command) -> Command) -> Self {
        Self::spawn(by(&home.command(["sandbox", "--port", "0"])))
    }

    fn spawn(mut command: Command) -> Self {
        let mut process =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the binary starts");
        let mut line = String::new();
        let out = process.stdout.take().expect("its output is a pipe");
        BufReader::new(out).read_line(&mut line).expect("it says where it is");
        let port = line
            .split("http://127.0.0.1:")
            .nth(1)
            .and_then(|rest| rest.split(|c: char| !c.is_ascii_digit()).next());
        let port =
            port.and_then(|port| port.parse().ok()).unwrap_or_else(|| panic!("no address in `{line}`"));
        Self { process, port }
    }

    /// Where it listens, as a base URL.
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Its port.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The number of its process.
    pub(crate) fn number(&self) -> process::Number {
        process::Number::try_from(self.process.id()).expect("process numbers are small")
    }

    /// Sends its process a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        process::signal(self.number(), signal);
    }

    /// Ends it; its port is free and its ledger stays.
    pub(crate) fn stop(&mut self) {
        self.signal(Signal::TERM);
        crate::wait("the provider ends", || self.process.try_wait().expect("a child can be asked"));
    }

    /// Every message it accepted, in order.
    pub(crate) fn ledger(&self) -> Vec<Entry> {
        let answer: Value = serde_json::from_str(&self.ask("GET", "ledger", "")).expect("JSON");
        serde_json::from_value(answer["items"].clone()).expect("entries")
    }

    /// What was asked of it since it started.
    pub(crate) fn seen(&self) -> Seen {
        serde_json::from_str(&self.ask("GET", "requests", "")).expect("JSON")
    }

    /// Sets its faults; `[]` is a healthy provider.
    pub(crate) fn fails(&self, faults: &str) {
        let answer = self.ask("PUT", "faults", faults);
        assert!(answer.contains("items"), "{answer}");
    }

    fn ask(&self, method: &str, route: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the provider listens");
        let length = body.len();
        let head = format!(
            "{method} /_sandbox/{route} HTTP/1.1\r\nhost: sandbox\r\nconnection: close\r\ncontent-length: {length}"
        );
        write!(stream, "{head}\r\n\r\n{body}").expect("the provider reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("the provider answers");
        answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
