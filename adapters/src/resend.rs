//! Mail through Resend.
//!
//! Puts a mail into the form of `POST /emails` and says what an answer proves. Pure: the transport moves the bytes.
mod event;
mod guide;
mod interpret;
mod listing;
mod lookup;
mod received;
mod render;
pub(crate) mod webhook;

use std::time::Duration;

use countersign_core::channel::{
    Asked, Case, Channel, ChannelName, Guide, Header, List, Listed, Lookup, Message, Probe, ProviderSettings,
    Reading, RenderError, Request, Response, Window,
};
use countersign_core::secret::SecretText;

use crate::credential::bearer;

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

    fn guide(&self) -> &'static Guide {
        &guide::GUIDE
    }

    fn render(&self, message: &Message<'_>) -> Result<Request, RenderError> {
        render::render(message)
    }

    fn wire_headers(&self, credential: &SecretText, idempotency_key: &str) -> Result<Vec<Header>, String> {
        Ok(vec![
            bearer(credential),
            Header { name: "idempotency-key", value: SecretText::new(idempotency_key.to_owned()) },
        ])
    }

    fn interpret(&self, _asked: &Asked<'_>, response: &Response) -> Reading {
        interpret::interpret(response).into()
    }

    fn knows(&self, code: &str) -> bool {
        interpret::knows(code)
    }

    fn lookup(&self, _case: &Case<'_>) -> Lookup {
        lookup::first()
    }

    fn found(&self, case: &Case<'_>, asked: &Request, response: &Response) -> Lookup {
        lookup::found(case, asked, response)
    }

    fn probe(&self, _settings: &ProviderSettings) -> Result<Request, RenderError> {
        Ok(Request::get("/domains"))
    }

    fn probed(&self, response: &Response) -> Probe {
        lookup::probed(response)
    }

    fn lists(&self) -> &'static [List] {
        listing::LISTS
    }

    fn list(&self, list: &List, window: &Window<'_>) -> Result<Request, RenderError> {
        Ok(listing::list(list, window))
    }

    fn listed(&self, list: &List, window: &Window<'_>, response: &Response) -> Listed {
        listing::listed(list, window, response)
    }
}

#[cfg(test)]
mod tests {
    use super::{Channel, Resend, SecretText};

    /// S22: the credential goes into one header, without what came along when it was pasted, and into no debug output.
    #[test]
    fn the_credential_and_the_key_are_added_at_the_wire() {
        let headers = Resend.wire_headers(&SecretText::new("re_canary\n".to_owned()), "key-1").unwrap();
        let pairs: Vec<_> = headers.iter().map(|header| (header.name, header.value.expose())).collect();
        assert_eq!(pairs, [("authorization", "Bearer re_canary"), ("idempotency-key", "key-1")]);
        assert!(
            !format!("{:?}", headers.iter().map(|header| &header.value).collect::<Vec<_>>())
                .contains("canary")
        );
    }
}
