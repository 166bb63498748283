//! A listener under test, and a caller that writes bytes.
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use countersign_core::channel::Lines;
use countersign_core::db::phase::PhasesOff;
use countersign_core::engine::board::Board;
use countersign_core::ids::EndpointId;
use countersign_core::inbound::endpoint;
use countersign_core::inbound::event::{Event, What};
use countersign_core::inbound::provider::{Delivery, Provider, Refusal, Trust, Webhook, Welcome};
use countersign_core::inbound::public_url::PublicUrl;
use countersign_core::secret::SecretText;
use countersign_tests::world::World;
use sqlx::PgPool;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedWriteHalf;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::config::Listening;
use crate::listener::{Parts, Shared, State, run, take};

/// Nothing here takes longer unless it hangs.
pub(super) const DEADLINE: Duration = Duration::from_secs(30);

/// What proves a delivery here.
pub(super) const PROOF: &str = "a-secret-of-the-provider";

/// A provider whose proof is the secret itself, and each line of whose body is an event.
struct Plain(Provider);

impl Webhook for Plain {
    fn provider(&self) -> Provider {
        self.0
    }

    fn verify(&self, delivery: &Delivery<'_>, trust: &Trust<'_>) -> Result<(), Refusal> {
        if trust.secrets.is_empty() {
            return Err(Refusal::NoSecret);
        }
        let proof = delivery.header("x-proof").ok_or(Refusal::Header("x-proof"))?;
        trust.secrets.iter().any(|secret| secret.expose() == proof).then_some(()).ok_or(Refusal::Signature)
    }

    fn read(&self, delivery: &Delivery<'_>) -> Vec<Event> {
        let lines = delivery.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines
            .map(|line| {
                let name = String::from_utf8_lossy(line).into_owned();
                Event::new(&name, None, Vec::new(), What::Other { name: name.clone() }, line.to_vec().into())
            })
            .collect()
    }

    fn welcome(&self, query: &str, trust: &Trust<'_>) -> Result<Welcome, Refusal> {
        let is_right = trust.secrets.iter().any(|secret| query == format!("token={}", secret.expose()));
        is_right
            .then(|| Welcome { content_type: "text/plain", body: "welcome".to_owned() })
            .ok_or(Refusal::Handshake)
    }
}

/// The proof of every provider here.
pub(super) fn hooks(provider: Provider) -> &'static dyn Webhook {
    match provider {
        Provider::Resend => &Plain(Provider::Resend),
        Provider::Twilio => &Plain(Provider::Twilio),
        Provider::CalCom => &Plain(Provider::CalCom),
        Provider::Calendly => &Plain(Provider::Calendly),
        Provider::Linkedin => &Plain(Provider::Linkedin),
        Provider::Instagram => &Plain(Provider::Instagram),
    }
}

/// A listener under test.
pub(super) struct Desk {
    pub(super) world: World,
    pub(super) state: Shared,
    pub(super) place: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Desk {
    /// Opens one with the timeouts of everyday work.
    pub(super) async fn open() -> Self {
        Self::open_with(Listening::default()).await
    }

    /// Opens one that is patient for a moment only.
    pub(super) async fn open_hasty() -> Self {
        let moment = Duration::from_millis(300);
        let hasty = Listening { header_timeout: moment, body_timeout: moment, ..Listening::default() };
        Self::open_with(Listening { idle_timeout: moment * 2, ..hasty }).await
    }

    async fn open_with(config: Listening) -> Self {
        let world = World::new().await;
        let config = Listening { public_url: PublicUrl::parse("https://crm.example.com").ok(), ..config };
        let state = state_of(&world, world.pool.clone(), config);
        let place = take(SocketAddr::from(([127, 0, 0, 1], 0))).await.expect("a free port");
        let crate::listener::Standing::At(address) = place.standing else { panic!("{}", place.standing) };
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(place, Arc::clone(&state), |_| {}, stop.clone()));
        Self { world, state, place: address, stop, task }
    }

