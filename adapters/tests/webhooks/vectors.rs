//! Signatures that were published, or computed apart from this code.
use rstest::rstest;

use countersign_core::inbound::provider::{Provider, Refusal};

use crate::desk::{Endpoint, sent};

const ROW_1: (&str, &str, i64, &str) = (
    "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "msg_p5jXN8AQM9LWM0D4loKWxJek",
    1_614_265_330,
    r#"{"test": 2432232314}"#,
);
const SIGNED_1: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

fn svix(row: (&str, &str, i64, &str), signature: &str, now: i64) -> Result<(), Refusal> {
    let (secret, id, at, body) = row;
    let at = at.to_string();
    let headers = [("svix-id", id), ("svix-timestamp", &at), ("svix-signature", signature)];
    Endpoint::new(Provider::Resend, secret, now).verify(&sent("", &headers, body).delivery())
}

#[rstest]
#[case(ROW_1, SIGNED_1)]
#[case(
    ("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD", "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk", 1_649_367_553,
        r#"{"email":"test@example.com","username":"test_user"}"#),
    "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw=",
)]
#[case(
    (ROW_1.0, "msg_2KWPBgLlAfxdpx2AI54pPJ85f4W", 1_767_225_600,
        r#"{"type":"email.bounced","created_at":"2026-01-01T00:00:00.000Z","data":{"email_id":"56761188-7520-42d8-8898-ff6fc54ce618","to":["bounced@resend.dev"]}}"#),
    "v1,xNjE83550s0fXaSBZsoNjWhpoYo88g6kLdb+yoXZrKQ=",
)]
fn svix_signatures_fit(#[case] row: (&str, &str, i64, &str), #[case] signature: &str) {
    for away in [-300, -1, 0, 1, 300] {
        assert_eq!(svix(row, signature, row.2 + away), Ok(()), "{away} s away");
    }
    for away in [-301, 301, -86_400, 86_400] {
        assert_eq!(svix(row, signature, row.2 + away), Err(Refusal::Stale(300)), "{away} s away");
    }
    let bare = (row.0.trim_start_matches("whsec_"), row.1, row.2, row.3);
    assert_eq!(svix(bare, signature, row.2), Ok(()), "without the prefix");
}

/// The right one anywhere in the list is enough.
#[rstest]
#[case(format!("v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= {SIGNED_1} v1,x"))]
#[case(format!("{SIGNED_1} v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=="))]
#[case(format!("v0, {SIGNED_1}"))]
#[case(format!("  {SIGNED_1}  "))]
fn a_svix_signature_may_be_one_of_several(#[case] signatures: String) {
    assert_eq!(svix(ROW_1, &signatures, ROW_1.2), Ok(()));
}

/// S27: no other version, and no part of it.
#[rstest]
#[case("v1,")]
#[case("v1")]
#[case("v1,g0hM9SsE")]
#[case("v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc=")]
#[case("v2,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
#[case("v0,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
#[case("v1a,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
#[case("V1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
#[case("v11,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
#[case(",g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
#[case("g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
#[case("v1=g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
#[case("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE")]
#[case("v1,g0hM9SsE-OTPJTGt_tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
#[case("v1,v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=")]
#[case("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=,v1")]
#[case("v1,83484cf52b04f8e4cf2531adfed9882ad4b2665137b852442d594d20e2c9d4e1")]
fn no_other_svix_signature_fits(#[case] signatures: &str) {
    assert_eq!(svix(ROW_1, signatures, ROW_1.2), Err(Refusal::Signature));
}

const TOKEN: &str = "12345";
const BASE: &str = "https://mycompany.com/myapp.php";
const QUERY: &str = "foo=1&bar=2";
const CALL: &[(&str, &str)] = &[
    ("CallSid", "CA1234567890ABCDE"),
    ("Caller", "+14158675309"),
    ("Digits", "1234"),
    ("From", "+14158675309"),
    ("To", "+18005551212"),
];

