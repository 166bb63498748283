//! Mail through Resend.
//!
//! Puts a mail into the form of `POST /emails` and says what an answer proves. Pure: the transport moves the bytes.
mod interpret;
mod render;
mod wait;

use std::time::Duration;

use countersign_core::activity::payload::Payload;
use countersign_core::channel::{Channel, ChannelName, Header, Outcome, RenderError, Request, Response};
use countersign_core::ids::ActivityId;
use countersign_core::secret::SecretText;

/// For how long Resend answers a repeated idempotency key with the first result.
const KEYS_KEPT: Duration = Duration::from_hours(24);

/// The adapter of mail.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resend;

impl Channel for Resend {
    fn name(&self) -> ChannelName {
        ChannelName::Email
    }

    fn renderer(&self) -> &'static str {
        "resend/1"
    }

    fn keeps_keys_for(&self) -> Option<Duration> {
        Some(KEYS_KEPT)
    }

    fn render(&self, payload: &Payload, activity: ActivityId) -> Result<Request, RenderError> {
        render::render(payload, activity)
    }

    fn wire_headers(&self, credential: &SecretText, idempotency_key: &str) -> Vec<Header> {
        // A key pasted into a secret often brings its line feed along.
        let bearer = format!("Bearer {}", credential.expose().trim());
        vec![
            Header { name: "authorization", value: SecretText::new(bearer) },
            Header { name: "idempotency-key", value: SecretText::new(idempotency_key.to_owned()) },
        ]
    }

    fn interpret(&self, response: &Response) -> Outcome {
        interpret::interpret(response)
    }
}

#[cfg(test)]
mod tests {
    use super::{Channel, Resend, SecretText};

    /// S22: the credential goes into one header, without what came along when it was pasted, and into no debug output.
    #[test]
    fn the_credential_and_the_key_are_added_at_the_wire() {
        let headers = Resend.wire_headers(&SecretText::new("re_canary\n".to_owned()), "key-1");
        let pairs: Vec<_> = headers.iter().map(|header| (header.name, header.value.expose())).collect();
        assert_eq!(pairs, [("authorization", "Bearer re_canary"), ("idempotency-key", "key-1")]);
        assert!(
            !format!("{:?}", headers.iter().map(|header| &header.value).collect::<Vec<_>>())
                .contains("canary")
        );
    }
}