    /// Ends it as a signal would.
    pub(super) async fn close(self) -> World {
        self.stop.cancel();
        tokio::time::timeout(DEADLINE, self.task).await.expect("it ends").expect("it does not panic");
        self.world
    }

    /// Tells it to stop.
    pub(super) fn begin_to_close(&self) {
        self.stop.cancel();
    }

    /// Adds an endpoint, and returns its id.
    pub(super) async fn endpoint(&self, provider: Provider) -> EndpointId {
        let World { pool, admin, company, key, .. } = &self.world;
        let url = PublicUrl::parse("https://crm.example.com").ok();
        let secret = SecretText::new(PROOF.to_owned());
        let added = endpoint::add(pool, admin, *company, key, hooks(provider), &secret, url.as_ref()).await;
        added.expect("an endpoint can be added").id
    }

    /// Opens a connection.
    pub(super) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.place).await.expect("it takes connections")
    }

    /// Asks on a connection of its own and reads to the end.
    pub(super) async fn ask(&self, request: impl AsRef<[u8]>) -> Reply {
        let (mut read, mut write) = self.connect().await.into_split();
        // Who refuses does not read to the end.
        let writing = async {
            let _refused = write.write_all(request.as_ref()).await;
        };
        let (reply, ()) = tokio::join!(Reply::read(&mut read), writing);
        reply
    }

    /// How many events are on file.
    pub(super) async fn events(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM crm_inbound_events")
            .fetch_one(&self.world.pool)
            .await
            .expect("events can be counted")
    }
}

/// A state as an engine would make it.
pub(super) fn state_of(world: &World, pool: PgPool, config: Listening) -> Shared {
    State::new(Parts {
        pool,
        key: world.key.clone(),
        lines: Lines::default(),
        board: Board::default(),
        phases_off: PhasesOff::default(),
        config,
        wake: Arc::default(),
        inbound: Arc::default(),
        hooks: Some(hooks),
    })
}

/// What came back before the connection ended.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Reply {
    /// `None` if it ended without an answer.
    pub(super) status: Option<u16>,
    pub(super) text: String,
}

impl Reply {
    pub(super) async fn read(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Self {
        let mut bytes = Vec::new();
        // A reset after an answer is an answer.
        let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut bytes));
        let _reset = read.await.expect("the connection ends");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let status = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
        Self { status, text }
    }
}

/// A proven delivery, as the last request of its connection.
pub(super) fn delivery(provider: Provider, id: EndpointId, body: &str) -> String {
    delivery_with(provider, id, &format!("X-Proof: {PROOF}\r\nConnection: close\r\n"), body)
}

/// A delivery with these headers.
pub(super) fn delivery_with(provider: Provider, id: EndpointId, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "POST /webhooks/{provider}/{id} HTTP/1.1\r\nHost: crm.example.com\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    )
}

/// A connection that sends one request after another.
pub(super) struct Line {
    read: tokio::io::BufReader<tokio::net::tcp::OwnedReadHalf>,
    write: OwnedWriteHalf,
}

impl Line {
    pub(super) async fn open(place: SocketAddr) -> Self {
        let (read, write) = TcpStream::connect(place).await.expect("it takes connections").into_split();
        Self { read: tokio::io::BufReader::new(read), write }
    }

    /// Asks, and returns the status once the whole answer is there.
    pub(super) async fn ask(&mut self, request: &str) -> u16 {
        use tokio::io::AsyncBufReadExt as _;
        self.write.write_all(request.as_bytes()).await.expect("it reads");
        let (mut status, mut length) = (0, 0);
        loop {
            let mut line = String::new();
            let read = tokio::time::timeout(DEADLINE, self.read.read_line(&mut line));
            assert!(read.await.expect("an answer in time").expect("an answer") > 0, "the connection ended");
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(rest) = line.strip_prefix("http/1.1 ") {
                status = rest[..3].parse().expect("a status");
            } else if let Some(rest) = line.strip_prefix("content-length: ") {
                length = rest.parse().expect("a length");
            } else if line.is_empty() {
                break;
            }
        }
        let mut body = vec![0; length];
        self.read.read_exact(&mut body).await.expect("a whole answer");
        status
    }
}
