//! A line between a program and its database that breaks at a commit: the worst moment, because only the server knows how it ended.
//!
//! The line is a Unix socket of its own; bytes pass both ways as they are. A COMMIT is recognised where a client sends it, as the
//! protocol's simple query.
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use sqlx::postgres::PgConnectOptions;
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

/// How a client sends it.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// How a server says that it did.
const COMMITTED: &[u8] = b"C\0\0\0\x0bCOMMIT\0";

/// Which way the commit is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loss {
    /// The server never hears of it, and rolls back.
    Order,
    /// The server commits, and the client never hears of it.
    Reply,
}

/// A line that may break once more.
pub struct Line {
    folder: TempDir,
    port: u16,
    countdown: Arc<AtomicUsize>,
    listening: JoinHandle<()>,
}

impl Line {
    /// Opens a line to the server of these options.
    ///
    /// # Panics
    /// When the server is not reached over a Unix socket, or a socket cannot be made.
    #[must_use]
    pub fn to(server: &PgConnectOptions, loss: Loss) -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let port = server.get_port();
        let name = format!(".s.PGSQL.{port}");
        let socket = server.get_socket().expect("a server on a Unix socket").join(&name);
        let listener = UnixListener::bind(folder.path().join(&name)).expect("a socket can be made");
        let countdown = Arc::new(AtomicUsize::new(0));
        let left = Arc::clone(&countdown);
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                // A server that refuses is a server that refuses; the client sees its connection close.
                if let Ok(server) = UnixStream::connect(&socket).await {
                    tokio::spawn(pass(client, server, Arc::clone(&left), loss));
                }
            }
        });
        Self { folder, port, countdown, listening }
    }

    /// The same options by way of this line.
    #[must_use]
    pub fn options(&self, server: PgConnectOptions) -> PgConnectOptions {
        let folder: &Path = self.folder.path();
        server.socket(folder).port(self.port)
    }

    /// Breaks at the so-manieth commit from now, counted from 1 over all connections. Only the connection of that commit ends.
    pub fn breaks_at(&self, commit: usize) {
        self.countdown.store(commit, Ordering::SeqCst);
    }

    /// Whether it broke as it was told to.
    #[must_use]
    pub fn has_broken(&self) -> bool {
        self.countdown.load(Ordering::SeqCst) == 0
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Passes bytes until one side closes, or the line breaks.
async fn pass(mut client: UnixStream, mut server: UnixStream, countdown: Arc<AtomicUsize>, loss: Loss) {
    let (mut asked, mut answered) = (vec![0; 64 * 1024], vec![0; 64 * 1024]);
    loop {
        tokio::select! {
            read = client.read(&mut asked) => {
                let bytes = match read {
                    Ok(length @ 1..) => &asked[..length],
                    _ => return,
                };
                let commits = bytes.windows(COMMIT.len()).any(|window| window == COMMIT);
                let is_cut = commits && is_the_one(&countdown);
                if is_cut && loss == Loss::Order {
                    return;
                }
                if server.write_all(bytes).await.is_err() {
                    return;
                }
                if is_cut {
                    return committed(&mut server).await;
                }
            }
            read = server.read(&mut answered) => {
                let bytes = match read {
                    Ok(length @ 1..) => &answered[..length],
                    _ => return,
                };
                if client.write_all(bytes).await.is_err() {
                    return;
                }
            }
        }
    }
}

/// Waits for the answer that proves a commit; nobody else hears it.
async fn committed(server: &mut UnixStream) {
    let (mut heard, mut answered) = (Vec::new(), vec![0; 1024]);
    while !heard.windows(COMMITTED.len()).any(|window| window == COMMITTED) {
        match server.read(&mut answered).await {
            Ok(length @ 1..) => heard.extend_from_slice(&answered[..length]),
            _ => return,
        }
    }
}

fn is_the_one(countdown: &AtomicUsize) -> bool {
    countdown.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)) == Ok(1)
}
