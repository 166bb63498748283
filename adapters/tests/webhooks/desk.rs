//! Deliveries to try, and the endpoint that judges them.
use countersign_adapters::sandbox::hooks::{Caller, Sent};
use countersign_adapters::webhook;
use countersign_core::inbound::event::Event;
use countersign_core::inbound::provider::{Delivery, Provider, Refusal, Trust};
use countersign_core::secret::SecretText;
use jiff::Timestamp;

/// Where Twilio sends to.
pub(crate) const URL: &str = "https://hooks.example.com/in/twilio?company=1";

/// An endpoint: what it holds deliveries against.
#[derive(Clone, Debug)]
pub(crate) struct Endpoint {
    pub(crate) provider: Provider,
    pub(crate) secrets: Vec<String>,
    pub(crate) url: Option<String>,
    pub(crate) verify_sha256: Option<[u8; 32]>,
    pub(crate) now: Timestamp,
}

impl Endpoint {
    pub(crate) fn new(provider: Provider, secret: &str, now: i64) -> Self {
        Self {
            provider,
            secrets: vec![secret.to_owned()],
            url: Some(URL.to_owned()),
            verify_sha256: None,
            now: Timestamp::from_second(now).expect("it is a time"),
        }
    }

    pub(crate) fn at(mut self, url: &str) -> Self {
        self.url = Some(url.to_owned());
        self
    }

    pub(crate) fn with_secrets(mut self, secrets: &[&str]) -> Self {
        self.secrets = secrets.iter().map(|&secret| secret.to_owned()).collect();
        self
    }

    pub(crate) fn trusting<T>(&self, run: impl FnOnce(&Trust<'_>) -> T) -> T {
        let secrets: Vec<SecretText> = self.secrets.iter().cloned().map(SecretText::new).collect();
        run(&Trust {
            secrets: &secrets,
            public_url: self.url.as_deref(),
            verify_sha256: self.verify_sha256,
            now: self.now,
        })
    }

    pub(crate) fn verify(&self, delivery: &Delivery<'_>) -> Result<(), Refusal> {
        self.trusting(|trust| webhook(self.provider).verify(delivery, trust))
    }
}

/// A delivery of these parts.
pub(crate) fn sent(query: &str, headers: &[(&str, &str)], body: &str) -> Sent {
    Sent {
        query: query.to_owned(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: body.as_bytes().to_vec(),
    }
}

/// The same with another value of a header.
pub(crate) fn with_header(sent: &Sent, name: &str, value: &str) -> Sent {
    let mut changed = without_header(sent, name);
    changed.headers.push((name.to_owned(), value.as_bytes().to_vec()));
    changed
}

/// The same without a header.
pub(crate) fn without_header(sent: &Sent, name: &str) -> Sent {
    let mut changed = sent.clone();
    changed.headers.retain(|(known, _)| known != name);
    changed
}

/// A header's value.
pub(crate) fn header(sent: &Sent, name: &str) -> String {
    let (_, value) = sent.headers.iter().find(|(known, _)| known == name).expect("the header is there");
    String::from_utf8(value.clone()).expect("it is text")
}

/// Reads a body as the provider would send it.
pub(crate) fn read(provider: Provider, body: &str) -> Vec<Event> {
    let kind = match (provider, body.starts_with(['{', '['])) {
        (Provider::Twilio, false) => "application/x-www-form-urlencoded",
        _ => "application/json",
    };
    let sent = sent(
        "",
        &[("content-type", kind), ("svix-id", "msg_1"), ("svix-timestamp", "1"), ("svix-signature", "v1,")],
        body,
    );
    webhook(provider).read(&sent.delivery())
}

/// The only event of a body.
pub(crate) fn read_one(provider: Provider, body: &str) -> Event {
    let mut events = read(provider, body);
    assert_eq!(events.len(), 1, "{events:#?}");
    events.remove(0)
}

/// One way in which a provider signs, with everything that belongs to it.
pub(crate) struct Scheme {
    pub(crate) name: &'static str,
    pub(crate) endpoint: Endpoint,
    pub(crate) sent: Sent,
    /// Headers that are signed or hold a signature.
    pub(crate) signed: &'static [&'static str],
}

const NOW: i64 = 1_767_225_600;

/// Odd spacing and escapes, which stay as they were sent.
const BODY: &str = "{ \"type\":\"email.sent\" ,\n\t\"event\":\"x\",\"text\":\"caf\\u00e9 \\/ \u{e9}\" }";

const FORM: &str = "MessageSid=SM1&Body=Yes%2C+Tuesday+%E2%80%94+works%21&From=whatsapp%3A%2B15558675310&Empty=&AccountSid=AC1";

/// Every scheme, once.
pub(crate) fn schemes() -> Vec<Scheme> {
    let secret = |provider| match provider {
        Provider::Resend => "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        _ => "0123456789abcdef0123456789abcdef",
    };
    let caller = |provider| Caller {
        provider,
        secret: secret(provider),
        url: URL,
        at: Timestamp::from_second(NOW).expect("it is a time"),
    };
    let scheme = |name, provider, sent, signed| Scheme {
        name,
        endpoint: Endpoint::new(provider, secret(provider), NOW),
        sent,
        signed,
    };
    let plain = |name, provider, signed| {
        scheme(name, provider, caller(provider).sign("msg_1", BODY.as_bytes()), signed)
    };
    let svix = caller(Provider::Resend).sign("msg_1", BODY.as_bytes());
    let mut standard = svix.clone();
    standard.headers.iter_mut().for_each(|(name, _)| *name = name.replace("svix-", "webhook-"));
    vec![
        scheme("svix", Provider::Resend, svix, &["svix-id", "svix-timestamp", "svix-signature"]),
        scheme(
            "standard",
            Provider::Resend,
            standard,
            &["webhook-id", "webhook-timestamp", "webhook-signature"],
        ),
        scheme(
            "twilio form",
            Provider::Twilio,
            caller(Provider::Twilio).sign("msg_1", FORM.as_bytes()),
            &["x-twilio-signature"],
        ),
        scheme(
            "twilio json",
            Provider::Twilio,
            caller(Provider::Twilio).sign_json(BODY.as_bytes()),
            &["x-twilio-signature"],
        ),
        plain("cal.com", Provider::CalCom, &["x-cal-signature-256"]),
        plain("calendly", Provider::Calendly, &["calendly-webhook-signature"]),
        plain("linkedin", Provider::Linkedin, &["x-li-signature"]),
        plain("instagram", Provider::Instagram, &["x-hub-signature-256"]),
    ]
}
