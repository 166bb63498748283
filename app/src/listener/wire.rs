//! The bytes of a connection, with two patiences of ours: for the head of a request once its first byte came, and for a reader that
//! takes nothing. How long nothing at all may come is hyper's.
//!
//! It also notices a head that states the length of its body in two ways, of which hyper shows one alone (S32).
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How far a connection is, as both of its sides know it.
#[derive(Clone, Debug, Default)]
pub(super) struct Stage(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    is_answering: AtomicBool,
    answered: AtomicUsize,
    has_two_lengths: AtomicBool,
}

impl Stage {
    /// The head of a request is whole: what arrives from here on belongs to its body. Says whether that has one length.
    pub(super) fn begin_answer(&self) -> Lengths {
        self.0.is_answering.store(true, Ordering::Relaxed);
        match self.0.has_two_lengths.swap(false, Ordering::Relaxed) {
            true => Lengths::Two,
            false => Lengths::One,
        }
    }

    /// The answer is known.
    pub(super) fn end_answer(&self) {
        self.0.answered.fetch_add(1, Ordering::Relaxed);
        self.0.is_answering.store(false, Ordering::Relaxed);
    }

    fn is_answering(&self) -> bool {
        self.0.is_answering.load(Ordering::Relaxed)
    }
}

/// In how many ways a head says how long its body is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lengths {
    /// In one at most.
    One,
    /// In two, of which a proxy before us may have taken the other.
    Two,
}

/// Reads along, for the names of lines alone.
#[derive(Debug, Default)]
struct Head {
    line: [u8; 18],
    length: usize,
    has_length: bool,
    has_coding: bool,
    is_over: bool,
}

impl Head {
    /// Reads on, and says whether both ways were found.
    fn read(&mut self, bytes: &[u8]) -> bool {
        for byte in bytes {
            if self.is_over {
                break;
            }
            match byte {
                b'\r' => {}
                b'\n' => {
                    let line = &self.line[..self.length.min(self.line.len())];
                    self.has_length |= line.starts_with(b"content-length:");
                    self.has_coding |= line.starts_with(b"transfer-encoding:");
                    self.is_over = self.length == 0;
                    self.length = 0;
                }
                byte => {
                    if let Some(place) = self.line.get_mut(self.length) {
                        *place = byte.to_ascii_lowercase();
                    }
                    self.length += 1;
                }
            }
        }
        self.has_length && self.has_coding
    }
}

/// A connection that is given up when it stalls.
pub(super) struct Wire<S> {
    stream: S,
    stage: Stage,
    head: Head,
    answered: usize,
    patience: Duration,
    late: Option<Pin<Box<Sleep>>>,
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S> Wire<S> {
    /// Wraps a connection on which nothing was read yet.
    pub(super) fn new(stream: S, stage: Stage, patience: Duration) -> Self {
        Self { stream, stage, head: Head::default(), answered: 0, patience, late: None, stuck: None }
    }

    /// What a write came to, unless it waits for too long.
    fn written<T>(&mut self, cx: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let patience = self.patience;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(patience)));
        stuck.as_mut().poll(cx).map(|()| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Wire<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let answered = self.stage.0.answered.load(Ordering::Relaxed);
        // Nothing need have been read while it was answered.
        if self.stage.is_answering() || self.answered != answered {
            self.answered = answered;
            self.late = None;
            self.head = Head::default();
        } else if let Some(late) = &mut self.late
            && late.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let came = buf.filled().get(before..).unwrap_or_default();
        if !came.is_empty() && !self.stage.is_answering() {
            if self.head.read(came) {
                self.stage.0.has_two_lengths.store(true, Ordering::Relaxed);
            }
            let patience = self.patience;
            self.late.get_or_insert_with(|| Box::pin(sleep(patience)));
        }
        read
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Wire<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.written(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.written(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.written(cx, shut)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.written(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    const PATIENCE: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_head_that_does_not_end_is_given_up() {
        let (mut far, near) = tokio::io::duplex(64);
        let mut wire = Wire::new(near, Stage::default(), PATIENCE);
        far.write_all(b"GET").await.unwrap();
        let mut read = Vec::new();
        let error = wire.read_to_end(&mut read).await.unwrap_err();
        assert_eq!((error.kind(), read.as_slice()), (io::ErrorKind::TimedOut, b"GET".as_slice()));
    }

    #[tokio::test]
    async fn a_body_may_take_longer_than_a_head() {
        let (mut far, near) = tokio::io::duplex(64);
        let stage = Stage::default();
        let mut wire = Wire::new(near, stage.clone(), PATIENCE);
        far.write_all(b"GET").await.unwrap();
        wire.read_exact(&mut [0; 3]).await.unwrap();
        stage.begin_answer();
        let waited = tokio::time::timeout(PATIENCE * 3, wire.read_u8()).await;
        assert!(waited.is_err(), "it was given up: {waited:?}");
        far.write_all(b"body").await.unwrap();
        wire.read_exact(&mut [0; 4]).await.unwrap();
    }

    #[tokio::test]
    async fn every_head_has_its_own_time() {
        let (mut far, near) = tokio::io::duplex(64);
        let stage = Stage::default();
        let mut wire = Wire::new(near, stage.clone(), PATIENCE);
        far.write_all(b"GET\n\n").await.unwrap();
        wire.read_exact(&mut [0; 5]).await.unwrap();
        stage.begin_answer();
        stage.end_answer();
        let waited = tokio::time::timeout(PATIENCE * 3, wire.read_u8()).await;
        assert!(waited.is_err(), "it was given up: {waited:?}");
        far.write_all(b"content-length: 1\ntransfer-encoding: chunked\n").await.unwrap();
        wire.read_exact(&mut [0; 45]).await.unwrap();
        assert_eq!(stage.begin_answer(), Lengths::Two);
    }

    /// S32: however it is cut into pieces.
    #[rstest::rstest]
    #[case("POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", true)]
    #[case("POST / HTTP/1.1\r\ntransfer-encoding:chunked\r\nX: y\r\nCONTENT-LENGTH:3\r\n\r\n", true)]
    #[case("POST / HTTP/1.1\nContent-Length: 3\nTransfer-Encoding: chunked\n\n", true)]
    #[case("POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\nTransfer-Encoding: chunked\r\n", false)]
    #[case("POST / HTTP/1.1\r\nContent-Length: 3\r\nX: Transfer-Encoding: chunked\r\n\r\n", false)]
    #[case("POST / HTTP/1.1\r\nContent-Length: 3\r\nX-Transfer-Encoding: chunked\r\n\r\n", false)]
    fn two_lengths_are_noticed(#[case] head: &str, #[case] expected: bool) {
        for size in 1..head.len() {
            let mut read = Head::default();
            let found = head.as_bytes().chunks(size).fold(false, |found, piece| read.read(piece) | found);
            assert_eq!(found, expected, "in pieces of {size}");
        }
    }

    #[tokio::test]
    async fn a_reader_that_takes_nothing_is_given_up() {
        let (_far, near) = tokio::io::duplex(8);
        let mut wire = Wire::new(near, Stage::default(), PATIENCE);
        assert_eq!(wire.write_all(&[0; 64]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
