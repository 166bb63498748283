//! Calls of any channel as the dispatcher makes them: an approved request, its credential, and what the answer proves.
use std::collections::BTreeMap;

use bytes::Bytes;
use countersign_adapters::http::HttpTransport;
use countersign_adapters::sandbox::{Ledger, refusals};
use countersign_core::activity::payload::{Kind, Parts, Payload};
use countersign_core::channel::{
    Asked, Broken, Call, Case, Channel, ChannelName, Files, Finding, Lookup, Message, Outcome, Past,
    ProviderSettings, Reading, Replay, Request, Response, Transport,
};
use countersign_core::ids::{ActivityId, OutboxId};
use countersign_core::secret::SecretText;
use uuid::Uuid;

use crate::desk::Desk;

pub(crate) const ACTIVITY: ActivityId = ActivityId(Uuid::from_u128(7));

/// A payload with that content and nothing else.
pub(crate) fn payload(channel: ChannelName, from: &str, to: &str, parts: Parts) -> Payload {
    Payload {
        channel,
        outbox_id: OutboxId(Uuid::from_u128(1)),
        credential_id: "key".to_owned(),
        kind: Kind::FollowUp,
        from: from.to_owned(),
        to: to.to_owned(),
        cc: Vec::new(),
        bcc: Vec::new(),
        reply_to: None,
        headers: BTreeMap::new(),
        parts,
    }
}

/// A channel with the outbox it sends for.
pub(crate) struct Drive {
    pub(crate) channel: Box<dyn Channel>,
    pub(crate) settings: ProviderSettings,
    pub(crate) credential: &'static str,
}

impl Drive {
    pub(crate) fn rendered(&self, payload: &Payload) -> Request {
        let (settings, files) = (&self.settings, &Files::default());
        self.channel.render(&Message { payload, activity: ACTIVITY, settings, files }).expect("renders")
    }

    pub(crate) async fn exchange(
        &self,
        transport: &HttpTransport,
        request: &Request,
    ) -> Result<Response, Broken> {
        let credential = SecretText::new(self.credential.to_owned());
        let headers = self.channel.wire_headers(&credential, "key-1").expect("headers");
        transport.exchange(Call { request: request.clone(), headers }).await
    }

    /// Sends a message, with all that is asked before, and says in a few words what came of it.
    pub(crate) async fn send(&self, transport: &HttpTransport, payload: &Payload) -> String {
        let approved = self.rendered(payload);
        let mut request = self.channel.first(&approved, &Past::default());
        for _ in 0..6 {
            let answer = match self.exchange(transport, &request).await {
                Err(Broken::NotSent { .. }) => return "not sent".to_owned(),
                Err(Broken::MaybeSent { .. }) => return "broken".to_owned(),
                Ok(answer) => answer,
            };
            match self.reading(payload, &approved, &request, &answer) {
                Reading::Proves(outcome) => return verdict(&outcome),
                Reading::Next(next) => request = next,
            }
        }
        panic!("too many steps");
    }

    /// What the answer to the approved request proves.
    pub(crate) fn judged(&self, payload: &Payload, approved: &Request, response: &Response) -> Outcome {
        match self.reading(payload, approved, approved, response) {
            Reading::Proves(outcome) => outcome,
            Reading::Next(_) => panic!("that was the last request"),
        }
    }

    fn reading(
        &self,
        payload: &Payload,
        approved: &Request,
        request: &Request,
        response: &Response,
    ) -> Reading {
        let asked = Asked { payload, approved, request, past: &Past::default() };
        self.channel.interpret(&asked, response)
    }

    /// Asks until the provider has said what became of a message.
    pub(crate) async fn find(&self, desk: &Desk, case: &Case<'_>) -> Finding {
        let mut lookup = self.channel.lookup(case);
        loop {
            match lookup {
                Lookup::Found(finding) => return finding,
                Lookup::Ask(request) => {
                    let answer = self.exchange(&desk.transport(), &request).await.expect("answers");
                    lookup = self.channel.found(case, &request, &answer);
                }
            }
        }
    }
}

/// An outcome in a few words: the wait of a retry, and whether a repeat is promised to be harmless.
pub(crate) fn verdict(outcome: &Outcome) -> String {
    match outcome {
        Outcome::MaybeSent { replay: Replay::SameKey(_), .. } => "replay".to_owned(),
        Outcome::Retry { after: Some(wait), .. } => format!("retry {}", wait.as_secs()),
        Outcome::Deferred { code, .. } => format!("waits {code}"),
        other => other.as_str().to_owned(),
    }
}

/// The rows of a provider's table of errors as answers, each with its code.
pub(crate) fn rows(provider: &str) -> Vec<(&'static str, Response)> {
    let rows = refusals().filter(|(name, _)| *name == provider);
    rows.map(|(_, row)| {
        let body = Bytes::from_static(row.body.as_bytes());
        (row.code, Response { status: row.status, headers: Vec::new(), body })
    })
    .collect()
}

/// The bodies of every message the provider took.
pub(crate) fn bodies(desk: &Desk) -> Vec<String> {
    let entries = Ledger::open(&desk.ledger()).expect("opens").entries().expect("reads");
    entries.into_iter().map(|entry| entry.body).collect()
}
