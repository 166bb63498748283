//! A TCP stream that can break at a chosen place of its answer.
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// Where the answer breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// Before its first byte, with a reset.
    Reset,
    /// Amid the status line and headers.
    InHead,
    /// Amid the body.
    InBody,
    /// It has broken.
    Over,
}

/// Tells a stream how its next answer breaks. The service that writes the answer holds one, its connection the other.
#[derive(Clone, Debug, Default)]
pub(super) struct CutSwitch(Arc<Mutex<Option<Cut>>>);

impl CutSwitch {
    pub(super) fn set(&self, cut: Cut) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(cut);
    }

    fn get(&self) -> Option<Cut> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A stream whose writes obey a [`CutSwitch`].
pub(super) struct Wire {
    stream: TcpStream,
    switch: CutSwitch,
}

impl Wire {
    pub(super) fn new(stream: TcpStream, switch: CutSwitch) -> Self {
        Self { stream, switch }
    }
}

/// How much of the answer still goes out.
fn kept(cut: Cut, answer: &[u8]) -> usize {
    let head = answer.windows(4).position(|window| window == b"\r\n\r\n").map_or(answer.len(), |at| at + 4);
    match cut {
        Cut::Reset | Cut::Over => 0,
        Cut::InHead => head / 2,
        Cut::InBody => head + (answer.len() - head) / 2,
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let Some(cut) = self.switch.get() else {
            return Pin::new(&mut self.stream).poll_write(cx, buf);
        };
        if cut == Cut::Reset {
            self.stream.set_zero_linger()?;
        }
        let kept = kept(cut, buf);
        if kept == 0 {
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        let written = std::task::ready!(Pin::new(&mut self.stream).poll_write(cx, &buf[..kept]))?;
        self.switch.set(Cut::Over);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}
