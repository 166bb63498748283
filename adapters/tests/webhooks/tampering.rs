//! Nothing of a delivery can be changed, and nobody else's secret fits.
use countersign_core::inbound::provider::Refusal;

use crate::desk::{Scheme, header, schemes, with_header, without_header};

fn each(run: impl Fn(&Scheme)) {
    schemes().iter().for_each(|scheme| {
        assert_eq!(scheme.endpoint.verify(&scheme.sent.delivery()), Ok(()), "{}", scheme.name);
        run(scheme);
    });
}

/// S26: each byte of the body, changed in three ways.
#[test]
fn a_changed_byte_of_the_body_is_refused() {
    each(|scheme| {
        for at in 0..scheme.sent.body.len() {
            for flip in [0x01, 0x10, 0x80] {
                let mut changed = scheme.sent.clone();
                changed.body[at] ^= flip;
                // In a form a sign has other spellings, which say the same.
                if scheme.name == "twilio form" && same_form(&changed.body, &scheme.sent.body) {
                    continue;
                }
                let told = scheme.endpoint.verify(&changed.delivery());
                assert!(told.is_err(), "{} at {at} by {flip:#x}", scheme.name);
            }
        }
    });
}

fn same_form(one: &[u8], other: &[u8]) -> bool {
    let pairs = |body| {
        let mut pairs: Vec<_> = form_urlencoded::parse(body).into_owned().collect();
        pairs.sort();
        pairs
    };
    pairs(one) == pairs(other)
}

/// S26: each character of each header that is signed or signs.
#[test]
fn a_changed_character_of_a_signed_header_is_refused() {
    each(|scheme| {
        for name in scheme.signed {
            let value = header(&scheme.sent, name);
            for at in 0..value.len() {
                for flip in [0x01, 0x02, 0x20] {
                    let mut bytes = value.clone().into_bytes();
                    bytes[at] ^= flip;
                    let changed = with_header(&scheme.sent, name, std::str::from_utf8(&bytes).unwrap());
                    let told = scheme.endpoint.verify(&changed.delivery());
                    assert!(told.is_err(), "{} {name} at {at} by {flip:#x}", scheme.name);
                }
            }
        }
    });
}

/// S26: cut short, lengthened, and without what it is made of.
#[test]
fn what_is_cut_or_lengthened_is_refused() {
    each(|scheme| {
        let body = &scheme.sent.body;
        let others: Vec<Vec<u8>> = vec![
            Vec::new(),
            body[1..].to_vec(),
            body[..body.len() - 1].to_vec(),
            [body, &b"\n"[..]].concat(),
            [&b"\xef\xbb\xbf"[..], body].concat(),
            [&body[..], body].concat(),
        ];
        for body in others {
            let mut changed = scheme.sent.clone();
            changed.body = body;
            assert!(scheme.endpoint.verify(&changed.delivery()).is_err(), "{}", scheme.name);
        }
        for name in scheme.signed {
            let value = header(&scheme.sent, name);
            let half = &value[..value.len() / 2];
            let longer = format!("{value}0");
            for other in
                ["", half, &value[1..], &value[..value.len() - 1], &longer, "=", "sha256=", "v1,", "t=,v1="]
            {
                let changed = with_header(&scheme.sent, name, other);
                assert!(
                    scheme.endpoint.verify(&changed.delivery()).is_err(),
                    "{} {name}: {other}",
                    scheme.name
                );
            }
        }
    });
}

/// S26: a header that is missing, there twice or not ASCII is said to be that.
#[test]
fn a_header_is_there_once_or_the_delivery_is_refused() {
    each(|scheme| {
        for name in scheme.signed {
            let refused = Err(Refusal::Header(name));
            let missing = without_header(&scheme.sent, name);
            assert_eq!(scheme.endpoint.verify(&missing.delivery()), refused, "{}", scheme.name);
            let mut twice = scheme.sent.clone();
            twice.headers.push(((*name).to_owned(), header(&scheme.sent, name).into_bytes()));
            assert_eq!(scheme.endpoint.verify(&twice.delivery()), refused, "{}", scheme.name);
            let foreign = with_header(&scheme.sent, name, "\u{663}\u{e9}");
            assert_eq!(scheme.endpoint.verify(&foreign.delivery()), refused, "{}", scheme.name);
        }
    });
}

/// S26: another company's secret, secrets that look alike, and keys that are empty.
#[test]
fn another_secret_does_not_fit() {
    each(|scheme| {
        let secret = scheme.endpoint.secrets[0].clone();
        let cut = &secret[..secret.len() - 4];
        for other in ["c2VjcmV0", "0123456789abcdef0123456789abcdeg", cut, "\u{30}"] {
            let endpoint = scheme.endpoint.clone().with_secrets(&[other]);
            let told = endpoint.verify(&scheme.sent.delivery());
            assert!(told.is_err(), "{}: {other}", scheme.name);
        }
        for none in [&[][..], &[""], &["", "  ", "\n"]] {
            let endpoint = scheme.endpoint.clone().with_secrets(none);
            assert_eq!(endpoint.verify(&scheme.sent.delivery()), Err(Refusal::NoSecret), "{}", scheme.name);
        }
    });
}

/// While a secret is rotated the old and the new one count, in any order, and an empty one beside them opens nothing.
#[test]
fn any_of_several_secrets_is_enough() {
    each(|scheme| {
        let secret = scheme.endpoint.secrets[0].clone();
        let other = "c2VjcmV0LW9mLWFub3RoZXI=";
        for secrets in [&[&secret, other][..], &[other, &secret], &["", other, &secret]] {
            let endpoint = scheme.endpoint.clone().with_secrets(secrets);
            assert_eq!(endpoint.verify(&scheme.sent.delivery()), Ok(()), "{}", scheme.name);
        }
        let gone = scheme.endpoint.clone().with_secrets(&[other, ""]);
        assert_eq!(gone.verify(&scheme.sent.delivery()), Err(Refusal::Signature), "{}", scheme.name);
    });
}

/// S26: what one provider signed proves nothing to another, even if both were given the same secret.
#[test]
fn a_signature_is_of_one_scheme_only() {
    let all = schemes();
    for from in &all {
        for to in all.iter().filter(|to| to.endpoint.provider != from.endpoint.provider) {
            let endpoint = to.endpoint.clone().with_secrets(&[&from.endpoint.secrets[0]]);
            assert!(endpoint.verify(&from.sent.delivery()).is_err(), "{} at {}", from.name, to.name);
            // The signature in the header the other one looks at.
            let names = (from.signed.last().unwrap(), to.signed.last().unwrap());
            let renamed = with_header(&from.sent, names.1, &header(&from.sent, names.0));
            assert!(endpoint.verify(&renamed.delivery()).is_err(), "{} at {}", from.name, to.name);
        }
    }
}
