//! Everything but the wire: takes any message, reaches nobody.
//!
//! Its requests describe the payload and its transport answers at once. Gates, quota and records are the dispatcher's and stay
//! as they are.
use std::time::Duration;

use bytes::Bytes;
use countersign_core::channel::{
    Asked, BoxFuture, Broken, Call, Case, Channel, ChannelName, Finding, Guide, Header, Lookup, Message,
    Outcome, Probe, ProviderSettings, Reading, RenderError, Request, Response, Transport,
};
use countersign_core::secret::SecretText;

/// The adapter that reaches nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct DryRun;

impl Channel for DryRun {
    fn name(&self) -> ChannelName {
        ChannelName::DryRun
    }

    fn renderer(&self) -> &'static str {
        "dry-run/1"
    }

    /// Repeating a message that goes nowhere is harmless, so an interrupted one need not wait for a person.
    fn keeps_keys_for(&self) -> Option<Duration> {
        Some(Duration::from_hours(24))
    }

    fn reaches_people(&self) -> bool {
        false
    }

    fn guide(&self) -> &'static Guide {
        &GUIDE
    }

    fn render(&self, message: &Message<'_>) -> Result<Request, RenderError> {
        let body = serde_json_canonicalizer::to_string(message.payload)
            .map_err(|cause| RenderError::new("payload", format!("cannot be written as JSON: {cause}")))?;
        Ok(Request { method: "DRY".to_owned(), ..Request::json("/dry-run", body) })
    }

    /// No credential travels: there is nobody to show it to.
    fn wire_headers(&self, _credential: &SecretText, _idempotency_key: &str) -> Result<Vec<Header>, String> {
        Ok(Vec::new())
    }

    fn interpret(&self, _asked: &Asked<'_>, _response: &Response) -> Reading {
        Outcome::Accepted { provider_ref: None }.into()
    }

    fn knows(&self, _code: &str) -> bool {
        true
    }

    fn lookup(&self, _case: &Case<'_>) -> Lookup {
        Lookup::Found(Finding::Impossible { why: "nobody was asked to send this".to_owned() })
    }

    fn found(&self, case: &Case<'_>, _asked: &Request, _response: &Response) -> Lookup {
        self.lookup(case)
    }

    fn probe(&self, _settings: &ProviderSettings) -> Result<Request, RenderError> {
        Ok(Request { method: "DRY".to_owned(), ..Request::get("/dry-run") })
    }

    fn probed(&self, _response: &Response) -> Probe {
        Probe::Works { says: "a dry run needs no credential".to_owned() }
    }
}

const GUIDE: Guide = Guide {
    provider: "none: everything but the wire",
    sends: &["whatever a mail may hold"],
    limits: &["those of mail"],
    windows: &["none"],
    idempotency: "a repetition reaches nobody either",
    uncertain: "does not happen",
    not_offered: &["reaching anybody"],
    credential: "any; it is never shown to anybody",
};

/// Answers every call at once, without a network.
#[derive(Clone, Copy, Debug, Default)]
pub struct DryRunTransport;

impl Transport for DryRunTransport {
    fn exchange<'a>(&'a self, _call: Call) -> BoxFuture<'a, Result<Response, Broken>> {
        Box::pin(std::future::ready(Ok(Response { status: 200, headers: Vec::new(), body: Bytes::new() })))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use countersign_core::activity::payload::{Kind, LinkedinAction, Parts, Payload};
    use countersign_core::channel::{Files, Past};
    use countersign_core::ids::{ActivityId, OutboxId};
    use uuid::Uuid;

    use super::{
        Asked, Call, Channel, ChannelName, DryRun, DryRunTransport, Message, Outcome, ProviderSettings,
        SecretText, Transport,
    };

    #[tokio::test]
    async fn any_message_is_taken_and_reaches_nobody() {
        let payload = Payload {
            channel: ChannelName::Linkedin,
            outbox_id: OutboxId(Uuid::from_u128(1)),
            credential_id: "linkedin".to_owned(),
            kind: Kind::Post,
            from: "urn:li:person:1".to_owned(),
            to: "feed:urn:li:person:1".to_owned(),
            cc: Vec::new(),
            bcc: Vec::new(),
            reply_to: None,
            headers: BTreeMap::new(),
            parts: Parts::Linkedin { action: LinkedinAction::Post, text: "News".to_owned(), thread: None },
        };
        let (settings, files) = (&ProviderSettings::default(), &Files::default());
        let activity = ActivityId(Uuid::from_u128(2));
        let request =
            DryRun.render(&Message { payload: &payload, activity, settings, files }).expect("renders");
        assert_eq!((request.method.as_str(), request.path.as_str()), ("DRY", "/dry-run"));
        assert_eq!(serde_json::from_str::<Payload>(&request.body).expect("the payload"), payload);

        let headers = DryRun.wire_headers(&SecretText::new("canary".to_owned()), "k").expect("headers");
        assert!(headers.is_empty());
        let call = Call { request: request.clone(), headers };
        let response = DryRunTransport.exchange(call).await.expect("answers");
        let asked =
            Asked { payload: &payload, approved: &request, request: &request, past: &Past::default() };
        assert_eq!(DryRun.interpret(&asked, &response), Outcome::Accepted { provider_ref: None }.into());
        assert!(!DryRun.reaches_people());
    }
}
