//! Tricks with what is signed: times that are no times, ids that hold a part of something else, headers of two kinds.
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use countersign_adapters::sandbox::hooks::Caller;
use countersign_core::inbound::provider::{Provider, Refusal};
use hmac::{Hmac, KeyInit as _, Mac as _};
use rstest::rstest;
use sha2::Sha256;

use crate::desk::{Endpoint, URL, header, schemes, sent, with_header};

const KEY: &[u8] = b"a key of some length, thirty-two";
const NOW: i64 = 1_767_225_600;

/// Signs whatever is given, as somebody would who has the secret.
fn mac(parts: &[&str]) -> Vec<u8> {
    let mut mac: Hmac<Sha256> = Hmac::new_from_slice(KEY).expect("it is a key");
    parts.iter().for_each(|part| mac.update(part.as_bytes()));
    mac.finalize().into_bytes().to_vec()
}

fn svix(id: &str, at: &str, body: &str) -> Result<(), Refusal> {
    let signature = format!("v1,{}", STANDARD.encode(mac(&[id, ".", at, ".", body])));
    let headers = [("svix-id", id), ("svix-timestamp", at), ("svix-signature", &signature)];
    let endpoint = Endpoint::new(Provider::Resend, &STANDARD.encode(KEY), NOW);
    endpoint.verify(&sent("", &headers, body).delivery())
}

fn calendly(at: &str) -> Result<(), Refusal> {
    let hex: String = mac(&[at, ".", "{}"]).iter().map(|byte| format!("{byte:02x}")).collect();
    let signature = format!("t={at},v1={hex}");
    let endpoint = Endpoint::new(Provider::Calendly, std::str::from_utf8(KEY).expect("it is text"), NOW);
    endpoint.verify(&sent("", &[("calendly-webhook-signature", &signature)], "{}").delivery())
}

/// S29: also when it is signed, only a plain number of seconds is a time.
#[rstest]
#[case("1767225600", Ok(()))]
#[case("1767225600000", Err(Refusal::Stale(0)))]
#[case("-1767225600", Err(Refusal::Timestamp))]
#[case("+1767225600", Err(Refusal::Timestamp))]
#[case("1767225600.0", Err(Refusal::Timestamp))]
#[case("1.7672256e9", Err(Refusal::Timestamp))]
#[case("0x6955b900", Err(Refusal::Timestamp))]
#[case("01767225600", Err(Refusal::Timestamp))]
#[case("1767225600 ", Err(Refusal::Timestamp))]
#[case("1_767_225_600", Err(Refusal::Timestamp))]
#[case("2026-01-01T00:00:00Z", Err(Refusal::Timestamp))]
#[case("now", Err(Refusal::Timestamp))]
#[case("9223372036854775808", Err(Refusal::Timestamp))]
fn only_plain_seconds_are_a_time(#[case] at: &str, #[case] expected: Result<(), Refusal>) {
    let stale_of = |secs| match &expected {
        Err(Refusal::Stale(_)) => Err(Refusal::Stale(secs)),
        other => other.clone(),
    };
    assert_eq!(svix("msg_1", at, "{}"), stale_of(300));
    // White space beside a part of a list belongs to neither.
    if at.trim() == at {
        assert_eq!(calendly(at), stale_of(180));
    }
}

/// S29: the end of an id could be read as the time, and the time as the beginning of the body.
#[test]
fn a_dot_is_shifted_nowhere() {
    assert_eq!(svix("msg_1", "1767225600", "1.{}"), Ok(()));
    // The same signed bytes, cut at other dots.
    assert_eq!(svix("msg_1.1767225600", "1", "{}"), Err(Refusal::Header("svix-id")));
    assert_eq!(svix("msg_1.1767225600", "1767225600", "{}"), Err(Refusal::Header("svix-id")));
    assert_eq!(svix(".", "1767225600", "{}"), Err(Refusal::Header("svix-id")));
    assert_eq!(svix("", "1767225600", "{}"), Err(Refusal::Header("svix-id")));
}

/// Headers of the two spellings are never put together.
#[test]
fn one_set_of_headers_is_used() {
    let svix = schemes().remove(0);
    for name in ["svix-id", "svix-timestamp", "svix-signature"] {
        let mut mixed = svix.sent.clone();
        for (known, _) in mixed.headers.iter_mut().filter(|(known, _)| known == name) {
            *known = name.replace("svix-", "webhook-");
        }
        assert_eq!(svix.endpoint.verify(&mixed.delivery()), Err(Refusal::Header(name)));
    }
    // The older set counts where both are there, whatever the other says.
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let more = with_header(&svix.sent, name, "1");
        assert_eq!(svix.endpoint.verify(&more.delivery()), Ok(()));
    }
}