fn twilio(url: &str, query: &str, kind: &str, body: &str, signature: &str) -> Result<(), Refusal> {
    let headers = [("content-type", kind), ("x-twilio-signature", signature)];
    Endpoint::new(Provider::Twilio, TOKEN, 0).at(url).verify(&sent(query, &headers, body).delivery())
}

fn form(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

#[rstest]
#[case::as_given(BASE, QUERY, CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8=")]
#[case::over_443(BASE, QUERY, CALL, "kvajT1Ptam85bY51eRf/AJRuM3w=")]
#[case::a_port_of_ours("https://mycompany.com:1234/myapp.php", QUERY, CALL, "RSOYDt4T1cUTdK1PDd93/VVr8B8=")]
#[case::a_port_of_ours_on_http(
    "http://mycompany.com:1234/myapp.php",
    QUERY,
    CALL,
    "Zmvh+3yNM1Phv2jhDCwEM3q5ebU="
)]
#[case::over_80("http://mycompany.com/myapp.php", QUERY, CALL, "0ZXoZLH/DfblKGATFgpif+LLRf4=")]
#[case::user_info("https://user:pass@mycompany.com/myapp.php", QUERY, CALL, "CukzLTc1tT5dXEDIHm/tKBanW10=")]
#[case::re_encoded(BASE, "foo=1&bar=2&Body=It's+amazing", CALL, "TfZzewPq8wqrGlMfyAud8+/IvJ0=")]
#[case::duplicates(BASE, QUERY, &[("MessagingBinding.Address", "+1325xxxxxxx"), ("MessagingBinding.Address", "+1415xxxxxxx")],
    "83O6e2vORAoJHUNzJjDWN1jz+BA=")]
#[case::duplicates_the_other_way(BASE, QUERY,
    &[("MessagingBinding.Address", "+1415xxxxxxx"), ("MessagingBinding.Address", "+1325xxxxxxx")],
    "83O6e2vORAoJHUNzJjDWN1jz+BA=")]
#[case::distinct_values(BASE, QUERY,
    &[("Sid", "CA123"), ("SidAccount", "AC123"), ("Digits", "5678"), ("Digits", "1234"), ("Digits", "1234")],
    "IK+Dwps556ElfBT0I3Rgjkr1wJU=")]
fn twilio_forms_fit(
    #[case] url: &str,
    #[case] query: &str,
    #[case] pairs: &[(&str, &str)],
    #[case] signature: &str,
) {
    let kind = "application/x-www-form-urlencoded; charset=UTF-8";
    let whole = format!("{url}?{query}");
    assert_eq!(twilio(&whole, query, kind, &form(pairs), signature), Ok(()));
    // The query as it came counts, whatever was noted of it.
    assert_eq!(twilio(url, query, kind, &form(pairs), signature), Ok(()));
    assert_eq!(twilio(&format!("{whole}#rc=2&rp=all"), query, kind, &form(pairs), signature), Ok(()));
    let reversed: Vec<_> = pairs.iter().rev().copied().collect();
    assert_eq!(twilio(&whole, query, kind, &form(&reversed), signature), Ok(()), "in another order");

    // A new parameter is signed too; one that was signed is missed.
    let more = [pairs, &[("New", "1")]].concat();
    assert_eq!(twilio(&whole, query, kind, &form(&more), signature), Err(Refusal::Signature));
    assert_eq!(twilio(&whole, query, kind, &form(&pairs[1..]), signature), Err(Refusal::Signature));
    for (url, query) in [
        (whole.as_str(), "foo=1"),
        (&whole, ""),
        (&whole, "foo=1&bar=2&baz=3"),
        (&whole, "bar=2&foo=1"),
        ("https://other.com/myapp.php", query),
        ("https://mycompany.com/other.php", query),
        ("https://mycompany.com/myapp.php/", query),
        ("ftp://mycompany.com/myapp.php", query),
    ] {
        let told = twilio(url, query, kind, &form(pairs), signature);
        assert_eq!(told, Err(Refusal::Signature), "{url} {query}");
    }
    for kind in ["application/json", "text/plain", "", "multipart/form-data"] {
        assert_eq!(twilio(&whole, query, kind, &form(pairs), signature), Err(Refusal::Body), "{kind}");
    }
}

