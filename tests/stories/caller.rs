//! Who calls a listener: a provider that signs, and others that do not.
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use crate::DEADLINE;
use crate::home::Home;

/// The key that Cal.com signs with here.
pub(crate) const KEY: &str = "cal_canary_2c6e1f";

/// Where an engine of this home said last that it listens.
#[track_caller]
pub(crate) fn place(home: &Home) -> SocketAddr {
    crate::wait("an engine says that it listens", || {
        let logs = home.logs();
        let (_, rest) = logs.rsplit_once("listener on ")?;
        rest.split([',', ' ', '\n']).next()?.parse().ok()
    })
}

/// Adds an endpoint for Cal.com and returns its path.
#[track_caller]
pub(crate) fn endpoint(home: &Home) -> String {
    let added = home.run_with(&["webhooks", "add", "cal-com", "--json"], KEY).ends_with(0).json();
    added["path"].as_str().expect("a path").to_owned()
}

/// A delivery as Cal.com sends it.
pub(crate) fn signed(path: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(KEY.as_bytes()).expect("a key of any length is one");
    mac.update(body.as_bytes());
    let code: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    unsigned(path, &format!("X-Cal-Signature-256: {code}\r\n"), body)
}

/// A delivery with these lines in its head.
pub(crate) fn unsigned(path: &str, lines: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST {path} HTTP/1.1\r\nHost: crm.example.com\r\nConnection: close\r\n{lines}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// A booking.
pub(crate) fn booking(number: usize) -> String {
    serde_json::json!({
        "triggerEvent": "BOOKING_CREATED", "createdAt": "2026-01-02T03:04:05Z",
        "payload": {
            "uid": format!("booking-{number}"), "startTime": "2026-02-03T10:00:00Z",
            "attendees": [{"email": format!("canary{number}@example.com"), "name": "Canary"}],
        },
    })
    .to_string()
}

/// Asks, and returns the status and the answer; `None` if there was none.
pub(crate) fn ask(place: SocketAddr, request: &[u8]) -> Option<(u16, String)> {
    let mut stream = TcpStream::connect(place).ok()?;
    stream.set_read_timeout(Some(DEADLINE)).expect("a timeout can be set");
    stream.set_write_timeout(Some(DEADLINE)).expect("a timeout can be set");
    // Who refuses does not read to the end.
    let _refused = stream.write_all(request);
    let mut bytes = Vec::new();
    let _reset = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let status = text.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some((status, text))
}

/// Asks for a page of the listener's own.
pub(crate) fn get(place: SocketAddr, path: &str) -> Option<(u16, String)> {
    ask(place, format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").as_bytes())
}