/// Keys come padded and not, and with bits at their end that say nothing.
#[rstest]
#[case("whsec_c2VjcmV0IG9mIHR3bw==")]
#[case("whsec_c2VjcmV0IG9mIHR3bw")]
#[case("c2VjcmV0IG9mIHR3bw")]
#[case("c2VjcmV0IG9mIHR3bw=")]
#[case(" whsec_c2VjcmV0IG9mIHR3bx== \n")]
fn a_svix_key_has_many_spellings(#[case] secret: &str) {
    let mut mac: Hmac<Sha256> = Hmac::new_from_slice(b"secret of two").unwrap();
    mac.update(b"msg_1.1767225600.{}");
    let signature = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
    let headers = [("svix-id", "msg_1"), ("svix-timestamp", "1767225600"), ("svix-signature", &signature)];
    let told = Endpoint::new(Provider::Resend, secret, NOW).verify(&sent("", &headers, "{}").delivery());
    assert_eq!(told, Ok(()));
}

/// S26: a key of no bytes is none, and neither is what is no key at all.
#[rstest]
#[case("whsec_")]
#[case("whsec_====")]
#[case("whsec_!")]
#[case("whsec_whsec_c2VjcmV0")]
fn a_svix_secret_that_is_none_shuts_the_endpoint(#[case] secret: &str) {
    let svix = schemes().remove(0);
    let endpoint = svix.endpoint.with_secrets(&[secret]);
    assert_eq!(endpoint.verify(&svix.sent.delivery()), Err(Refusal::NoSecret));
}

/// What a form says cannot be moved into the hash of a body that nobody signed: the hash stands last, where Twilio puts it.
#[test]
fn words_in_a_form_are_no_hash() {
    let twilio = schemes().into_iter().find(|scheme| scheme.name == "twilio form").unwrap();
    let mut forged = twilio.sent.clone();
    let hash = "bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
    forged.query = format!("company=1AccountSidAC1Body&{hash}&FromEmptyMessageSidSM1");
    forged.body = b"{}".to_vec();
    let forged = with_header(&forged, "content-type", "application/json");
    assert_eq!(twilio.endpoint.verify(&forged.delivery()), Err(Refusal::Body));
}

/// Whoever has proven nothing gets little work done.
#[rstest]
#[case(1000, Ok(()))]
#[case(1001, Err(Refusal::Signature))]
fn a_form_has_as_many_parameters_as_anybody_sends(
    #[case] count: usize,
    #[case] expected: Result<(), Refusal>,
) {
    let body = vec!["a=1"; count].join("&&");
    let secret = "0123456789abcdef0123456789abcdef";
    let at = jiff::Timestamp::UNIX_EPOCH;
    let sent = Caller { provider: Provider::Twilio, secret, url: URL, at }.sign("", body.as_bytes());
    assert_eq!(Endpoint::new(Provider::Twilio, secret, 0).verify(&sent.delivery()), expected);
}

/// The address is that of the endpoint, not what the delivery says of itself.
#[test]
fn the_host_of_a_delivery_does_not_count() {
    let twilio = schemes().into_iter().find(|scheme| scheme.name == "twilio form").unwrap();
    let told = with_header(&twilio.sent, "host", "evil.example");
    let told = with_header(&told, "x-forwarded-host", "evil.example");
    assert_eq!(twilio.endpoint.verify(&told.delivery()), Ok(()));
    let elsewhere = twilio.endpoint.clone().at("https://evil.example/in/twilio?company=1");
    let told = with_header(&twilio.sent, "host", "hooks.example.com");
    assert_eq!(elsewhere.verify(&told.delivery()), Err(Refusal::Signature));
}

/// Nobody learns a secret from why a delivery was refused.
#[test]
fn a_refusal_names_no_secret() {
    for scheme in schemes() {
        let wrong = with_header(&scheme.sent, scheme.signed.last().unwrap(), &"0".repeat(64));
        let told = scheme.endpoint.verify(&wrong.delivery()).unwrap_err();
        let signature = header(&scheme.sent, scheme.signed.last().unwrap());
        for secret in [&scheme.endpoint.secrets[0], &signature] {
            assert!(!format!("{told} {told:?}").contains(secret), "{}", scheme.name);
        }
    }
}
