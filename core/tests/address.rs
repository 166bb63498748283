//! What may stand where an address, a header value or a telephone number is expected.
#[path = "../../tests/src/hostile.rs"]
pub mod hostile;

use countersign_core::contact::address::{
    AddressError, Mailbox, domain_of, email, has_mixed_script, header_value, mailbox, phone,
};
use hostile::{Category, corpus};
use proptest::prelude::*;
use rstest::rstest;

#[rstest]
#[case("ana@example.com", "ana@example.com")]
#[case("Ana.Ruiz+crm@Example.COM", "Ana.Ruiz+crm@example.com")]
#[case("o'hara@sub.example.co.uk", "o'hara@sub.example.co.uk")]
#[case("a@xn--bcher-kva.example", "a@xn--bcher-kva.example")]
#[case("a@Bücher.example", "a@bücher.example")]
#[case("a@例え.テスト", "a@例え.テスト")]
#[case("a@דוגמה.example", "a@דוגמה.example")]
#[case("a@1.example", "a@1.example")]
fn plain_address_is_kept_with_its_domain_in_lower_case(#[case] raw: &str, #[case] address: &str) {
    let parts = email(raw).expect("it is an address");
    assert_eq!(parts.address, address);
    assert_eq!(domain_of(&parts.address), Some(parts.domain.as_str()));
}

/// S16: one entry is one recipient.
#[rstest]
#[case("a@example.com, b@example.com")]
#[case("a@example.com,b@example.com")]
#[case("a@example.com; b@example.com")]
#[case("a@b@example.com")]
#[case("a@example.com b@example.com")]
#[case("a@example.com\nb@example.com")]
#[case("group: a@example.com, b@example.com;")]
#[case("a,b@example.com")]
fn two_recipients_in_one_entry_are_refused(#[case] raw: &str) {
    assert!(matches!(email(raw), Err(AddressError::NotOne(_))), "{:?}", email(raw));
    assert!(mailbox(raw).is_err());
}

#[rstest]
#[case("Ana <ana@example.com>")]
#[case("<ana@example.com>")]
#[case("ana@example.com (work)")]
#[case("\"ana ruiz\"@example.com")]
#[case("ana@[127.0.0.1]")]
#[case("mailto:ana@example.com")]
#[case("ana\\@example.com")]
fn more_than_an_address_is_refused(#[case] raw: &str) {
    assert!(matches!(email(raw), Err(AddressError::NotPlain(_))), "{:?}", email(raw));
}

#[rstest]
#[case("@example.com")]
#[case(".ana@example.com")]
#[case("ana.@example.com")]
#[case("a..b@example.com")]
#[case("a b@example.com")]
#[case(" ana@example.com")]
#[case("аna@example.com")]
#[case("ana\u{200b}@example.com")]
#[case("ana\u{0}@example.com")]
#[case("a234567890123456789012345678901234567890123456789012345678901234x@example.com")]
fn unusual_local_part_is_refused(#[case] raw: &str) {
    assert!(matches!(email(raw), Err(AddressError::BadLocal(_))), "{:?}", email(raw));
}

#[rstest]
#[case("ana")]
#[case("ana@")]
#[case("ana@localhost")]
#[case("ana@example..com")]
#[case("ana@.example.com")]
#[case("ana@example.com.")]
#[case("ana@-example.com")]
#[case("ana@example-.com")]
#[case("ana@exa_mple.com")]
#[case("ana@127.0.0.1")]
#[case("ana@example.com ")]
#[case("ana@exam\u{ad}ple.com")]
#[case("ana@exam\u{200d}ple.com")]
#[case("ana@example\u{3002}com.example")]
#[case("ana@ｅxample.com")]
#[case("ana@𝐞xample.com")]
#[case("ana@example.com/x")]
#[case("ana@example.com?bcc=b")]
#[case("ana@a234567890123456789012345678901234567890123456789012345678901234.com")]
fn unusual_domain_is_refused(#[case] raw: &str) {
    assert!(matches!(email(raw), Err(AddressError::BadDomain(_))), "{:?}", email(raw));
}