const JSON: &str = r#"{"property": "value", "boolean": true}"#;
const JSON_HASH: &str = "bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";

#[rstest]
#[case("foo=1&bar=2&", JSON_HASH, JSON, "a9nBmqA0ju/hNViExpshrM61xv4=")]
#[case("", JSON_HASH, JSON, "y77kIzt2vzLz71DgmJGsen2scGs=")]
#[case(
    "foo=1&bar=2&",
    "bodySHA256=44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
    "{}",
    "Ldidvp12m26NI7eqEvxnEpkd9Hc="
)]
fn twilio_json_fits(#[case] before: &str, #[case] hash: &str, #[case] body: &str, #[case] signature: &str) {
    let query = format!("{before}{hash}");
    for url in [BASE.to_owned(), format!("{BASE}?foo=1&bar=2")] {
        assert_eq!(twilio(&url, &query, "application/json", body, signature), Ok(()), "{url}");
    }
    assert_eq!(twilio(BASE, &query, "application/json", &format!("{body} "), signature), Err(Refusal::Body));
    // A hash that fits the body, but was not signed.
    let other = "bodySHA256=4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945";
    let query = format!("{before}{other}");
    assert_eq!(twilio(BASE, &query, "application/json", "[]", signature), Err(Refusal::Signature));
    for query in [
        before.trim_end_matches('&').to_owned(),
        format!("{before}{hash}&x=1"),
        format!("{before}bodySHA256="),
    ] {
        let told = twilio(BASE, &query, "application/json", body, signature);
        assert_eq!(told, Err(Refusal::Body), "{query}");
    }
}

#[test]
fn a_whatsapp_message_fits() {
    let (account, own) = (format!("AC{}", "a".repeat(32)), format!("SM{}", "b".repeat(32)));
    let answered = format!("SM{}", "c".repeat(32));
    let body = form(&[
        ("AccountSid", &account),
        ("ApiVersion", "2010-04-01"),
        ("Body", "Hi \u{2014} yes, Tuesday works"),
        ("From", "whatsapp:+15558675310"),
        ("MessageSid", &own),
        ("SmsMessageSid", &own),
        ("SmsSid", &own),
        ("NumMedia", "0"),
        ("NumSegments", "1"),
        ("OriginalRepliedMessageSid", &answered),
        ("ProfileName", "Ann"),
        ("SmsStatus", "received"),
        ("To", "whatsapp:+14155552345"),
        ("WaId", "15558675310"),
    ]);
    let (url, kind) = ("https://hooks.example.com/in/twilio", "application/x-www-form-urlencoded");
    assert_eq!(twilio(url, "", kind, &body, "C1NUrT8hupOzKVVhLPm38fn5IIs="), Ok(()));
    assert_eq!(twilio(url, "", kind, &body, "C1NUrT8hupOzKVVhLPm38fn5IIt="), Err(Refusal::Signature));
}

/// R12: what signs an address needs to know which.
#[test]
fn twilio_without_an_address_is_refused() {
    let mut endpoint = Endpoint::new(Provider::Twilio, TOKEN, 0);
    for none in [None, Some(String::new())] {
        endpoint.url = none;
        let told = endpoint
            .verify(&sent("", &[("x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8=")], "").delivery());
        assert_eq!(told, Err(Refusal::NoAddress(Provider::Twilio)));
    }
}

const CALENDLY: (&str, i64, &str) = (
    "5mEzn9C-I28UtwOjZJtFoob0sAAFZ95GbZkqj4y3i0I",
    1_492_774_577,
    r#"{"event":"invitee.created","created_at":"2020-11-23T17:51:19.000000Z","payload":{"uri":"https://api.calendly.com/scheduled_events/AAAAAAAAAAAAAAAA/invitees/AAAAAAAAAAAAAAAA","email":"test@example.com"}}"#,
);
const CALENDLY_MAC: &str = "0d53e708d2fd48b459fd381c582bd2ecc1cb43a8e4c586f57b3edf4fb77382a8";

