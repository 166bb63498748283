//! A provider that does as little as one can: it reads a request, waits if it was told to, and answers under an id. And a client of
//! the same kind, for what the machine itself can do.
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use countersign_core::clock;
use countersign_tests::provider::mail_by;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use countersign_adapters::http::{BaseUrl, HttpTransport};
use countersign_core::channel::Lines;

/// A request of the bare client is as long as a short mail.
const BODY_BYTES: usize = 1_024;

/// A running provider, on a thread of its own.
pub(crate) struct Provider {
    addr: SocketAddr,
    answered: Arc<AtomicU64>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Provider {
    /// Starts one that takes so long for an answer.
    pub(crate) fn start(latency: Duration) -> Self {
        Self::start_telling(latency, None)
    }

    /// The same; it tells when each request came in.
    pub(crate) fn start_telling(latency: Duration, arrivals: Option<mpsc::UnboundedSender<Instant>>) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime can be made");
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
        listener.set_nonblocking(true).expect("a socket can be set");
        let addr = listener.local_addr().expect("it has an address");
        let answered = Arc::new(AtomicU64::new(0));
        let counter = Arc::clone(&answered);
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("a listener");
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, latency, Arc::clone(&counter), arrivals.clone()));
            }
        });
        Self { addr, answered, runtime: Some(runtime) }
    }

    /// Lines on which mail goes there, with the adapter and the transport of the product.
    pub(crate) fn lines(&self) -> Lines {
        mail_by(HttpTransport::new(BaseUrl::loopback(self.addr).expect("a loopback address")))
    }

    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Answers one request after the other on one connection, until it ends.
async fn serve(
    mut stream: TcpStream,
    latency: Duration,
    answered: Arc<AtomicU64>,
    arrivals: Option<mpsc::UnboundedSender<Instant>>,
) {
    let _slower = stream.set_nodelay(true);
    let mut buffer = Vec::with_capacity(4_096);
    loop {
        let length = loop {
            match request_length(&buffer) {
                Some(length) if buffer.len() >= length => break length,
                _ => {}
            }
            match stream.read_buf(&mut buffer).await {
                Ok(0) | Err(_) => return,
                Ok(_) => {}
            }
        };
        buffer.drain(..length);
        if let Some(arrivals) = &arrivals {
            let _nobody_asks = arrivals.send(clock::monotonic());
        }
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        let number = answered.fetch_add(1, Ordering::Relaxed);
        if stream.write_all(answer(number).as_bytes()).await.is_err() {
            return;
        }
    }
}

fn answer(number: u64) -> String {
    format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ndate: Mon, 23 Nov 2026 12:00:00 GMT\r\n\
        content-length: 26\r\n\r\n{{\"id\":\"bare-{number:012}\"}}"
    )
}

/// Length of the first request in the buffer, once its head is there.
fn request_length(buffer: &[u8]) -> Option<usize> {
    let head = buffer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let text = std::str::from_utf8(&buffer[..head]).ok()?;
    let body = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    });
    Some(head + 4 + body.unwrap_or(0))
}

/// Requests a second of a client that does nothing but ask, over so many connections.
pub(crate) async fn bare_client(provider: Provider, connections: usize, measured_for: Duration) -> f64 {
    let request = format!(
        "POST /emails HTTP/1.1\r\nhost: localhost\r\ncontent-length: {BODY_BYTES}\r\n\r\n{}",
        "x".repeat(BODY_BYTES)
    );
    let request: Arc<str> = request.into();
    let answer_bytes = answer(0).len();
    let begin = clock::monotonic();
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        let (request, addr) = (Arc::clone(&request), provider.addr);
        clients.spawn(async move {
            let mut stream = TcpStream::connect(addr).await.expect("the provider listens");
            stream.set_nodelay(true).expect("a socket can be set");
            let mut answer = vec![0; answer_bytes];
            let mut asked = 0_u32;
            while begin.elapsed() < measured_for {
                stream.write_all(request.as_bytes()).await.expect("the provider reads");
                stream.read_exact(&mut answer).await.expect("the provider answers");
                asked += 1;
            }
            asked
        });
    }
    let asked: u32 = clients.join_all().await.into_iter().sum();
    f64::from(asked) / begin.elapsed().as_secs_f64()
}
