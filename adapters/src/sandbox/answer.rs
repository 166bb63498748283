//! An answer of the sandbox, and the manner in which it reaches the caller.
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use countersign_core::channel::BoxFuture;
use hyper::body::{Body, Frame, SizeHint};
use serde_json::Value;

use super::wire::Cut;

/// Status, headers, body, and what goes wrong on the way.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: AnswerBody,
    pub(super) cut: Option<Cut>,
}

impl Answer {
    pub(super) fn new(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        Self {
            status,
            headers: vec![("content-type", content_type.to_owned())],
            body: AnswerBody::whole(body.into()),
            cut: None,
        }
    }

    pub(super) fn json(status: u16, body: &Value) -> Self {
        Self::new(status, "application/json; charset=utf-8", body.to_string())
    }

    pub(super) fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn with_cut(mut self, cut: Cut) -> Self {
        self.cut = Some(cut);
        self
    }

    /// Holds the second half of the body back until the future is done.
    pub(super) fn with_held_body(mut self, until: BoxFuture<'static, ()>) -> Self {
        let rest = self.body.first.split_off(self.body.first.len() / 2);
        self.body.rest = Some((until, rest));
        self
    }
}

/// A body that may stop halfway.
pub(super) struct AnswerBody {
    first: Bytes,
    rest: Option<(BoxFuture<'static, ()>, Bytes)>,
}

impl AnswerBody {
    fn whole(body: Bytes) -> Self {
        Self { first: body, rest: None }
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.first.is_empty() {
            return Poll::Ready(Some(Ok(Frame::data(std::mem::take(&mut self.first)))));
        }
        let Some((until, rest)) = &mut self.rest else {
            return Poll::Ready(None);
        };
        std::task::ready!(until.as_mut().poll(cx));
        let rest = std::mem::take(rest);
        self.rest = None;
        Poll::Ready(Some(Ok(Frame::data(rest))))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_empty() && self.rest.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        let rest = self.rest.as_ref().map_or(0, |(_, rest)| rest.len());
        SizeHint::with_exact((self.first.len() + rest) as u64)
    }
}