fn calendly(header: &str, now: i64) -> Result<(), Refusal> {
    let (secret, _, body) = CALENDLY;
    let sent = sent("", &[("calendly-webhook-signature", header)], body);
    Endpoint::new(Provider::Calendly, secret, now).verify(&sent.delivery())
}

#[test]
fn calendly_signatures_fit() {
    let at = CALENDLY.1;
    let zeros = "0".repeat(64);
    for header in [
        format!("t={at},v1={CALENDLY_MAC}"),
        format!("v1={CALENDLY_MAC},t={at}"),
        format!("t={at}, v1={CALENDLY_MAC}"),
        format!("t={at},v1={zeros},v1={CALENDLY_MAC}"),
        format!("t={at},v1={CALENDLY_MAC},v1={zeros}"),
        format!("t={at},v2={zeros},v1={CALENDLY_MAC},x"),
    ] {
        assert_eq!(calendly(&header, at), Ok(()), "{header}");
    }
    let header = format!("t={at},v1={CALENDLY_MAC}");
    for away in [-180, 180] {
        assert_eq!(calendly(&header, at + away), Ok(()));
        assert_eq!(calendly(&header, at + away + away.signum()), Err(Refusal::Stale(180)));
    }
}

/// S27, S29.
#[rstest]
#[case(
    "t=1492774577,v0=0d53e708d2fd48b459fd381c582bd2ecc1cb43a8e4c586f57b3edf4fb77382a8",
    Refusal::Signature
)]
#[case(
    "t=1492774577,v2=0d53e708d2fd48b459fd381c582bd2ecc1cb43a8e4c586f57b3edf4fb77382a8",
    Refusal::Signature
)]
#[case(
    "t=1492774577,v1a=0d53e708d2fd48b459fd381c582bd2ecc1cb43a8e4c586f57b3edf4fb77382a8",
    Refusal::Signature
)]
#[case("t=1492774577,0d53e708d2fd48b459fd381c582bd2ecc1cb43a8e4c586f57b3edf4fb77382a8", Refusal::Signature)]
#[case(
    "t=1492774577,v1=0D53E708D2FD48B459FD381C582BD2ECC1CB43A8E4C586F57B3EDF4FB77382A8",
    Refusal::Signature
)]
#[case("t=1492774577,v1=0d53e708", Refusal::Signature)]
#[case("t=1492774577,v1=", Refusal::Signature)]
#[case("t=1492774577", Refusal::Signature)]
#[case(
    "t=1492774578,v1=0d53e708d2fd48b459fd381c582bd2ecc1cb43a8e4c586f57b3edf4fb77382a8",
    Refusal::Signature
)]
#[case("v1=0d53e708d2fd48b459fd381c582bd2ecc1cb43a8e4c586f57b3edf4fb77382a8", Refusal::Timestamp)]
#[case(
    "t=1492774577,t=1492774577,v1=0d53e708d2fd48b459fd381c582bd2ecc1cb43a8e4c586f57b3edf4fb77382a8",
    Refusal::Timestamp
)]
#[case(
    "t=1492774577000,v1=0d53e708d2fd48b459fd381c582bd2ecc1cb43a8e4c586f57b3edf4fb77382a8",
    Refusal::Stale(180)
)]
#[case(
    "t=-1492774577,v1=0d53e708d2fd48b459fd381c582bd2ecc1cb43a8e4c586f57b3edf4fb77382a8",
    Refusal::Timestamp
)]
#[case(
    "t=+1492774577,v1=0d53e708d2fd48b459fd381c582bd2ecc1cb43a8e4c586f57b3edf4fb77382a8",
    Refusal::Timestamp
)]
#[case(
    "t=1492774577.0,v1=0d53e708d2fd48b459fd381c582bd2ecc1cb43a8e4c586f57b3edf4fb77382a8",
    Refusal::Timestamp
)]
#[case("t=,v1=0d53e708d2fd48b459fd381c582bd2ecc1cb43a8e4c586f57b3edf4fb77382a8", Refusal::Timestamp)]
#[case(
    "T=1492774577,V1=0d53e708d2fd48b459fd381c582bd2ecc1cb43a8e4c586f57b3edf4fb77382a8",
    Refusal::Timestamp
)]
fn no_other_calendly_header_fits(#[case] header: &str, #[case] refusal: Refusal) {
    assert_eq!(calendly(header, CALENDLY.1), Err(refusal));
}

