//! WhatsApp through Twilio.
//!
//! Puts a message into the form of `POST …/Messages.json` and says what an answer proves. The template of a message is read before it
//! is sent: it has to be what was approved. The provider keeps no idempotency keys, so
//! what may have been taken is never repeated; it is looked up in the provider's list of messages. Pure: the transport moves the bytes.
mod address;
mod event;
mod guide;
mod interpret;
mod listing;
mod lookup;
mod render;
mod settings;
mod template;
pub(crate) mod webhook;

use std::time::Duration;

use countersign_core::channel::{
    Asked, Case, Channel, ChannelName, Guide, Header, List, Listed, Lookup, Message, Past, Probe,
    ProviderSettings, Reading, RenderError, Request, Response, Setting, Window,
};
use countersign_core::secret::SecretText;

use crate::credential::basic;

/// The adapter of WhatsApp.
#[derive(Clone, Copy, Debug, Default)]
pub struct Twilio;

impl Channel for Twilio {
    fn name(&self) -> ChannelName {
        ChannelName::Whatsapp
    }

    fn renderer(&self) -> &'static str {
        "twilio/1"
    }

    fn keeps_keys_for(&self) -> Option<Duration> {
        None
    }

    fn settings(&self) -> &'static [Setting] {
        settings::SETTINGS
    }

    fn guide(&self) -> &'static Guide {
        &guide::GUIDE
    }

    fn render(&self, message: &Message<'_>) -> Result<Request, RenderError> {
        render::render(message)
    }

    fn wire_headers(&self, credential: &SecretText, _idempotency_key: &str) -> Result<Vec<Header>, String> {
        let how = "write it as the account SID and its auth token (AC…:token), or as the SID of an API key and its secret (SK…:secret)";
        Ok(vec![basic(credential, &["AC", "SK"]).ok_or(how)?])
    }

    fn first(&self, approved: &Request, _past: &Past) -> Request {
        template::first(approved)
    }

    /// A question about a template.
    fn is_harmless(&self, request: &Request) -> bool {
        template::Step::of(request) != template::Step::Message
    }

    fn interpret(&self, asked: &Asked<'_>, response: &Response) -> Reading {
        match template::Step::of(asked.request) {
            template::Step::Words => template::words(asked, response),
            template::Step::Approval => template::approval(asked, response),
            template::Step::Message => interpret::interpret(response).into(),
        }
    }

    fn knows(&self, code: &str) -> bool {
        interpret::knows(code)
    }

    fn opts_out(&self, code: &str) -> bool {
        interpret::opts_out(code)
    }

    fn lookup(&self, case: &Case<'_>) -> Lookup {
        lookup::first(case)
    }

    fn found(&self, case: &Case<'_>, _asked: &Request, response: &Response) -> Lookup {
        lookup::found(case, response)
    }

    fn probe(&self, settings: &ProviderSettings) -> Result<Request, RenderError> {
        lookup::probe(settings)
    }

    fn probed(&self, response: &Response) -> Probe {
        lookup::probed(response)
    }

    fn lists(&self) -> &'static [List] {
        listing::LISTS
    }

    fn list(&self, _list: &List, window: &Window<'_>) -> Result<Request, RenderError> {
        listing::list(window)
    }

    fn listed(&self, _list: &List, window: &Window<'_>, response: &Response) -> Listed {
        listing::listed(window, response)
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::{Channel, SecretText, Twilio};

    /// S22: the credential goes into one header, and no key along with it, because the provider keeps none.
    #[test]
    fn the_credential_is_added_at_the_wire() {
        let headers = Twilio.wire_headers(&SecretText::new("AC01:canary\n".to_owned()), "key-1").unwrap();
        let pairs: Vec<_> = headers.iter().map(|header| (header.name, header.value.expose())).collect();
        assert_eq!(pairs, [("authorization", "Basic QUMwMTpjYW5hcnk=")]);
    }

    /// S22: a credential of another form is refused in words that do not repeat it.
    #[rstest]
    #[case("canary")]
    #[case("AC-canary")]
    #[case("canary:AC01")]
    #[case("AC01:")]
    #[case(":canary")]
    #[case("")]
    fn a_credential_of_another_form_is_refused(#[case] written: &str) {
        let said =
            Twilio.wire_headers(&SecretText::new(written.to_owned()), "key-1").map(|_| ()).unwrap_err();
        assert!(said.contains("AC…:token") && !said.contains("canary"), "{said}");
    }
}
