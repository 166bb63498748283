//! Callers that mean no good, or do not know how to call.
use std::time::Duration;

use countersign_core::inbound::provider::Provider;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::desk::{DEADLINE, Desk, PROOF, Reply, delivery, delivery_with};

const LIMIT: usize = crate::listener::body::LIMIT_BYTES;

/// S30: what is too long or packed is refused, whether it says so beforehand or not.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_are_bounded_before_and_while_they_are_read() {
    let desk = Desk::open().await;
    let id = desk.endpoint(Provider::Resend).await;
    let head = |headers: &str| {
        format!(
            "POST /webhooks/resend/{id} HTTP/1.1\r\nHost: x\r\nX-Proof: {PROOF}\r\nConnection: close\r\n{headers}\r\n"
        )
    };
    let long = "a".repeat(3 * LIMIT);
    let declared = format!("{}a", head(&format!("Content-Length: {}\r\n", 10_u64 << 30)));
    let absurd = head("Content-Length: 99999999999999999999999\r\n");
    let plain = format!("{}{long}", head(&format!("Content-Length: {}\r\n", long.len())));
    let chunks: String = long
        .as_bytes()
        .chunks(32 * 1024)
        .map(|c| format!("{:x}\r\n{}\r\n", c.len(), "a".repeat(c.len())))
        .collect();
    let chunked = format!("{}{chunks}0\r\n\r\n", head("Transfer-Encoding: chunked\r\n"));
    let packed = format!("{}\x1f", head("Content-Encoding: gzip\r\nContent-Length: 1\r\n"));
    let twice = format!(
        "{}\x1f",
        head("Content-Encoding: identity\r\nContent-Encoding: br\r\nContent-Length: 1\r\n")
    );
    for (request, status) in
        [(declared, 413), (absurd, 400), (plain, 413), (chunked, 413), (packed, 415), (twice, 415)]
    {
        let reply = desk.ask(&request).await;
        // Who goes on writing may lose the answer to a reset; nothing is accepted in either case.
        let is_refused = reply.status.is_none_or(|given| given == status);
        assert!(is_refused, "{status} for {}…: {reply:?}", &request[..200.min(request.len())]);
    }
    assert_eq!(desk.events().await, 0);
    let body = "a".repeat(LIMIT);
    let most = delivery(Provider::Resend, id, &body);
    assert_eq!(desk.ask(most).await.status, Some(200), "1 MiB is not too long");
}

/// S31: whoever is slow is given up, at each stage.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_stalls_is_given_up() {
    let desk = Desk::open_hasty().await;
    let id = desk.endpoint(Provider::Resend).await;
    let stalls = [
        String::new(),
        "POST /webhooks".to_owned(),
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\n".to_owned(),
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
    ];
    for stall in stalls {
        let mut stream = desk.connect().await;
        stream.write_all(stall.as_bytes()).await.unwrap();
        // Ends within the deadline, or fails.
        let reply = Reply::read(&mut stream).await;
        assert_eq!(reply.status, stall.ends_with("\r\n\r\n").then_some(200), "{stall:?}");
    }
    let mut stream = desk.connect().await;
    let whole = delivery(Provider::Resend, id, "late");
    stream.write_all(&whole.as_bytes()[..whole.len() - 1]).await.unwrap();
    let reply = Reply::read(&mut stream).await;
    assert_eq!(reply.status, Some(408), "{reply:?}");
    assert_eq!(desk.events().await, 0);
}

/// S31: a head that comes byte by byte does not earn more time with each of them.
#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_trickles_is_given_up() {
    let desk = Desk::open_hasty().await;
    let (mut read, mut write) = desk.connect().await.into_split();
    let trickle = tokio::spawn(async move {
        let mut ticks = tokio::time::interval(Duration::from_millis(20));
        while write.write_all(b"a").await.is_ok() {
            ticks.tick().await;
        }
    });
    assert_eq!(Reply::read(&mut read).await.status, None);
    tokio::time::timeout(DEADLINE, trickle).await.expect("nobody reads any more").unwrap();
}

/// S31: good requests are served while 64 others stall.
#[tokio::test(flavor = "multi_thread")]
async fn stalled_connections_keep_nobody_waiting() {
    let desk = Desk::open().await;
    let id = desk.endpoint(Provider::Resend).await;
    let mut stalled = Vec::new();
    for number in 0..64 {
        let mut stream = desk.connect().await;
        let whole = delivery_with(Provider::Resend, id, &format!("X-Proof: {PROOF}\r\n"), &"a".repeat(LIMIT));
        let sent = if number % 2 == 0 { 20 } else { whole.len() / 2 };
        // More than fits into what nobody reads is not written; that is what stalling is.
        let _full =
            tokio::time::timeout(Duration::from_millis(50), stream.write_all(&whole.as_bytes()[..sent]))
                .await;
        stalled.push(stream);
    }
    for number in 0..10 {
        let request = delivery(Provider::Resend, id, &format!("good {number}"));
        let reply = tokio::time::timeout(Duration::from_secs(5), desk.ask(request)).await;
        assert_eq!(reply.expect("served meanwhile").status, Some(200));
    }
    assert_eq!(desk.events().await, 10);
    drop(stalled);
}