#[test]
fn address_of_254_bytes_is_the_longest() {
    let domain = |length: usize| format!("{}.example", "a.".repeat(100) + &"b".repeat(length));
    let raw = format!("{}@{}", "l".repeat(20), domain(25));
    assert_eq!(raw.len(), 254);
    assert!(email(&raw).is_ok(), "{:?}", email(&raw));
    assert_eq!(email(&format!("x{raw}")), Err(AddressError::TooLong(255)));
    assert_eq!(email(""), Err(AddressError::Empty));
}

#[rstest]
#[case("ana@example.com", None)]
#[case("Ana <ana@example.com>", Some("Ana"))]
#[case("<ana@example.com>", None)]
#[case("Ana Ruiz Jr. <ana@example.com>", Some("Ana Ruiz Jr."))]
#[case("\"Example, Inc.\" <ana@example.com>", Some("Example, Inc."))]
#[case("\"Ana \\\"A\\\" Ruiz\" <ana@example.com>", Some("Ana \"A\" Ruiz"))]
#[case("דנה <ana@example.com>", Some("דנה"))]
fn mailbox_has_a_name_and_an_address(#[case] raw: &str, #[case] name: Option<&str>) {
    let expected = Mailbox { name: name.map(str::to_owned), address: "ana@example.com".to_owned() };
    assert_eq!(mailbox(raw), Ok(expected));
}

/// S15, S16.
#[rstest]
#[case("Ana, Bob <ana@example.com>")]
#[case("ceo@example.com <ana@example.com>")]
#[case("Ana <ana@example.com>, Bob <bob@example.com>")]
#[case("Ana <ana@example.com> x")]
#[case("Ana <ana@example.com")]
#[case("Ana ana@example.com>")]
#[case("\"Ana <ana@example.com>")]
#[case("\"A\" B\" <ana@example.com>")]
#[case("Team: <ana@example.com>")]
#[case("Ana (work) <ana@example.com>")]
#[case("Ana\r\nBcc: b@example.com <ana@example.com>")]
#[case("=?utf-8?B?Q0VP?= <ana@example.com>")]
#[case("Ana <a@example.com,b@example.com>")]
#[case("Ana <<ana@example.com>>")]
#[case("Ana <>")]
#[case("")]
fn ambiguous_mailbox_is_refused(#[case] raw: &str) {
    assert!(mailbox(raw).is_err(), "{:?}", mailbox(raw));
}

/// S15: every control character and every line separator is refused, wherever it stands.
#[test]
fn no_control_character_gets_into_a_header() {
    let characters = ('\0'..='\u{1f}').chain('\u{7f}'..='\u{9f}').chain(['\u{2028}', '\u{2029}']);
    for c in characters {
        for raw in [format!("a{c}b"), format!("{c}"), format!("a{c}")] {
            assert!(matches!(header_value("subject", &raw), Err(AddressError::BadHeader { .. })), "{raw:?}");
        }
    }
}

#[rstest]
#[case("Quarterly plan – Q3 ✔")]
#[case("שלום")]
#[case("")]
#[case("1 = 2 ?")]
fn ordinary_header_is_accepted(#[case] raw: &str) {
    assert_eq!(header_value("subject", raw), Ok(()));
}

#[test]
fn header_of_998_bytes_is_the_longest() {
    assert!(header_value("subject", &"a".repeat(998)).is_ok());
    let refused = header_value("subject", &"a".repeat(999));
    assert_eq!(refused, Err(AddressError::HeaderTooLong { field: "subject".to_owned(), bytes: 999 }));
}

/// S15: an encoded word would reach the recipient as another text than the one that was approved.
#[test]
fn encoded_word_is_refused_in_a_header() {
    assert!(matches!(header_value("subject", "=?utf-8?Q?Hi?="), Err(AddressError::EncodedWord { .. })));
}

