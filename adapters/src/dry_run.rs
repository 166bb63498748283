//! Everything but the wire: takes any message, reaches nobody.
//!
//! Its requests describe the payload and its transport answers at once. Gates, quota and records are the dispatcher's and stay
//! as they are.
use std::time::Duration;

use bytes::Bytes;
use countersign_core::activity::payload::Payload;
use countersign_core::channel::{
    BoxFuture, Broken, Call, Channel, ChannelName, Header, Outcome, RenderError, Request, Response, Transport,
};
use countersign_core::ids::ActivityId;
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

    fn render(&self, payload: &Payload, _activity: ActivityId) -> Result<Request, RenderError> {
        let body = serde_json_canonicalizer::to_string(payload).map_err(|cause| RenderError {
            field: "payload".to_owned(),
            reason: format!("cannot be written as JSON: {cause}"),
        })?;
        Ok(Request {
            method: "DRY".to_owned(),
            path: "/dry-run".to_owned(),
            content_type: "application/json".to_owned(),
            body,
        })
    }

    /// No credential travels: there is nobody to show it to.
    fn wire_headers(&self, _credential: &SecretText, _idempotency_key: &str) -> Vec<Header> {
        Vec::new()
    }

    fn interpret(&self, _response: &Response) -> Outcome {
        Outcome::Accepted { provider_ref: None }
    }
}

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

    use countersign_core::activity::payload::{Kind, LinkedinAction, Parts};
    use countersign_core::ids::OutboxId;
    use uuid::Uuid;

    use super::{
        ActivityId, Call, Channel, ChannelName, DryRun, DryRunTransport, Outcome, Payload, SecretText,
        Transport,
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
        let request = DryRun.render(&payload, ActivityId(Uuid::from_u128(2))).expect("renders");
        assert_eq!((request.method.as_str(), request.path.as_str()), ("DRY", "/dry-run"));
        assert_eq!(serde_json::from_str::<Payload>(&request.body).expect("the payload"), payload);

        let headers = DryRun.wire_headers(&SecretText::new("canary".to_owned()), "k");
        assert!(headers.is_empty());
        let response = DryRunTransport.exchange(Call { request, headers }).await.expect("answers");
        assert_eq!(DryRun.interpret(&response), Outcome::Accepted { provider_ref: None });
        assert!(!DryRun.reaches_people());
    }
}