/// S32: what is no proper request ends in a refusal or without an answer, and never in a fault of ours.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_is_refused() {
    let desk = Desk::open().await;
    let id = desk.endpoint(Provider::Resend).await;
    let path = format!("/webhooks/resend/{id}");
    let post = |headers: &str, body: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nX-Proof: {PROOF}\r\n{headers}Connection: close\r\n\r\n{body}"
        )
    };
    let get = |target: &str| format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    let methods = ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "BREW"];
    let mut requests: Vec<String> = methods
        .iter()
        .map(|method| {
            format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        })
        .collect();
    requests.extend([
        post("Content-Length: 3\r\nContent-Length: 4\r\n", "abcd"),
        post(
            "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
            "3\r\nabc\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
        ),
        post("Transfer-Encoding: chunked, identity\r\n", "3\r\nabc\r\n0\r\n\r\n"),
        post("Transfer-Encoding: chunked\r\n", "zz\r\nabc\r\n0\r\n\r\n"),
        post("Transfer-Encoding: chunked\r\n", "fffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
        post("Content-Length: -1\r\n", "abc"),
        post("Content-Length: 0x3\r\n", "abc"),
        post(&format!("X-Long: {}\r\n", "a".repeat(1024 * 1024)), ""),
        post(&"X-Many: a\r\n".repeat(200), ""),
        post("X-Bad\r\n", ""),
        post("X Bad: a\r\n", ""),
        get(&format!("/{}", "a".repeat(100_000))),
        get("/../../etc/passwd"),
        get("/webhooks/../metrics"),
        get("/webhooks/resend/%00"),
        get("/webhooks/resend/%ff%fe"),
        get("//webhooks"),
        get("http://evil.example/readyz"),
        get("healthz"),
        "GET /healthz HTTP/2.0\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\x16\x03\x01\x02\x00\x01\x00\x01".to_owned(),
        "\0".repeat(100),
        "hello\r\n\r\n".to_owned(),
    ]);
    for request in requests {
        let reply = desk.ask(&request).await;
        let shown: String = request.chars().take(120).collect();
        assert!(reply.status.is_none_or(|status| (400..500).contains(&status)), "{shown:?}: {reply:?}");
    }
    let twice = post("Content-Length: 3\r\nTransfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n\r\n");
    let reply = desk.ask(&twice).await;
    assert!(
        reply.text.to_ascii_lowercase().contains("x-request-id: "),
        "what no route answers has a number: {reply:?}"
    );
    assert_eq!(desk.events().await, 0);
    assert_eq!(desk.ask(delivery(Provider::Resend, id, "good")).await.status, Some(200));
}

/// S33: a proven body is kept whatever is in it.
#[tokio::test(flavor = "multi_thread")]
async fn proven_nonsense_is_kept() {
    let desk = Desk::open().await;
    let id = desk.endpoint(Provider::Resend).await;
    let deep = "[".repeat(100_000);
    for (number, body) in
        [deep.as_str(), "\u{feff}{", "{\"a\":1e99999}", "\\ud800", "\u{1b}]0;x\u{7}"].iter().enumerate()
    {
        let reply = desk.ask(delivery(Provider::Resend, id, body)).await;
        assert_eq!(reply.status, Some(200), "{number}: {reply:?}");
    }
    let mut bytes =
        delivery_with(Provider::Resend, id, &format!("X-Proof: {PROOF}\r\nConnection: close\r\n"), "abc")
            .into_bytes();
    let end = bytes.len();
    bytes[end - 3..].copy_from_slice(&[0xff, 0xfe, 0x80]);
    assert_eq!(desk.ask(&bytes).await.status, Some(200));
    assert_eq!(desk.events().await, 6);
}

/// S42: whether it lives is for this machine and the public host, what it works with for this machine, and none of it for a page of others.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_others_are_not_answered() {
    let desk = Desk::open().await;
    let ask = async |path: &str, headers: &str| {
        desk.ask(format!("GET {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n")).await.status
    };
    for (path, outside) in [("/healthz", 200), ("/readyz", 403), ("/metrics", 403)] {
        assert_eq!(ask(path, "Host: localhost\r\n").await, Some(200), "{path}");
        assert_eq!(ask(path, "Host: crm.example.com\r\n").await, Some(outside), "{path}");
        assert_eq!(ask(path, "Host: evil.example\r\n").await, Some(403), "{path}");
        assert_eq!(
            ask(path, "Host: localhost\r\nOrigin: http://evil.example\r\n").await,
            Some(403),
            "{path}"
        );
        assert_eq!(ask(path, "").await, Some(400), "{path}");
    }
    let reply = desk.ask("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    let head = reply.text.to_ascii_lowercase();
    assert!(
        head.contains("x-request-id: ") && !head.contains("access-control") && !head.contains("set-cookie"),
        "{head}"
    );
}

/// A caller that reads nothing of many answers is given up.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_reads_nothing_is_given_up() {
    let desk = Desk::open_hasty().await;
    let (mut read, mut write) = desk.connect().await.into_split();
    let asking = tokio::spawn(async move {
        let request = "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(100);
        while write.write_all(request.as_bytes()).await.is_ok() {}
    });
    tokio::time::timeout(DEADLINE, asking).await.expect("it is given up").unwrap();
    let mut left = Vec::new();
    let _reset = tokio::time::timeout(DEADLINE, read.read_to_end(&mut left)).await.expect("it has ended");
}
