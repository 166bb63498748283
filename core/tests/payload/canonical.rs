//! The canonical form itself: the examples of RFC 8785, and agreement with the second implementation.
use countersign_core::activity::payload::{Envelope, PayloadHash};
use proptest::prelude::*;
use rstest::rstest;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::arbitrary::{any_envelope, rewritten};
use super::reference;

/// RFC 8785, 3.2.2 and 3.2.4.
#[test]
fn literals_strings_and_numbers_have_the_form_of_the_rfc() {
    let input = r#"{
        "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
        "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
        "literals": [null, true, false]
    }"#;
    let expected = r#"{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\u000f\nA'B\"\\\\\"/"}"#;
    assert_eq!(library(&serde_json::from_str(input).expect("it is JSON")), expected);
}

/// RFC 8785, 3.2.3: keys are sorted by their UTF-16 form, so the emoji stands before the Hebrew letter.
#[test]
fn keys_are_sorted_as_in_the_rfc() {
    let input = json!({
        "\u{20ac}": "Euro Sign", "\r": "Carriage Return", "\u{fb33}": "Hebrew Letter Dalet With Dagesh", "1": "One",
        "\u{1f600}": "Emoji: Grinning Face", "\u{80}": "Control", "\u{f6}": "Latin Small Letter O With Diaeresis",
    });
    let expected = "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\u{80}\":\"Control\",\"\u{f6}\":\"Latin Small Letter O With Diaeresis\",\
                    \"\u{20ac}\":\"Euro Sign\",\"\u{1f600}\":\"Emoji: Grinning Face\",\"\u{fb33}\":\"Hebrew Letter Dalet With Dagesh\"}";
    assert_eq!(library(&input), expected);
    assert_eq!(reference::canonical(&input), expected);
}

/// RFC 8785, appendix B.
#[rstest]
#[case(0x0000_0000_0000_0000, "0")]
#[case(0x8000_0000_0000_0000, "0")]
#[case(0x0000_0000_0000_0001, "5e-324")]
#[case(0x8000_0000_0000_0001, "-5e-324")]
#[case(0x7fef_ffff_ffff_ffff, "1.7976931348623157e+308")]
#[case(0xffef_ffff_ffff_ffff, "-1.7976931348623157e+308")]
#[case(0x4340_0000_0000_0000, "9007199254740992")]
#[case(0xc340_0000_0000_0000, "-9007199254740992")]
#[case(0x4430_0000_0000_0000, "295147905179352830000")]
#[case(0x44b5_2d02_c7e1_4af5, "9.999999999999997e+22")]
#[case(0x44b5_2d02_c7e1_4af6, "1e+23")]
#[case(0x44b5_2d02_c7e1_4af7, "1.0000000000000001e+23")]
#[case(0x444b_1ae4_d6e2_ef4e, "999999999999999700000")]
#[case(0x444b_1ae4_d6e2_ef4f, "999999999999999900000")]
#[case(0x444b_1ae4_d6e2_ef50, "1e+21")]
#[case(0x3eb0_c6f7_a0b5_ed8c, "9.999999999999997e-7")]
#[case(0x3eb0_c6f7_a0b5_ed8d, "0.000001")]
#[case(0x41b3_de43_5555_5553, "333333333.3333332")]
#[case(0x41b3_de43_5555_5554, "333333333.33333325")]
#[case(0x41b3_de43_5555_5555, "333333333.3333333")]
#[case(0x41b3_de43_5555_5556, "333333333.3333334")]
#[case(0x41b3_de43_5555_5557, "333333333.33333343")]
#[case(0xbecb_f647_612f_3696, "-0.0000033333333333333333")]
#[case(0x4314_3ff3_c1cb_0959, "1424953923781206.2")]
fn numbers_have_the_form_of_the_rfc(#[case] bits: u64, #[case] expected: &str) {
    assert_eq!(library(&json!(f64::from_bits(bits))), expected);
}

fn library(value: &Value) -> String {
    serde_json_canonicalizer::to_string(value).expect("it has a canonical form")
}

proptest! {
    /// S8, R8: order of fields, white space and escapes carry no meaning.
    #[test]
    fn same_meaning_has_the_same_bytes(envelope in any_envelope(), mut seed in any::<u64>()) {
        let sealed = envelope.seal().expect("it can be sealed");
        let mut other = String::new();
        rewritten(&serde_json::to_value(&envelope).expect("it is JSON"), &mut seed, &mut other);
        let read = Envelope::open(other.as_bytes()).expect("it is the same JSON");
        prop_assert_eq!(read.seal().expect("it can be sealed"), sealed);
    }

    /// R8: what is stored is what is sent.
    #[test]
    fn sealed_envelope_opens_as_it_was(envelope in any_envelope()) {
        let sealed = envelope.seal().expect("it can be sealed");
        prop_assert_eq!(&Envelope::open(sealed.bytes()).expect("it was sealed"), &envelope);
    }

    /// S8: two implementations agree on the bytes and on the hash.
    #[test]
    fn second_implementation_finds_the_same_hash(envelope in any_envelope()) {
        let sealed = envelope.seal().expect("it can be sealed");
        let reference = reference::canonical(&serde_json::to_value(&envelope).expect("it is JSON"));
        prop_assert_eq!(std::str::from_utf8(sealed.bytes()).expect("JSON is text"), &reference);
        let digest = Sha256::digest(reference.as_bytes());
        prop_assert_eq!(Some(sealed.sha256()), PayloadHash::from_bytes(&digest));
    }

    /// S8: different messages never share their bytes.
    #[test]
    fn different_meaning_has_different_bytes(one in any_envelope(), other in any_envelope()) {
        let same = one.seal().expect("it can be sealed").bytes() == other.seal().expect("it can be sealed").bytes();
        prop_assert_eq!(same, one == other);
    }

    #[test]
    fn hash_reads_back_from_its_text(bytes in any::<Vec<u8>>()) {
        let hash = PayloadHash::of(&bytes);
        prop_assert_eq!(hash.to_string().parse(), Ok(hash));
        prop_assert_eq!(PayloadHash::from_bytes(hash.as_bytes()), Some(hash));
    }
}