fn hex_signed(provider: Provider, secret: &str, name: &str, value: &str, body: &str) -> Result<(), Refusal> {
    Endpoint::new(provider, secret, 0).verify(&sent("", &[(name, value)], body).delivery())
}

const CALCOM_BODY: &str = r#"{"triggerEvent":"BOOKING_CREATED","createdAt":"2023-05-24T09:30:00.538Z","payload":{"uid":"bFJeNb2uX8ANpT3JL5EfXw"}}"#;

#[rstest]
#[case("16767320c128fb4acf770279ac40192b390b9dda4295d15e596ec24a395aec33", Ok(()))]
#[case("no-secret-provided", Err(Refusal::Signature))]
#[case("sha256=16767320c128fb4acf770279ac40192b390b9dda4295d15e596ec24a395aec33", Err(Refusal::Signature))]
#[case("16767320C128FB4ACF770279AC40192B390B9DDA4295D15E596EC24A395AEC33", Err(Refusal::Signature))]
#[case(" 16767320c128fb4acf770279ac40192b390b9dda4295d15e596ec24a395aec33", Err(Refusal::Signature))]
#[case("FnZzIMEo+0rPdwJ5rEAZKzkLndpCldFeWW7CSjla7DM=", Err(Refusal::Signature))]
#[case("16767320c128fb4a", Err(Refusal::Signature))]
#[case("", Err(Refusal::Signature))]
fn calcom_signatures(#[case] value: &str, #[case] expected: Result<(), Refusal>) {
    let told = hex_signed(Provider::CalCom, "cal-webhook-secret", "x-cal-signature-256", value, CALCOM_BODY);
    assert_eq!(told, expected);
}

/// A provider without a secret sends words in place of a signature; so does anybody else.
#[test]
fn calcom_without_a_secret_is_refused() {
    for secret in ["", "no-secret-provided"] {
        let told =
            hex_signed(Provider::CalCom, secret, "x-cal-signature-256", "no-secret-provided", CALCOM_BODY);
        assert!(told.is_err());
    }
}

const META_BODY: &str = r#"{"object":"instagram","entry":[{"id":"17841400000000000","time":1767225600000,"messaging":[{"sender":{"id":"1111111111111111"},"recipient":{"id":"17841400000000000"},"timestamp":1767225599000,"message":{"mid":"m_abc","text":"caf\u00e9"}}]}]}"#;
const META_SECRET: &str = "0123456789abcdef0123456789abcdef";
const META_MAC: &str = "f25279b55d9addcd6ed3fd3db16888e25ec83f9fb84dc633f4ae9874b313664d";

#[test]
fn meta_signatures_fit() {
    let verify = |secret, value: &str, body| {
        hex_signed(Provider::Instagram, secret, "x-hub-signature-256", value, body)
    };
    assert_eq!(verify(META_SECRET, &format!("sha256={META_MAC}"), META_BODY), Ok(()));
    let written_out = META_BODY.replace(r"\u00e9", "\u{e9}");
    assert_eq!(verify(META_SECRET, &format!("sha256={META_MAC}"), &written_out), Err(Refusal::Signature));
    let github = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17";
    assert_eq!(verify("It's a Secret to Everybody", github, "Hello, World!"), Ok(()));
    assert_eq!(verify("It's a Secret to Everybody", github, "Hello, World"), Err(Refusal::Signature));
}

