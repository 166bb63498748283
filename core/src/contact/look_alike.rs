//! Addresses that can be taken for others: the same skeleton as a known contact (UTS #39), or letters of several scripts in one
//! label. Pure; does not say what is done about it, and finds no contacts.
use serde::Serialize;
use unicode_security::MixedScript as _;

use crate::safe_text::SafeText;

/// A recipient a reader may take for somebody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LookAlike {
    /// The recipient's address.
    pub address: String,
    /// The same address as its domain goes over the wire, where that reads differently.
    pub other_spelling: Option<String>,
    /// The contact it looks like. `None` if it only mixes scripts.
    pub known: Option<Known>,
}

/// A contact that an address looks like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = KnownContact)]
pub struct Known {
    /// Its address.
    pub address: String,
    /// Its name.
    pub name: String,
    /// Its company.
    pub account: Option<String>,
}

impl LookAlike {
    /// What is doubtful about the address; `None` if nothing is.
    #[must_use]
    pub fn of(address: &str, known: Option<Known>) -> Option<Self> {
        (known.is_some() || has_mixed_label(address)).then(|| Self {
            address: address.to_owned(),
            other_spelling: other_spelling(address),
            known,
        })
    }

    /// Says it in one sentence that holds both addresses. Foreign text in it is safe.
    #[must_use]
    pub fn sentence(&self) -> String {
        let safe = |text: &str| SafeText::line(text).to_string();
        let spelling =
            self.other_spelling.as_deref().map_or_else(String::new, |text| format!(" ({})", safe(text)));
        let address = safe(&self.address);
        match &self.known {
            Some(known) => {
                let account =
                    known.account.as_deref().map_or_else(String::new, |name| format!(" · {}", safe(name)));
                format!(
                    "{address}{spelling} looks like {} ({}{account}), which is another contact",
                    safe(&known.address),
                    safe(&known.name)
                )
            }
            None => format!("{address}{spelling} mixes letters of several scripts in one word"),
        }
    }
}

/// The form in which recipients and contacts are compared: mail in lower case, anything else as it is.
#[must_use]
pub fn normalised(address: &str) -> String {
    if address.contains('@') { address.to_lowercase() } else { address.to_owned() }
}

/// What an address looks like. Two that differ and have one skeleton are easily taken for each other. Capital and small letters
/// count as the same, so that `0`, `O` and `o` do as well.
#[must_use]
pub fn skeleton(address: &str) -> String {
    let address = readable(&normalised(address)).to_lowercase();
    let once: String = unicode_security::skeleton(&address).collect();
    // The tables map to capitals in places; lowering them may uncover another pair.
    unicode_security::skeleton(&once.to_lowercase()).collect::<String>().to_lowercase()
}

/// Whether one label of the address mixes scripts that no single writing system uses together.
#[must_use]
pub fn has_mixed_label(address: &str) -> bool {
    let address = readable(address);
    address.split(['.', '@']).any(|label| !label.is_ascii() && !label.is_single_script())
}

/// The address in the other spelling of its domain: as it goes over the wire (`xn--…`), or as it reads. `None` if they agree.
#[must_use]
pub fn other_spelling(address: &str) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    let other = if domain.is_ascii() {
        idna::domain_to_unicode(domain).0
    } else {
        idna::domain_to_ascii(domain).ok()?
    };
    (!other.eq_ignore_ascii_case(domain)).then(|| format!("{local}@{other}"))
}

/// With the domain as it reads.
fn readable(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((local, domain)) if domain.to_ascii_lowercase().contains("xn--") => {
            format!("{local}@{}", idna::domain_to_unicode(domain).0)
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    /// S4: what looks the same has one skeleton, however it is spelled.
    #[rstest]
    #[case("anna@nordlys.example", "anna@nоrdlys.example")]
    #[case("anna@nordlys.example", "anna@xn--nrdlys-wqf.example")]
    #[case("paul@paypal.example", "paul@paypa1.example")]
    #[case("kim@modern.example", "kim@modem.example")]
    #[case("info@nordlyso.example", "info@nordlys0.example")]
    fn look_alikes_share_a_skeleton(#[case] one: &str, #[case] other: &str) {
        assert_ne!(one, other);
        assert_eq!(skeleton(one), skeleton(other), "{one} {other}");
    }

    /// S4: addresses that read differently are not confused.
    #[rstest]
    #[case("anna@nordlys.example", "anne@nordlys.example")]
    #[case("a@example.com", "a@example.org")]
    fn others_do_not(#[case] one: &str, #[case] other: &str) {
        assert_ne!(skeleton(one), skeleton(other));
    }

    #[test]
    fn capitals_are_no_difference() {
        assert_eq!(skeleton("Anna@Nordlys.example"), skeleton("anna@nordlys.example"));
    }

    /// S4: one label in two scripts is doubtful by itself; a name wholly in one script is not.
    #[test]
    fn scripts_mixed_in_one_label_are_noticed() {
        assert!(has_mixed_label("anna@nоrdlys.example"));
        assert!(!has_mixed_label("иван@пример.example"));
        assert!(!has_mixed_label("zoe@bücher.example"));
        assert!(!has_mixed_label("a@大和工務店.example"));
    }

    /// S4: a domain beyond ASCII is shown as it goes over the wire, and the other way round.
    #[test]
    fn both_spellings_of_a_domain_are_known() {
        assert_eq!(other_spelling("a@bücher.example").as_deref(), Some("a@xn--bcher-kva.example"));
        assert_eq!(other_spelling("a@xn--bcher-kva.example").as_deref(), Some("a@bücher.example"));
        assert_eq!(other_spelling("a@example.com"), None);
        assert_eq!(other_spelling("+4712345678"), None);
    }

    /// S4: the sentence names both addresses; text from outside cannot break it.
    #[test]
    fn the_sentence_names_both() {
        let known = Known {
            address: "anna@nordlys.example".to_owned(),
            name: "Anna Lind\u{1b}[2J".to_owned(),
            account: Some("Nordlys".to_owned()),
        };
        let sentence = LookAlike::of("anna@nоrdlys.example", Some(known)).unwrap().sentence();
        assert!(sentence.contains("looks like anna@nordlys.example (Anna Lind"), "{sentence}");
        assert!(sentence.contains("xn--") && sentence.contains("Nordlys)"), "{sentence}");
        assert!(!sentence.contains('\u{1b}'));
        assert_eq!(LookAlike::of("anna@nordlys.example", None), None);
    }
}