#[rstest]
#[case(AddressError::BadHeader { field: "subject".into(), character: "<LF>".into() }, "subject holds <LF>, which is not allowed in a header; remove it")]
#[case(AddressError::Empty, "the address is empty; give one like ana@example.com")]
fn refusals_name_the_fix(#[case] error: AddressError, #[case] sentence: &str) {
    assert_eq!(error.to_string(), sentence);
}

#[rstest]
#[case("+442071234567", true)]
#[case("+1234567", true)]
#[case("+123456789012345", true)]
#[case("+1234567890123456", false)]
#[case("+123456", false)]
#[case("+0442071234567", false)]
#[case("442071234567", false)]
#[case("00442071234567", false)]
#[case("+44 20 7123 4567", false)]
#[case("+44(0)2071234567", false)]
#[case("+٤٤٢٠٧١٢٣٤٥٦٧", false)]
#[case("+4420712345\n", false)]
#[case("whatsapp:+442071234567", false)]
#[case("", false)]
fn phone_numbers_have_the_form_of_e164(#[case] raw: &str, #[case] is_number: bool) {
    assert_eq!(phone(raw).is_ok(), is_number);
    assert_eq!(phone(raw).ok().as_deref(), is_number.then_some(raw));
}

/// S4.
#[rstest]
#[case("раypal.com", true)]
#[case("ana@exаmple.com", true)]
#[case("αna@example.com", true)]
#[case("pay-раl.com", true)]
#[case("example.com", false)]
#[case("пример.com", false)]
#[case("bücher.example", false)]
#[case("Ана Ruiz", false)]
#[case("例え.jp", false)]
#[case("東京tokyo.jp", false)]
#[case("", false)]
fn mixed_scripts_in_one_label_are_flagged(#[case] text: &str, #[case] is_mixed: bool) {
    assert_eq!(has_mixed_script(text), is_mixed);
}

#[rstest]
#[case("a@b.example", Some("b.example"))]
#[case("a@b@c", Some("c"))]
#[case("a", None)]
#[case("a@", None)]
#[case("", None)]
fn domain_is_what_follows_the_last_at(#[case] address: &str, #[case] domain: Option<&str>) {
    assert_eq!(domain_of(address), domain);
}

/// S15, S16: nothing hostile is an address, and what is refused is repeated without its teeth.
#[test]
fn hidden_characters_never_make_an_address() {
    for hostile in corpus().into_iter().filter(|hostile| hostile.category.must_warn()) {
        for raw in
            [hostile.text.clone(), format!("{}@example.com", hostile.text), format!("a@{}.com", hostile.text)]
        {
            let error = email(&raw).expect_err("it is not an address").to_string();
            assert!(!error.chars().any(char::is_control), "{error:?}");
        }
    }
}

/// S15.
#[test]
fn line_breaking_injections_are_no_headers() {
    let breaks = |text: &str| text.contains(['\r', '\n', '\0', '\u{85}', '\u{2028}', '\u{b}']);
    let injections = corpus().into_iter().filter(|hostile| hostile.category == Category::Injection);
    let (breaking, other): (Vec<_>, Vec<_>) = injections.partition(|hostile| breaks(&hostile.text));
    assert!(breaking.len() >= 7);
    assert!(breaking.iter().all(|hostile| header_value("subject", &hostile.text).is_err()));
    assert!(
        other
            .iter()
            .all(|hostile| hostile.text.starts_with("=?") || header_value("subject", &hostile.text).is_ok())
    );
}

proptest! {
    /// S16: an accepted address has one `@`, no separator and nothing invisible.
    #[test]
    fn accepted_addresses_are_plain(raw in "[a-z@., <>\"\\p{Any}]{0,4}@?[a-z.\\p{Any}]{0,4}(@example)?[.]com") {
        if let Ok(parts) = email(&raw) {
            prop_assert_eq!(parts.address.matches('@').count(), 1);
            prop_assert!(!parts.address.contains([',', ';', ' ', '<', '>', '"', '\n', '\r']));
            let again = email(&parts.address);
            prop_assert_eq!(again.as_ref(), Ok(&parts));
        }
    }
}
