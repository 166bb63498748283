//! A message of any channel on its way to the sandbox, step by step as the dispatcher makes it travel.
use std::collections::BTreeMap;
use std::sync::Arc;

use countersign_adapters::http::HttpTransport;
use countersign_adapters::{Reached, adapter};
use countersign_core::activity::payload::{Kind, Parts, Payload};
use countersign_core::channel::{
    Asked, Broken, Call, Channel, ChannelName, Files, Header, Host, Message, Outcome, Past, ProviderSettings,
    Reading, RenderError, Replay, Request, Transport as _,
};
use countersign_core::ids::{ActivityId, OutboxId};
use countersign_core::secret::SecretText;
use uuid::Uuid;

/// What was approved: the message, and the request it became.
#[derive(Clone, Debug)]
pub(crate) struct Approved {
    pub(crate) payload: Payload,
    pub(crate) request: Request,
}

impl std::ops::Deref for Approved {
    type Target = Request;

    fn deref(&self) -> &Request {
        &self.request
    }
}

impl std::ops::DerefMut for Approved {
    fn deref_mut(&mut self) -> &mut Request {
        &mut self.request
    }
}

/// A sender of one channel.
pub(crate) struct Sender {
    pub(crate) channel: Arc<dyn Channel>,
    pub(crate) settings: ProviderSettings,
    pub(crate) from: &'static str,
    pub(crate) credential: &'static str,
}

impl Sender {
    pub(crate) fn new(name: ChannelName, from: &'static str, settings: &[(&str, &str)]) -> Self {
        let channel = adapter(&Reached::pinned(name).expect("a provider")).expect("an adapter");
        let settings = settings.iter().copied().collect();
        Self { channel, settings, from, credential: "canary-credential" }
    }

    pub(crate) fn payload(&self, to: &str, parts: Parts) -> Payload {
        Payload {
            channel: self.channel.name(),
            outbox_id: OutboxId(Uuid::from_u128(1)),
            credential_id: "s".to_owned(),
            kind: Kind::FirstTouch,
            from: self.from.to_owned(),
            to: to.to_owned(),
            cc: Vec::new(),
            bcc: Vec::new(),
            reply_to: None,
            headers: BTreeMap::new(),
            parts,
        }
    }

    pub(crate) fn render(&self, to: &str, parts: Parts) -> Result<Approved, RenderError> {
        let (payload, files) = (self.payload(to, parts), Files::default());
        let (activity, settings) = (ActivityId(Uuid::from_u128(2)), &self.settings);
        let request =
            self.channel.render(&Message { payload: &payload, activity, settings, files: &files })?;
        Ok(Approved { payload, request })
    }

    /// One attempt: the first request and what follows from its answer.
    pub(crate) async fn attempt(
        &self,
        transport: &HttpTransport,
        approved: &Approved,
        past: &Past,
    ) -> Result<Outcome, Broken> {
        let Approved { payload, request: approved } = approved;
        let mut request = self.channel.first(approved, past);
        for _ in 0..6 {
            let headers = match &request.host {
                Host::Web(_) => Vec::new(),
                _ => self.headers(),
            };
            let answer = transport.exchange(Call { request: request.clone(), headers }).await?;
            match self.channel.interpret(&Asked { payload, approved, request: &request, past }, &answer) {
                Reading::Proves(outcome) => return Ok(outcome),
                Reading::Next(next) => request = next,
            }
        }
        panic!("too many steps");
    }

    /// Asks something that only reads.
    pub(crate) async fn ask(
        &self,
        transport: &HttpTransport,
        request: &Request,
    ) -> countersign_core::channel::Response {
        transport.exchange(Call { request: request.clone(), headers: self.headers() }).await.expect("answers")
    }

    fn headers(&self) -> Vec<Header> {
        let credential = SecretText::new(self.credential.to_owned());
        self.channel.wire_headers(&credential, "key").expect("headers")
    }
}

/// One word for what came of an attempt.
pub(crate) fn word(result: &Result<Outcome, Broken>) -> &'static str {
    match result {
        Err(Broken::NotSent { .. }) => "not sent",
        Err(Broken::MaybeSent { .. }) => "broken",
        Ok(Outcome::Accepted { .. }) => "accepted",
        Ok(Outcome::Rejected { .. }) => "rejected",
        Ok(Outcome::Prepared { .. }) => "prepared",
        Ok(Outcome::Deferred { .. }) => "waits",
        Ok(Outcome::Retry { after: None, .. }) => "again",
        Ok(Outcome::Retry { after: Some(_), .. }) => "limited",
        Ok(Outcome::AccountBroken { .. }) => "account",
        Ok(Outcome::MaybeSent { replay: Replay::Never, .. }) => "maybe",
        Ok(Outcome::MaybeSent { replay: Replay::SameKey(_), .. }) => "same key",
    }
}
