//! The bytes of a connection, with two patiences of ours: for the head of a request once its first byte came, and for a reader that
//! takes nothing. How long nothing at all may come is hyper's.
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// Whether a request is being answered: what arrives meanwhile belongs to its body.
#[derive(Clone, Debug, Default)]
pub(super) struct Answering(Arc<AtomicBool>);

impl Answering {
    /// The head of a request is whole.
    pub(super) fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Its answer is known.
    pub(super) fn end(&self) {
        self.0.store(false, Ordering::Relaxed);
    }

    fn is_under_way(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A connection that is given up when it stalls.
pub(super) struct Wire<S> {
    stream: S,
    answering: Answering,
    patience: Duration,
    head: Option<Pin<Box<Sleep>>>,
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S> Wire<S> {
    /// Wraps a connection on which nothing was read yet.
    pub(super) fn new(stream: S, answering: Answering, patience: Duration) -> Self {
        Self { stream, answering, patience, head: None, stuck: None }
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
        if self.answering.is_under_way() {
            self.head = None;
        } else if let Some(head) = &mut self.head
            && head.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        let before = buf.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        let has_begun = buf.filled().len() > before && !self.answering.is_under_way();
        if has_begun && self.head.is_none() {
            self.head = Some(Box::pin(sleep(self.patience)));
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
        let mut wire = Wire::new(near, Answering::default(), PATIENCE);
        far.write_all(b"GET").await.unwrap();
        let mut read = Vec::new();
        let error = wire.read_to_end(&mut read).await.unwrap_err();
        assert_eq!((error.kind(), read.as_slice()), (io::ErrorKind::TimedOut, b"GET".as_slice()));
    }

    #[tokio::test]
    async fn a_body_may_take_longer_than_a_head() {
        let (mut far, near) = tokio::io::duplex(64);
        let answering = Answering::default();
        let mut wire = Wire::new(near, answering.clone(), PATIENCE);
        far.write_all(b"GET").await.unwrap();
        wire.read_exact(&mut [0; 3]).await.unwrap();
        answering.begin();
        let late = tokio::spawn(async move {
            sleep(PATIENCE * 3).await;
            far.write_all(b"body").await.unwrap();
        });
        wire.read_exact(&mut [0; 4]).await.unwrap();
        late.await.unwrap();
    }

    #[tokio::test]
    async fn a_reader_that_takes_nothing_is_given_up() {
        let (_far, near) = tokio::io::duplex(8);
        let mut wire = Wire::new(near, Answering::default(), PATIENCE);
        assert_eq!(wire.write_all(&[0; 64]).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}