/// S27: no SHA-1, no other word before it, no other spelling.
#[rstest]
#[case("")]
#[case("sha256=")]
#[case("sha1=f25279b55d9addcd6ed3fd3db16888e25ec83f9fb84dc633f4ae9874b313664d")]
#[case("sha1=f25279b55d9addcd6ed3fd3db16888e25ec83f9f")]
#[case("f25279b55d9addcd6ed3fd3db16888e25ec83f9fb84dc633f4ae9874b313664d")]
#[case("SHA256=f25279b55d9addcd6ed3fd3db16888e25ec83f9fb84dc633f4ae9874b313664d")]
#[case("sha512=f25279b55d9addcd6ed3fd3db16888e25ec83f9fb84dc633f4ae9874b313664d")]
#[case("sha256:f25279b55d9addcd6ed3fd3db16888e25ec83f9fb84dc633f4ae9874b313664d")]
#[case("sha256= f25279b55d9addcd6ed3fd3db16888e25ec83f9fb84dc633f4ae9874b313664d")]
#[case("sha256=F25279B55D9ADDCD6ED3FD3DB16888E25EC83F9FB84DC633F4AE9874B313664D")]
#[case("sha256=f25279b55d9addcd")]
#[case("sha256=sha256=f25279b55d9addcd6ed3fd3db16888e25ec83f9fb84dc633f4ae9874b313664d")]
fn no_other_meta_header_fits(#[case] value: &str) {
    let told = hex_signed(Provider::Instagram, META_SECRET, "x-hub-signature-256", value, META_BODY);
    assert_eq!(told, Err(Refusal::Signature));
}

/// S27: the older header proves nothing.
#[test]
fn meta_sha1_alone_is_refused() {
    let told = hex_signed(Provider::Instagram, META_SECRET, "x-hub-signature", "sha1=00", META_BODY);
    assert_eq!(told, Err(Refusal::Header("x-hub-signature-256")));
}

const LINKEDIN_BODY: &str = r#"{"type":"ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS","notifications":[{"notificationId":1234567,"action":"COMMENT"}]}"#;
const LINKEDIN_MAC: &str = "33057b1ab808b493471868db0fefed8f5acf43511c5a7281cc655cb5eb6e2150";

#[rstest]
#[case("33057b1ab808b493471868db0fefed8f5acf43511c5a7281cc655cb5eb6e2150", Ok(()))]
#[case("hmacsha256=33057b1ab808b493471868db0fefed8f5acf43511c5a7281cc655cb5eb6e2150", Ok(()))]
#[case(
    "HMACSHA256=33057b1ab808b493471868db0fefed8f5acf43511c5a7281cc655cb5eb6e2150",
    Err(Refusal::Signature)
)]
#[case("sha256=33057b1ab808b493471868db0fefed8f5acf43511c5a7281cc655cb5eb6e2150", Err(Refusal::Signature))]
#[case(
    "hmacsha256=hmacsha256=33057b1ab808b493471868db0fefed8f5acf43511c5a7281cc655cb5eb6e2150",
    Err(Refusal::Signature)
)]
#[case("33057B1AB808B493471868DB0FEFED8F5ACF43511C5A7281CC655CB5EB6E2150", Err(Refusal::Signature))]
#[case("hmacsha256=", Err(Refusal::Signature))]
#[case("", Err(Refusal::Signature))]
#[case("313e20a5110164b82333ba6cb7cdad9e864a8e809bb93b22935d24b57f42823f", Err(Refusal::Signature))]
fn linkedin_signatures(#[case] value: &str, #[case] expected: Result<(), Refusal>) {
    let told = hex_signed(Provider::Linkedin, "li-client-secret", "x-li-signature", value, LINKEDIN_BODY);
    assert_eq!(told, expected);
}

/// The word before the body is a part of what is signed: the code of the body alone is another.
#[test]
fn linkedin_signs_the_word_too() {
    let signed = countersign_adapters::sandbox::hooks::Caller {
        provider: Provider::CalCom,
        secret: "li-client-secret",
        url: "",
        at: jiff::Timestamp::UNIX_EPOCH,
    };
    let alone = crate::desk::header(&signed.sign("", LINKEDIN_BODY.as_bytes()), "x-cal-signature-256");
    let verify = |value: &str| {
        hex_signed(Provider::Linkedin, "li-client-secret", "x-li-signature", value, LINKEDIN_BODY)
    };
    assert_eq!(verify(&alone), Err(Refusal::Signature));
    assert_eq!(verify(LINKEDIN_MAC), Ok(()));
}
